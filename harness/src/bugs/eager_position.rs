//! Takes messages as delivered when it answers, and not when the consumer says that it has them. A
//! consumer whose answer is lost asks again from where it was, and is answered from behind what it
//! never got: lost.

use broker::store::{Answer, Poll, Polled};

use super::small_store::{Behaviour, SmallStore};

/// The bug.
pub(super) struct EagerPosition;

impl Behaviour for EagerPosition {
    fn poll<'a>(&'a self, store: &'a SmallStore, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(async move {
            let polled = store.state.consuming(&poll.subscription, |log| {
                let consumer = poll.subscription.consumer;
                let start = log.position(consumer).expect("it is subscribed to this log");
                let messages = log.from(start, poll.max);
                let position = start + messages.len() as u64;
                // The answer has still to arrive.
                log.move_to(consumer, Some(position));
                Ok(Polled { messages: messages.into_iter().collect(), position })
            })?;
            store.state.pause().await;
            Ok(polled)
        })
    }
}
