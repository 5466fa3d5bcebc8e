//! Faults of the disk of what keeps the data: carried out, and made good where the server did not stay
//! as it was.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};

use super::carried_out::CarriedOut;
use super::parts::Trouble as NotChanged;
use super::{Executor, Struck};
use crate::driver;
use crate::fault::{Fault, Hold, Part, Power, StorageFault};
use crate::history::{Firing, Moment, Rotten};
use crate::plan::MessageId;
use crate::run::pulse::Beat;
use crate::storage::protocol::{self, Trouble};
use crate::testbed::{Change, Failure, InjectionId};

/// Why a server was started again.
const STOOD_STILL: &str = "it took nothing any more when the fault was over";
/// The same.
const ENDED: &str = "it had ended by itself";

/// How long after a trouble something may take to come through, before the server is taken for one
/// that has to be started again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same while a trouble lasts, which is not to end because something else takes a while.
const LONG_PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at whether something did.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What came of troubles after they were over.
pub(super) struct Left {
    /// The server had ended by itself, and was started again then.
    restarted: Option<Moment>,
    /// It did not start again.
    gone: Option<(Moment, String)>,
}

impl Executor<'_> {
    /// Carries one out. What it did is in `done`, also where not all of it could be done.
    pub(super) async fn storage(
        &self,
        (fault, kind): (&Fault, &StorageFault),
        (part, seed): (Part, u64),
        struck: &Struck,
        done: &mut CarriedOut,
    ) -> Result<(), NotChanged> {
        let trouble = match *kind {
            StorageFault::Power(power) => {
                return self.power(fault, (power, seed), part, struck, done).await;
            }
            StorageFault::Rot { bits } => {
                return self.rot(fault, (bits, seed), part, struck, done).await;
            }
            StorageFault::Full => Trouble::Full,
            StorageFault::Slow { fsync, write } => Trouble::Slow { fsync, write },
            StorageFault::FailSync { count, then } => Trouble::FailSync { count, then },
        };
        self.trouble(fault, trouble, part, struck, done).await
    }

    async fn power(
        &self,
        fault: &Fault,
        (power, seed): (Power, u64),
        part: Part,
        struck: &Struck,
        done: &mut CarriedOut,
    ) -> Result<(), NotChanged> {
        let disk = self.parts.disk()?;
        let forgotten = self.parts.hold_down(part, |_| disk.cut(power, seed)).await?;
        done.on_disk.forgotten = Some(forgotten);
        self.last(fault, struck).await;
        self.parts.release(part, Hold::Killed).await
    }

    async fn rot(
        &self,
        fault: &Fault,
        (bits, seed): (u32, u64),
        part: Part,
        struck: &Struck,
        done: &mut CarriedOut,
    ) -> Result<(), NotChanged> {
        let injector = self.parts.injector()?;
        let strike = async |is_down: bool| {
            if !is_down {
                injector.change(part, Change::Kill).await?;
            }
            self.flip(bits, seed).await
        };
        let rotten = self.parts.hold_down(part, strike).await?;
        done.met = rotten.as_ref().map_or(0, |rotten| rotten.bits.into());
        done.on_disk.rotten = rotten;
        self.last(fault, struck).await;
        self.parts.release(part, Hold::Killed).await
    }

    /// Flips bits of an acked message, if one is found.
    async fn flip(&self, bits: u32, seed: u64) -> Result<Option<Rotten>, Failure> {
        let plan = &self.context.plan;
        let known = self.signals.known.as_ref().expect("the plan has a fault that asks for it");
        let candidates = known.to_rot(plan);
        let payload = |id: &MessageId| plan.messages.payload(*id).to_owned();
        let payloads: Vec<String> = candidates.iter().map(payload).collect();
        let rotten = self.parts.disk()?.rot(&payloads, bits, seed).await?;
        Ok(rotten.map(|found| {
            let protocol::Rotten { payload, file, offset, bits } = found;
            Rotten { message: candidates[payload], file, offset, bits }
        }))
    }

    async fn trouble(
        &self,
        fault: &Fault,
        trouble: Trouble,
        part: Part,
        struck: &Struck,
        done: &mut CarriedOut,
    ) -> Result<(), NotChanged> {
        let disk = self.parts.disk()?;
        let id = InjectionId(self.injections.fetch_add(1, Ordering::Relaxed));
        self.parts.trouble_begins();
        // It keeps no server from starting again.
        let is_slow = matches!(trouble, Trouble::Slow { .. });
        if is_slow {
            self.parts.trouble_ends();
        }
        let begun = disk.begin(id, trouble).await;
        if begun.is_ok() {
            tokio::select! { biased;
                () = self.last(fault, struck) => {}
                () = disk.spent(id) => {}
                () = self.syncs_no_more(part), if matches!(trouble, Trouble::FailSync { .. }) => {}
            }
        }
        let met = match begun {
            Ok(()) => disk.end(id).await,
            Err(failure) => Err(failure),
        };
        if !is_slow {
            self.parts.trouble_ends();
        }
        done.met = met?;
        if done.met > 0 || !disk.is_up() {
            done.on_disk.restarted = self.make_good(part).await?;
        }
        Ok(())
    }

    /// Waits until the server, which no other fault holds, has ended or takes nothing any more, or does
    /// not start before this is over: it never comes to the sync that would use the fault up.
    async fn syncs_no_more(&self, part: Part) {
        while !self.parts.awaits_whole_disk() {
            let has_ended = self.parts.disk().is_ok_and(|disk| !disk.is_up());
            if self.parts.is_left_alone(part)
                && (has_ended || self.stands_still(LONG_PATIENCE).await.unwrap_or_default())
                && self.parts.is_left_alone(part)
            {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Starts a server again that a trouble has ended, or that takes nothing any more now that it is
    /// over; says why it was.
    async fn make_good(&self, part: Part) -> Result<Option<String>, NotChanged> {
        let stands_still = self.stands_still(PATIENCE).await?;
        let was_up = self.parts.disk()?.is_up();
        let is_started = self.parts.revive(part, stands_still).await?;
        let why = if was_up { STOOD_STILL } else { ENDED };
        Ok(is_started.then(|| why.to_owned()))
    }

    /// Once there was a trouble, starts the server again whenever it ends by itself, until the run ends:
    /// one that is about to end may serve for a while yet. Says when it was started last.
    async fn look_after(&self) -> Result<Option<Moment>, NotChanged> {
        let (plan, mut started) = (&self.context.plan, None);
        if !plan.has_storage_fault() {
            return Ok(None);
        }
        let part = plan.scenario.broker.storage();
        let mut is_finished = false;
        while !is_finished {
            tokio::select! { biased;
                () = self.signals.finished() => is_finished = true,
                () = self.parts.trouble_is_over() => {}
            }
            // Who polls for the last time is to find it up.
            if self.is_left_down()? && self.parts.revive(part, false).await? {
                started = Some(self.context.recorder.now());
            }
            tokio::select! { biased;
                () = self.signals.finished() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
        Ok(started)
    }

    /// The same; a server that does not start any more ends the run.
    pub(super) async fn look_after_storage(&self) -> Result<Left, driver::Failure> {
        let (restarted, gone) = match self.look_after().await {
            Ok(restarted) => (restarted, None),
            Err(NotChanged::Gone(words)) => {
                self.signals.be_gone();
                (None, Some((self.context.recorder.now(), words)))
            }
            Err(NotChanged::Other(_)) if self.signals.is_gone() => (None, None),
            Err(NotChanged::Other(Failure(why))) => {
                self.signals.finish();
                return Err(driver::Failure::new(why));
            }
        };
        Ok(Left { restarted, gone })
    }

    /// Adds to the last trouble what came of it later.
    pub(super) fn add(&self, firings: &mut [Firing], Left { restarted, gone }: Left) {
        let faults = &self.context.plan.scenario.faults;
        let effect = |firing: &Firing| &faults[firing.fault as usize].action.effect;
        let is_trouble =
            |firing: &&mut Firing| firing.on_disk.is_some() && !effect(firing).restarts();
        let last = firings.iter_mut().filter(is_trouble).max_by_key(|firing| firing.ended);
        let Some(Firing { ended, on_disk: Some(on_disk), .. }) = last else { return };
        if let Some(at) = restarted {
            on_disk.restarted.get_or_insert_with(|| ENDED.to_owned());
            *ended = (*ended).max(at);
        }
        if let Some((at, words)) = gone {
            on_disk.gone = Some(words);
            *ended = (*ended).max(at);
        }
    }

    /// Whether the server has ended, or is held down, after a trouble.
    fn is_left_down(&self) -> Result<bool, Failure> {
        Ok(self.parts.had_trouble() && !self.signals.is_gone() && !self.parts.disk()?.is_up())
    }

    /// Whether all that is tried fails for a while, with a server that is up all the time.
    async fn stands_still(&self, patience: Duration) -> Result<bool, Failure> {
        let disk = self.parts.disk()?;
        let (before, began) = (self.signals.pulse.now(), Instant::now());
        let now = || -> Beat { self.signals.pulse.now() };
        while began.elapsed() < patience && disk.is_up() && !now().moves(before) {
            if self.signals.finished().now_or_never().is_some() {
                return Ok(false);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(disk.is_up() && now().stands_still(before))
    }
}
