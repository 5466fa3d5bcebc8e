//! What is asked about a log, and what may come of it.

/// What came of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check::logs) enum Explained {
    /// There is an order that gives the logs.
    Yes,
    /// There is none: the first log can be explained up to this place (from 0), and no longer.
    No(usize),
    /// It would take too long to find out.
    Unknown,
}

/// A log, and what may be wrong with it.
#[derive(Clone, Copy)]
pub(in crate::check::logs) struct Log<'a> {
    pub(in crate::check::logs) lines: &'a [u32],
    /// How many entries may be missing before its last line. What is missing after it is free.
    pub(in crate::check::logs) missing: usize,
    /// How many of its lines may repeat an entry that came before.
    pub(in crate::check::logs) extra: usize,
}

impl<'a> Log<'a> {
    /// A log of which only the end may be missing.
    pub(in crate::check::logs) fn beginning(lines: &'a [u32]) -> Self {
        Self { lines, missing: 0, extra: 0 }
    }
}
