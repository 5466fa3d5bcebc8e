//! Timelines of histories made by hand.

use super::*;
use crate::check::{Verdict, judge};
use crate::figures::measure;
use crate::fixture::{SMALL, SMALL_LOGS, complete, history, moment, plan};
use crate::history::{Answer, Firing};
use crate::plan::MessageId;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One producer of so many messages, two consumers.
fn many(messages: u32) -> String {
    format!(
        "
description: Many
topics: {{ T1: P1 -> C1 C2 }}
producers: {{ all: {{ generate: {{ messages: {messages}, size: 4..8 }} }} }}
"
    )
}

fn timeline(plan: &Plan, history: &History) -> Timeline {
    measure(plan, history, &judge(plan, history)).1.timeline
}

#[test]
fn a_small_run_is_shown_whole() {
    let (_folder, plan) = plan(SMALL, SMALL_LOGS);
    let timeline = timeline(&plan, &complete(&plan));
    let names: Vec<_> = timeline.rows.iter().map(|row| &*row.actor).collect();
    assert_eq!(names, ["P1", "P2", "C1", "C2"]);
    assert_eq!((timeline.until, timeline.rows_left_out), (ms(17), 0));
    assert_eq!(timeline.focuses, []);
    // Sends begin at 0, 2, .. 10 ms and take 1; both polls are from 12 to 17.
    let first = Mark { from: ms(0), until: ms(1), kind: MarkKind::Acked };
    assert_eq!(timeline.rows[0].marks[0], first);
    let poll = Mark { from: ms(12), until: ms(17), kind: MarkKind::Delivered };
    assert_eq!(timeline.rows[3].marks, [poll]);
    let sums = timeline.rows.iter().map(|row| row.density.iter().sum::<u64>());
    assert_eq!(sums.collect::<Vec<_>>(), [3, 3, 6, 6]);
    assert_eq!(timeline.rows[3].density[DENSITY - 1], 6, "the last moment is in the last part");
}

#[test]
fn a_lost_message_is_a_place_of_its_own() {
    let (_folder, plan) = plan(SMALL, SMALL_LOGS);
    let history = history(&plan, |consumer, _, mut all| {
        if consumer == 2 {
            all.remove(1);
        }
        all
    });
    let timeline = timeline(&plan, &history);
    let [focus] = &timeline.focuses[..] else { panic!("{:?}", timeline.focuses) };
    assert_eq!(focus.what, "lost: C2 never got P1#2");
    assert!(focus.is_violation);
    assert_eq!(focus.at, ms(3), "its ack");
    // P1#2 was sent from 2 to 3 ms; its neighbours from 0 to 5, and C2 got them at 17.
    assert!(focus.from == ms(0) && focus.until == ms(17), "{focus:?}");
}

#[test]
fn a_reordered_message_is_looked_at_where_it_came() {
    let (_folder, plan) = plan(&many(400), &[]);
    let mut history = history(&plan, |consumer, _, mut all| {
        if consumer == 1 {
            all.swap(200, 201);
        }
        all
    });
    one_poll_each(&mut history);
    let judgement = judge(&plan, &history);
    assert_eq!(judgement.verdict, Verdict::Fail);
    let timeline = measure(&plan, &history, &judgement).1.timeline;
    let focus = &timeline.focuses[0];
    assert_eq!(focus.what, "reordered: C1 got P1#201 after P1#202, which is behind it");
    assert_eq!(focus.at, ms(1_002), "when C1 got it");
    // Sent at 400 ms; polled one by one from 800 ms on, so received at 1,001.
    assert!(focus.from < ms(400) && focus.until > ms(1_001), "{focus:?}");
    assert!(focus.until < timeline.until, "{focus:?}");
    // Too much for all: C2, which nothing is wrong with, has marks only where C1 is looked at.
    let outside = |mark: &Mark| mark.until < focus.from || mark.from > focus.until;
    let marks = || timeline.rows.iter().flat_map(|row| &row.marks);
    assert!(marks().count() > 100 && !marks().any(outside));
}

/// Each delivery by a poll of its own, one a millisecond.
fn one_poll_each(history: &mut History) {
    for consumer in &mut history.consumers {
        let poll = consumer.polls[0].clone();
        let times = 0..consumer.deliveries.len() as u64;
        consumer.polls = times
            .map(|time| {
                let begin = poll.invoked.at / 1_000_000 + time;
                let (invoked, completed) = (moment(begin), moment(begin + 1));
                let answer = Answer::Delivered(1);
                crate::history::Polled { invoked, completed, answer, ..poll.clone() }
            })
            .collect();
    }
}

fn firing(began: u64, ended: u64) -> Firing {
    Firing {
        fault: 0,
        whom: "P1".to_owned(),
        began: moment(began),
        struck: None,
        ended: moment(ended),
        met: 1,
        on_disk: None,
    }
}

fn with_a_fault(messages: u32) -> (tempfile::TempDir, Plan) {
    plan(&format!("{}faults:\n  - {{ at: 1s, cut: P1, for: 20ms }}\n", many(messages)), &[])
}

#[test]
fn a_fault_is_a_place_with_all_requests_around_it() {
    let (_folder, plan) = with_a_fault(2_000);
    let mut history = complete(&plan);
    history.faults = vec![firing(1_000, 1_200)];
    let timeline = timeline(&plan, &history);
    let [focus] = &timeline.focuses[..] else { panic!("{:?}", timeline.focuses) };
    assert_eq!((&*focus.what, focus.is_violation), ("cut P1", false));
    assert_eq!((focus.from, focus.until), (ms(950), ms(1_250)));
    let marks = &timeline.rows[0].marks;
    // One every two milliseconds; that of the last is over when the window begins.
    assert_eq!(marks.len(), 151, "{marks:?}");
    assert!(marks.iter().all(|mark| mark.until >= focus.from && mark.from <= focus.until));
    let density: u64 = timeline.rows[0].density.iter().sum();
    assert_eq!(density, 2_000, "the rest is there as density");
}

#[test]
fn marks_and_places_are_bounded_whatever_the_run() {
    let (_folder, plan) = with_a_fault(20_000);
    let mut history = complete(&plan);
    let all = (0..100).map(|turn| firing(turn * 400, turn * 400 + 390));
    history.faults = all.collect();
    let timeline = timeline(&plan, &history);
    assert_eq!(timeline.focuses.len(), FOCUSES_MAX);
    let marks: usize = timeline.rows.iter().map(|row| row.marks.len()).sum();
    assert_eq!(marks, MARKS_MAX);
    // What is kept is nearest to where a fault begins or ends.
    let near = |mark: &Mark| {
        let in_cycle = mark.from.as_millis() % 400;
        !(110..=280).contains(&in_cycle)
    };
    assert!(timeline.rows[0].marks.iter().all(near));
}

#[test]
fn actors_of_violations_have_rows_before_others() {
    let many = "
description: A crowd
topics: { T1: P1..P70 -> C1..C90 }
producers: { all: { generate: { messages: 1, size: 4..8 } } }
";
    let (_folder, plan) = plan(many, &[]);
    let sixty_ninth = MessageId(68);
    let history = history(&plan, |consumer, _, mut all| {
        if consumer == 88 {
            all.retain(|id| *id != sixty_ninth);
        }
        all
    });
    let timeline = timeline(&plan, &history);
    let names: Vec<_> = timeline.rows.iter().map(|row| &*row.actor).collect();
    assert_eq!((names.len(), timeline.rows_left_out), (ROWS_MAX, 100));
    assert_eq!(names[28..32], ["P29", "P69", "C1", "C2"]);
    assert_eq!(names[58..], ["C29", "C88"]);
}

#[test]
fn a_time_without_deliveries_is_a_gap() {
    let (_folder, plan) = plan(&many(400), &[]);
    let mut history = complete(&plan);
    one_poll_each(&mut history);
    for consumer in &mut history.consumers {
        for poll in &mut consumer.polls[100..] {
            poll.invoked.at += 300_000_000;
            poll.completed.at += 300_000_000;
        }
    }
    let timeline = timeline(&plan, &history);
    // The first ack was at 1 ms, the first delivery at 801.
    assert_eq!(timeline.gaps, [(ms(1), ms(801)), (ms(900), ms(1_201))]);
}

#[test]
fn nothing_and_all_at_once_are_fine() {
    let (_folder, plan) = plan(SMALL, SMALL_LOGS);
    let nothing = timeline(&plan, &History::default());
    assert_eq!(nothing.until, Duration::ZERO);
    assert_eq!((nothing.rows.len(), nothing.gaps.len(), nothing.focuses.len()), (0, 0, 0));
    let mut at_once = complete(&plan);
    for sent in at_once.producers.iter_mut().flat_map(|own| &mut own.sends) {
        (sent.invoked.at, sent.completed.at) = (0, 0);
    }
    for poll in at_once.consumers.iter_mut().flat_map(|own| &mut own.polls) {
        (poll.invoked.at, poll.completed.at) = (0, 0);
    }
    let timeline = timeline(&plan, &at_once);
    assert_eq!((timeline.until, timeline.rows[3].density[0]), (Duration::ZERO, 6));
    assert_eq!(timeline.gaps, []);
}
