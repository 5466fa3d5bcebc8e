//! What is known on the disk of a message that is lost: the disk as it was just before its last power
//! cut was searched for the bytes of payloads.
//!
//! *Never written*: they were in no file. That is said only where others that did come were found, or
//! the server may not write payloads in plain text. *Written and not synced*: a power cut forgets them
//! by right, and the broker had acknowledged too early. *Synced and lost all the same*: they were
//! durable, and the broker did not find or did not keep them. *An earlier cut* may have forgotten what
//! is in no file before the last one. What was acked only after the last cut is not known of.
//!
//! Where bits of a message flipped on the disk, that is said too. Neither changes a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::anomaly::Traces;
use super::facts::{Facts, Fate, Request};
use super::words::{moment, time};
use crate::fault::{Effect, StorageFault};
use crate::history::{Firing, Nanos, Trace};
use crate::numbers;
use crate::plan::MessageId;

/// What is known on the disk.
pub(super) struct Disk<'a> {
    facts: &'a Facts<'a>,
    traces: BTreeMap<MessageId, &'a Trace>,
    /// The power cuts, the last one at the end.
    cuts: Vec<&'a Firing>,
    /// Whether messages that came were found in files, so that one which is in none was not written.
    finds_payloads: bool,
}

/// What is known of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    NotSynced,
    NeverWritten,
    Unreadable,
    Earlier,
    Synced,
}

impl<'a> Disk<'a> {
    /// None where nothing is known.
    pub(super) fn of(facts: &'a Facts<'a>) -> Option<Self> {
        let faults = &facts.plan.scenario.faults;
        let is_power = |firing: &&Firing| {
            let effect = faults.get(firing.fault as usize).map(|fault| &fault.action.effect);
            matches!(effect, Some(Effect::Storage(StorageFault::Power(_))))
        };
        let mut cuts: Vec<&Firing> = facts.history.faults.iter().filter(is_power).collect();
        cuts.sort_by_key(|firing| firing.began.stamp);
        let traces = facts.history.traces.iter().map(|own| (own.message, &own.trace));
        let traces: BTreeMap<MessageId, &Trace> = traces.collect();
        let any_rot = facts.history.faults.iter().any(|firing| rotten(firing).is_some());
        if (traces.is_empty() || cuts.is_empty()) && !any_rot {
            return None;
        }
        let found = traces.iter().filter(|(_, trace)| **trace != &Trace::Nowhere);
        let finds_payloads = found.map(|(message, _)| *message).any(|id| came(facts, id));
        Some(Self { facts, traces, cuts, finds_payloads })
    }

    /// Evidence about neighbouring messages that are lost.
    pub(super) fn lost(&self, messages: &Range<u32>) -> Vec<String> {
        let mut lines = self.traced(messages);
        lines.extend(self.rot(|id| messages.contains(&id.0)));
        lines
    }

    /// That bits flipped in these messages.
    pub(super) fn rot(&self, is_it: impl Fn(MessageId) -> bool) -> Vec<String> {
        let line = |firing: &Firing| {
            let own = rotten(firing).filter(|own| is_it(own.message))?;
            let bits = numbers::count(own.bits.into(), "bit");
            let (name, at) = (self.facts.plan.name(own.message), moment(firing.began));
            let (file, offset) = (&own.file, numbers::number(own.offset));
            Some(format!("bit rot: {bits} of {name} flipped in {file} at offset {offset}, at {at}"))
        };
        self.facts.history.faults.iter().filter_map(line).collect()
    }

    /// How many of all lost messages are what; none where none is known of.
    pub(super) fn sum(&self, lost: &[Range<u32>]) -> Option<Traces> {
        let lost: BTreeSet<u32> = lost.iter().cloned().flatten().collect();
        let mut traces = Traces::default();
        for id in &lost {
            count(self.found(MessageId(*id)), &mut traces);
        }
        (traces.not_searched < lost.len() as u64).then_some(traces)
    }

    fn traced(&self, messages: &Range<u32>) -> Vec<String> {
        let mut traces = Traces::default();
        let mut firsts: BTreeMap<Found, MessageId> = BTreeMap::new();
        for id in messages.clone().map(MessageId) {
            let found = self.found(id);
            count(found, &mut traces);
            if let Some(found) = found {
                firsts.entry(found).or_insert(id);
            }
        }
        let mut lines = Vec::with_capacity(1 + firsts.len());
        if messages.len() > 1 && !firsts.is_empty() {
            lines.push(format!("on the disk: {}", traces.words()));
        }
        lines.extend(firsts.iter().map(|(found, first)| self.line(*found, *first)));
        lines
    }

    fn found(&self, message: MessageId) -> Option<Found> {
        let (trace, last) = (*self.traces.get(&message)?, self.cuts.last()?);
        let request = self.facts.requests.of(message)?;
        if request.fate != Fate::Acked || !was_acked_before(request, last) {
            return None;
        }
        let earlier = &self.cuts[..self.cuts.len() - 1];
        Some(match trace {
            Trace::Written { .. } => Found::NotSynced,
            Trace::Synced { .. } => Found::Synced,
            Trace::Nowhere if earlier.iter().any(|cut| was_sent_before(request, cut)) => {
                Found::Earlier
            }
            Trace::Nowhere if self.finds_payloads => Found::NeverWritten,
            Trace::Nowhere => Found::Unreadable,
        })
    }

    fn line(&self, found: Found, message: MessageId) -> String {
        let name = self.facts.plan.name(message);
        match (found, self.traces[&message]) {
            (_, Trace::Written { file, at, synced }) => {
                format!("{name} was written to {file}{}, and {}", written(*at), sync(*at, *synced))
            }
            (_, Trace::Synced { file, at }) => format!(
                "{name} was written to {file}{} and synced, and is lost all the same",
                written(*at)
            ),
            (Found::Earlier, Trace::Nowhere) => format!(
                "{name} was in no file just before the last of {} power cuts: an earlier one may have \
                 forgotten it",
                self.cuts.len()
            ),
            (Found::NeverWritten, Trace::Nowhere) => {
                format!("{name} was never written: its bytes were in no file")
            }
            (_, Trace::Nowhere) => format!(
                "{name}: its bytes were in no file, nor were those of others that came: never written, or \
                 not in plain text"
            ),
        }
    }
}

/// Counts one message.
const fn count(found: Option<Found>, traces: &mut Traces) {
    *match found {
        Some(Found::NotSynced) => &mut traces.not_synced,
        Some(Found::NeverWritten) => &mut traces.never_written,
        Some(Found::Unreadable) => &mut traces.unreadable,
        Some(Found::Earlier) => &mut traces.earlier,
        Some(Found::Synced) => &mut traces.synced,
        None => &mut traces.not_searched,
    } += 1;
}

fn rotten(firing: &Firing) -> Option<&crate::history::Rotten> {
    firing.on_disk.as_ref()?.rotten.as_ref()
}

/// Whether some consumer got it.
fn came(facts: &Facts<'_>, message: MessageId) -> bool {
    let (place, topic) = (facts.places.of(message), facts.plan.stream(message).topic);
    facts.feeds_of(topic).any(|feed| feed.planned && feed.got.contains(place))
}

/// Whether a request had left when a cut took effect.
fn was_sent_before(request: &Request, cut: &Firing) -> bool {
    request.invoked < cut.struck.unwrap_or(cut.ended).stamp
}

/// Whether a cut is behind the ack: one that is in later, and before the server was started again,
/// was on its way.
fn was_acked_before(request: &Request, cut: &Firing) -> bool {
    was_sent_before(request, cut) && request.acked < cut.ended.stamp
}

/// ` at 12.345 ms`.
fn written(at: Option<Nanos>) -> String {
    at.map_or_else(|| " before the run began".to_owned(), |at| format!(" at {}", time(at)))
}

/// When the file of what was written and not durable was last synced.
fn sync(written: Option<Nanos>, synced: Option<Nanos>) -> String {
    match synced {
        None => "that file was never synced in the run".to_owned(),
        // What a failed sync dropped is not carried by the next one.
        Some(synced) if written.is_none_or(|at| at < synced) => {
            format!("that file was last synced at {}, without it", time(synced))
        }
        Some(synced) => format!("that file was last synced at {}", time(synced)),
    }
}
