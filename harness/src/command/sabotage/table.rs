//! The table: what was injected against what was reported.

use std::fmt;

use crate::check::{Judgement, Verdict};
use crate::exit::Exit;
use crate::sabotage::Kind;
use crate::scenario::AnomalyKind;

/// Fewer anomalies than these prove little.
const INJECTED_MIN: u64 = 5;

/// The table's head; its rows print themselves.
pub(super) struct Table;

impl Table {
    pub(super) const HEAD: &'static str = "sabotage   injected  reported  ok   checks that fired";
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// None for the run without sabotage.
    kind: Option<Kind>,
    injected: u64,
    /// What the checks found, allowed or not, in their order.
    found: Vec<(AnomalyKind, u64)>,
    /// Why the row does not hold, and what that makes of the whole.
    trouble: Option<(Exit, String)>,
}

/// What stands in place of a yes where the broker cannot be made wrong in this way.
const IMPOSSIBLE: &str = "-";

impl Row {
    /// The row of a run that was held.
    pub(super) fn new(kind: Option<Kind>, injected: u64, judgement: &Judgement) -> Self {
        let all = judgement.violations.iter().chain(&judgement.allowed);
        let mut found: Vec<(AnomalyKind, u64)> = Vec::new();
        for finding in all {
            match found.iter_mut().find(|(kind, _)| *kind == finding.kind) {
                Some((_, count)) => *count += finding.count,
                None => found.push((finding.kind, finding.count)),
            }
        }
        found.sort_unstable();
        let mut row = Self { kind, injected, found, trouble: None };
        row.trouble = row.judge(judgement);
        row
    }

    /// The row of a run that could not be held.
    pub(super) fn without_verdict(kind: Option<Kind>, why: String) -> Self {
        Self { kind, injected: 0, found: Vec::new(), trouble: Some((Exit::NoVerdict, why)) }
    }

    /// The row of a kind that is not possible with the broker.
    pub(super) fn impossible(kind: Kind, why: &str) -> Self {
        let trouble = Some((Exit::Passed, format!("not possible: {why}")));
        Self { kind: Some(kind), injected: 0, found: Vec::new(), trouble }
    }

    pub(super) fn exit(&self) -> Exit {
        self.trouble.as_ref().map_or(Exit::Passed, |(exit, _)| *exit)
    }

    fn judge(&self, judgement: &Judgement) -> Option<(Exit, String)> {
        let Some(kind) = self.kind else {
            let doubts = judgement.inconclusive.join("; ");
            return match judgement.verdict {
                Verdict::Pass if self.found.is_empty() => None,
                Verdict::Unknown => Some((Exit::NoVerdict, doubts)),
                _ => Some((Exit::Failed, "nothing was injected, and checks fired".to_owned())),
            };
        };
        if self.injected == 0 {
            let why = "vacuous: nothing could be injected into this scenario".to_owned();
            return Some((Exit::NoVerdict, why));
        }
        let expected = [(kind.anomaly(), self.injected)];
        if self.found != expected {
            let [(anomaly, count)] = expected;
            let mut why = format!("expected {} {count} and nothing else", anomaly.as_str());
            let surprises = judgement.violations.iter().chain(&judgement.allowed);
            for finding in surprises.filter(|finding| finding.kind != anomaly) {
                for proof in finding.proofs.iter().take(1) {
                    why += &format!("\n           {}", proof.title);
                    why.extend(proof.evidence.iter().map(|line| format!("\n             {line}")));
                }
            }
            why.extend(judgement.inconclusive.iter().map(|doubt| format!("\n           {doubt}")));
            return Some((Exit::Failed, why));
        }
        (self.injected < INJECTED_MIN)
            .then(|| (Exit::Failed, format!("fewer than {INJECTED_MIN} prove little")))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.map_or("(none)", Kind::as_str);
        let reported: u64 = self.found.iter().map(|(_, count)| count).sum();
        let ok = match self.trouble {
            None => "yes",
            Some((Exit::Passed, _)) => IMPOSSIBLE,
            Some(_) => "NO",
        };
        let fired: Vec<_> =
            self.found.iter().map(|(kind, count)| format!("{} {count}", kind.as_str())).collect();
        let fired = if fired.is_empty() { "none".to_owned() } else { fired.join(", ") };
        write!(f, "{kind:<9}  {:>8}  {reported:>8}  {ok:<3}  {fired}", self.injected)?;
        match &self.trouble {
            Some((_, why)) => write!(f, "\n           {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Row;
    use crate::check::{Finding, Judgement, Keep, Verdict};
    use crate::exit::Exit;
    use crate::sabotage::Kind;
    use crate::scenario::AnomalyKind;

    fn judgement(found: &[(AnomalyKind, u64)]) -> Judgement {
        let findings = found.iter();
        let findings = findings.map(|(kind, count)| Finding {
            kind: *kind,
            count: *count,
            possible: 0,
            not_in_log: 0,
            blames: None,
            traces: None,
            does_not_start: false,
            by_share: Default::default(),
            keep: Keep::First,
            proofs: Vec::new(),
        });
        let verdict = if found.is_empty() { Verdict::Pass } else { Verdict::Fail };
        Judgement { verdict, violations: findings.collect(), allowed: vec![], inconclusive: vec![] }
    }

    #[track_caller]
    fn check(kind: Option<Kind>, injected: u64, found: &[(AnomalyKind, u64)], exit: Exit) {
        let row = Row::new(kind, injected, &judgement(found));
        assert_eq!(row.exit(), exit, "{row}");
        assert_eq!(row.to_string().contains(" yes "), exit == Exit::Passed, "{row}");
    }

    #[test]
    fn a_clean_run_holds_only_without_a_finding() {
        check(None, 0, &[], Exit::Passed);
        check(None, 0, &[(AnomalyKind::Lost, 1)], Exit::Failed);
    }

    #[test]
    fn a_sabotaged_run_holds_only_with_its_own_anomaly_in_its_exact_number() {
        check(Some(Kind::Lose), 7, &[(AnomalyKind::Lost, 7)], Exit::Passed);
        check(Some(Kind::Lose), 7, &[(AnomalyKind::Lost, 6)], Exit::Failed);
        check(Some(Kind::Lose), 7, &[(AnomalyKind::Lost, 8)], Exit::Failed);
        check(Some(Kind::Lose), 7, &[], Exit::Failed);
        check(Some(Kind::Lose), 7, &[(AnomalyKind::Duplicate, 7)], Exit::Failed);
        check(
            Some(Kind::Lose),
            7,
            &[(AnomalyKind::Lost, 7), (AnomalyKind::Early, 1)],
            Exit::Failed,
        );
    }

    #[test]
    fn few_injections_are_a_failure_and_none_are_vacuous() {
        check(Some(Kind::Early), 4, &[(AnomalyKind::Early, 4)], Exit::Failed);
        check(Some(Kind::Early), 0, &[], Exit::NoVerdict);
    }

    #[test]
    fn what_is_not_possible_says_so_and_is_no_failure() {
        let row = Row::impossible(Kind::StaleAck, "acks carry no offset");
        assert_eq!(row.exit(), Exit::Passed);
        assert_eq!(
            row.to_string(),
            "stale-ack         0         0  -    none\n           not possible: acks carry no offset"
        );
    }

    #[test]
    fn a_run_without_verdict_says_why() {
        let mut unknown = judgement(&[]);
        unknown.verdict = Verdict::Unknown;
        unknown.inconclusive = vec!["the drain is undecided".to_owned()];
        let row = Row::new(None, 0, &unknown);
        assert_eq!(row.exit(), Exit::NoVerdict);
        assert!(row.to_string().contains("the drain is undecided"), "{row}");
        let row = Row::without_verdict(Some(Kind::Lose), "port in use".to_owned());
        assert_eq!(row.exit(), Exit::NoVerdict);
        assert!(row.to_string().contains("port in use"), "{row}");
    }
}
