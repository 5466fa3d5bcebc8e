//! The limit on open files, which thousands of connections run into: raised as far as it goes, and
//! a run that does not fit is refused before it starts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::plan::Plan;

/// Beside connections and logs: standard streams, the runtime's own, reports, the broker's pipes.
const OTHERS: u64 = 64;

/// Makes sure that a run of the plan may open what it needs: raises the soft limit to the hard one.
/// Children that are started afterwards inherit it.
///
/// # Errors
/// Where even the hard limit is too low, in words for people.
pub fn reserve(plan: &Plan) -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Refused only where the hard limit itself was lowered meanwhile; then the old one stands.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    check(plan, if raised { maximum } else { current })
}

/// `limit` is none where there is no limit.
fn check(plan: &Plan, limit: Option<u64>) -> Result<(), String> {
    let (connections, logs) = (plan.connections(), plan.consumers.len() as u64);
    let needed = connections + logs + OTHERS;
    match limit {
        Some(limit) if limit < needed => Err(format!(
            "the scenario needs {needed} open files ({connections} connections and {logs} consumer \
             logs), and the limit is {limit}; raise it (`ulimit -Hn {needed}`, as root) or use \
             fewer actors"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(consumers: u32) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.yaml");
        let yaml = format!(
            "topics:\n  T1: P1 -> C1..C{consumers}\n  T2: P1 -> C1\n\
             producers:\n  all: {{ generate: {{ messages: 4 }} }}\n"
        );
        std::fs::write(&file, yaml).unwrap();
        Plan::new(crate::scenario::load(&file).unwrap()).unwrap()
    }

    #[test]
    fn a_plan_that_does_not_fit_says_both_numbers() {
        // P1 sends on two topics at once; C1 polls two, the others one.
        let plan = plan(100);
        assert_eq!(plan.connections(), 2 + 101);
        assert_eq!(check(&plan, None), Ok(()));
        assert_eq!(check(&plan, Some(103 + 100 + OTHERS)), Ok(()));
        let error = check(&plan, Some(103 + 100 + OTHERS - 1)).unwrap_err();
        assert!(error.starts_with("the scenario needs 267 open files"), "{error}");
        assert!(error.contains("the limit is 266"), "{error}");
    }

    #[test]
    fn reserving_raises_the_soft_limit_to_the_hard_one() {
        reserve(&plan(1)).unwrap();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
