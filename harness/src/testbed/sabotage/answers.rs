//! Wrong answers for one consumer each: a message that is lost, doubled or corrupted.
//!
//! Where and to whom follows from the places alone, so an answer that is asked for again is wrong
//! in the same way again.

use std::num::NonZeroUsize;

use broker::store::{Answer, Error, Message, Messages, Poll, Polled, Subscription};
use broker_client::wire::Offset;

use super::store::Trick;
use super::truth::Truth;

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is left out.
    Lose,
    /// It comes twice.
    Duplicate,
    /// Its last character becomes another.
    Corrupt,
}

/// The trick.
pub(super) struct Answers {
    change: Change,
}

impl Answers {
    pub(super) const fn new(change: Change) -> Self {
        Self { change }
    }

    async fn poll(&self, truth: &Truth, mut poll: Poll<'_>) -> Result<Polled, Error> {
        loop {
            let Polled { messages: honest, position } = truth.store.poll(poll).await?;
            let changed = self.change(truth, &poll, &honest);
            let all_there = honest.len() < poll.max && poll.max_bytes == NonZeroUsize::MAX;
            if !changed.is_empty() || honest.is_empty() || all_there {
                return Ok(Polled { messages: changed.into_iter().collect(), position });
            }
            // All of it is left out, and there may be more. The client has asked for so many and
            // would ask from here again, so the answer is longer by what it lacks.
            poll.max += 1;
            poll.max_bytes = NonZeroUsize::MAX;
        }
    }

    fn change(&self, truth: &Truth, poll: &Poll<'_>, honest: &Messages) -> Vec<Message> {
        let (topic, consumer) = (poll.subscription.topic, poll.subscription.consumer);
        let mut answer = Vec::with_capacity(honest.len() + 1);
        for mut message in honest.iter() {
            let chosen = truth
                .places
                .at(topic, message.offset)
                .is_some_and(|place| truth.nth_subscriber(topic, place.consumer) == Some(consumer));
            if !chosen {
                answer.push(message);
                continue;
            }
            match self.change {
                Change::Lose => {}
                Change::Duplicate if answer.len() + 2 > poll.max && !answer.is_empty() => {
                    // No room for both: the next poll begins with it.
                    return answer;
                }
                Change::Duplicate => answer.push(message.clone()),
                Change::Corrupt => corrupt(&mut message.payload),
            }
            truth.record.delivery(topic, consumer, &message);
            if self.change != Change::Lose {
                answer.push(message);
            }
        }
        // One that was doubled is never among the last ones: the room was looked at.
        answer.truncate(poll.max.max(2));
        answer
    }
}

impl Trick for Answers {
    fn poll<'a>(&'a self, truth: &'a Truth, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(self.poll(truth, poll))
    }

    fn arrival<'a>(
        &'a self,
        truth: &'a Truth,
        subscription: Subscription<'a>,
        mut offset: Offset,
    ) -> Answer<'a, ()> {
        if self.change == Change::Lose {
            // Somebody who gets nothing at a place must not be woken for it. Whoever else waits
            // there is woken by the message behind it, and there are some behind every place.
            while truth.places.at(subscription.topic, offset).is_some() {
                offset += 1;
            }
        }
        truth.store.arrival(subscription, offset)
    }
}

fn corrupt(payload: &mut String) {
    let last = payload.pop();
    payload.push(if last == Some('~') { '!' } else { '~' });
}
