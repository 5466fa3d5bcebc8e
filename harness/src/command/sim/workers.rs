//! Threads that take runs one after the other and tell how each went. A first Ctrl-C stops the runs
//! that are in progress and begins no more; a second one ends at once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::{oneshot, watch};

use super::super::refused::Refused;
use super::super::signals;

/// Whether to go on after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Next {
    /// With the next ones.
    GoOn,
    /// Only with those that have begun.
    Stop,
}

/// How the work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    /// Everything that began is done.
    Done,
    /// A second interrupt came, which asks for an end at once.
    InterruptedTwice,
}

enum Event<T> {
    Done(u64, T),
    /// A thread has no more to do.
    Left,
    InterruptedTwice,
}

/// Tells that a thread has left, also where that is by a panic.
struct Leaving<T>(mpsc::Sender<Event<T>>);

impl<T> Drop for Leaving<T> {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Left);
    }
}

/// Listens to signals, from when it is made until it is dropped: through all the work of a call, for
/// a Ctrl-C between two pieces of it counts, too.
pub(in super::super) struct Interrupts {
    /// Whether to stop, as the first Ctrl-C asks.
    pub(in super::super) stop: Arc<AtomicBool>,
    /// Told of the second one.
    twice: Arc<Mutex<Option<Twice>>>,
    _over: oneshot::Sender<()>,
}

type Twice = Box<dyn Fn() + Send>;

/// Works on the places 0, 1, 2 and so on, until `work` says that there is none. Places are handed
/// out in order, so when one is done all before it have begun; `take` is told of each on the
/// calling thread.
///
/// # Errors
/// When a thread cannot be started.
pub(in super::super) fn work<T: Send + 'static>(
    threads: usize,
    interrupts: &Interrupts,
    work: impl Fn(u64) -> Option<T> + Send + Sync + 'static,
    mut take: impl FnMut(u64, T) -> Next,
) -> io::Result<End> {
    let (tell, told) = mpsc::channel();
    let next = Arc::new(AtomicU64::new(0));
    let enough = Arc::new(AtomicBool::new(false));
    let work = Arc::new(work);
    let stop = &interrupts.stop;
    interrupts.tell_twice(tell.clone());
    for _ in 0..threads {
        let (leaving, next, work) = (Leaving(tell.clone()), Arc::clone(&next), Arc::clone(&work));
        let (stop, enough) = (Arc::clone(stop), Arc::clone(&enough));
        thread::Builder::new().name("simulation".to_owned()).spawn(move || {
            while !stop.load(Ordering::Relaxed) && !enough.load(Ordering::Relaxed) {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(done) = work(place) else { break };
                let _ = leaving.0.send(Event::Done(place, done));
            }
        })?;
    }
    drop(tell);
    let mut at_work = threads;
    while at_work > 0 {
        match told.recv() {
            Ok(Event::Done(place, done)) => {
                if take(place, done) == Next::Stop {
                    enough.store(true, Ordering::Relaxed);
                }
            }
            Ok(Event::Left) => at_work -= 1,
            Ok(Event::InterruptedTwice) | Err(mpsc::RecvError) => return Ok(End::InterruptedTwice),
        }
    }
    Ok(End::Done)
}

impl Interrupts {
    /// Listens on a thread of its own, for a simulated clock does not wait for real events. It listens
    /// when this returns.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(in super::super) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let twice = Arc::new(Mutex::new(None::<Twice>));
        let (trigger, mut triggered) = watch::channel(false);
        let (begin, begun) = mpsc::channel();
        let (over, is_over) = oneshot::channel();
        let (to_stop, told) = (Arc::clone(&stop), Arc::clone(&twice));
        let listening = async move {
            let forward = async {
                // Looked at second, so the first one has taken the signals by now.
                let _ = begin.send(());
                if triggered.wait_for(|triggered| *triggered).await.is_ok() {
                    to_stop.store(true, Ordering::Relaxed);
                }
                std::future::pending::<()>().await;
            };
            tokio::select! { biased;
                () = signals::interrupted_twice(trigger) => {
                    // Two signals at once are heard as the second one alone.
                    to_stop.store(true, Ordering::Relaxed);
                    if let Some(tell) = &*told.lock().unwrap_or_else(PoisonError::into_inner) {
                        tell();
                    }
                }
                () = forward => {}
                _ = is_over => {}
            }
        };
        let listening = move || runtime.block_on(listening);
        thread::Builder::new().name("signals".to_owned()).spawn(listening)?;
        let _ = begun.recv();
        Ok(Self { stop, twice, _over: over })
    }

    fn tell_twice<T: Send + 'static>(&self, tell: mpsc::Sender<Event<T>>) {
        let tell = move || {
            let _ = tell.send(Event::InterruptedTwice);
        };
        *self.twice.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(tell));
    }
}

/// No thread, no verdict.
pub(in super::super) fn refused(error: &io::Error) -> Refused {
    Refused::no_verdict(format_args!("cannot start a thread: {error}"))
}
