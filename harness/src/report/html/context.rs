//! What the pieces of a section are made from.

use super::links::Links;
use super::templates::Templates;
use crate::report::entry::Entry;

/// An entry, and what is needed to write about it.
pub(super) struct Context<'a> {
    pub(super) entry: &'a Entry,
    pub(super) templates: &'a Templates,
    pub(super) links: &'a Links,
    /// What ids on the page begin with: `s3`.
    pub(super) id: String,
}
