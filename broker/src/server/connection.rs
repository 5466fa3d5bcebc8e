//! One connection: what it is doing since when, and its end when that takes too long.
//!
//! The time-outs cost a request a few plain stores to memory, because it reads the clock of all
//! connections.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::Service;
use tracing::debug;

use super::clock::{Clock, Deadlines};

/// Nothing was read since the last answer.
const IDLE: u8 = 0;
/// Some of a request's head was read.
const HEAD: u8 = 1;
/// A handler is at work.
const SERVING: u8 = 2;

/// Go on.
const SERVE: u8 = 0;
/// Finish the request in flight, if there is one, and close.
const FINISH: u8 = 1;
/// Close now.
const CUT: u8 = 2;

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
        }
    }

    /// Finishes the request in flight, if there is one, and closes.
    pub(super) fn finish(&self) {
        self.command(FINISH);
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

    /// Since when it has been without a request; none where it has one, where it is about to
    /// close, or where that began just now, so that its next request may be on its way.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let since = self.since.load(Ordering::Relaxed);
        let idle = self.phase.load(Ordering::Relaxed) == IDLE
            && self.stalled.load(Ordering::Relaxed) == 0
            && self.order.load(Ordering::Relaxed) == SERVE
            && since < self.clock.now();
        idle.then_some(since)
    }

    fn command(&self, order: u8) {
        self.order.fetch_max(order, Ordering::SeqCst);
        self.ordered.notify_one();
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.clock.now(), Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    fn has_read(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    fn has_written(&self, progress: bool) {
        if progress {
            self.stalled.store(0, Ordering::Relaxed);
        } else if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.clock.now(), Ordering::Relaxed);
        }
    }
}

/// Serves the requests of one connection until it closes.
pub(super) async fn serve(stream: TcpStream, router: Router, connection: Arc<Connection>) {
    let io = TokioIo::new(Watched { stream, connection: Arc::clone(&connection) });
    let service = service_fn(|request: hyper::Request<Incoming>| {
        connection.enter(SERVING);
        let answer = router.clone().call(request);
        let connection = &connection;
        async move {
            let answer = answer.await;
            connection.enter(IDLE);
            answer
        }
    });
    let mut serving = pin!(http1::Builder::new().serve_connection(io, service));
    loop {
        tokio::select! {
            biased;
            result = serving.as_mut() => {
                if let Err(error) = result {
                    debug!(%error, "a connection broke off");
                }
                return;
            }
            () = connection.ordered.notified() => match connection.order.load(Ordering::SeqCst) {
                CUT => {
                    debug!("a connection was closed: its client was too slow");
                    return;
                }
                FINISH => serving.as_mut().graceful_shutdown(),
                _ => {}
            },
        }
    }
}

/// A stream that notes what is read and written.
struct Watched {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl Watched {
    fn noted<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.connection.has_written(written.is_ready());
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.has_read();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
