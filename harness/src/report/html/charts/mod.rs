//! The charts of a scenario, each from plain figures to an SVG as text.
//!
//! [`timeline()`] is what each actor did when, [`over_time()`] throughput, backlog and latency,
//! [`latency()`] how latencies are distributed. Each answers nothing where there is nothing to draw.
//! [`STYLE`] says how all of them look, in the light and in the dark, and [`SCRIPT`] shows a part of a
//! timeline closer; a page has both once. `axis` finds round values, `frame` draws what charts
//! share, and [`svg`] writes.

mod axis;
mod frame;
mod latency;
mod over_time;
pub(in crate::report::html) mod svg;
#[cfg(test)]
mod tests;
mod timeline;

pub(in crate::report::html) use latency::latency;
pub(in crate::report::html) use over_time::over_time;
pub(in crate::report::html) use timeline::timeline;

/// The stylesheet.
pub(in crate::report::html) const STYLE: &str = include_str!("../templates/charts.css");

/// The script.
pub(in crate::report::html) const SCRIPT: &str = include_str!("../templates/charts.js");
