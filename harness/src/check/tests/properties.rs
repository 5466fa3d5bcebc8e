//! What holds of any history: weaker promises are broken by less, and one fault accuses one consumer.

use super::*;

const ORDERS: [Order; 3] = [Order::PerTopic, Order::PerProducer, Order::None];
const DELIVERIES: [scenario::Delivery; 3] = [
    scenario::Delivery::ExactlyOnce,
    scenario::Delivery::AtLeastOnce,
    scenario::Delivery::AtMostOnce,
];

/// Who is accused of what.
fn accused(judgement: &Judgement) -> Vec<(AnomalyKind, Option<&str>)> {
    let proofs = |finding: &super::super::Finding| {
        let kind = finding.kind;
        finding.proofs.clone().into_iter().map(move |proof| (kind, proof.consumer))
    };
    let all = judgement.violations.iter().flat_map(proofs);
    let names = ["C1", "C2", "C3"];
    all.map(|(kind, who)| (kind, names.into_iter().find(|name| who.as_deref() == Some(name))))
        .collect()
}

proptest! {
    #[test]
    fn a_legal_history_breaks_no_promise_of_any_strength(
        seed in any::<u64>(),
        (together, blind, troubled) in any::<(bool, bool, bool)>(),
        (order, delivery) in (0_usize..3, 0_usize..3),
        (producers, batch) in (1_u32..4, 1_u32..5),
    ) {
        let mut plan = plan(&Shape { topics: 1, producers, consumers: 3, messages: 12, batch });
        plan.scenario.expect.acked = Acked::Any;
        plan.scenario.expect.order = ORDERS[order];
        plan.scenario.expect.delivery = DELIVERIES[delivery];
        let history = history(&plan, Play { seed, together, blind, troubled });
        let judgement = judge(&plan, &history);
        prop_assert!(judgement.violations.is_empty(), "{judgement:#?}");
        prop_assert!(judgement.allowed.is_empty(), "{judgement:#?}");
    }

    #[test]
    fn a_swap_that_is_reordered_accuses_nobody_else(
        seed in any::<u64>(),
        (blind, contents) in any::<(bool, bool)>(),
        (consumers, batch) in (2_u32..4, 1_u32..4),
    ) {
        let plan = plan(&Shape { topics: 1, producers: 3, consumers, messages: 12, batch });
        let mut history = history(&plan, Play { seed, blind, ..Play::default() });
        let mut chance = Chance(seed);
        let own = &mut history.consumers[0].deliveries;
        let (one, other) = (chance.below(own.len()), chance.below(own.len()));
        own.swap(one, other);
        if contents {
            let (first, second) = (own[one], own[other]);
            own[one] = Delivery::new(first.message(), second.offset());
            own[other] = Delivery::new(second.message(), first.offset());
        }
        let judgement = judge(&plan, &history);
        let accused = accused(&judgement);
        if accused.iter().any(|(kind, _)| *kind == AnomalyKind::Reordered) {
            prop_assert!(accused.iter().all(|(_, who)| *who == Some("C1")), "{judgement:#?}");
        }
    }

    #[test]
    fn only_the_message_that_is_missing_is_lost(
        seed in any::<u64>(),
        (together, blind) in any::<(bool, bool)>(),
        (order, batch) in (0_usize..3, 1_u32..4),
    ) {
        let mut plan = plan(&Shape { topics: 1, producers: 3, consumers: 3, messages: 12, batch });
        plan.scenario.expect.order = ORDERS[order];
        let mut history = history(&plan, Play { seed, together, blind, troubled: false });
        let mut chance = Chance(seed);
        let consumer = chance.below(3);
        let part = &mut history.consumers[consumer];
        if !part.deliveries.is_empty() {
            let gone = part.drop_at(chance.below(part.deliveries.len()));
            let name = plan.name(gone.message().unwrap()).to_string();
            let judgement = judge(&plan, &history);
            for finding in &judgement.violations {
                prop_assert_eq!((finding.kind, finding.count), (AnomalyKind::Lost, 1));
                prop_assert_eq!(&finding.proofs[0].messages, std::slice::from_ref(&name));
            }
            // Whoever subscribed before everything misses what was acked for sure.
            prop_assert!(together || !judgement.violations.is_empty(), "{judgement:#?}");
        }
    }

    #[test]
    fn one_wrong_offset_is_one_finding_of_its_consumer(
        seed in any::<u64>(),
        (order, consumers) in (0_usize..3, 1_u32..4),
        (told, wrong) in (any::<bool>(), 0_u64..60),
    ) {
        let mut plan = plan(&Shape { topics: 1, producers: 2, consumers, messages: 15, batch: 1 });
        plan.scenario.expect.order = ORDERS[order];
        let mut history = history(&plan, Play { seed, ..Play::default() });
        if !told {
            for sent in history.producers.iter_mut().flat_map(|own| &mut own.sends) {
                sent.outcome = Outcome::Acked { offsets: Offsets::Untold };
            }
        }
        let mut chance = Chance(seed);
        let own = &mut history.consumers[0].deliveries;
        let place = chance.below(own.len());
        let right = own[place];
        own[place] = Delivery::new(right.message(), Some(wrong));
        let judgement = judge(&plan, &history);
        let all = judgement.violations.iter().chain(&judgement.allowed);
        let count: u64 = all.map(|finding| finding.count).sum();
        // Without acks a gap before the last message is as good as its offset.
        let seen = told || consumers > 1;
        let is_wrong = right.offset() != Some(wrong);
        let least = u64::from(is_wrong && seen);
        prop_assert!((least..=u64::from(is_wrong)).contains(&count), "{count}: {judgement:#?}");
    }
}
