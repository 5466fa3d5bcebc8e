//! What happened around some messages: their requests with all attempts, who got them and what beside
//! them, and the faults under way. As long as was asked for, whatever the length of the run.

use super::draft::Draft;
use super::focus::{Focus, Limits};
use super::found::Found;
use super::model::Diagram;
use super::window::Places;
use crate::history::History;
use crate::plan::{ConsumerIndex, Plan};

/// A diagram for each focus, in one pass over the requests and deliveries of all of them.
///
/// # Panics
/// If a focus names what plan and history do not have.
pub fn around(plan: &Plan, history: &History, focuses: &[Focus], limits: Limits) -> Vec<Diagram> {
    let found = Found::look(plan, history, focuses);
    let draft = |focus| Draft::new(plan, history, focus, &found, limits);
    let mut drafts: Vec<Draft<'_>> = focuses.iter().map(draft).collect();
    for (place, part) in history.consumers.iter().enumerate() {
        let consumer = ConsumerIndex::new(place);
        let mut own = drafts.iter_mut().filter(|draft| draft.consumers.contains(&consumer));
        let Some(first) = own.next() else { continue };
        let places = Places::of(plan, part);
        first.consumer(consumer, &places, &found);
        own.for_each(|draft| draft.consumer(consumer, &places, &found));
    }
    drafts.into_iter().map(Draft::finish).collect()
}

#[cfg(test)]
mod tests {
    use super::around;
    use crate::diagram::{Focus, Limits};
    use crate::fixture::{SMALL, SMALL_LOGS, history, moment, plan};
    use crate::history::{Attempt, Class, Delivery, History};
    use crate::plan::{ConsumerIndex, MessageId, Plan};

    /// P1#2 took two attempts, and never came at C2.
    fn lost(plan: &Plan) -> History {
        let mut history = history(plan, |consumer, _, mut all| {
            all.retain(|id| consumer == 1 || id.0 != 1);
            all
        });
        let sent = &mut history.producers[0].sends[1];
        let attempt = |began, ended, class| Attempt {
            began: moment(began),
            ended: moment(ended),
            class,
            code: (class == Class::Refused).then(|| "full".to_owned()),
            broker: 1,
        };
        sent.attempts = 2;
        sent.tries = vec![attempt(2, 2, Class::Refused), attempt(3, 3, Class::Acked)];
        history
    }

    fn drawn(plan: &Plan, history: &History, focus: Focus, limits: Limits) -> String {
        around(plan, history, &[focus], limits).remove(0).to_text()
    }

    const LIMITS: Limits = Limits { neighbours: 1, consumers: 9, events: 30 };

    #[test]
    fn a_lost_message_is_shown_with_its_attempts_and_what_came_beside_it() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let history = lost(&plan);
        let focus = || Focus { messages: vec![MessageId(1)], ..Focus::default() };
        assert_eq!(
            drawn(&plan, &history, focus(), LIMITS),
            "       ms  P1                     C1                           C2\n\
             \x20       2  P1#2 -> T1\n\
             \x20       2  P1#2 refused (full)\n\
             \x20       3  P1#2 -> T1, attempt 2\n\
             \x20       3  P1#2 acked, attempt 2\n\
             \x20      17                         got P1#1, P1#2, P1#3 (of 6)\n\
             \x20      17                                                      got P1#1, P1#3 (of 5)\n"
        );
        let consumers = vec![ConsumerIndex(1)];
        let one = drawn(
            &plan,
            &history,
            Focus { consumers, ..focus() },
            Limits { consumers: 1, ..LIMITS },
        );
        assert!(one.contains("C2") && !one.contains("C1"), "{one}");
    }

    #[test]
    fn what_is_farthest_is_left_out_first() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let history = lost(&plan);
        let focus = Focus { messages: vec![MessageId(1)], ..Focus::default() };
        let text = drawn(&plan, &history, focus, Limits { events: 5, ..LIMITS });
        assert!(text.contains("got P1#1, P1#2") && !text.contains("got P1#1, P1#3"), "{text}");
    }

    #[test]
    fn a_delivery_that_no_message_explains_is_shown_by_its_place() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = lost(&plan);
        history.consumers[0].deliveries[3] = Delivery::new(None, Some(7));
        let deliveries = vec![(ConsumerIndex(0), 3)];
        let text = drawn(&plan, &history, Focus { deliveries, ..Focus::default() }, LIMITS);
        let expected =
            "       ms  C1\n       17  got P1#3, a message that nobody sent at 7, P2#2 (of 6)\n";
        assert_eq!(text, expected);
    }
}
