//! What is worth knowing about a plan and keeps it from no run.

use crate::driver;
use crate::input::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::scenario::objection::names_not_started;

/// What the plan asks for that the broker which the harness starts does not have.
pub(super) fn notes(plan: &Plan) -> Vec<String> {
    let row = driver::find(&plan.scenario.broker).expect("`main` has looked the driver up");
    let capabilities = (row.capabilities)(&plan.scenario.broker);
    let note = |diagnostic: &Diagnostic| match diagnostic.location() {
        Some((file, line, column)) => format!("{file}:{line}:{column}: {}", diagnostic.brief()),
        None => diagnostic.brief(),
    };
    names_not_started(&plan.scenario, &capabilities).iter().map(note).collect()
}
