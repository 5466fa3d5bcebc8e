//! The charts of a scenario, each from plain figures to an SVG as text.

pub(in crate::report::html) mod svg;
