//! The requests of one connection, one behind the other.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use futures_util::future::{Either, ready};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;
use tracing::debug;

use super::{CURRENT, CUT, Connection, GIVE_WAY, HEAD, IDLE, SERVING};
use crate::http::refused;
use crate::server::tls::{Encrypted, Tls};
use crate::server::watched::{Socket, Watched};

/// The most bytes of a request's head, and what a connection has in memory of what it reads.
const HEAD_BYTES: usize = 64 * 1024;

/// Serves the requests of one connection until it closes.
pub(crate) async fn serve(stream: impl Socket, router: Router, connection: Arc<Connection>) {
    let io = TokioIo::new(Watched { stream, connection: Arc::clone(&connection) });
    let service = service_fn(|request: hyper::Request<Incoming>| {
        connection.enter(SERVING);
        let answer = match refused(&request) {
            None => Either::Left(router.clone().call(request)),
            Some(refusal) => Either::Right(ready(Ok(refusal))),
        };
        let connection = &connection;
        async move {
            let answer = answer.await;
            connection.enter(IDLE);
            answer
        }
    });
    let mut http = http1::Builder::new();
    // Answers are queued as they are and never copied, so that each holds its room until it is sent.
    http.max_buf_size(HEAD_BYTES).writev(true);
    let mut serving = pin!(http.serve_connection(io, service));
    let until_closed = async {
        loop {
            tokio::select! {
                biased;
                // First, so that the last answer says that the connection closes.
                () = connection.ordered.notified() => {
                    let order = connection.order.load(Ordering::SeqCst);
                    // Since it was ordered, a request may have come whole, and is carried out then.
                    if order == CUT || order == GIVE_WAY && connection.lacks_request() {
                        debug!("a connection was closed: its client was too slow");
                        return;
                    }
                    serving.as_mut().graceful_shutdown();
                }
                result = serving.as_mut() => {
                    if let Err(error) = result {
                        debug!(%error, "a connection broke off");
                    }
                    return;
                }
            }
        }
    };
    CURRENT.scope(Arc::clone(&connection), until_closed).await;
}

/// The same, encrypted; who speaks plain text is answered by `plain`. The handshake is part of the
/// first request's head: it has that one's time.
pub(crate) async fn serve_encrypted(
    stream: TcpStream,
    (tls, plain): (Arc<Tls>, Router),
    router: Router,
    connection: Arc<Connection>,
) {
    connection.enter(HEAD);
    let shaken = tokio::select! {
        biased;
        () = connection.ordered.notified() => {
            debug!("a connection was closed before its client had shaken hands");
            return;
        }
        shaken = shake_hands(stream, &tls, &connection) => shaken,
    };
    match shaken {
        Ok(Shaken::Encrypted(stream)) => {
            connection.enter(IDLE);
            serve(stream, router, connection).await;
        }
        Ok(Shaken::Plain(stream)) => serve(stream, plain, connection).await,
        Err(error) => debug!(%error, "a client did not shake hands"),
    }
}

/// How a client began.
enum Shaken {
    Encrypted(Encrypted<Watched<TcpStream>>),
    /// With the name of a method in plain text.
    Plain(TcpStream),
}

async fn shake_hands(
    stream: TcpStream,
    tls: &Tls,
    connection: &Arc<Connection>,
) -> io::Result<Shaken> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0].is_ascii_uppercase() {
        return Ok(Shaken::Plain(stream));
    }
    // Watched below TLS too: what waits for a client that does not read waits there.
    let watched = Watched { stream, connection: Arc::clone(connection) };
    tls.accept(watched).await.map(Shaken::Encrypted)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Duration;

    use super::*;
    use crate::server::Options;
    use crate::server::clock::Clock;
    use crate::server::connection::{BODY, WAITING};
    use crate::signal::Signal;

    fn clock() -> Clock {
        Clock::for_deadlines(&Options::default()).0
    }

    /// What a client gets that sent this, if its connection is to give way in that phase.
    async fn answer_giving_way(sent: &str, phase: u8) -> String {
        let done = Signal::default();
        let handler = {
            let done = done.clone();
            async move || {
                // As where a body is read.
                let connection = CURRENT.with(Arc::clone);
                connection.enter(phase);
                done.raised().await;
                "carried out"
            }
        };
        let connection = Arc::new(Connection::new(clock()));
        let (mut client, stream) = duplex(1000);
        let router = Router::new().route("/", get(handler));
        let serving = tokio::spawn(serve(stream, router, Arc::clone(&connection)));
        client.write_all(sent.as_bytes()).await.unwrap();
        while connection.phase.load(Ordering::Relaxed) != phase {
            tokio::task::yield_now().await;
        }
        connection.give_way();
        done.raise();
        let mut answer = String::new();
        let reading = client.read_to_string(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
        read.expect("it closes").unwrap();
        serving.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_is_cut_before_it_is_carried_out_and_never_after() {
        let whole = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for (sent, phase) in [(&whole[..9], HEAD), (whole, BODY)] {
            assert_eq!(answer_giving_way(sent, phase).await, "", "phase {phase}");
        }
        for phase in [SERVING, WAITING] {
            let answer = answer_giving_way(whole, phase).await;
            assert!(answer.ends_with("carried out") && answer.contains("connection: close"));
        }
        assert_eq!(answer_giving_way("", IDLE).await, "");
    }
}
