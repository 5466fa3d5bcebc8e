//! Reports: what happened, as plain data, and the table of formats that it is written in.
//!
//! A run fills in an [`Entry`] for each scenario; reports read entries and nothing else. A new
//! format is one file here and one row in [`formats::FORMATS`]; [`Destinations`] makes its flag.

pub mod destination;
mod entry;
pub mod environment;
mod formats;
mod github;
mod html;
pub mod json;
mod junit;
mod markdown;
pub mod matrix;
pub mod progress;
pub mod sentence;
mod sweep;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod words;

pub use destination::{Destinations, Output};
pub use entry::{Entry, Evidence, NotPromised, On, Problem, Report, Skipped, Trouble};
pub use environment::Environment;
pub use progress::Progress;
pub use sweep::Sweep;
