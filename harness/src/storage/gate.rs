//! The gate that every sync passes before it carries anything: here it is slow, fails, is held for a
//! power cut, or is refused because the power is gone. Slow writes pass here too.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::later::{Job, Later, now};
use super::protocol::Trouble;
use crate::fault::AfterFailedSync;
use crate::lock::lock;

/// The threads that carry what slow syncs carry.
const THREADS: usize = 4;

/// What becomes of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It carries what it is to carry, and succeeds.
    Carry,
    /// It fails, with this consequence.
    Fail(AfterFailedSync),
    /// It fails because the power is gone.
    Refuse,
}

/// A sync that is told what becomes of it.
pub type Syncing = Box<dyn FnOnce(Passage) + Send>;

/// The gate of one disk.
pub struct Gate {
    /// What a sync takes at least.
    least: Duration,
    /// Told of a trouble that has used itself up.
    tell_spent: Box<dyn Fn(u64) + Send + Sync>,
    later: Later,
    state: Mutex<State>,
    /// When the first sync is held.
    has_held: Condvar,
}

struct State {
    door: Door,
    troubles: BTreeMap<u64, Lasting>,
}

enum Door {
    Open,
    Holds(Vec<Syncing>),
    Refuses,
}

/// A trouble that lasts, and how much it has met.
struct Lasting {
    trouble: Trouble,
    met: u64,
}

impl Gate {
    /// An open gate.
    pub fn new(
        least: Duration,
        tell_spent: impl Fn(u64) + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            least,
            tell_spent: Box::new(tell_spent),
            later: Later::new(THREADS)?,
            state: Mutex::new(State { door: Door::Open, troubles: BTreeMap::new() }),
            has_held: Condvar::new(),
        }))
    }

    /// A sync comes, and is let through now, later, or by [`Gate::refuse`], on some thread; `carries`
    /// says whether anything becomes durable by it: only then is it held for a power cut, which is to
    /// fall where it hurts.
    pub fn sync(self: &Arc<Self>, carries: impl FnOnce() -> bool + Send + 'static, sync: Syncing) {
        let slow = self.slow(|trouble| match trouble {
            Trouble::Slow { fsync, .. } => *fsync,
            _ => Duration::ZERO,
        });
        let delay = self.least.saturating_add(slow);
        if delay.is_zero() {
            return self.arrive(carries, sync);
        }
        let gate = Arc::clone(self);
        self.later.after(delay, Box::new(move || gate.arrive(carries, sync)));
    }

    /// A write has been done, and is answered by the job now or later.
    pub fn written(&self, answer: Job) {
        let delay = self.slow(|trouble| match trouble {
            Trouble::Slow { write, .. } => *write,
            _ => Duration::ZERO,
        });
        if delay.is_zero() { answer() } else { self.later.after(delay, answer) }
    }

    /// A trouble begins; one that is about neither syncs nor writes meets nothing here.
    ///
    /// # Errors
    /// Where one of this id lasts.
    pub fn begin(&self, id: u64, trouble: Trouble) -> Result<(), String> {
        match lock(&self.state).troubles.entry(id) {
            Entry::Vacant(free) => _ = free.insert(Lasting { trouble, met: 0 }),
            Entry::Occupied(_) => return Err(format!("a trouble {id} lasts already")),
        }
        Ok(())
    }

    /// It is over; gives it back, and how much it met here.
    ///
    /// # Errors
    /// Where none of this id lasts.
    pub fn end(&self, id: u64) -> Result<(Trouble, u64), String> {
        let lasting = lock(&self.state).troubles.remove(&id);
        let lasting = lasting.ok_or_else(|| format!("no trouble {id} lasts"))?;
        Ok((lasting.trouble, lasting.met))
    }

    /// From here on every sync is held; says whether one came within this time. Nothing is let through
    /// later either, until [`Gate::open`].
    pub fn hold(&self, within: Duration) -> bool {
        let until = now() + within;
        let mut state = lock(&self.state);
        if matches!(state.door, Door::Open) {
            state.door = Door::Holds(Vec::new());
        }
        loop {
            let left = until.saturating_duration_since(now());
            let has_held = matches!(&state.door, Door::Holds(held) if !held.is_empty());
            if has_held || left.is_zero() {
                return has_held;
            }
            let waited = self.has_held.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Refuses what is held, what waits for its time, and all that comes: nobody is left waiting.
    pub fn refuse(&self) {
        let before = std::mem::replace(&mut lock(&self.state).door, Door::Refuses);
        self.later.hurry(true);
        if let Door::Holds(held) = before {
            held.into_iter().for_each(|sync| sync(Passage::Refuse));
        }
    }

    /// Lets through what comes.
    pub fn open(&self) {
        self.later.hurry(false);
        lock(&self.state).door = Door::Open;
    }

    fn arrive(&self, carries: impl FnOnce() -> bool, sync: Syncing) {
        let mut state = lock(&self.state);
        let (passage, spent) = match &mut state.door {
            Door::Holds(held) if carries() => {
                held.push(sync);
                return self.has_held.notify_all();
            }
            Door::Refuses => (Passage::Refuse, None),
            Door::Holds(_) => (Passage::Carry, None),
            Door::Open => state.fail(),
        };
        drop(state);
        sync(passage);
        if let Some(spent) = spent {
            (self.tell_spent)(spent);
        }
    }

    /// By how much it is slower: all that are slow together, each of which has met it.
    fn slow(&self, by: impl Fn(&Trouble) -> Duration) -> Duration {
        let mut slow = Duration::ZERO;
        for lasting in lock(&self.state).troubles.values_mut() {
            let by = by(&lasting.trouble);
            slow = slow.saturating_add(by);
            lasting.met += u64::from(!by.is_zero());
        }
        slow
    }
}

impl State {
    /// What the oldest trouble that lets syncs fail does to this one; and its id when it has used
    /// itself up by that.
    fn fail(&mut self) -> (Passage, Option<u64>) {
        for (id, Lasting { trouble, met }) in &mut self.troubles {
            if let Trouble::FailSync { count, then } = trouble
                && *met < *count
            {
                *met += 1;
                return (Passage::Fail(*then), (*met == *count).then_some(*id));
            }
        }
        (Passage::Carry, None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::{Gate, Passage};
    use crate::fault::AfterFailedSync;
    use crate::storage::protocol::Trouble;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// A gate, and the ids that it told to be spent.
    fn gate(least: Duration) -> (Arc<Gate>, mpsc::Receiver<u64>) {
        let (told, spent) = mpsc::channel();
        (Gate::new(least, move |id| told.send(id).unwrap()).unwrap(), spent)
    }

    /// Comes with a sync, and is told what becomes of it.
    fn come(gate: &Arc<Gate>, carries: bool) -> mpsc::Receiver<Passage> {
        let (told, passage) = mpsc::channel();
        gate.sync(move || carries, Box::new(move |passage| told.send(passage).unwrap_or_default()));
        passage
    }

    fn comes_to(gate: &Arc<Gate>, passage: Passage) {
        assert_eq!(come(gate, true).recv(), Ok(passage));
    }

    #[test]
    fn it_is_open_until_the_next_sync_is_held_and_refuses_until_it_is_opened() {
        let (gate, _) = gate(Duration::ZERO);
        comes_to(&gate, Passage::Carry);
        assert!(!gate.hold(Duration::ZERO), "none came");
        let held = come(&gate, true);
        assert_eq!(held.try_recv(), Err(mpsc::TryRecvError::Empty));
        assert_eq!(come(&gate, false).recv(), Ok(Passage::Carry), "it carries nothing");
        assert!(gate.hold(Duration::ZERO), "the one that came after all");
        gate.refuse();
        assert_eq!(held.recv(), Ok(Passage::Refuse));
        comes_to(&gate, Passage::Refuse);
        gate.open();
        comes_to(&gate, Passage::Carry);
    }

    #[test]
    fn a_hold_is_told_of_the_first_sync_at_once() {
        let (gate, _) = gate(Duration::ZERO);
        let comes = Arc::clone(&gate);
        std::thread::scope(|scope| {
            let holds = scope.spawn(|| gate.hold(DAY));
            // Whether it comes before the gate holds or after, the next one does not.
            while !holds.is_finished() {
                drop(come(&comes, true));
                std::thread::yield_now();
            }
            assert!(holds.join().unwrap());
        });
        gate.refuse();
    }

    #[test]
    fn what_is_slow_is_let_through_when_the_power_goes() {
        let (gate, _) = gate(DAY);
        let sync = come(&gate, true);
        gate.begin(1, Trouble::Slow { fsync: DAY, write: DAY }).unwrap();
        let (told, answered) = mpsc::channel();
        gate.written(Box::new(move || told.send(()).unwrap()));
        let slower = come(&gate, true);
        assert_eq!(answered.try_recv(), Err(mpsc::TryRecvError::Empty));
        gate.refuse();
        assert_eq!(sync.recv(), Ok(Passage::Refuse));
        assert_eq!(slower.recv(), Ok(Passage::Refuse));
        assert_eq!(answered.recv(), Ok(()));
        assert_eq!(gate.end(1).unwrap().1, 2, "a write and a sync");
    }

    #[test]
    fn so_many_syncs_fail_and_the_last_of_them_is_told() {
        let (gate, spent) = gate(Duration::ZERO);
        let trouble = |count, then| Trouble::FailSync { count, then };
        gate.begin(7, trouble(2, AfterFailedSync::Drop)).unwrap();
        gate.begin(8, trouble(2, AfterFailedSync::Retry)).unwrap();
        assert!(gate.begin(8, Trouble::Full).is_err());
        comes_to(&gate, Passage::Fail(AfterFailedSync::Drop));
        assert!(spent.try_recv().is_err());
        comes_to(&gate, Passage::Fail(AfterFailedSync::Drop));
        assert_eq!(spent.recv(), Ok(7));
        comes_to(&gate, Passage::Fail(AfterFailedSync::Retry));
        assert_eq!(gate.end(8).unwrap().1, 1, "one of two");
        assert_eq!(gate.end(7).unwrap().1, 2);
        comes_to(&gate, Passage::Carry);
        assert!(gate.end(7).is_err());
    }
}
