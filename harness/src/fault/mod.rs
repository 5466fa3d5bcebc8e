//! What a scenario does to its run on purpose. A fault has one home: a file in `kinds`, and its row
//! in the table there.
//!
//! - `entry`: one entry of `faults:`. It has a `trigger` and an `action`: a kind, what it is about
//!   (`target`), and the kind's own settings.
//! - `definition`: what a kind has to say about itself. `kinds`: the kinds, and the table of them.
//! - `effect`: the few things that can be done to a run, of which a kind names one; `link_fault`
//!   is what can be done to a link, `storage_fault` to a disk. They have no clock and no sockets: `run::faults` carries them
//!   out by means of a `testbed::FaultInjector`, and the relays and the simulated network ask a
//!   [`LinkFault`] the same questions about what they carry, so that a kind says once what it does
//!   to a real and to a simulated broker.
//! - `symptom`: what a producer sees of a fault. A missing ack is explained by a fault that has its
//!   symptom, and touches it.
//! - `written`: an entry as it is in the file, for any row of the table. `read` makes a [`Fault`] of
//!   it.
//!
//! A row is a value and not a variant of an enum, because every file that matched
//! on the variants would be one more place for each fault. What a fault touches follows from its target; which failures
//! it causes, its [`Definition`] says, beside what it takes.

mod definition;
mod effect;
mod entry;
pub mod kinds;
mod link_fault;
mod read;
mod settings;
mod storage_fault;
mod symptom;
mod target;
mod trigger;
mod written;

pub use definition::{Definition, Form, Lasts, Setting, Takes};
pub use effect::{Effect, Hold};
pub use entry::{Action, Fault};
pub use link_fault::{Delay, LinkFault, Passage, Portion, Way};
pub(crate) use read::read;
pub use settings::Settings;
pub use storage_fault::{AfterFailedSync, Directories, Keep, Medium, Power, StorageFault};
pub use symptom::{Symptom, Touches};
pub use target::{Link, Part, Target, Who};
pub use trigger::{Counted, Trigger};
pub(crate) use written::Written;
