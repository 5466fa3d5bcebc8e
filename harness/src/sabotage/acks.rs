//! Wrong answers to producers: an offset that was answered before, and a refusal of what is kept.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::{BoxFuture, ready};

use super::record::Injected;
use super::trick::{Feed, Request, Shared, Trick, is_acked};
use crate::driver::{Batch, Reply};
use crate::history::{Offsets, Outcome};
use crate::lock::lock;
use crate::plan::MessageId;

/// Answers the offset that the request before was answered.
pub(super) struct StaleAck;

impl Trick for StaleAck {
    fn after<'a>(
        &'a self,
        shared: &'a Shared,
        request: &'a Request<'a>,
        reply: Reply,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(ready(stale(shared, request, &reply).unwrap_or(reply)))
    }
}

fn stale(shared: &Shared, request: &Request<'_>, reply: &Reply) -> Option<Reply> {
    shared.chosen.first_of(request.range())?;
    let [part] = &reply.parts[..] else { return None };
    let Outcome::Acked { offsets } = &part.outcome else { return None };
    let before =
        request.previous.filter(|before| offsets.first().is_some_and(|own| *before < own))?;
    shared.note_as(&shared.message(Some(request.first()), Some(before)));
    let outcome = Outcome::Acked { offsets: Offsets::From(before) };
    Some(Reply::whole(request.messages.len(), outcome, reply.attempts))
}

/// Refuses a request for sure, and keeps it.
#[derive(Default)]
pub(super) struct Resurrect {
    refused: Mutex<BTreeMap<MessageId, Refusal>>,
}

/// What is known of a message that is to be refused.
enum Refusal {
    /// It is on its way, and was delivered like this so far.
    UnderWay(Vec<Injected>),
    Done,
}

impl Trick for Resurrect {
    fn before<'a>(&'a self, shared: &'a Shared, request: &'a Request<'a>) -> BoxFuture<'a, ()> {
        if shared.chosen.first_of(request.range()).is_some() {
            let messages = request.messages.iter().map(|outgoing| outgoing.message);
            let under_way = messages.map(|message| (message, Refusal::UnderWay(Vec::new())));
            lock(&self.refused).extend(under_way);
        }
        Box::pin(ready(()))
    }

    fn after<'a>(
        &'a self,
        shared: &'a Shared,
        request: &'a Request<'a>,
        reply: Reply,
    ) -> BoxFuture<'a, Reply> {
        let mut refused = lock(&self.refused);
        if !refused.contains_key(&request.first()) {
            return Box::pin(ready(reply));
        }
        if !is_acked(&reply) {
            // It may not have happened, so nothing would be known for sure.
            refused.retain(|message, _| !request.range().contains(message));
            return Box::pin(ready(reply));
        }
        for outgoing in request.messages {
            if let Some(Refusal::UnderWay(delivered)) =
                refused.insert(outgoing.message, Refusal::Done)
            {
                delivered.iter().for_each(|injected| shared.note_as(injected));
            }
        }
        let outcome = Outcome::Refused { why: "refused on purpose".to_owned() };
        Box::pin(ready(Reply::whole(request.messages.len(), outcome, reply.attempts)))
    }

    fn edit(&self, shared: &Shared, feed: Feed, batch: &mut Batch) {
        let mut refused = lock(&self.refused);
        for delivered in batch.iter() {
            let refusal =
                delivered.identity.message().and_then(|message| refused.get_mut(&message));
            match refusal {
                Some(Refusal::UnderWay(deliveries)) => {
                    deliveries.push(shared.delivery(feed, &delivered));
                }
                Some(Refusal::Done) => shared.note(feed, &delivered),
                None => {}
            }
        }
    }
}
