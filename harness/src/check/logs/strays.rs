//! Lines that cannot be right: of a topic that the consumer does not consume, or with a payload
//! that is not sent to it.

use super::ending::Ending;
use super::found::Found;
use super::parse::Lines;
use super::sent::Sent;
use crate::check::anomaly::Anomaly;
use crate::check::outcome::Promise;
use crate::plan::{ConsumerIndex, Plan};
use crate::scenario::AnomalyKind;

/// Finds the lines that do not belong in a consumer's log at all.
pub(super) fn judge(
    plan: &Plan,
    everything: &[Sent<'_>],
    consumer: ConsumerIndex,
    log: &Lines,
    ending: &Ending<'_>,
    found: &mut Found,
) {
    let planned = &plan.consumers[consumer.place()];
    for line in log.iter().chain(ending.last) {
        let topic = plan.topics[line.topic.place()].name.as_str();
        let sent = &everything[line.topic.place()];
        let elsewhere = || {
            let mut others = everything.iter().filter(|other| other.topic != line.topic);
            others.find(|other| other.payloads.contains_key(line.payload))
        };
        let place = format!("{}:{}", log.file, line.number);
        let (kind, title) = if !planned.topics.contains(&line.topic) {
            let what = format!("C{} does not consume {topic}", planned.number);
            (
                AnomalyKind::Misrouted,
                format!("{place}: {what}, and logged {:?} from it", line.payload),
            )
        } else if sent.payloads.contains_key(line.payload) {
            continue;
        } else if let Some(other) = elsewhere() {
            let other = other.name();
            let what = format!("{:?} is not sent to {topic} but to {other}", line.payload);
            (AnomalyKind::Misrouted, format!("{place}: {what}"))
        } else {
            (AnomalyKind::Phantom, format!("{place}: nobody sends {:?} to {topic}", line.payload))
        };
        let anomaly = || Anomaly::new(plan, line.topic, Some(consumer), &[], title);
        found.add(kind, Promise::Always, 1, anomaly);
    }
}
