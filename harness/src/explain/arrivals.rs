//! Who got a message, when and beside what; where it stands in the logs and on the disk; and what was
//! under way meanwhile.

use super::line::Line;
use crate::check::{Came, Standing, clip, time};
use crate::diagram::Places;
use crate::history::{Answer, AuditedLog, Delivery, End, History, Moment, Stamp, Trace};
use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId, Plan};

/// So many deliveries that are as they should be have lines of their own.
const FINE_MAX: usize = 8;

/// So many consumers that it came to otherwise have lines of their own.
const ODD_MAX: usize = 24;

/// So many lines there are of anything else.
const LINES_MAX: usize = 12;

/// All of it, in order of time. What came of the requests is told elsewhere.
pub(super) fn of(
    plan: &Plan,
    history: &History,
    message: Option<MessageId>,
    asked: Option<(ConsumerIndex, usize)>,
    standings: &[Standing],
) -> Vec<Line> {
    let mut lines = deliveries(plan, history, asked, standings);
    let absent: Vec<&Standing> = standings.iter().filter(|own| own.came.is_empty()).collect();
    lines.extend(absent.iter().take(LINES_MAX).filter_map(|own| last_poll(plan, history, own)));
    let first = message.and_then(|id| first_sent(plan, history, id)).unwrap_or_else(|| {
        // What nobody sent has only the moment at which it came.
        lines.iter().filter_map(|line| line.at?.1).min().unwrap_or_default()
    });
    lines.extend(claims(plan, history, standings, first));
    let stamps = lines.iter().filter_map(|line| line.at?.1);
    // What never came may have been undone at any time.
    let last = if absent.is_empty() { stamps.max().unwrap_or(first) } else { Stamp::MAX };
    lines.extend(faults(plan, history, first, last));
    lines.extend(message.into_iter().flat_map(|id| stands(plan, history, id)));
    lines.extend(message.and_then(|id| on_disk(history, id)));
    if !absent.is_empty() {
        let end = match history.end {
            End::Drained => {
                "all else that was due had come, and a last poll of each consumer was empty"
            }
            End::Idle => "nothing came any more",
            End::Deadline => "the deadline of the drain passed",
            End::Interrupted => "it was interrupted",
        };
        lines.push(Line { at: None, word: "end", text: format!("of the run: {end}") });
    }
    lines
}

/// `C1's delivery 711 on T2`.
pub(super) fn ordinal(
    plan: &Plan,
    history: &History,
    consumer: ConsumerIndex,
    place: usize,
) -> String {
    let places = Places::of(plan, &history.consumers[consumer.place()]);
    let topic = places.topic(place);
    let number = places.on(topic).partition_point(|own| *own <= place) as u64;
    let (who, topic) = (plan.consumers[consumer.place()].number, &plan.topics[topic.place()].name);
    format!("C{who}'s delivery {} on {topic}", numbers::number(number))
}

fn deliveries(
    plan: &Plan,
    history: &History,
    asked: Option<(ConsumerIndex, usize)>,
    standings: &[Standing],
) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut fine, mut odd, mut left_out) = (0, 0, 0_u64);
    for standing in standings {
        let part = &history.consumers[standing.consumer.place()];
        let is_fine = matches!(standing.came[..], [] | [(_, Came::First)]);
        fine += usize::from(is_fine && !standing.came.is_empty());
        odd += usize::from(!is_fine);
        let is_asked = asked.is_some_and(|(consumer, _)| consumer == standing.consumer);
        let is_too_much = if is_fine { fine > FINE_MAX } else { odd > ODD_MAX };
        if standing.came.is_empty() || is_too_much && !is_asked {
            left_out += u64::from(!standing.came.is_empty());
            continue;
        }
        let places = Places::of(plan, part);
        let shown = standing.came.iter().take(LINES_MAX);
        lines.extend(shown.map(|(place, came)| {
            got(plan, history, &places, (standing.consumer, *place), Some(*came))
        }));
    }
    if left_out > 0 {
        let text = format!("by {}, too", numbers::count(left_out, "more consumer"));
        lines.push(Line { at: None, word: "got", text });
    }
    if let (Some((consumer, place)), true) = (asked, standings.is_empty()) {
        let places = Places::of(plan, &history.consumers[consumer.place()]);
        lines.push(got(plan, history, &places, (consumer, place), None));
    }
    lines
}

/// `by C1 at offset 16, its delivery 711 on T2, after P1#3 and before P2#9`.
fn got(
    plan: &Plan,
    history: &History,
    places: &Places<'_>,
    (consumer, place): (ConsumerIndex, usize),
    came: Option<Came>,
) -> Line {
    let part = &history.consumers[consumer.place()];
    let topic = places.topic(place);
    let own = places.on(topic);
    let at = own.partition_point(|other| *other < place);
    let name = |at: usize| own.get(at).map(|place| name(plan, part.deliveries[*place]));
    let around = match (at.checked_sub(1).and_then(name), name(at + 1)) {
        (Some(before), Some(after)) => format!("after {before} and before {after}"),
        (Some(before), None) => format!("the last one, after {before}"),
        (None, Some(after)) => format!("the first one, before {after}"),
        (None, None) => "the only one".to_owned(),
    };
    let offset = part.deliveries[place].offset();
    let offset = offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    let again = match came {
        Some(Came::Again | Came::Redelivered | Came::Misnumbered) => " again",
        Some(Came::First | Came::Wrong) | None => "",
    };
    let oddity = part.oddities.get(&(place as u64));
    let payload = oddity.map(|odd| format!(", payload {}", clip(&odd.payload))).unwrap_or_default();
    let number = plan.consumers[consumer.place()].number;
    let ordinal = numbers::number(at as u64 + 1);
    let topic = &plan.topics[topic.place()].name;
    line(
        part.polls[places.poll(place)].completed,
        "got",
        format!(
            "by C{number}{again}{offset}, its delivery {ordinal} on {topic}, {around}{payload}"
        ),
    )
}

fn name(plan: &Plan, delivery: Delivery) -> String {
    let message = delivery.message();
    message.map_or_else(|| "what nobody sent".to_owned(), |id| plan.name(id).to_string())
}

/// The last time that a consumer which lacks the message asked for it.
fn last_poll(plan: &Plan, history: &History, standing: &Standing) -> Option<Line> {
    let part = &history.consumers[standing.consumer.place()];
    let on = |poll: &usize| part.subscriptions[part.polls[*poll].subscription as usize].topic;
    let last = (0..part.polls.len()).rev().find(|poll| on(poll) == standing.topic)?;
    let polled = &part.polls[last];
    let what = match &polled.answer {
        Answer::Delivered(0) => "got nothing".to_owned(),
        Answer::Delivered(count) => format!("got {}", numbers::count((*count).into(), "message")),
        Answer::Deleted(offsets) => {
            let count = numbers::count(offsets.end - offsets.start, "message");
            format!("was told that {count} from offset {} on are deleted", offsets.start)
        }
        Answer::Failed(why) => format!("it failed: {why}"),
    };
    let number = plan.consumers[standing.consumer.place()].number;
    let topic = &plan.topics[standing.topic.place()].name;
    Some(line(
        polled.completed,
        "polled",
        format!("by C{number}, {topic} for the last time: {what}"),
    ))
}

/// Since when a message may be on its way.
fn first_sent(plan: &Plan, history: &History, message: MessageId) -> Option<Stamp> {
    let sends = &history.producers[plan.stream(message).producer.place()].sends;
    let own = sends.iter().filter(|sent| {
        let first = plan.streams[sent.stream.place()].first.0 + sent.first;
        (first..first + sent.count).contains(&message.0)
    });
    own.map(|sent| sent.invoked.stamp).min()
}

/// The subscriptions that it did not find in place, and those that were forgotten.
fn claims(plan: &Plan, history: &History, standings: &[Standing], first: Stamp) -> Vec<Line> {
    let mut lines = Vec::new();
    // Where it came as it should, none is of interest.
    let is_odd = |own: &&Standing| {
        own.came.is_empty() || own.came.iter().any(|(_, came)| *came == Came::Wrong)
    };
    for standing in standings.iter().filter(is_odd) {
        let number = plan.consumers[standing.consumer.place()].number;
        let topic = &plan.topics[standing.topic.place()].name;
        let claims = &history.consumers[standing.consumer.place()].subscriptions;
        for claim in claims.iter().filter(|claim| claim.topic == standing.topic) {
            let from = claim.offset.map(|offset| format!(" from offset {offset}"));
            let from = from.unwrap_or_default();
            match claim.confirmed {
                Some(at) if at.stamp > first => {
                    let text = format!(
                        "by C{number} to {topic}{from}; asked for at stamp {}",
                        claim.invoked.stamp
                    );
                    lines.push(line(at, "subscribed", text));
                }
                None => {
                    let text =
                        format!("to {topic} was asked for by C{number}, and never confirmed");
                    lines.push(line(claim.invoked, "subscription", text));
                }
                Some(_) => {}
            }
            if let Some(at) = claim.forgotten {
                let text =
                    format!("the broker told C{number} that it has no subscription to {topic}");
                lines.push(line(at, "forgotten", text));
            }
        }
    }
    lines.truncate(LINES_MAX);
    lines
}

fn faults(plan: &Plan, history: &History, first: Stamp, last: Stamp) -> Vec<Line> {
    let firings = history.faults.iter();
    let mut own: Vec<_> =
        firings.filter(|own| own.began.stamp <= last && own.ended.stamp >= first).collect();
    own.sort_by_key(|firing| firing.began.stamp);
    let mut lines = Vec::new();
    for firing in own.iter().take(LINES_MAX / 2) {
        let action = &plan.scenario.faults[firing.fault as usize].action;
        let what = format!("`{action}` ({})", firing.whom);
        let on_disk = firing.on_disk.as_ref();
        let forgot = on_disk.and_then(|own| own.forgotten.as_ref());
        let forgot = forgot.map(|own| format!(", forgot {}", own.words())).unwrap_or_default();
        lines.push(line(firing.began, "fault", format!("{what} began{forgot}")));
        lines.push(line(firing.ended, "fault", format!("{what} was over")));
    }
    if let Some(more @ 1..) = own.len().checked_sub(LINES_MAX / 2) {
        let text = format!("{} that began later", numbers::count(more as u64, "more firing"));
        lines.push(Line { at: None, word: "fault", text });
    }
    lines
}

/// Where the logs have it that were read after the run.
fn stands(plan: &Plan, history: &History, message: MessageId) -> Vec<Line> {
    let topic = plan.stream(message).topic;
    let told = |text| Line { at: None, word: "log", text };
    let mut lines = Vec::new();
    for audited in &history.audit {
        let name = &plan.topics[audited.topic.place()].name;
        match &audited.log {
            AuditedLog::Read { messages, end, .. } => {
                let own = messages.iter().enumerate();
                let own = own.filter(|(_, entry)| entry.message() == Some(message));
                let before = lines.len();
                lines.extend(
                    own.take(LINES_MAX)
                        .map(|(place, _)| told(stood(plan, name.as_str(), messages, place))),
                );
                if lines.len() == before && audited.topic == topic {
                    let text = format!(
                        "of {name}, as it was read after the run: it is not in it; its end is {end}"
                    );
                    lines.push(told(text));
                }
            }
            AuditedLog::Failed(why) if audited.topic == topic => {
                lines.push(told(format!("of {name} could not be read after the run: {why}")));
            }
            AuditedLog::Failed(_) => {}
        }
    }
    lines
}

fn stood(plan: &Plan, topic: &str, messages: &[Delivery], place: usize) -> String {
    let offset = messages[place].offset();
    let offset = offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    let name = |at: usize| messages.get(at).map(|entry| name(plan, *entry));
    let around = match (place.checked_sub(1).and_then(name), name(place + 1)) {
        (Some(before), Some(after)) => format!("after {before} and before {after}"),
        (Some(before), None) => format!("last, after {before}"),
        (None, Some(after)) => format!("first, before {after}"),
        (None, None) => "alone".to_owned(),
    };
    format!("of {topic}, as it was read after the run: it stands{offset}, {around}")
}

/// What is known of its bytes on the disk.
fn on_disk(history: &History, message: MessageId) -> Option<Line> {
    let traced = history.traces.iter().find(|own| own.message == message)?;
    let written =
        |at: Option<u64>| at.map_or("before the run".to_owned(), |at| format!("at {}", time(at)));
    let text = match &traced.trace {
        Trace::Nowhere => "just before the last power cut its bytes were in no file".to_owned(),
        Trace::Written { file, at, synced } => {
            let synced = match synced {
                Some(synced) => format!("that file was last synced at {}", time(*synced)),
                None => "that file was not synced in the run".to_owned(),
            };
            format!("written to {file} {}, and not durable: {synced}", written(*at))
        }
        Trace::Synced { file, at } => format!("written to {file} {}, and durable", written(*at)),
    };
    Some(Line { at: None, word: "disk", text })
}

fn line(at: Moment, word: &'static str, text: String) -> Line {
    Line { at: Some((at.at, Some(at.stamp))), word, text }
}
