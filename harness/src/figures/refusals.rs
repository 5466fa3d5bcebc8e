//! Attempts that brokers refused, by the code that they gave.

use std::collections::BTreeMap;

use crate::history::{Class, History, Outcome, Sent};

/// So many codes are told apart, those that were met first; the rest are [`OTHERS`].
const CODES_MAX: usize = 100;

/// Stands for a refusal without a code.
const NONE: &str = "(none)";

/// Stands for codes beyond [`CODES_MAX`].
const OTHERS: &str = "(others)";

/// By code: how many attempts were refused with it.
pub(super) fn refusals(history: &History) -> BTreeMap<String, u64> {
    let mut refusals = BTreeMap::new();
    let sends = history.producers.iter().flat_map(|part| &part.sends);
    // Most requests are acked by their first attempt.
    let is_asked =
        |sent: &&Sent| !sent.tries.is_empty() || matches!(sent.outcome, Outcome::Refused { .. });
    for sent in sends.filter(is_asked) {
        // Which broker refused it plays no part here.
        for attempt in sent.each_attempt(1).iter().filter(|own| own.class == Class::Refused) {
            let code = attempt.code.as_deref().unwrap_or(NONE);
            let is_known = refusals.contains_key(code) || refusals.len() < CODES_MAX;
            let code = if is_known { code } else { OTHERS };
            *refusals.entry(code.to_owned()).or_default() += 1;
        }
    }
    refusals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, moment, plan};
    use crate::history::Attempt;

    #[test]
    fn every_attempt_that_was_refused_counts_by_its_code() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let attempt = |class, code: Option<&str>| Attempt {
            began: moment(0),
            ended: moment(1),
            class,
            code: code.map(str::to_owned),
            broker: 1,
        };
        let sends = &mut history.producers[0].sends;
        sends[0].tries = vec![
            attempt(Class::Refused, Some("full")),
            attempt(Class::Refused, None),
            attempt(Class::NeverLeft, None),
            attempt(Class::Refused, Some("full")),
            attempt(Class::Acked, None),
        ];
        let refused = |why: &str| Outcome::Refused { why: why.to_owned() };
        sends[1].outcome = refused("no room for it (quota)");
        sends[2].outcome = refused("cannot reach the broker at http://127.0.0.1:9: refused");
        let expected = [("(none)", 1), ("full", 2), ("quota", 1)];
        let expected = expected.map(|(code, count)| (code.to_owned(), count));
        assert_eq!(refusals(&history), BTreeMap::from(expected));
    }

    #[test]
    fn a_broker_that_makes_up_codes_has_a_row_for_the_rest() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let tries = (0..2 * CODES_MAX).map(|code| Attempt {
            began: moment(0),
            ended: moment(1),
            class: Class::Refused,
            code: Some(format!("code_{code}")),
            broker: 1,
        });
        history.producers[0].sends[0].tries = tries.collect();
        let refusals = refusals(&history);
        assert_eq!(refusals.len(), CODES_MAX + 1);
        assert_eq!(refusals[OTHERS], CODES_MAX as u64);
    }
}
