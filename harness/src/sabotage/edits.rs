//! Wrong answers to one consumer: a message that is lost, doubled, corrupted, nobody's or another
//! topic's. What is added has no offset, for it has no place in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures_util::future::{BoxFuture, ready};

use super::trick::{Feed, Request, Shared, Trick, rewrite};
use crate::driver::{Batch, Delivered, Identity};
use crate::lock::lock;
use crate::plan::{MessageId, StreamIndex, TopicIndex};

/// What is done about a chosen message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is left out.
    Lose,
    /// It comes twice.
    Duplicate,
    /// Its last character becomes another.
    Corrupt,
    /// Something that nobody sent comes behind it.
    Phantom,
    /// A message of another topic comes behind it.
    Misroute,
}

/// The trick.
pub(super) struct Edit {
    change: Change,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// What was changed once, and is true where it is delivered again.
    done: BTreeSet<MessageId>,
    /// What each feed had first of each stream.
    firsts: BTreeMap<(Feed, StreamIndex), MessageId>,
    /// By topic: what was sent to it last.
    sent: BTreeMap<TopicIndex, MessageId>,
}

impl Edit {
    pub(super) fn new(change: Change) -> Self {
        Self { change, progress: Mutex::default() }
    }

    fn apply(&self, shared: &Shared, feed: Feed, delivered: Delivered<'_>, edited: &mut Batch) {
        let mut progress = lock(&self.progress);
        let first = delivered.identity.message().map(|message| {
            let stream = shared.plan.messages.stream(message);
            *progress.firsts.entry((feed, stream)).or_insert(message)
        });
        let Some(message) = shared.chosen_at(feed, &delivered) else {
            return edited.push(delivered);
        };
        if self.change == Change::Lose {
            // What is missing before the first one of a producer may be no loss: without offsets, the
            // subscription may have begun behind it.
            if first == Some(message) {
                edited.push(delivered);
            } else if progress.done.insert(message) {
                shared.note(feed, &delivered);
            }
            return;
        }
        if progress.done.contains(&message) {
            return edited.push(delivered);
        }
        let corrupted;
        let wrong = match self.change {
            Change::Lose | Change::Duplicate => delivered,
            Change::Corrupt => {
                corrupted = corrupt(delivered.payload);
                Delivered { payload: &corrupted, ..delivered }
            }
            Change::Phantom => Delivered { identity: Identity::None, offset: None, ..delivered },
            Change::Misroute => match elsewhere(&progress.sent, feed.topic) {
                Some(other) => Delivered {
                    identity: Identity::Message(other),
                    offset: None,
                    redelivered: false,
                    payload: shared.plan.messages.payload(other),
                },
                None => return edited.push(delivered),
            },
        };
        progress.done.insert(message);
        if self.change != Change::Corrupt {
            edited.push(delivered);
        }
        edited.push(wrong);
        shared.note(feed, &wrong);
    }
}

impl Trick for Edit {
    fn before<'a>(&'a self, _: &'a Shared, request: &'a Request<'a>) -> BoxFuture<'a, ()> {
        lock(&self.progress).sent.insert(request.topic, request.last());
        Box::pin(ready(()))
    }

    fn edit(&self, shared: &Shared, feed: Feed, batch: &mut Batch) {
        rewrite(batch, |delivered, edited| self.apply(shared, feed, delivered, edited));
    }
}

/// What was sent last to the next topic that anything was sent to.
fn elsewhere(sent: &BTreeMap<TopicIndex, MessageId>, own: TopicIndex) -> Option<MessageId> {
    let after = sent.range(TopicIndex(own.0 + 1)..).chain(sent.range(..own));
    after.map(|(_, message)| *message).next()
}

fn corrupt(payload: &str) -> String {
    let mut payload = payload.to_owned();
    let last = payload.pop();
    payload.push(if last == Some('~') { '!' } else { '~' });
    payload
}
