//! Every check is proved by a history that is broken on purpose in just that way.

use super::fixture::{Play, SMALL, history, plan};
use super::{Verdict, judge};

#[test]
fn a_legal_history_passes() {
    let plan = plan(&SMALL);
    for seed in 0..200 {
        for (together, blind) in [(false, false), (true, false), (false, true), (true, true)] {
            let history = history(&plan, Play { seed, together, blind, ..Play::default() });
            let judgement = judge(&plan, &history);
            assert_eq!(
                judgement.verdict,
                Verdict::Pass,
                "{seed} {together} {blind} {judgement:#?}"
            );
        }
    }
}
