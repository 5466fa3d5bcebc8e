//! What a consumer gets again after a crash.

use super::small::Case;
use super::*;

fn case(case: Case) -> Case {
    case.acked("P1#1", (10, 11), None).acked("P1#2", (12, 13), None)
}

#[test]
fn what_was_handed_out_is_acknowledged_where_the_poll_acknowledges() {
    // A subscription without offsets, or one that the plan says so of.
    let plain = || case(Case::plain(1, 1, 2)).gets(1, "P1#1").crashed(1).gets(1, "P1#1 P1#2");
    plain().finds(&[(AnomalyKind::Duplicate, 1)]);
    plain().delivery(scenario::Delivery::AtLeastOnce).finds(&[]);
    // Without offsets either, a broker may be told apart from polling what was received.
    let mut apart = plain();
    apart.history.acknowledged_apart = true;
    apart.finds(&[]);
    let ours = || {
        let case = case(Case::new(1, 1, 2)).gets(1, "P1#1@0 P1#2@1");
        case.crashed(1).gets(1, "P1#1@0 P1#2@1")
    };
    ours().finds(&[]);
    let mut automatic = ours();
    automatic.plan.scenario.consumers[0].acknowledge = scenario::Acknowledge::Automatic;
    automatic.finds(&[(AnomalyKind::Duplicate, 2)]);
}

#[test]
fn what_was_acknowledged_by_offset_is_not_handed_out_again() {
    let case = case(Case::new(1, 1, 2)).gets(1, "P1#1@0").gets(1, "P1#2@1").crashed(1);
    case.gets(1, "P1#1@0 P1#2@1").finds(&[(AnomalyKind::Duplicate, 1)]);
}

#[test]
fn a_second_crash_excuses_as_the_first_did() {
    let ours = case(Case::new(1, 2, 2)).gets(1, "P1#1@0").crashed(1).gets(1, "P1#1@0");
    let ours = ours.crashed(1).gets(1, "P1#1@0 P1#2@1").gets(2, "P1#1@0 P1#2@1");
    ours.finds(&[]);
    let plain = case(Case::plain(1, 2, 2)).gets(1, "P1#1").crashed(1).gets(1, "P1#1");
    let plain = plain.crashed(1).gets(1, "P1#1 P1#2").gets(2, "P1#1 P1#2");
    plain.finds(&[(AnomalyKind::Duplicate, 2)]);
}
