//! HTTP/1.1 over connections that are kept for the next request, as long as they are not unused for
//! too long.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::connection::{Connection, Unanswered, connector};
use super::contract::{Exchange, Failure, Transport};
use super::options::Options;
use super::tls::Ca;
use crate::token::Token;

/// The transport of real use, over TCP, and at `https://` over TLS. Clones share their connections.
#[derive(Clone)]
pub struct Http(Arc<Shared>);

struct Shared {
    connector: HttpConnector,
    /// How long an unused connection is kept.
    keep: Duration,
    /// With what is written into each request for it.
    token: Option<(Token, HeaderValue)>,
    ca: Option<Ca>,
    unused: Mutex<Unused>,
}

#[derive(Default)]
struct Unused {
    /// By host and port; the last to come is the first to go.
    plain: BTreeMap<String, Vec<Kept>>,
    /// The same, of those with TLS.
    encrypted: BTreeMap<String, Vec<Kept>>,
    /// Closes those that were unused for too long, while there are any.
    sweeper: Option<JoinHandle<()>>,
}

struct Kept {
    since: Instant,
    connection: Box<Connection>,
}

impl Http {
    pub(super) fn new(options: Options) -> Self {
        let Options { keep, token, ca } = options;
        let token = token.map(|token| (token.clone(), token.header()));
        let (connector, unused) = (connector(), Mutex::default());
        Self(Arc::new(Shared { connector, keep, token, ca, unused }))
    }
}

impl Transport for Http {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.send(request).await })
    }
}

impl Shared {
    /// Over a connection that is there, or over a new one. One that turns out to be closed before
    /// anything was written on it is passed over.
    async fn send(self: Arc<Self>, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let mut request = request.map(Full::new);
        let path = request.uri().path_and_query().cloned();
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let to = std::mem::replace(request.uri_mut(), Uri::from(path));
        if let Some((_, header)) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        loop {
            let (mut connection, is_new) = match self.take(&to) {
                Some(connection) => (connection, false),
                None => {
                    let connector = self.connector.clone();
                    let opened = Connection::open(connector, self.ca.as_ref(), to.clone()).await?;
                    (Box::new(opened), true)
                }
            };
            match connection.exchange(request).await {
                Ok(answer) => {
                    self.keep(&to, connection);
                    return Ok(self.without_token(answer));
                }
                Err(Unanswered::NotSent(_, why)) if is_new => return Err(Failure::NotSent(why)),
                Err(Unanswered::NotSent(unsent, _)) => request = *unsent,
                Err(Unanswered::Lost(why)) => return Err(Failure::Lost(why)),
            }
        }
    }

    /// An answer as it may be shown: a refusal may repeat what was sent.
    fn without_token(&self, answer: Response<Bytes>) -> Response<Bytes> {
        match &self.token {
            Some((token, _)) if !answer.status().is_success() => {
                answer.map(|body| token.masked(body))
            }
            _ => answer,
        }
    }

    /// A connection to there that was used not too long ago.
    fn take(&self, to: &Uri) -> Option<Box<Connection>> {
        let mut unused = self.unused();
        let kept = unused.of(to).get_mut(to.authority()?.as_str())?.pop()?;
        // The others are older still: the sweeper comes for them.
        (kept.since.elapsed() < self.keep).then_some(kept.connection)
    }

    /// Keeps a connection for the next request, unless it is about to be closed.
    fn keep(self: &Arc<Self>, to: &Uri, mut connection: Box<Connection>) {
        let Some(authority) = to.authority().filter(|_| connection.is_ready()) else { return };
        let kept = Kept { since: Instant::now(), connection };
        let mut unused = self.unused();
        let by_authority = unused.of(to);
        match by_authority.get_mut(authority.as_str()) {
            Some(connections) => connections.push(kept),
            None => {
                by_authority.insert(authority.as_str().to_owned(), vec![kept]);
            }
        }
        // It is over too where its runtime ended.
        if unused.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            unused.sweeper = Some(tokio::spawn(sweep(Arc::downgrade(self), self.keep)));
        }
    }

    fn unused(&self) -> MutexGuard<'_, Unused> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections as their time comes, until none is left or nobody can use them any more.
async fn sweep(shared: Weak<Shared>, keep: Duration) {
    let mut pause = keep;
    loop {
        sleep(pause).await;
        let Some(shared) = shared.upgrade() else { return };
        let mut unused = shared.unused();
        match unused.close(keep) {
            Some(oldest) => pause = keep.saturating_sub(oldest),
            None => {
                unused.sweeper = None;
                return;
            }
        }
    }
}

impl Unused {
    /// Those to brokers that are reached as this one is.
    fn of(&mut self, to: &Uri) -> &mut BTreeMap<String, Vec<Kept>> {
        if to.scheme() == Some(&Scheme::HTTPS) { &mut self.encrypted } else { &mut self.plain }
    }

    /// Closes what is unused for `keep` by now. For how long the oldest of the others is, if there
    /// are any.
    fn close(&mut self, keep: Duration) -> Option<Duration> {
        let both = [&mut self.plain, &mut self.encrypted];
        let oldest = both.into_iter().filter_map(|by_authority| {
            by_authority.retain(|_, connections| {
                connections.retain(|kept| kept.since.elapsed() < keep);
                !connections.is_empty()
            });
            by_authority.values().flatten().map(|kept| kept.since.elapsed()).max()
        });
        oldest.max()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("keep", &self.0.keep).finish_non_exhaustive()
    }
}
