//! The audit reader: after the drain it reads the topics' logs themselves. What is missing can then
//! be blamed, on a broker that never stored it, or on one that stored it and did not hand it out; and
//! what was acked and is not there is lost, even if every consumer was quick.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::RunContext;
use crate::driver::{Failure, LogPart, Route};
use crate::history::{
    Audited, AuditedLog, Delivery, EpochIndex, Firing, History, Offset, Outcome, misses_anything,
};
use crate::plan::{Plan, TopicIndex};

/// How long all logs together may take; what is not read by then stays unread.
const WITHIN: Duration = Duration::from_secs(10);

/// Reads the logs of all topics, where the broker keeps everything, something is missing, or a fault
/// ended a process; nothing where it cannot be read. Call it while the broker is up and nobody works with it. The recorder may
/// know more epochs afterwards.
///
/// What cannot be read is noted as [`AuditedLog::Failed`]: an audit decides nothing.
pub async fn audit(context: &RunContext, history: &History) -> Vec<Audited> {
    let readable = context.driver.capabilities().reads_log.known() != Some(false);
    if !readable || !is_worth_it(context, history) {
        return Vec::new();
    }
    let deadline = Instant::now() + WITHIN;
    let mut all = Vec::new();
    for topic in (0..context.plan.topics.len()).map(TopicIndex::new) {
        let from = beginning(&context.plan, history, topic);
        let mut epochs: Vec<EpochIndex> = Vec::new();
        for route in context.routes.shared_ones() {
            let reading = read(context, route, topic, from, &epochs);
            let log = match timeout_at(deadline, reading).await {
                Ok(Ok(Read::Nothing)) => return all,
                Ok(Ok(Read::Known)) => continue,
                Ok(Ok(Read::Log(log))) => log,
                Ok(Err(failure)) => AuditedLog::Failed(failure.why),
                Err(_) => AuditedLog::Failed(format!("it was not read within {WITHIN:?}")),
            };
            if let AuditedLog::Read { epoch, .. } = log {
                epochs.push(epoch);
            }
            all.push(Audited { topic, log });
        }
    }
    all
}

/// Whether the logs may say what consumers do not: what was lost, or what a process that was ended
/// has lost although everyone had got it.
fn is_worth_it(context: &RunContext, history: &History) -> bool {
    let faults = &context.plan.scenario.faults;
    let restarts = |firing: &Firing| faults[firing.fault as usize].action.effect.restarts();
    context.keeps_all
        || history.faults.iter().any(restarts)
        || misses_anything(&context.plan, history)
}

/// The least offset that the run met of a topic: a broker that is not ours alone may have a long
/// past.
fn beginning(plan: &Plan, history: &History, topic: TopicIndex) -> u64 {
    let claims = history.consumers.iter().flat_map(|part| &part.subscriptions);
    let starts = claims.filter(|claim| claim.topic == topic).filter_map(|claim| claim.offset);
    let sends = history.producers.iter().flat_map(|part| &part.sends);
    let sends = sends.filter(|sent| plan.streams[sent.stream.place()].topic == topic);
    let acks = sends.filter_map(|sent| match &sent.outcome {
        Outcome::Acked { offsets } => offsets.first(),
        _ => None,
    });
    starts.chain(acks).min().unwrap_or(0)
}

/// What an address has of a topic.
enum Read {
    /// It cannot be asked.
    Nothing,
    /// The log that another address has too.
    Known,
    Log(AuditedLog),
}

async fn read(
    context: &RunContext,
    route: Route,
    topic: TopicIndex,
    from: u64,
    known: &[EpochIndex],
) -> Result<Read, Failure> {
    let (driver, recorder) = (&context.driver, &context.recorder);
    let Some(mut part) = driver.read_log(route, topic, from).await? else {
        return Ok(Read::Nothing);
    };
    let epoch = recorder.epoch(&part.epoch);
    if known.contains(&epoch) {
        return Ok(Read::Known);
    }
    let mut messages = Vec::new();
    loop {
        let next = take(&part, &mut messages);
        let Some(next) = next.filter(|next| *next < part.end) else {
            let end = part.end;
            let whole = context.keeps_all;
            return Ok(Read::Log(AuditedLog::Read { epoch, end, whole, messages }));
        };
        let more = driver.read_log(route, topic, next).await?;
        part = more.filter(|more| recorder.epoch(&more.epoch) == epoch).ok_or_else(|| {
            Failure::new("another life of the store began while the log was read")
        })?;
    }
}

/// Adds the messages of a part, and says where the next one begins.
fn take(part: &LogPart, messages: &mut Vec<Delivery>) -> Option<Offset> {
    let mut next = None;
    for found in part.messages.iter() {
        next = found.offset.map(|offset| offset + 1).or(next);
        messages.push(Delivery::new(found.identity.message(), found.offset));
    }
    next
}
