//! One request to one broker, and its whole answer; and which broker that is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri};

use super::brokers::Brokers;
use super::health::Choice;
use super::routes::Routes;
use crate::error::Error;
use crate::transport::{Failure, Transport};

/// How long a broker may take to say that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// While a poll waits for messages, the broker is asked so often whether it lives.
const LOOK: Duration = Duration::from_secs(5);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request to whichever broker takes it.
pub(super) struct Ask<'a, F> {
    /// What it is about; empty where that is no topic.
    topic: &'a str,
    method: Method,
    /// Where one of the brokers takes such a request.
    url: F,
    body: Option<Bytes>,
    /// How long the whole answer may take.
    limit: Duration,
    /// Whether an answer may take long in good times, and it does no harm to ask once more.
    is_patient: bool,
}

impl<'a, F: Fn(&Routes) -> Uri> Ask<'a, F> {
    pub(super) fn get(topic: &'a str, limit: Duration, url: F) -> Self {
        Self { topic, method: Method::GET, url, body: None, limit, is_patient: false }
    }

    /// Given up where the broker is not ready any more, and not only when the time is over.
    pub(super) fn patient(self, is_patient: bool) -> Self {
        Self { is_patient, ..self }
    }

    pub(super) fn delete(self) -> Self {
        Self { method: Method::DELETE, ..self }
    }

    pub(super) fn post(self, body: Bytes) -> Self {
        Self { method: Method::POST, body: Some(body), ..self }
    }

    fn to(&self, routes: &Routes) -> Request<Bytes> {
        let mut request = Request::new(self.body.clone().unwrap_or_default());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = (self.url)(routes);
        if self.body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        request
    }
}

/// The brokers, and what carries requests to them.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) brokers: Arc<Brokers>,
    /// Told before each request which broker it goes to.
    pub(super) tell: Option<Arc<dyn Fn(usize) + Send + Sync>>,
}

impl Way {
    /// Makes the request of the broker whose turn it is, and says which one that was. No part of it left
    /// for one that cannot be reached, so the next one is taken at once.
    pub(super) async fn exchange<F: Fn(&Routes) -> Uri>(
        &self,
        ask: &Ask<'_, F>,
    ) -> Result<(usize, Bytes), Error> {
        let mut unreached: Vec<String> = Vec::new();
        loop {
            let place = self.choose(ask.topic);
            let result = self.exchange_with(place, ask).await;
            self.brokers.note(place, &result);
            match result {
                Err(Error::NotSent(why)) => unreached.push(why),
                result => return result.map(|answer| (place, answer)),
            }
            if unreached.len() == self.brokers.count() {
                return Err(Error::NotSent(unreached.join("; ")));
            }
        }
    }

    fn choose(&self, topic: &str) -> usize {
        let Choice { place, ask } = self.brokers.choose(topic);
        for preferred in ask {
            tokio::spawn(self.clone().ask_whether_ready(preferred));
        }
        if let Some(tell) = &self.tell {
            tell(place);
        }
        place
    }

    async fn exchange_with<F: Fn(&Routes) -> Uri>(
        &self,
        place: usize,
        ask: &Ask<'_, F>,
    ) -> Result<Bytes, Error> {
        let routes = self.brokers.routes(place);
        let limit = ask.limit;
        let answer = async {
            let answer = tokio::time::timeout(limit, self.transport.send(ask.to(routes))).await;
            let answer = answer.map_err(|_| {
                Error::Unknown(format!("no answer from {} within {limit:?}", routes.base))
            })?;
            let answer = answer.map_err(|why| failed(why, &routes.base))?;
            let (head, body) = answer.into_parts();
            if head.status.is_success() {
                return Ok(body);
            }
            Err(Error::from_answer(head.status, &body))
        };
        if !ask.is_patient || self.brokers.count() == 1 {
            return answer.await;
        }
        tokio::select! { biased;
            answer = answer => answer,
            () = self.falls(place) => {
                Err(Error::Unknown(format!("{} does not answer and is not ready", routes.base)))
            }
        }
    }

    /// Completes when the broker at this place is not ready any more. Who waits for messages would else
    /// learn that of a process that is stopped only when the wait is over.
    async fn falls(&self, place: usize) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.brokers.is_to_be_looked_at(place, LOOK) {
                if !self.is_ready(place).await {
                    return;
                }
                self.brokers.is_ready(place);
            }
        }
    }

    async fn ask_whether_ready(self, place: usize) {
        let asking = self.brokers.asking(place);
        asking.answered(self.is_ready(place).await);
    }

    /// `GET /readyz`. One that is none of ours has no such route, and lives if it says so.
    async fn is_ready(&self, place: usize) -> bool {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.brokers.routes(place).ready.clone();
        let answer = tokio::time::timeout(READY_WITHIN, self.transport.send(request)).await;
        matches!(answer, Ok(Ok(answer)) if !answer.status().is_server_error())
    }
}

fn failed(failure: Failure, address: &str) -> Error {
    match failure {
        Failure::NotSent(why) => {
            Error::NotSent(format!("cannot reach the broker at {address}: {why}"))
        }
        Failure::Lost(why) => Error::Unknown(format!("the connection to {address} broke: {why}")),
    }
}
