//! One connection: what it is doing since when, and its end when that takes too long.
//!
//! The time-outs cost a request a few plain stores to memory, because it reads the clock of all
//! connections.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use axum::Router;
use futures_util::future::{Either, ready};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::Service;
use tracing::debug;

use super::clock::{Clock, Deadlines};
use super::tls::{Encrypted, Tls};
use super::watched::{Socket, Watched};
use crate::http::refused;
use crate::signal::Signal;

/// Nothing was read since the last answer.
const IDLE: u8 = 0;
/// Some of a request's head was read.
const HEAD: u8 = 1;
/// A handler is at work.
const SERVING: u8 = 2;
/// A poll waits for messages.
const WAITING: u8 = 3;
/// A handler waits for more of a request's body.
const BODY: u8 = 4;

/// The most bytes of a request's head, and what a connection has in memory of what it reads.
const HEAD_BYTES: usize = 64 * 1024;

tokio::task_local! {
    /// The connection that a task serves.
    static CURRENT: Arc<Connection>;
}

/// The connection of the task that asks, if it serves one.
pub(super) fn current() -> Option<Arc<Connection>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Go on.
const SERVE: u8 = 0;
/// Finish the request in flight, if there is one, and close.
const FINISH: u8 = 1;
/// The same, but close now if the request is not here yet.
const GIVE_WAY: u8 = 2;
/// Close now.
const CUT: u8 = 3;

/// What a connection is doing; shared by its task and the server's.
pub(super) struct Connection {
    clock: Clock,
    phase: AtomicU8,
    /// When the phase began.
    since: AtomicU64,
    /// Since when the client does not read what is written; 0 where it does.
    stalled: AtomicU64,
    order: AtomicU8,
    ordered: Notify,
    /// Raised when it is to finish what is in flight and close: a poll then waits no longer.
    pub(super) finishes: Signal,
}

/// How easily a connection can be spared, and since when: the least is closed first. A poll that
/// waits can be answered, and its client loses nothing; one that is idle may be about to send, and
/// one whose head or body is not here may be slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spare {
    Waiting(u64),
    Idle(u64),
    Head(u64),
    Body(u64),
}

impl Connection {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            since: AtomicU64::new(clock.now()),
            clock,
            phase: AtomicU8::new(IDLE),
            stalled: AtomicU64::new(0),
            order: AtomicU8::new(SERVE),
            ordered: Notify::new(),
            finishes: Signal::default(),
        }
    }

    /// Finishes the request in flight, if there is one, and closes. A poll that waits is answered.
    pub(super) fn finish(&self) {
        self.command(FINISH);
        self.finishes.raise();
    }

    /// Closes to make room for another one. A request that is not here yet is not finished.
    pub(super) fn give_way(&self) {
        self.command(GIVE_WAY);
        self.finishes.raise();
    }

    /// Closes if it is past a deadline.
    pub(super) fn check(&self, deadlines: &Deadlines) {
        let now = self.clock.now();
        let past = |since: u64, ticks: u64| now.saturating_sub(since) > ticks;
        let stalled = self.stalled.load(Ordering::Relaxed);
        let since = self.since.load(Ordering::Relaxed);
        if stalled > 0 {
            if past(stalled, deadlines.write_stall) {
                self.command(CUT);
            }
            return;
        }
        match self.phase.load(Ordering::Relaxed) {
            IDLE if past(since, deadlines.idle) => self.command(FINISH),
            HEAD if past(since, deadlines.header_read) => self.command(CUT),
            _ => {}
        }
    }

    /// How easily it can be spared; not at all where it has a request in flight or is about to
    /// close, or where it does what it does since just now, so that its next request may be on its
    /// way. A body is spared only when nothing of it has come for a whole tick.
    pub(super) fn spare(&self) -> Option<Spare> {
        let since = self.since.load(Ordering::Relaxed);
        let ticks = self.clock.now().saturating_sub(since);
        let stays = self.stalled.load(Ordering::Relaxed) > 0 || self.is_closing();
        if stays || ticks == 0 {
            return None;
        }
        match self.phase.load(Ordering::Relaxed) {
            WAITING => Some(Spare::Waiting(since)),
            IDLE => Some(Spare::Idle(since)),
            HEAD => Some(Spare::Head(since)),
            // The first of them may have begun right after something came.
            BODY if ticks > 1 => Some(Spare::Body(since)),
            _ => None,
        }
    }

    /// Whether it was told to close.
    pub(super) fn is_closing(&self) -> bool {
        self.order.load(Ordering::Relaxed) != SERVE
    }

    /// Its poll begins to wait.
    pub(super) fn waits(&self) {
        self.enter(WAITING);
    }

    /// It begins to wait for more of a body.
    pub(super) fn receives(&self) {
        self.enter(BODY);
    }

    /// It waits no longer.
    pub(super) fn goes_on(&self) {
        self.enter(SERVING);
    }

    /// Whether its request is not here yet, or not all of it. Only its own task changes that, so there
    /// it is certain.
    fn lacks_request(&self) -> bool {
        matches!(self.phase.load(Ordering::Relaxed), HEAD | BODY)
    }

    fn command(&self, order: u8) {
        self.order.fetch_max(order, Ordering::SeqCst);
        self.ordered.notify_one();
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.clock.now(), Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    /// The client has sent something.
    pub(super) fn has_read(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// The client has taken something of what is written, or lets it wait.
    pub(super) fn has_written(&self, progress: bool) {
        if progress {
            self.stalled.store(0, Ordering::Relaxed);
        } else if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.clock.now(), Ordering::Relaxed);
        }
    }
}

/// Serves the requests of one connection until it closes.
pub(super) async fn serve(stream: impl Socket, router: Router, connection: Arc<Connection>) {
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
pub(super) async fn serve_encrypted(
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

    fn clock() -> Clock {
        Clock::for_deadlines(&Options::default()).0
    }

    #[test]
    fn the_least_is_spared_first_and_nothing_that_has_just_changed() {
        let clock = clock();
        let of = |phase| {
            let connection = Connection::new(clock.clone());
            connection.enter(phase);
            connection
        };
        let all = [BODY, HEAD, SERVING, IDLE, WAITING].map(of);
        let spared = || all.iter().filter_map(Connection::spare).collect::<Vec<_>>();
        assert_eq!(spared(), []);
        clock.advance();
        assert_eq!(spared(), [Spare::Head(1), Spare::Idle(1), Spare::Waiting(1)]);
        clock.advance();
        let mut spares = spared();
        spares.sort();
        let least_first = [Spare::Waiting(1), Spare::Idle(1), Spare::Head(1), Spare::Body(1)];
        assert_eq!(spares, least_first);
        // More of it has come.
        all[0].goes_on();
        assert_eq!(all[0].spare(), None);
        all[0].receives();
        clock.advance();
        assert_eq!(all[0].spare(), None);
        clock.advance();
        assert_eq!(all[0].spare(), Some(Spare::Body(3)));
        all[0].give_way();
        assert_eq!(all[0].spare(), None, "once is enough");
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
