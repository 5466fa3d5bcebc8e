//! Around every handler: asks whether the request is permitted, counts it, and gives those an id that are to
//! have one.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::{Level, debug, enabled};

use super::access;
use super::broker::{Broker, Shared};
use super::failure::{Answer, Failure};
use super::handlers;
use super::route::Route;

/// The header of a request's id, in and out.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of an id that is kept.
const LONGEST: usize = 128;

/// A handler of a route.
#[derive(Clone)]
pub(super) struct Observed<H> {
    pub(super) route: Route,
    pub(super) handler: H,
}

impl<H, F> Handler<(), Arc<Broker>> for Observed<H>
where
    H: Fn(Shared, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, broker: Arc<Broker>) -> Self::Future {
        let begun = Instant::now();
        let route = self.route.of(&request);
        let id = Id::of(request.headers(), &broker);
        let permitted = match &broker.tokens {
            Some(tokens) => access::permitted(tokens, &request),
            None => Ok(()),
        };
        let observed = move |broker: &Broker, answer: Answer| {
            let took = begun.elapsed();
            let code = answer.as_ref().err().and_then(Failure::code);
            broker.metrics.requests.note(route, code, took);
            let Some(id) = id else { return answer.into_response() };
            let code = code.map_or("success", |code| code.as_str());
            debug!(%id, route = route.label(), code, ?took, "answered");
            let mut response = answer.into_response();
            response.headers_mut().insert(HEADER, id.0);
            response
        };
        match permitted {
            Ok(()) => {
                let answer = (self.handler)(State(Arc::clone(&broker)), request);
                Box::pin(answer.map(move |answer| observed(&broker, answer)))
            }
            Err(why) => {
                Box::pin(
                    async move { observed(&broker, handlers::refuse(&broker, request, why).await) },
                )
            }
        }
    }
}

/// The id of a request.
struct Id(HeaderValue);

impl Id {
    /// The client's own, if it is short and printable; else a new one if it will be logged.
    fn of(headers: &HeaderMap, broker: &Broker) -> Option<Self> {
        match headers.get(HEADER) {
            Some(given) if is_kept(given) => Some(Self(given.clone())),
            _ if enabled!(Level::DEBUG) => Some(Self(broker.ids.next())),
            _ => None,
        }
    }
}

/// Without blanks, so that it cannot pass for something else in a line of the log.
fn is_kept(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}
