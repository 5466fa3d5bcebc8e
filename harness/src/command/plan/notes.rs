//! What is worth knowing about a plan and keeps it from no run.

use crate::driver;
use crate::input::diagnostic::Diagnostic;
use crate::numbers;
use crate::plan::{ConsumerIndex, Plan};
use crate::scenario::objection::names_not_started;

/// What the plan asks for that the broker which the harness starts does not have.
pub(super) fn notes(plan: &Plan) -> Vec<String> {
    let row = driver::find(&plan.scenario.broker).expect("`main` has looked the driver up");
    let capabilities = (row.capabilities)(&plan.scenario.broker);
    let note = |diagnostic: &Diagnostic| match diagnostic.location() {
        Some((file, line, column)) => format!("{file}:{line}:{column}: {}", diagnostic.brief()),
        None => diagnostic.brief(),
    };
    let names = names_not_started(&plan.scenario, &capabilities);
    names.iter().map(note).chain(late_polls(plan)).collect()
}

/// The consumers that poll only when every producer is done, because fewer messages are sent than
/// they wait for.
fn late_polls(plan: &Plan) -> Vec<String> {
    let consumers = plan.scenario.consumers.iter().enumerate();
    let late = consumers.filter_map(|(place, own)| {
        let sent = plan.consumer_total(ConsumerIndex::new(place));
        let count = own.poll_after.filter(|count| count.get() > sent)?;
        let messages = numbers::count(sent, "message");
        let number = own.number;
        Some(format!(
            "C{number} waits for {count} acked, and its topics get {messages}: it polls first when \
             every producer is done"
        ))
    });
    late.collect()
}
