//! Acks that name an offset that could not be their own.

use std::collections::BTreeMap;

use harness::history::{Offset, Outcome, Stamp};
use harness::plan::{MessageId, TopicIndex};
use harness::scenario::AnomalyKind;

use super::{Count, Got, Judge, Judged, Standing, real_attempts};

impl Judge<'_> {
    pub(super) fn acks(&self, judged: &mut Judged) {
        let mut stale = false;
        let mut told = Vec::new();
        for producer in &self.history.producers {
            // By registration and topic: when each ack was in, and an offset that it named.
            let mut acked: BTreeMap<(u32, TopicIndex), Vec<(Stamp, Offset)>> = BTreeMap::new();
            for sent in &producer.sends {
                let Outcome::Acked { offsets } = &sent.outcome else { continue };
                let stream = self.plan.streams[sent.stream.place()];
                let epoch = self.epoch(sent);
                let left = real_attempts(sent)[0].began.stamp;
                let before = acked.entry((sent.session, stream.topic)).or_default();
                let told_now = (0..sent.count).filter_map(|place| offsets.of(place));
                let told_now: Vec<Offset> = told_now.collect();
                stale |= before
                    .iter()
                    .any(|(ack, at)| *ack < left && told_now.iter().any(|offset| at >= offset));
                let ack = sent.completed.stamp;
                before.extend(told_now.into_iter().map(|offset| (ack, offset)));
                for place in 0..sent.count {
                    let Some(offset) = offsets.of(place) else { continue };
                    let message = MessageId(stream.first.0 + sent.first + place);
                    let own = (epoch, stream.topic, offset);
                    stale |= told.iter().any(|(at, other)| *at == own && *other != message);
                    told.push((own, message));
                    let here = |got: &&Got<'_>| {
                        got.message == Some(message)
                            && got.topic == stream.topic
                            && got.subscription.epoch == epoch
                    };
                    let elsewhere = |got: &Got<'_>| {
                        got.standing == Standing::First && got.offset.is_some_and(|at| at != offset)
                    };
                    // Either the ack is wrong or the delivery; where the message left twice, it may
                    // stand in the log twice.
                    if self.got.iter().filter(here).any(elsewhere) {
                        judged.open.extend([AnomalyKind::StaleAck, AnomalyKind::Divergent]);
                        let there = |got: &Got<'_>| got.offset == Some(offset);
                        let twice = self.got.iter().filter(here).any(there);
                        judged.wrong |= !self.may_stand_twice(message) && !twice;
                    }
                }
            }
        }
        if self.topics().any(|topic| self.disputed(topic)) {
            judged.open.insert(AnomalyKind::StaleAck);
        }
        if stale {
            judged.add(AnomalyKind::StaleAck, Count::Some, true);
        }
    }
}
