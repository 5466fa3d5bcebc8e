//! Lists of topics, which may be long: asked for some at a time.

use broker_client::wire::TopicName;

/// Where a list begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start<'a> {
    /// With the topic that was created first.
    #[default]
    First,
    /// With what was created after this one; an unknown one is refused.
    After(&'a str),
    /// With this place in the order of creation, whose topic may be deleted.
    At(u64),
}

/// The request of [`Store::topics`](super::Store::topics).
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// Where it begins.
    pub start: Start<'a>,
    /// At most so many.
    pub max: usize,
    /// At most so many bytes as JSON, with quotes and a comma a name.
    pub max_bytes: usize,
}

/// The answer to [`Store::topics`](super::Store::topics).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In order of creation.
    pub topics: Vec<TopicName>,
    /// Whether there are more after them.
    pub more: bool,
    /// The place behind the last of them, or where the list began.
    pub next: u64,
}

impl Default for List<'_> {
    /// All of them.
    fn default() -> Self {
        Self { start: Start::First, max: usize::MAX, max_bytes: usize::MAX }
    }
}

impl List<'_> {
    /// The first of these topics with their places, as many as are asked for; they begin at `first`.
    pub fn take(&self, first: u64, topics: impl IntoIterator<Item = (u64, TopicName)>) -> Listed {
        let (mut listed, mut bytes) = (Listed { next: first, ..Listed::default() }, 0_usize);
        for (place, name) in topics {
            bytes += as_json(&name);
            if listed.topics.len() == self.max || bytes > self.max_bytes {
                listed.more = true;
                break;
            }
            listed.topics.push(name);
            listed.next = place + 1;
        }
        listed
    }

    /// As many names as are needed to answer: one more says whether there are more.
    pub(super) fn enough(&self) -> usize {
        // No name is shorter than one letter.
        self.max.min(self.max_bytes / 4 + 1).saturating_add(1)
    }
}

/// The bytes of a name in a list. Nothing in one has to be escaped.
fn as_json(name: &TopicName) -> usize {
    name.as_str().len() + 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_its_count_or_its_bytes_and_says_whether_there_is_more() {
        let topics = [(7, "a"), (8, "bc"), (11, "d")];
        let topics = topics.map(|(place, name)| (place, name.parse::<TopicName>().unwrap()));
        let check = |max, max_bytes, count, more| {
            let list = List { max, max_bytes, ..List::default() };
            let listed = list.take(5, topics.clone());
            assert_eq!((listed.topics.len(), listed.more), (count, more), "{list:?}");
            assert_eq!(listed.next, [5, 8, 9, 12][count], "{list:?}");
            assert!(list.enough() > count);
        };
        check(usize::MAX, usize::MAX, 3, false);
        check(3, 13, 3, false);
        check(2, 13, 2, true);
        check(3, 12, 2, true);
        check(3, 8, 1, true);
        check(3, 3, 0, true);
    }
}
