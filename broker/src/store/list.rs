//! Lists of topics, which may be long: asked for some at a time.

use broker_client::wire::TopicName;

/// The request of [`Store::topics`](super::Store::topics).
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// Those that were created after this one; an unknown one is refused.
    pub after: Option<&'a str>,
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
}

impl Default for List<'_> {
    /// All of them.
    fn default() -> Self {
        Self { after: None, max: usize::MAX, max_bytes: usize::MAX }
    }
}

impl List<'_> {
    /// The first of these names, as many as are asked for.
    pub fn take(&self, names: impl IntoIterator<Item = TopicName>) -> Listed {
        let (mut listed, mut bytes) = (Listed::default(), 0_usize);
        for name in names {
            bytes += as_json(&name);
            if listed.topics.len() == self.max || bytes > self.max_bytes {
                listed.more = true;
                break;
            }
            listed.topics.push(name);
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
        let names = || ["a", "bc", "d"].map(|name| name.parse::<TopicName>().unwrap());
        let check = |max, max_bytes, count, more| {
            let list = List { max, max_bytes, ..List::default() };
            let listed = list.take(names());
            assert_eq!((listed.topics.len(), listed.more), (count, more), "{list:?}");
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
