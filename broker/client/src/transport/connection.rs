//! One connection to a broker, which the task that asks over it drives itself: a task of the
//! connection's own would be woken for each request and wake its asker for each answer, often on
//! another thread.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tower::ServiceExt;

use super::contract::Failure;
use super::stream::Stream;
use super::tls::{Ca, encrypt};

/// How long it is tried to open a connection. It is shorter than any sensible time-out of a request,
/// so that a broker that cannot be reached is told from one that is silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection with no exchange under way, between two calls.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    wire: Wire,
    /// As the broker is called in each request.
    host: HeaderValue,
}

/// Why there is no answer over this connection.
pub(super) enum Unanswered {
    /// It was closed before any of the request was written: here it is, for another connection.
    NotSent(Box<Request<Full<Bytes>>>, String),
    /// The request may have arrived.
    Lost(String),
}

/// What opens connections: a name's addresses are tried one after the other, and those of the other
/// family beside them after a moment.
pub(super) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    // Addresses with `https` too: what they need is done by whoever opens a connection.
    connector.enforce_http(false);
    // Shared by a name's addresses, so that a dead one does not use up the time of the next.
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

impl Connection {
    /// Opens a connection to where this address is. A failure means that nothing was sent.
    pub(super) async fn open(
        connector: HttpConnector,
        ca: Option<&Ca>,
        to: Uri,
    ) -> Result<Self, Failure> {
        let not_sent = |why: &(dyn Error + 'static)| Failure::NotSent(innermost(why));
        let host = host(&to).ok_or_else(|| Failure::NotSent(format!("{to} has no host")))?;
        let opening = async {
            let name = to.host().unwrap_or_default().to_owned();
            let is_encrypted = to.scheme() == Some(&Scheme::HTTPS);
            let opened = connector.oneshot(to).await;
            let socket = opened.map_err(|error| not_sent(&error))?.into_inner();
            Ok(if is_encrypted {
                let encrypted = encrypt(ca, &name, socket).await;
                Stream::Encrypted(encrypted.map_err(Failure::NotSent)?)
            } else {
                Stream::Plain(socket)
            })
        };
        // The name's look-up takes part of the time too, and so does TLS.
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, opening).await;
        let stream = opened.map_err(|late| not_sent(&late))??;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| not_sent(&error))?;
        Ok(Self { sender, wire: Wire::new(connection), host })
    }

    /// Sends a request, whose address is a path, and reads the whole answer. Whoever drops the future
    /// must drop the connection too: an exchange is under way on it.
    pub(super) async fn exchange(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Unanswered> {
        request.headers_mut().insert(HOST, self.host.clone());
        let answer = self.sender.try_send_request(request);
        let answer = self.wire.drive(answer).await.map_err(|mut failed| {
            let unsent = failed.take_message();
            let why = innermost(&failed.into_error());
            match unsent {
                Some(request) => Unanswered::NotSent(Box::new(request), why),
                None => Unanswered::Lost(why),
            }
        })?;
        let (head, body) = answer.into_parts();
        let body = self.wire.drive(body.collect()).await;
        let broke_off = |why| format!("the answer broke off: {}", innermost(&why));
        let body = body.map_err(|why| Unanswered::Lost(broke_off(why)))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Whether it takes another request.
    pub(super) fn is_ready(&mut self) -> bool {
        // Has it note the end of the answer, if it has not yet.
        self.wire.advance();
        self.sender.is_ready()
    }
}

/// The half that reads and writes.
struct Wire {
    /// None once it is closed, whereupon the other half learns of it.
    connection: Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>,
    /// Woken in place of the task where one half wakes the other.
    stirred: Arc<Stirred>,
    waker: Waker,
}

/// Whether one half has moved the other.
#[derive(Default)]
struct Stirred(AtomicBool);

impl Wake for Stirred {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// So often the halves may move each other before other tasks have their turn.
const ROUNDS: usize = 32;

impl Wire {
    fn new(connection: http1::Connection<TokioIo<Stream>, Full<Bytes>>) -> Self {
        let stirred = Arc::<Stirred>::default();
        let waker = Waker::from(Arc::clone(&stirred));
        Self { connection: Some(connection), stirred, waker }
    }

    /// Completes a part of an exchange, which moves only as the wire does.
    ///
    /// The two wake each other, although this one call polls both, and to be woken by itself would
    /// cost the task a round through the scheduler for each request. So they go on until neither has
    /// woken the other, and are only then told which task is to be woken.
    async fn drive<F: Future>(&mut self, part: F) -> F::Output {
        let mut part = pin!(part);
        poll_fn(|task| {
            for _ in 0..ROUNDS {
                self.stirred.0.store(false, Ordering::Release);
                let done = part.as_mut().poll(&mut Context::from_waker(&self.waker));
                if done.is_ready() {
                    return done;
                }
                self.advance();
                if !self.stirred.0.load(Ordering::Acquire) {
                    break;
                }
            }
            self.advance_for(task);
            part.as_mut().poll(task)
        })
        .await
    }

    /// Reads and writes what can be.
    fn advance(&mut self) {
        let waker = self.waker.clone();
        self.advance_for(&mut Context::from_waker(&waker));
    }

    /// The same, and says who is to be woken when more can be.
    fn advance_for(&mut self, context: &mut Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        if Pin::new(connection).poll(context).is_ready() {
            // What is still queued for it goes back to who asked.
            self.connection = None;
        }
    }
}

/// The host and the port, without the usual port, and without a name and a password.
fn host(to: &Uri) -> Option<HeaderValue> {
    let host = to.host()?;
    let usual = if to.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    match to.port_u16().filter(|port| *port != usual) {
        Some(port) => HeaderValue::try_from(format!("{host}:{port}")).ok(),
        None => HeaderValue::try_from(host).ok(),
    }
}

/// The cause at the bottom, which is the one that says something: `connection refused` instead of
/// `error trying to connect`.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_without_the_usual_port_and_without_a_password() {
        let check = |to: &'static str, expected: &str| {
            assert_eq!(host(&Uri::from_static(to)).unwrap(), expected, "{to}");
        };
        check("http://broker:5000/topics", "broker:5000");
        check("http://broker:80/topics", "broker");
        check("http://broker", "broker");
        check("https://broker:443/topics", "broker");
        check("https://broker:80/topics", "broker:80");
        check("http://[::1]:5000/", "[::1]:5000");
        check("http://me:secret@broker:5000/", "broker:5000");
    }
}
