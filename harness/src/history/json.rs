//! A history as JSON lines: a run's whole evidence in a file, to be judged again at any time.
//!
//! The first line, `{"history":1,..}`, says which plan it belongs to. Then come each producer's
//! sessions and sends and each consumer's subscriptions and polls, a line each, faults, audited logs and
//! what is known of messages on the disk where there are any, and at last how the run ended and how many of each there are, so that a
//! file that lacks something is noticed. Messages go by name (`P4#17`), and the deliveries of a poll
//! are runs of neighbours, so that a batch of 500 takes a few bytes.

mod header;
mod line;
mod on_disk;
mod plain;
mod read;
mod write;

pub use header::settle;
pub use read::{Error, read};
pub use write::write;

use crate::fnv::Fnv;
use crate::history::History;
use crate::plan::Plan;

/// The digest of a history as JSON lines: two runs that differ in anything have different ones.
pub fn digest(plan: &Plan, history: &History) -> u64 {
    let mut digest = Fnv::default();
    write(plan, history, &mut digest).expect("a number can always be written to");
    digest.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{digest, read, settle, write};
    use crate::check::fixture::{Chance, Play, SMALL, Shape, history, plan};
    use crate::history::{
        Answer, Attempt, Audited, AuditedLog, Class, Delivery, End, EpochIndex, History, Moment,
        Oddity, Outcome,
    };
    use crate::plan::{Plan, TopicIndex};
    use crate::scenario::Store;

    fn written(plan: &Plan, history: &History) -> String {
        let mut bytes = Vec::new();
        write(plan, history, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn refusal(plan: &Plan, text: &str) -> String {
        read(plan, text.as_bytes()).unwrap_err().to_string()
    }

    /// Adds what a broken broker does: payloads and identities that no plan explains.
    fn spoil(history: &mut History, seed: u64) {
        let mut chance = Chance(seed);
        history.scattered_batches = chance.below(2) == 0;
        history.acknowledged_apart = chance.below(2) == 0;
        history.end = [End::Drained, End::Idle, End::Deadline, End::Interrupted][chance.below(4)];
        for consumer in &mut history.consumers {
            for place in 0..consumer.deliveries.len() {
                if chance.below(5) == 0 {
                    let old = consumer.deliveries[place];
                    let message = old.message().filter(|_| chance.below(2) == 0);
                    consumer.deliveries[place] = Delivery::new(message, old.offset());
                    let producer = (chance.below(2) == 0).then_some(-3);
                    let sequence = producer.map(|_| 8);
                    let payload = "x \"\u{e9}\n\\".to_owned();
                    let earlier_run = producer.is_none() && chance.below(2) == 0;
                    let oddity = Oddity { payload, producer, sequence, earlier_run };
                    consumer.oddities.insert(place as u64, oddity);
                }
            }
            for polled in &mut consumer.polls {
                if polled.answer == Answer::Delivered(0) && chance.below(3) == 0 {
                    polled.answer = if chance.below(2) == 0 {
                        Answer::Deleted(3..u64::MAX)
                    } else {
                        Answer::Failed("cut \"off\"".to_owned())
                    };
                }
            }
            if chance.below(3) == 0 {
                consumer.subscriptions[0].confirmed = None;
                consumer.subscriptions[0].epoch = None;
            } else if chance.below(3) == 0 {
                consumer.subscriptions[0].forgotten = Some(Moment { stamp: 900, at: 1_200 });
            }
        }
        let messages: Vec<Delivery> = history.consumers[0].deliveries.clone();
        history.audit = vec![
            Audited {
                topic: TopicIndex(0),
                log: AuditedLog::Read { epoch: EpochIndex(0), end: 99, whole: true, messages },
            },
            Audited { topic: TopicIndex(1), log: AuditedLog::Failed("away \"now\"".to_owned()) },
        ];
        for producer in &mut history.producers {
            producer.sessions[0].broker = 1 + u32::try_from(chance.below(3)).unwrap();
            let sent = &mut producer.sends[0];
            sent.intended += 5;
            if chance.below(2) == 0 {
                sent.attempts = 3;
                continue;
            }
            let tries = [Class::NeverLeft, class(&sent.outcome)].map(|class| Attempt {
                began: sent.invoked,
                ended: sent.invoked,
                class,
                code: (chance.below(2) == 0).then(|| "full".to_owned()),
                broker: 2,
            });
            (sent.attempts, sent.tries) = (2, tries.into());
        }
    }

    fn class(outcome: &Outcome) -> Class {
        match outcome {
            Outcome::Acked { .. } => Class::Acked,
            Outcome::Refused { .. } => Class::Refused,
            Outcome::Unknown { .. } => Class::Unknown,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            seed in any::<u64>(),
            (together, blind, troubled) in any::<(bool, bool, bool)>(),
            batch in 1_u32..5,
        ) {
            let plan = plan(&Shape { batch, ..SMALL });
            let mut history = history(&plan, Play { seed, together, blind, troubled });
            spoil(&mut history, seed);
            let text = written(&plan, &history);
            let opening = text.starts_with("{\"history\":1,");
            prop_assert!(opening);
            let again = read(&plan, text.as_bytes()).unwrap();
            prop_assert_eq!(format!("{history:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn a_history_of_another_plan_is_refused() {
        let own = plan(&SMALL);
        let text = written(&own, &history(&own, Play::default()));
        let other = plan(&Shape { messages: 9, ..SMALL });
        assert_eq!(
            refusal(&other, &text),
            "line 1: the history is of a plan with 48 messages, this one has 54"
        );
        let renamed = text.replacen("\"scenario\":\"test\"", "\"scenario\":\"5p3c\"", 1);
        assert_eq!(
            refusal(&own, &renamed),
            "line 1: the history is of scenario 5p3c, this one is test"
        );
        let digest = text.find("\"plan\":\"").unwrap() + 8;
        let altered = format!("{}{}{}", &text[..digest], "0".repeat(16), &text[digest + 16..]);
        assert!(refusal(&own, &altered).contains("payloads or lines differ"));
    }

    #[test]
    fn a_plan_gets_the_seed_and_the_store_of_the_run() {
        let mut ran = plan(&SMALL);
        (ran.scenario.seed, ran.scenario.broker.on) = (7, "mysql".to_owned());
        let text = written(&ran, &history(&ran, Play::default()));
        let mut own = plan(&SMALL);
        assert_eq!(
            refusal(&own, &text),
            "line 1: the history is of a run on mysql, this plan is on memory"
        );
        settle(&mut own.scenario, text.lines().next().unwrap());
        assert_eq!((own.scenario.seed, own.scenario.broker.store), (7, Store::Mysql));
        assert!(read(&own, text.as_bytes()).is_ok());
        // Older files call it the store; some say neither, and are judged by the scenario as it is.
        let older = text.replacen("\"on\":\"mysql\"", "\"store\":\"mysql\"", 1);
        let mut own = plan(&SMALL);
        settle(&mut own.scenario, older.lines().next().unwrap());
        assert_eq!((own.scenario.seed, own.scenario.broker.store), (7, Store::Mysql));
        let oldest = text.replacen("\"seed\":7,\"on\":\"mysql\",", "", 1);
        let mut own = plan(&SMALL);
        let seed = own.scenario.seed;
        settle(&mut own.scenario, oldest.lines().next().unwrap());
        assert_eq!((own.scenario.seed, own.scenario.broker.store), (seed, Store::Memory));
        assert!(read(&own, oldest.as_bytes()).is_ok());
    }

    #[test]
    fn bad_lines_are_named_by_their_number() {
        let plan = plan(&SMALL);
        let text = written(&plan, &history(&plan, Play::default()));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(refusal(&plan, ""), "line 1: the file is empty");
        assert!(refusal(&plan, "hello\n").starts_with("line 1: this is no history"));
        assert!(read(&plan, &b"\xff\n"[..]).unwrap_err().to_string().contains("is no history"));
        let version = text.replacen("{\"history\":1,", "{\"history\":2,", 1);
        assert_eq!(
            refusal(&plan, &version),
            "line 1: the history has version 2, this harness reads 1"
        );
        let cut = lines[..lines.len() - 1].join("\n");
        assert_eq!(
            refusal(&plan, &cut),
            format!(
                "line {}: the file ends before the run does: its last line is to be `end`",
                lines.len()
            )
        );
        let after = format!("{text}{}\n", lines[1]);
        assert!(refusal(&plan, &after).contains("something follows the end"));
        let unknown = text.replacen("\"by\":\"P1\"", "\"by\":\"P9\"", 1);
        assert_eq!(refusal(&plan, &unknown), "line 2: the plan has no P9");
        let typo = text.replacen("\"attempts\"", "\"atempts\"", 1);
        assert!(refusal(&plan, &typo).contains("atempts"));
        let far = text.replacen("\"first\":0,\"count\":1", "\"first\":7,\"count\":2", 1);
        assert!(refusal(&plan, &far).contains("8 messages"), "{}", refusal(&plan, &far));
        let message = text.replacen("[\"P", "[\"P77", 1);
        assert!(refusal(&plan, &message).contains("no message P77"));
        let broken = [lines[0].as_bytes(), b"\n\xff\n"].concat();
        let words = read(&plan, &broken[..]).unwrap_err().to_string();
        assert_eq!(words, "line 2: this line is not UTF-8: the file is damaged");
    }

    #[test]
    fn a_file_that_lacks_a_line_is_damaged() {
        let plan = plan(&SMALL);
        let text = written(&plan, &history(&plan, Play::default()));
        let lines: Vec<&str> = text.lines().collect();
        for (place, line) in lines.iter().enumerate().skip(1).take(lines.len() - 2) {
            // What others refer to is missed before the end.
            let what = match &line[..6] {
                "{\"send" => "sends",
                "{\"poll" => "",
                _ => continue,
            };
            let rest = [&lines[..place], &lines[place + 1..]].concat().join("\n");
            let refused = refusal(&plan, &rest);
            assert!(
                refused.starts_with(&format!("line {}: the file is damaged: ", lines.len() - 1))
            );
            assert!(refused.contains(what), "{refused}");
        }
        let twice = [&lines[..lines.len() - 1], &lines[lines.len() - 2..]].concat().join("\n");
        assert!(refusal(&plan, &twice).contains(" polls were written, and "));
    }

    #[test]
    fn what_is_wrong_with_a_field_is_said_without_names_of_types() {
        let plan = plan(&SMALL);
        let text = written(&plan, &history(&plan, Play::default()));
        let lines: Vec<&str> = text.lines().collect();
        let broken = |line: &str| refusal(&plan, &format!("{}\n{line}\n", lines[0]));
        let poll = "{\"poll\":{\"by\":\"C1\",\"subscription\":0,\"invoked\":[1,1],\"completed\":[2,2],\
                    \"answer\":{\"delivered\":[[\"P1#1\",0,1]]}}}";
        let changed = |from: &str, to: &str| broken(&poll.replacen(from, to, 1));
        let expected = [
            (
                changed(":0,", ":\"x\","),
                "poll.subscription: expected a whole number below 2^32, found string \"x\"",
            ),
            (changed("[1,1]", "[1]"), "poll.invoked: "),
            (
                changed("[1,1]", "7"),
                "poll.invoked: expected [stamp, nanoseconds], found integer `7`",
            ),
            (
                changed("0,1]]", "0,-1]]"),
                "poll.answer.delivered[0][2]: expected a whole number below 2^32",
            ),
            (
                changed("[[\"P1#1\",0,1]]", "[8]"),
                "poll.answer.delivered[0]: expected a list of message, offset and count",
            ),
            (changed("\"by\":\"C1\",", ""), "missing field `by`"),
            (changed("\"C1\"", "8"), "poll.by: expected a string, found integer `8`"),
            (
                broken("{\"poll\":5}"),
                "poll: expected an object with what is known of the poll, found integer `5`",
            ),
            (broken("{\"pole\":5}"), "unknown variant `pole`"),
            (broken("\"poll\""), "expected its content after it, found only a name"),
            (broken("[]"), ""),
            (broken("{\"poll\":{\"by\""), ""),
            (
                broken("{\"end\":\"drained\"}"),
                "end: expected an object that says how the run ended",
            ),
        ];
        for (words, wanted) in expected {
            assert!(words.starts_with("line 2: ") && words.contains(wanted), "{words}\n{wanted}");
            for name in ["struct", "enum", "tuple", "u32", "u64", "usize", "Cow"] {
                assert!(!words.contains(name), "{words}");
            }
        }
    }

    #[test]
    fn tries_that_do_not_fit_their_request_are_refused() {
        let plan = plan(&SMALL);
        let text = written(&plan, &history(&plan, Play::default()));
        let first = text.lines().next().unwrap();
        let session = text.lines().find(|line| line.starts_with("{\"session\"")).unwrap();
        let refused = |attempts: u32, tries: &str, outcome: &str| {
            let send = format!(
                "{{\"send\":{{\"by\":\"P1\",\"session\":0,\"topic\":\"T1\",\"first\":0,\"count\":1,\
                 \"invoked\":[10,10],\"completed\":[20,20],\"attempts\":{attempts},\
                 \"tries\":[{tries}],\"outcome\":{outcome}}}}}"
            );
            refusal(&plan, &format!("{first}\n{session}\n{send}\n"))
        };
        let one = |began: u64, ended: u64, class: &str| {
            format!(
                "{{\"began\":[{began},0],\"ended\":[{ended},0],\"class\":\"{class}\",\"broker\":1}}"
            )
        };
        let (lost, acked) = ("{\"unknown\":\"cut\"}", "{\"acked\":0}");
        let two = [one(10, 11, "never_left"), one(12, 20, "unknown")].join(",");
        let fits = refused(2, &two, lost);
        assert!(fits.contains("the file ends before the run does"), "{fits}");
        for (words, wanted) in [
            (refused(3, &two, lost), "line 3: 2 tries are given for 3 attempts"),
            (refused(1, &one(9, 20, "unknown"), lost), "its tries do not follow each other"),
            (refused(1, &one(10, 21, "unknown"), lost), "its tries do not follow each other"),
            (refused(1, &one(12, 11, "unknown"), lost), "its tries do not follow each other"),
            (refused(1, &one(10, 11, "acked"), lost), "a request is acked if its last try is"),
            (refused(1, &one(10, 11, "unknown"), acked), "a request is acked if its last try is"),
            (
                refused(1, &one(10, 11, "lost"), lost),
                "line 3: send.tries[0].class: unknown variant `lost`, expected one of `acked`",
            ),
            (refused(1, "{}", lost), "line 3: send.tries[0]: missing field `began`"),
        ] {
            assert!(words.contains(wanted), "{words}\n{wanted}");
        }
    }

    #[test]
    fn one_nanosecond_makes_another_digest() {
        let plan = plan(&SMALL);
        let mut history = history(&plan, Play::default());
        let before = digest(&plan, &history);
        assert_eq!(before, digest(&plan, &history.clone()));
        history.consumers[0].polls[0].completed.at += 1;
        assert_ne!(before, digest(&plan, &history));
    }
}
