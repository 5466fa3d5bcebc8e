//! Acks that name an offset that could not be their own.

use std::collections::BTreeMap;

use harness::history::{Offset, Outcome};
use harness::plan::{MessageId, TopicIndex};
use harness::scenario::AnomalyKind;

use super::{Count, Got, Judge, Judged, Standing};

impl Judge<'_> {
    pub(super) fn acks(&self, judged: &mut Judged) {
        let mut stale = false;
        let mut told = Vec::new();
        for producer in &self.history.producers {
            let mut last: BTreeMap<(u32, TopicIndex), Offset> = BTreeMap::new();
            for sent in &producer.sends {
                let Outcome::Acked { offsets } = &sent.outcome else { continue };
                let stream = self.plan.streams[sent.stream.place()];
                let epoch = self.epoch(sent);
                for place in 0..sent.count {
                    let Some(offset) = offsets.of(place) else { continue };
                    let message = MessageId(stream.first.0 + sent.first + place);
                    let own = (epoch, stream.topic, offset);
                    stale |= told.iter().any(|(at, other)| *at == own && *other != message);
                    told.push((own, message));
                    let before = last.insert((sent.session, stream.topic), offset);
                    stale |= before.is_some_and(|before| before >= offset);
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
