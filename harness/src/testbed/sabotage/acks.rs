//! Wrong answers to producers: an offset that was answered before, and a refusal of what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use broker::store::{Answer, Append, Error, Messages, Poll};
use broker_client::wire::{Offset, ProducerId, Sequence};

use super::Kind;
use super::record::Injected;
use super::store::Trick;
use super::truth::{Truth, lock};

/// A request that can be told from every other, and from its own repeat: by its sequence.
type Request = (ProducerId, Sequence);

/// Answers the offset that the same producer's request before was answered.
#[derive(Default)]
pub(super) struct StaleAck {
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    last: BTreeMap<ProducerId, Offset>,
    stale: BTreeMap<Request, Offset>,
}

impl StaleAck {
    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        let due = truth.due(append.topic).is_some();
        let offset = truth.append(append).await?;
        let Some(sequence) = append.sequence else { return Ok(offset) };
        let mut told = lock(&self.told);
        let request = (append.producer, sequence);
        if let Some(stale) = told.stale.get(&request) {
            return Ok(*stale);
        }
        match told.last.get(&append.producer).copied() {
            // A repeat of the request before is answered as that was.
            Some(before) if due && before < offset => {
                truth.use_place(append.topic);
                told.stale.insert(request, before);
                truth.record.note(&Injected {
                    kind: Kind::StaleAck,
                    topic: append.topic.to_owned(),
                    consumer: None,
                    producer: append.producer,
                    sequence: Some(sequence),
                    offset: before,
                });
                Ok(before)
            }
            _ => {
                told.last.insert(append.producer, offset);
                Ok(offset)
            }
        }
    }
}

impl Trick for StaleAck {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }
}

/// Refuses a request for sure, and keeps it.
#[derive(Default)]
pub(super) struct Resurrect {
    /// Every message that was refused.
    refused: Mutex<BTreeSet<Request>>,
}

impl Resurrect {
    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        let Some(first) = append.sequence else { return truth.append(append).await };
        let refused = || lock(&self.refused).contains(&(append.producer, first));
        let due = truth.due(append.topic).is_some();
        if due && !refused() {
            // Before anybody can get them.
            let sequences = first..first + append.payloads.len() as Sequence;
            lock(&self.refused).extend(sequences.map(|sequence| (append.producer, sequence)));
            truth.append(append).await?;
            truth.use_place(append.topic);
        } else if !refused() {
            return truth.append(append).await;
        }
        // Neither a client's repeat nor a new registration helps against this one.
        Err(Error::Refused("refused on purpose".to_owned()))
    }

    async fn poll(&self, truth: &Truth, poll: Poll<'_>) -> Result<Messages, Error> {
        let messages = truth.store.poll(poll).await?;
        let refused = lock(&self.refused);
        for message in messages.iter() {
            let sequence = message.sequence.map(|sequence| (message.producer, sequence));
            if sequence.is_some_and(|request| refused.contains(&request)) {
                let subscription = poll.subscription;
                truth.record.delivery(subscription.topic, subscription.consumer, &message);
            }
        }
        Ok(messages)
    }
}

impl Trick for Resurrect {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }

    fn poll<'a>(&'a self, truth: &'a Truth, poll: Poll<'a>) -> Answer<'a, Messages> {
        Box::pin(self.poll(truth, poll))
    }
}
