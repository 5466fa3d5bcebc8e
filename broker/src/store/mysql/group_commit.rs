//! Group commit: requests that come while a transaction is in flight are queued, and share the next
//! one. They are served in the order in which they come, and each ends by its deadline.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;
use tokio::time::{Duration, Instant, sleep, timeout_at};
use tracing::debug;

use super::counts::WorkCounts;
use super::failure::Failure;
use super::health::Health;
use super::opener::SINGLE_WAIT;
use crate::store::Error;
use crate::store::locks::lock;

/// The pause before a transaction that failed for a passing reason is tried again, at first; it
/// doubles up to the second figure.
pub(super) const PAUSE: Duration = Duration::from_millis(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What is done for the requests of one queue.
pub(super) trait Work: Send + Sync + 'static {
    /// What is asked.
    type Request: Send + Sync + 'static;
    /// What is answered.
    type Reply: Send + 'static;

    /// Where its transactions are counted.
    fn counts(&self) -> &WorkCounts;

    /// Where is noted that something failed.
    fn health(&self) -> &Health;

    /// Whether a group may take one more request; asked in turn, the group's first one excepted.
    fn joins(&self, group: &[Self::Request], next: &Self::Request) -> bool;

    /// Carries out a group as one transaction, and answers its requests in their order. After a
    /// failure nothing has happened, but for one that says that it is unknown. It may be dropped
    /// at any moment.
    fn carry_out(
        &self,
        group: &[Self::Request],
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Vec<Result<Self::Reply, Error>>, Failure>> + Send;
}

/// One try of a transaction.
#[derive(Debug)]
pub(super) struct Attempt {
    /// It is dropped then.
    pub(super) until: Instant,
    committing: AtomicBool,
}

impl Attempt {
    pub(super) fn new(until: Instant) -> Self {
        Self { until, committing: AtomicBool::new(false) }
    }

    /// Whether a statement that is its own commit may wait for a lock to its end and still be answered
    /// in time. Where it may not, the same is to be done in a transaction, of which one always knows.
    pub(super) fn outlasts_a_lock(&self) -> bool {
        Instant::now() + Duration::from_millis(SINGLE_WAIT * 1500) < self.until
    }

    /// Notes that from here on it may be committed.
    pub(super) fn commits(&self) {
        self.committing.store(true, Ordering::Relaxed);
    }

    /// Notes that what was sent is known not to be committed.
    pub(super) fn is_undone(&self) {
        self.committing.store(false, Ordering::Relaxed);
    }

    /// What is known of it when its time is over.
    pub(super) fn timed_out(&self) -> Failure {
        if self.committing.load(Ordering::Relaxed) {
            Failure::unknown("the database did not confirm the commit in time")
        } else {
            Failure::not_done("the database does not answer in time")
        }
    }
}

/// A queue of requests and the task that carries them out while there are any.
pub(super) struct GroupCommit<W: Work>(Arc<Shared<W>>);

struct Shared<W: Work> {
    work: W,
    /// A request with less time left than this is not begun: cut off in the middle of its commit,
    /// it would end as unknown for all that share it.
    least: Duration,
    /// How many requests there were, for their ids.
    asked: AtomicU64,
    queue: Mutex<Queue<W>>,
}

struct Queue<W: Work> {
    waiting: VecDeque<Queued<W>>,
    running: bool,
}

struct Queued<W: Work> {
    id: u64,
    request: W::Request,
    until: Instant,
    reply: ReplySender<W>,
}

/// Where the answer to a request goes.
type ReplySender<W> = oneshot::Sender<Result<<W as Work>::Reply, Error>>;

impl<W: Work> GroupCommit<W> {
    /// An empty queue, where requests usually have so much time.
    pub(super) fn new(work: W, timeout: Duration) -> Self {
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), running: false });
        Self(Arc::new(Shared { work, least: timeout / 8, asked: AtomicU64::new(0), queue }))
    }

    /// What carries the requests out.
    pub(super) fn work(&self) -> &W {
        &self.0.work
    }

    /// Asks, and waits for the answer, which is there by `until` or soon after.
    pub(super) async fn ask(&self, request: W::Request, until: Instant) -> Result<W::Reply, Error> {
        let (reply, mut answered) = oneshot::channel();
        let id = self.0.asked.fetch_add(1, Ordering::Relaxed);
        if self.0.push(Queued { id, request, until, reply }) {
            tokio::spawn(Running(Arc::clone(&self.0)).run());
        }
        // The task ends without telling only where it crashed half way.
        let lost = |_| Err(Error::OutcomeUnknown("the broker failed while it worked".to_owned()));
        match timeout_at(until, &mut answered).await {
            Ok(answer) => answer.unwrap_or_else(lost),
            Err(_) if self.0.withdraw(id) => {
                let late = Failure::not_done("the database is too slow, nothing was begun");
                Err(late.into_error())
            }
            // It is in the transaction that is in flight, which ends now too.
            Err(_) => answered.await.unwrap_or_else(lost),
        }
    }
}

impl<W: Work> Shared<W> {
    /// Notes that no task runs any more, unless a request has come since the last look.
    fn rests(&self) -> bool {
        let mut queue = self.queue();
        queue.running = !queue.waiting.is_empty();
        !queue.running
    }

    /// Takes a request out of the queue, and says whether it was still there.
    fn withdraw(&self, id: u64) -> bool {
        let mut queue = self.queue();
        let place = queue.waiting.iter().position(|queued| queued.id == id);
        place.and_then(|place| queue.waiting.remove(place)).is_some()
    }

    /// Adds a request, and says whether a task has to be started for it.
    fn push(&self, queued: Queued<W>) -> bool {
        let mut queue = self.queue();
        queue.waiting.push_back(queued);
        !std::mem::replace(&mut queue.running, true)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<W>> {
        lock(&self.queue)
    }
}

/// The task of a queue. If it crashes, the queued requests fail, and the next request starts
/// another task.
struct Running<W: Work>(Arc<Shared<W>>);

impl<W: Work> Drop for Running<W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.queue();
            queue.running = false;
            // No task is left to carry them out.
            queue.waiting.clear();
        }
    }
}

impl<W: Work> Running<W> {
    async fn run(self) {
        loop {
            // Requests that are ready to come, come before the group is closed.
            tokio::task::yield_now().await;
            match self.next_group() {
                Some(group) => self.serve(group).await,
                None if self.0.rests() => return,
                None => {}
            }
        }
    }

    /// The next requests that share a transaction; none where the queue is empty.
    fn next_group(&self) -> Option<Group<W>> {
        let Shared { work, least, .. } = &*self.0;
        let now = Instant::now();
        let mut group = Group { requests: Vec::new(), waiters: Vec::new() };
        let mut queue = self.0.queue();
        while let Some(next) = queue.waiting.front() {
            if !group.requests.is_empty() && !work.joins(&group.requests, &next.request) {
                break;
            }
            let queued = queue.waiting.pop_front().expect("its front was just looked at");
            if queued.reply.is_closed() {
                // The caller is gone, and nothing has happened yet.
                continue;
            }
            if queued.until < now + *least {
                let late = Failure::not_done("the database is too slow, nothing was begun");
                let _ = queued.reply.send(Err(late.into_error()));
                continue;
            }
            group.requests.push(queued.request);
            group.waiters.push(Waiter { id: queued.id, until: queued.until, reply: queued.reply });
        }
        (!group.requests.is_empty()).then_some(group)
    }

    async fn serve(&self, group: Group<W>) {
        let until = group.waiters.iter().map(|waiter| waiter.until).min();
        let until = until.expect("a group has a request");
        match self.carry_out(&group.requests, until).await {
            Ok(answers) => {
                debug_assert_eq!(answers.len(), group.waiters.len(), "an answer a request");
                for (waiter, answer) in group.waiters.into_iter().zip(answers) {
                    let _ = waiter.reply.send(answer);
                }
            }
            Err(failure) => self.put_back(group, &failure, until),
        }
    }

    async fn carry_out(
        &self,
        group: &[W::Request],
        until: Instant,
    ) -> Result<Vec<Result<W::Reply, Error>>, Failure> {
        let counts = self.0.work.counts();
        counts.begun(group.len());
        let mut pause = PAUSE;
        loop {
            let attempt = Attempt::new(until);
            let tried = timeout_at(until, self.0.work.carry_out(group, &attempt)).await;
            match tried.unwrap_or_else(|_| Err(attempt.timed_out())) {
                Err(failure) if failure.is_passing() && Instant::now() + pause < until => {
                    debug!(why = %failure, "a transaction is tried again");
                    counts.tried_again();
                    sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                done => {
                    match &done {
                        Ok(_) => counts.done(),
                        Err(failure) => self.0.work.health().failed(failure),
                    }
                    return done;
                }
            }
        }
    }

    /// After a failure: those whose time is not over try again, unless it may have happened.
    fn put_back(&self, group: Group<W>, failure: &Failure, until: Instant) {
        let in_time = Instant::now() < until;
        let mut queue = self.0.queue();
        for (request, Waiter { id, until: own, reply }) in
            group.requests.into_iter().zip(group.waiters).rev()
        {
            let is_final = failure.is_unknown() || (in_time && !failure.is_passing());
            if is_final || own <= until {
                let _ = reply.send(Err(failure.clone().into_error()));
            } else {
                queue.waiting.push_front(Queued { id, request, until: own, reply });
            }
        }
    }
}

/// Requests that share a transaction.
struct Group<W: Work> {
    requests: Vec<W::Request>,
    waiters: Vec<Waiter<W>>,
}

/// What is kept of a request while its transaction is in flight.
struct Waiter<W: Work> {
    id: u64,
    until: Instant,
    reply: ReplySender<W>,
}
