//! What a message came to for each consumer, in a word and with the reason; consumers that it came to
//! the same for stand together.

use crate::check::{Anomaly, Came, Due, Judgement, Standing};
use crate::history::History;
use crate::input::names::{self, Kind};
use crate::numbers;
use crate::plan::{MessageId, Plan};
use crate::scenario::{AnomalyKind, Order};

/// So many answers are given in full, and so many names stand in the sum of all.
pub(super) const ANSWERS_MAX: usize = 24;
const NAMES_MAX: usize = 8;

/// What it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For whom: `C1..C3`, `T2`, `P4`.
    pub who: String,
    /// `fine`, `lost`, `duplicate, reordered`, `not due`.
    pub word: String,
    /// Why, a line each.
    pub reasons: Vec<String>,
}

/// What is said for one consumer before those that are equal are put together.
#[derive(PartialEq, Eq)]
struct Said<'a> {
    word: String,
    reasons: Vec<String>,
    /// Where it is of another topic than the message.
    topic: Option<&'a str>,
}

/// A proof, with its kind and whether it breaks a promise.
type Proof<'a> = (AnomalyKind, bool, &'a Anomaly);

pub(super) fn of(
    plan: &Plan,
    history: &History,
    message: Option<MessageId>,
    judgement: &Judgement,
    standings: &[Standing],
) -> Vec<Answer> {
    let kinds = [(true, &judgement.violations), (false, &judgement.allowed)];
    let proofs: Vec<Proof<'_>> = kinds
        .into_iter()
        .flat_map(|(is_violation, findings)| findings.iter().map(move |own| (is_violation, own)))
        .flat_map(|(broken, own)| own.proofs.iter().map(move |proof| (own.kind, broken, proof)))
        .collect();
    let mut answers = grouped(plan, message, &proofs, standings);
    // What is nobody's alone: the log, an ack; and a delivery that no message explains.
    let is_told = |proof: &Anomaly| standings.iter().any(|own| is_of(plan, own, proof));
    for (kind, is_violation, proof) in proofs.into_iter().filter(|own| !is_told(own.2)) {
        let who = match (&proof.consumer, kind, message) {
            (Some(consumer), ..) => consumer.clone(),
            (None, AnomalyKind::StaleAck, Some(id)) => {
                format!("P{}", plan.producers[plan.stream(id).producer.place()].number)
            }
            (None, ..) => proof.topic.clone(),
        };
        let reasons = reasons(proof);
        answers.push(Answer { who, word: word(kind, is_violation), reasons });
    }
    if answers.is_empty() {
        let reasons = vec![unsaid(history)];
        answers.push(Answer { who: "run".into(), word: "?".into(), reasons });
    }
    answers
}

/// By consumer, those together that it came to the same for.
fn grouped(
    plan: &Plan,
    message: Option<MessageId>,
    proofs: &[Proof<'_>],
    standings: &[Standing],
) -> Vec<Answer> {
    let name = message.map(|id| plan.name(id).to_string());
    let own_topic = message.map(|id| plan.stream(id).topic);
    let mut groups: Vec<(Said<'_>, Vec<u32>)> = Vec::new();
    for standing in standings {
        let own = proofs.iter().copied().filter(|(_, _, proof)| is_of(plan, standing, proof));
        let (word, reasons) = consumer(plan, standing, name.as_deref(), &own.collect::<Vec<_>>());
        let topic = Some(standing.topic).filter(|topic| Some(*topic) != own_topic);
        let topic = topic.map(|topic| plan.topics[topic.place()].name.as_str());
        let said = Said { word, reasons, topic };
        let number = plan.consumers[standing.consumer.place()].number;
        match groups.iter_mut().find(|(known, _)| *known == said) {
            Some((_, numbers)) => numbers.push(number),
            None => groups.push((said, vec![number])),
        }
    }
    let answer = |(Said { word, reasons, topic }, numbers): (Said<'_>, Vec<u32>)| {
        let who = names::list(Kind::Consumer, &numbers);
        let who = topic.map(|topic| format!("{who} on {topic}")).unwrap_or(who);
        Answer { who, word, reasons }
    };
    groups.into_iter().map(answer).collect()
}

/// Whether a proof is about what this consumer polled of this topic.
fn is_of(plan: &Plan, standing: &Standing, proof: &Anomaly) -> bool {
    let who = format!("C{}", plan.consumers[standing.consumer.place()].number);
    proof.consumer == Some(who) && proof.topic == plan.topics[standing.topic.place()].name.as_str()
}

/// What all of it comes to: `lost at C2, duplicate at C1`.
pub(super) fn sum(answers: &[Answer]) -> String {
    let mut words: Vec<(&str, Vec<&str>)> = Vec::new();
    for answer in answers.iter().filter(|own| !["fine", "not due"].contains(&own.word.as_str())) {
        match words.iter_mut().find(|(word, _)| *word == answer.word) {
            // An actor may have several answers of one word: it is named once.
            Some((_, who)) if who.contains(&answer.who.as_str()) => {}
            Some((_, who)) => who.push(&answer.who),
            None => words.push((&answer.word, vec![&answer.who])),
        }
    }
    if words.is_empty() {
        return "as it should be".to_owned();
    }
    let told = words.iter().map(|(word, who)| {
        let more = who.len().saturating_sub(NAMES_MAX);
        let who = who[..who.len() - more].join(" ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{word} at {who}{more}")
    });
    told.collect::<Vec<_>>().join(", ")
}

fn unsaid(history: &History) -> String {
    format!("nothing is known of it: the run ended {:?}", history.end).to_lowercase()
}

fn consumer(
    plan: &Plan,
    standing: &Standing,
    name: Option<&str>,
    proofs: &[Proof<'_>],
) -> (String, Vec<String>) {
    // Of two messages in the wrong order, one is late, and the other one is its witness.
    let is_own = |(kind, _, proof): &&Proof<'_>| {
        *kind == AnomalyKind::Lost || proof.messages.first().map(String::as_str) == name
    };
    let own: Vec<_> = proofs.iter().filter(is_own).collect();
    let witnessed = proofs.iter().filter(|proof| !is_own(proof));
    let witnessed = witnessed.map(|(kind, _, proof)| {
        format!("it is in the proof of another, {}: {}", kind.as_str(), proof.title)
    });
    let (word, mut lines) = if own.is_empty() {
        let (word, line) = fine(plan, standing);
        (word.to_owned(), vec![line])
    } else {
        let mut words: Vec<String> =
            own.iter().map(|(kind, broken, _)| word(*kind, *broken)).collect();
        words.dedup();
        let lines = own.iter().flat_map(|(_, _, proof)| reasons(proof));
        (words.join(", "), lines.collect())
    };
    lines.extend(witnessed);
    (word, lines)
}

fn word(kind: AnomalyKind, is_violation: bool) -> String {
    let kind = kind.as_str();
    if is_violation { kind.to_owned() } else { format!("{kind} (allowed)") }
}

fn reasons(proof: &Anomaly) -> Vec<String> {
    std::iter::once(&proof.title).chain(&proof.evidence).cloned().collect()
}

/// Where no check has found anything: the word, and why.
fn fine(plan: &Plan, standing: &Standing) -> (&'static str, String) {
    let count = standing.came.len();
    if count == 0 {
        return absent(standing.due);
    }
    let all = |wanted: Came| standing.came[1..].iter().all(|(_, came)| *came == wanted);
    let how_often = match standing.came[0].1 {
        Came::First if count == 1 => "it came once".to_owned(),
        Came::First if all(Came::Redelivered) => format!(
            "it came {count} times, which is no duplicate: the consumer crashed before it had \
             acknowledged it"
        ),
        Came::First if all(Came::Misnumbered) => format!(
            "it came {count} times, for its offset is that of another message, too: the offset is \
             to blame"
        ),
        _ => format!("it came {}", numbers::count(count as u64, "time")),
    };
    let order = match plan.scenario.expect.order {
        Order::PerTopic | Order::PerProducer => " and in order",
        Order::None => "; no order is promised",
    };
    let doubt = match standing.due {
        Due::OutcomeUnknown => {
            ". Whether it was stored was unknown: it might as well not have come"
        }
        Due::Between => ". It might as well not have come: it left before the subscription stood",
        _ => "",
    };
    ("fine", format!("{how_often}{order}{doubt}"))
}

fn absent(due: Due) -> (&'static str, String) {
    let (word, why) = match due {
        Due::BeforeStart { start, at } => {
            let why = format!(
                "it stands at offset {at}, and the subscription, which was on its way, starts at {start}"
            );
            return ("not due", why);
        }
        Due::Yes => ("missing", "it was due, and no check calls it lost"),
        Due::NotPlanned => ("not due", "the scenario does not send that topic there"),
        Due::NoSubscription => ("not due", "its subscription was never confirmed"),
        Due::NotSent => ("not due", "it was never sent"),
        Due::Refused => ("fine", "it was refused or never left, and did not come"),
        Due::OutcomeUnknown => {
            ("fine", "it did not come, and need not: whether it was stored is unknown")
        }
        Due::Before => ("not due", "it was acked before the subscription was asked for"),
        Due::Between => (
            "not due",
            "it was on its way while the subscription was, and nothing proves that it stands \
             behind its start",
        ),
        Due::Undecided => {
            ("undecided", "it did not come, and the run ended before that proves anything")
        }
    };
    (word, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Answer, sum};

    #[test]
    fn an_actor_is_named_once_for_each_word() {
        let answer = |(who, word): (&str, &str)| Answer {
            who: who.to_owned(),
            word: word.to_owned(),
            reasons: Vec::new(),
        };
        let check = |own: &[(&str, &str)], expected| {
            let answers: Vec<Answer> = own.iter().copied().map(answer).collect();
            assert_eq!(sum(&answers), expected);
        };
        check(&[("C1", "fine")], "as it should be");
        let stale = ("P1", "stale ack");
        check(&[("C1", "lost"), ("C2", "lost"), stale, stale], "lost at C1 C2, stale ack at P1");
    }
}
