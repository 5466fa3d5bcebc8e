//! A number for a whole history: two runs that differ in anything have different ones.

use super::write::write;
use crate::fnv::Fnv;
use crate::history::History;
use crate::plan::Plan;

/// The digest of the history as JSON lines.
#[must_use]
pub fn digest(plan: &Plan, history: &History) -> u64 {
    let mut digest = Fnv::default();
    write(plan, history, &mut digest).expect("a number can always be written to");
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::digest;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, plan};

    #[test]
    fn one_nanosecond_makes_another_digest() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let before = digest(&plan, &history);
        assert_eq!(before, digest(&plan, &complete(&plan)));
        history.consumers[0].polls[0].completed.at += 1;
        assert_ne!(before, digest(&plan, &history));
    }
}
