//! One entry of `faults:`: when, what, and for how long.

use std::fmt;
use std::time::Duration;

use humantime::format_duration;

use super::action::Action;
use super::trigger::Trigger;

/// One entry of `faults:`.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its line in the scenario's file, from 1.
    pub line: usize,
    /// When it fires. Time counts from the moment at which producers may send.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
    /// How long a firing lasts; `None` until the run ends, or until the fault is used up.
    pub lasts: Option<Duration>,
}

/// As a person would write it: `{ at: 1s, pause: broker, for: 500ms }`. Loading it again gives an
/// equal fault, but for its line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ {}, {}", self.trigger, self.action)?;
        if let Some(lasts) = self.lasts {
            write!(f, ", for: {}", format_duration(lasts))?;
        }
        f.write_str(" }")
    }
}
