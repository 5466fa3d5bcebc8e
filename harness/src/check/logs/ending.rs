//! How a consumer's log ends, where its last line does not end as lines do.

use super::parse::Line;
use crate::plan::TopicIndex;

/// How a consumer's log ends; like any other, unless it says something else.
#[derive(Default)]
pub(super) struct Ending<'a> {
    /// The last line, where it has no end and is whole.
    pub(super) last: Option<Line<'a>>,
    /// Where the log is cut off, and of which topics it is therefore not known how they go on.
    pub(super) cut: Option<(u32, Vec<TopicIndex>)>,
}

impl Ending<'_> {
    /// The line in which what the log has of a topic is cut off.
    pub(super) fn cut_of(&self, topic: TopicIndex) -> Option<u32> {
        let (number, topics) = self.cut.as_ref()?;
        topics.contains(&topic).then_some(*number)
    }
}
