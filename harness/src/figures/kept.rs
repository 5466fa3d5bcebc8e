//! How long the broker kept messages that its retention deleted before a consumer had them.
//!
//! Such a message was there at the earliest when its request left, and gone at the latest when the
//! consumer was told: the time in between is the most that it can have been kept. So a broker that keeps
//! what it promised is never found to have kept it for less.

use std::time::Duration;

use crate::history::{EpochIndex, History, Nanos, Offset, Outcome};
use crate::numbers::time;
use crate::plan::{Plan, TopicIndex};

/// Of one message that was acknowledged: where it is, and when its request left.
type Placed = (TopicIndex, Option<EpochIndex>, Offset, Nanos);

/// The shortest time, in nanoseconds, and of which message.
///
/// # Errors
/// Where there is none: why.
pub(super) fn shortest(plan: &Plan, history: &History) -> Result<(Nanos, String), &'static str> {
    let consumers = plan.consumers.iter().zip(&history.consumers);
    let deleted = consumers.flat_map(|(own, part)| part.deleted().map(|one| (own.number, one)));
    let mut deleted = deleted.peekable();
    deleted.peek().ok_or("no consumer missed anything by it")?;
    let placed = placed(plan, history);
    let each = deleted.flat_map(|(consumer, deleted)| {
        let (topic, epoch, told) = (deleted.topic, deleted.epoch, deleted.told.at);
        let before = |offset| placed.partition_point(|own| *own < (topic, epoch, offset, 0));
        let own = &placed[before(deleted.offsets.start)..before(deleted.offsets.end)];
        own.iter().map(move |(.., offset, sent)| {
            (told.saturating_sub(*sent), topic, *offset, consumer, told)
        })
    });
    // What was there before the run has no time at which it was sent.
    let none = "nothing that was acknowledged in this run was deleted";
    let (kept, topic, offset, consumer, told) = each.min().ok_or(none)?;
    let (name, told) = (&plan.topics[topic.place()].name, time(Duration::from_nanos(told)));
    Ok((kept, format!("offset {offset} of {name}, as C{consumer} was told at {told}")))
}

/// All that were acknowledged at an offset, in the order of their places.
fn placed(plan: &Plan, history: &History) -> Vec<Placed> {
    let mut placed = Vec::new();
    for part in &history.producers {
        for sent in &part.sends {
            let Outcome::Acked { offsets } = &sent.outcome else { continue };
            let session = part.sessions.get(sent.session as usize);
            let epoch = session.and_then(|session| session.epoch);
            let topic = plan.streams[sent.stream.place()].topic;
            let left = sent.may_have_happened_from().at;
            let offsets = (0..sent.count).filter_map(|place| offsets.of(place));
            placed.extend(offsets.map(|offset| (topic, epoch, offset, left)));
        }
    }
    placed.sort_unstable();
    placed
}
