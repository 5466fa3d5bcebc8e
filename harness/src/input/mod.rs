//! Reading what people write: text to values that know where they stand, and words for what is
//! wrong with it.
//!
//! [`yaml`] is the one place that knows the YAML library. [`values`] reads single values, [`names`]
//! names of actors, [`name_list`] and [`value_list`] lists of them, [`known`] which there are.
//! [`extended`] passes over what is not for us. [`diagnostic`] is one thing that is wrong, [`problems`]
//! collects all of a file.

pub mod diagnostic;
pub(crate) mod extended;
pub(crate) mod known;
pub(crate) mod name_list;
pub mod names;
pub(crate) mod problems;
pub(crate) mod value_list;
pub(crate) mod values;
pub(crate) mod yaml;
