//! What is to be done a little later, by threads that nobody else waits for: a slow sync must not take a
//! thread from those who serve.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::lock;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What is done.
pub type Job = Box<dyn FnOnce() + Send>;

/// The jobs that wait, and the threads that do them when their time has come.
pub struct Later {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// By when they are due, and in the order in which they came.
    jobs: BTreeMap<(Instant, u64), Job>,
    came: u64,
    /// Whether nothing waits for its time any more.
    hurries: bool,
    is_over: bool,
}

impl Later {
    /// Starts so many threads.
    pub fn new(threads: usize) -> io::Result<Self> {
        let later = Self { shared: Arc::default() };
        for _ in 0..threads {
            let shared = Arc::clone(&later.shared);
            thread::Builder::new().name("later".to_owned()).spawn(move || shared.work())?;
        }
        Ok(later)
    }

    /// Has it done after this time, at once where it hurries.
    pub fn after(&self, delay: Duration, job: Job) {
        let mut queue = lock(&self.shared.queue);
        queue.came += 1;
        // What is due after all that a clock can tell is due after a year.
        let now = now();
        let due = now.checked_add(delay).unwrap_or(now + YEAR);
        let key = (due, queue.came);
        queue.jobs.insert(key, job);
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// Whether from now on all is done at once, what waits already too.
    pub fn hurry(&self, hurries: bool) {
        lock(&self.shared.queue).hurries = hurries;
        self.shared.changed.notify_all();
    }
}

impl Drop for Later {
    /// What waits is not done.
    fn drop(&mut self) {
        lock(&self.shared.queue).is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        let mut queue = lock(&self.queue);
        while !queue.is_over {
            let first = queue.jobs.first_key_value().map(|(key, _)| key.0);
            let left = first.map(|due| due.saturating_duration_since(now()));
            queue = match left {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() || queue.hurries => {
                    let job = queue.jobs.pop_first();
                    drop(queue);
                    job.into_iter().for_each(|(_, job)| job());
                    lock(&self.queue)
                }
                Some(left) => {
                    let waited = self.changed.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this process is no part of a run that is simulated")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::Later;

    #[test]
    fn jobs_are_done_in_the_order_of_their_times() {
        let later = Later::new(1).unwrap();
        let (told, done) = mpsc::channel();
        for (name, delay) in [("late", 20), ("soon", 0), ("between", 10)] {
            let told = told.clone();
            later.after(Duration::from_millis(delay), Box::new(move || told.send(name).unwrap()));
        }
        drop(told);
        assert_eq!(done.iter().collect::<Vec<_>>(), ["soon", "between", "late"]);
    }

    #[test]
    fn in_a_hurry_nothing_waits() {
        let later = Later::new(2).unwrap();
        let (told, done) = mpsc::channel();
        let day = Duration::from_secs(24 * 60 * 60);
        let before = told.clone();
        later.after(day, Box::new(move || before.send("before").unwrap()));
        later.hurry(true);
        assert_eq!(done.recv(), Ok("before"));
        later.after(day, Box::new(move || told.send("after").unwrap()));
        assert_eq!(done.recv(), Ok("after"));
    }
}
