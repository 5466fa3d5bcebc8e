//! Messages that arrive before they are sent: a copy of what a producer sends next, known from the
//! plan, comes to one consumer before the producer has the ack that it waits for.
//!
//! The copy is handed out when the broker has acked the message before it. The producer gets that ack
//! only when the consumer polls again, so when it has recorded the copy. The message itself is then
//! left out at that consumer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::trick::{Feed, Request, Shared, Trick, is_acked, rewrite};
use crate::driver::{Batch, Delivered, Identity, Reply};
use crate::lock::lock;
use crate::plan::MessageId;

/// A consumer that does not poll within this time is not waited for any longer.
const POLLS_WITHIN: Duration = Duration::from_secs(2);

/// So long a poll may wait for the broker, where it cannot be given up for a copy.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// So often a consumer is waited for in vain before that ends.
const VAIN_MAX: u32 = 5;

/// The trick.
#[derive(Default)]
pub(super) struct Early(Mutex<State>);

#[derive(Default)]
struct State {
    /// What is to come early, one at a time.
    copies: BTreeMap<Feed, Copy>,
    urges: BTreeMap<Feed, Arc<Notify>>,
    /// What came early.
    brought: BTreeSet<MessageId>,
    /// How often a consumer did not poll in time.
    vain: u32,
}

struct Copy {
    message: MessageId,
    is_out: bool,
    recorded: oneshot::Sender<()>,
}

impl State {
    fn urge(&mut self, feed: Feed) -> &Arc<Notify> {
        self.urges.entry(feed).or_default()
    }
}

impl Early {
    /// Makes a copy of what comes after a request, if it is chosen; the receiver hears when the
    /// consumer has recorded it.
    fn post(
        &self,
        shared: &Shared,
        request: &Request<'_>,
    ) -> Option<(Feed, oneshot::Receiver<()>)> {
        let message = MessageId(request.last().0 + 1);
        let consumer = shared.chosen.consumer(message)?;
        let is_next = shared.plan.messages.stream(message) == request.stream;
        let feed = Feed { consumer, topic: request.topic };
        let mut state = lock(&self.0);
        if !is_next || state.vain >= VAIN_MAX || state.copies.contains_key(&feed) {
            return None;
        }
        let (recorded, hears) = oneshot::channel();
        state.copies.insert(feed, Copy { message, is_out: false, recorded });
        state.urge(feed).notify_one();
        Some((feed, hears))
    }

    fn withdraw(&self, feed: Feed) {
        let mut state = lock(&self.0);
        if state.copies.get(&feed).is_some_and(|copy| !copy.is_out) {
            state.copies.remove(&feed);
            state.vain += 1;
        }
    }
}

impl Trick for Early {
    fn after<'a>(
        &'a self,
        shared: &'a Shared,
        request: &'a Request<'a>,
        reply: Reply,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            if is_acked(&reply)
                && let Some((feed, recorded)) = self.post(shared, request)
                && timeout(POLLS_WITHIN, recorded).await.is_err()
            {
                self.withdraw(feed);
            }
            reply
        })
    }

    fn polled(&self, feed: Feed) {
        let mut state = lock(&self.0);
        if state.copies.get(&feed).is_some_and(|copy| copy.is_out)
            && let Some(copy) = state.copies.remove(&feed)
        {
            // The producer may have waited too long.
            let _ = copy.recorded.send(());
        }
    }

    fn wait(&self, _: Feed, wait: Duration) -> Duration {
        wait.min(WAIT_MAX)
    }

    fn urged(&self, feed: Feed) -> BoxFuture<'_, ()> {
        let urge = Arc::clone(lock(&self.0).urge(feed));
        Box::pin(async move { urge.notified().await })
    }

    fn edit(&self, shared: &Shared, feed: Feed, batch: &mut Batch) {
        let state = &mut *lock(&self.0);
        rewrite(batch, |delivered, edited| {
            let came_early = shared.chosen_at(feed, &delivered);
            if came_early.is_none_or(|message| !state.brought.contains(&message)) {
                edited.push(delivered);
            }
        });
        let copy = state.copies.get_mut(&feed).filter(|copy| !copy.is_out);
        if let Some(copy) = copy {
            copy.is_out = true;
            let delivered = Delivered {
                identity: Identity::Message(copy.message),
                offset: None,
                redelivered: false,
                payload: shared.plan.messages.payload(copy.message),
            };
            state.brought.insert(copy.message);
            batch.push(delivered);
            shared.note(feed, &delivered);
        }
    }
}
