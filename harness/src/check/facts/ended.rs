//! Which firings ended the process that serves, and how.

use super::Facts;
use crate::capability::Survival;
use crate::fault::{Effect, Hold, StorageFault};
use crate::history::{Firing, Stamp};

/// How a firing ended a process; the hardest is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Ended {
    /// In good order.
    Stopped,
    /// Without warning, or by itself.
    Killed,
    /// Without warning, and bits of what it had on the disk flipped.
    Rotted,
    /// With the machine: what was not synced is forgotten.
    PowerCut,
}

impl Ended {
    /// What a broker has to survive to have all that was acked afterwards. What rots is one message,
    /// and the rest is to be there as after a kill.
    pub(in crate::check) const fn survival(self) -> Survival {
        match self {
            // In good order it saves what it saves now and then.
            Self::Stopped => Survival::Part,
            Self::Killed | Self::Rotted => Survival::Kill,
            Self::PowerCut => Survival::PowerCut,
        }
    }

    /// `a power cut`, after which something is not as it was.
    pub(in crate::check) const fn words(self) -> &'static str {
        match self {
            Self::Stopped | Self::Killed => "a fault had ended the broker",
            Self::Rotted => "bits had rotted on its disk",
            Self::PowerCut => "a power cut",
        }
    }
}

impl<'a> Facts<'a> {
    /// How a firing ended a process, if it did.
    pub(in crate::check) fn ended_by(&self, firing: &Firing) -> Option<Ended> {
        let fault = self.plan.scenario.faults.get(firing.fault as usize)?;
        let on_disk = firing.on_disk.as_ref();
        match fault.action.effect {
            Effect::Process(Hold::Stopped) => Some(Ended::Stopped),
            Effect::Process(Hold::Killed) => Some(Ended::Killed),
            Effect::Storage(StorageFault::Power(_)) => Some(Ended::PowerCut),
            Effect::Storage(StorageFault::Rot { .. }) => {
                let has_rotten = on_disk.is_some_and(|own| own.rotten.is_some());
                Some(if has_rotten { Ended::Rotted } else { Ended::Killed })
            }
            // A full disk or a failed sync ends no process, but its server may end for its sake.
            Effect::Storage(_) => on_disk
                .filter(|own| own.restarted.is_some() || own.gone.is_some())
                .map(|_| Ended::Killed),
            Effect::Process(Hold::Paused | Hold::Isolated) | Effect::Link(_) | Effect::Crash => {
                None
            }
        }
    }

    /// How processes were ended that may have had what was sent at this stamp.
    pub(in crate::check) fn ended_since(&self, sent: Stamp) -> impl Iterator<Item = Ended> {
        let later = self.history.faults.iter().filter(move |firing| sent < firing.ended.stamp);
        later.filter_map(|firing| self.ended_by(firing))
    }

    /// The firing after which the server does not start again.
    pub(in crate::check) fn gone(&self) -> Option<&'a Firing> {
        let is_gone =
            |firing: &&Firing| firing.on_disk.as_ref().is_some_and(|own| own.gone.is_some());
        self.history.faults.iter().find(is_gone)
    }
}
