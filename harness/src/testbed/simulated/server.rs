//! One broker of the simulated network: the router that the real broker serves, in a process that
//! is a set of tasks. A crash drops the set, so that the dead do no work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use broker::{Limits, Signal};
use broker_client::transport::Failure;
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::stores::Stores;
use super::suspend::Suspension;

/// How long a broker that is asked to end may finish what is in flight; the real one's limit too.
const FINISHED_WITHIN: Duration = Duration::from_secs(10);

/// One broker, up or down.
#[derive(Default)]
pub(super) struct Server {
    inside: Mutex<Inside>,
    suspension: Suspension,
}

#[derive(Default)]
struct Inside {
    /// How often it was started.
    lives: u64,
    /// None while it is down.
    process: Option<Process>,
}

struct Process {
    router: Router,
    closing: Signal,
    /// The requests that it works on.
    tasks: JoinSet<()>,
    /// What it does by itself.
    background: JoinSet<()>,
    accepts: bool,
}

/// Where a request was on its way to when it left: this life of the broker, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer(Option<u64>);

impl Server {
    /// Starts it on a store; it must be down.
    pub(super) fn start(&self, stores: &Stores) {
        let (store, closing) = (stores.store(), Signal::default());
        let (tasks, mut background) = (JoinSet::new(), JoinSet::new());
        if stores.delete_by_age() {
            let tidying = broker::keep_tidy(Arc::clone(&store));
            background.spawn(self.suspension.task(tidying));
        }
        let router = broker::audited_router(store, Limits::default(), closing.clone());
        let mut inside = self.inside();
        inside.lives += 1;
        inside.process = Some(Process { router, closing, tasks, background, accepts: true });
    }

    pub(super) fn is_up(&self) -> bool {
        self.inside().process.is_some()
    }

    /// SIGKILL: everything that it was doing is gone when this returns.
    pub(super) async fn kill(&self) {
        let process = self.inside().process.take();
        if let Some(mut process) = process {
            process.tasks.shutdown().await;
            process.background.shutdown().await;
        }
        // A process that was stopped is gone too, and the next one is not stopped.
        self.suspension.resume();
    }

    /// SIGTERM: finishes what is in flight and takes nothing new.
    pub(super) async fn finish(&self) {
        let in_flight = {
            let mut inside = self.inside();
            let Some(process) = &mut inside.process else { return };
            process.accepts = false;
            process.closing.raise();
            std::mem::take(&mut process.tasks)
        };
        let mut in_flight = in_flight;
        let all = async { while in_flight.join_next().await.is_some() {} };
        let _ = timeout(FINISHED_WITHIN, all).await;
        self.kill().await;
    }

    /// SIGSTOP.
    pub(super) fn pause(&self) {
        self.suspension.suspend();
    }

    /// SIGCONT.
    pub(super) fn resume(&self) {
        self.suspension.resume();
    }

    /// Where a request that leaves now is on its way to.
    pub(super) fn peer(&self) -> Peer {
        let inside = self.inside();
        let listens = inside.process.as_ref().is_some_and(|process| process.accepts);
        Peer(listens.then_some(inside.lives))
    }

    /// Takes a request that has arrived, and answers when the broker does.
    ///
    /// A request that left for a life that is over is on a connection that was closed since; one that
    /// left while no broker listened is refused, and never left.
    pub(super) async fn take(
        &self,
        request: Request<Bytes>,
        peer: Peer,
    ) -> Result<Response<Bytes>, Failure> {
        let answer = self.begin(request, peer)?;
        // Its end without an answer is the process's.
        answer.await.map_err(|_| Failure::Lost("connection reset".to_owned()))
    }

    fn begin(
        &self,
        request: Request<Bytes>,
        peer: Peer,
    ) -> Result<oneshot::Receiver<Response<Bytes>>, Failure> {
        let mut inside = self.inside();
        let lives = inside.lives;
        let process = inside.process.as_mut().filter(|process| process.accepts);
        match (process, peer) {
            (Some(process), Peer(left)) if left.is_none_or(|life| life == lives) => {
                while process.tasks.try_join_next().is_some() {}
                let (tell, told) = oneshot::channel();
                let router = process.router.clone();
                let work = async move {
                    // The client may have given up; the work is done all the same.
                    let _ = tell.send(serve(router, request).await);
                };
                process.tasks.spawn(self.suspension.task(work));
                Ok(told)
            }
            (_, Peer(Some(_))) => Err(Failure::Lost("connection reset".to_owned())),
            (_, Peer(None)) => Err(Failure::NotSent("connection refused".to_owned())),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(router: Router, request: Request<Bytes>) -> Response<Bytes> {
    let answer = match router.oneshot(request.map(Body::from)).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("the broker's bodies are in memory");
    Response::from_parts(head, body)
}
