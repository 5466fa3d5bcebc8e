//! A run in a few lines: what each actor sent, got acked and received, when, and the faults. One column
//! an actor, time goes down.
//!
//! [`of`] draws a whole run that is small, [`around()`] what happened around some messages of any run.

mod around;
mod draft;
mod focus;
mod found;
mod model;
mod whole;
mod window;
mod words;

pub use around::around;
pub use focus::{Focus, Limits};
pub use model::{Diagram, Event, EventKind};
pub use whole::of;
pub use window::Places;
