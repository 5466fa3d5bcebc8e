//! Two states compared by the reports of their runs: a baseline and what came after it.
//!
//! - [`read`]: what is needed of JSON reports. [`sample`]: the runs of a scenario on a broker, as a
//!   median and quartiles. [`rule`]: when one state is worse than another.
//! - [`comparison`]: both states side by side.

pub mod comparison;
pub mod read;
pub mod rule;
pub mod sample;

pub use comparison::{Comparison, compare};
pub use read::Side;
pub use rule::{Outcome, Rule};
