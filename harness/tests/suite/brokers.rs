//! Every broker of the catalogue that can be started here, by the real binary: the ledgers are those
//! of our own broker, every sabotage is reported, faults of its process and of its links are carried
//! out, and nothing of it is left, whatever ends the harness.
//!
//! A server that is not installed is named, and its tests are not run; HARNESS_REQUIRE_SERVERS=1 makes
//! that an error. `ci/brokers.sh` installs what it can.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::capability::Survival;
use harness::catalogue::{self, Absent, Named};
use harness::recipes::RECIPES;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::missing::not_run;
use crate::support::{Ended, Folder, Running, end, processes, shipped, wait_for};

/// A broker of the catalogue that can be had here; none is told, unless it has to be there.
pub(crate) fn here(word: &str) -> Option<Named> {
    let entry = catalogue::entries().find(|entry| entry.word == word);
    let found = Named::of(entry.expect("it is in the catalogue"));
    let found = found.and_then(|named| named.version().map(|_| named));
    match found {
        Ok(named) => Some(named),
        Err(Absent::NoServer(why)) => {
            not_run(&format!("{word}: {why}"));
            None
        }
        Err(absent) => panic!("{word}: {}", absent.why()),
    }
}

/// The harness, which may know where servers are.
pub(crate) fn harness(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.harness(arguments);
    for row in RECIPES {
        let Some(installed) = &row.program else { continue };
        let name = installed.program.variable;
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The harness's end; nothing that it started may be there afterwards.
fn run(folder: &Folder, arguments: &[&str]) -> Ended {
    let ended = end(harness(folder, arguments));
    nothing_is_left(folder);
    ended
}

/// Every process that was started for a folder of this test's has its path in the environment: as its
/// own folder, or as that for temporary files.
pub(crate) fn nothing_is_left(folder: &Folder) {
    let mark = folder.join("tmp").to_str().unwrap().to_owned();
    let is_ours = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&mark)
    };
    wait_for("every process to be gone", || {
        processes().iter().all(|pid| !is_ours(pid)).then_some(())
    });
    wait_for("every temporary folder to be gone", || {
        let left = fs::read_dir(&mark).unwrap().count();
        (left == 0).then_some(())
    });
}

fn check(word: &str, ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{word}: {}\n{}", ended.stderr, ended.stdout);
}

/// 5p3c and its race have the ledgers that they have in memory. They ask for the order that the
/// broker's documents promise: two queues of RabbitMQ do take the messages of two producers in two
/// orders, and no document says that they do not.
fn ledgers(word: &str) {
    let Some(named) = here(word) else { return };
    let folder = Folder::new();
    let golden = shipped().parent().unwrap().join("golden");
    let order = named.documented.expect("it is in the catalogue").order;
    for name in ["5p3c", "together"] {
        // A broker that has just begun its first work takes seconds for a subscription: all messages
        // may be sent by then, and the race proves nothing.
        if name == "together" && named.is_slow {
            continue;
        }
        let text = fs::read_to_string(shipped().join(format!("{name}.yaml"))).unwrap();
        let logs = format!("log: {}/5p3c/", shipped().display());
        let text = text.replace("log: 5p3c/", &logs) + &format!("expect: {{ order: {order} }}\n");
        let file = format!("{name}.yaml");
        folder.write(&file, &text);
        let golden = ["--golden", golden.to_str().unwrap()];
        if let Some(ended) = passes(word, &folder, &file, &golden) {
            assert!(ended.stderr.contains("golden ok"), "{word}: {}", ended.stderr);
        }
    }
}

/// Runs a scenario that has to pass. On Tansu it may lose a delivery by itself: there is no pass then.
fn passes(word: &str, folder: &Folder, file: &str, more: &[&str]) -> Option<Ended> {
    let own = ["run", file, "--on", word, "--report-json", "report.json"];
    let ended = run(folder, &[&own[..], more].concat());
    if word == "tansu" && ended.code == Some(1) {
        only_deliveries_are_lost(&folder.report("report.json"));
        return None;
    }
    check(word, &ended);
    Some(ended)
}

/// A fetch from Tansu 0.6.0 in memory passes over a message now and then, without any fault: a
/// consumer's fetch, while others get that message from the same offset and it is in the log; or that
/// of the audit, while every consumer got it. It is chance, so a test can ask for no more than that it
/// is reported as this and nothing else.
fn only_deliveries_are_lost(report: &Value) {
    let violations = report["judgement"]["violations"].as_array().unwrap();
    assert!(!violations.is_empty(), "{report}");
    for violation in violations {
        assert_eq!(violation["kind"], "lost", "{report}");
        let delivered_in_part = &violation["blame"]["not_delivered"];
        assert_eq!(delivered_in_part, &violation["count"], "{report}");
    }
}

/// A table with all its rows held: injected is reported, and a row that is not possible says why.
fn sabotage(word: &str) {
    if here(word).is_none() {
        return;
    }
    let folder = Folder::new();
    let text = "topics:\n  T1: P1 P2 P3 -> C1 C2 C3\n  T2: P1 P2 -> C1 C2\nproducers:\n  \
                all: { generate: { messages: 400, size: 4..16 } }\n\
                expect: { order: per-producer }\ngolden: none\n";
    folder.write("small.yaml", text);
    let ended = run(&folder, &["sabotage", "small.yaml", "--on", word]);
    // The first line is a heading; a line of a proof or of a reason is indented.
    let rows: Vec<_> = ended.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(rows.len(), 12, "{word}: {}", ended.stdout);
    // What each of them does by itself, now and then. Tansu: see `only_deliveries_are_lost`. Two queues
    // behind one exchange need not agree on the order of two producers, and RabbitMQ's do not always.
    let by_itself = match word {
        "tansu" => Some(("lose", "lost")),
        "rabbitmq" | "rabbitmq-quorum" | "rabbitmq-transient" => Some(("diverge", "divergent")),
        _ => None,
    };
    match by_itself {
        Some(own) if ended.code == Some(1) => {
            only_this_is_found_too(own, &rows[1..], &ended.stdout);
        }
        _ => check(word, &ended),
    }
}

/// Where a row does not hold, what was injected was reported all the same, and beside it nothing but
/// what the broker does by itself: the sabotage that makes such a thing, and what it is called when it is
/// found.
fn only_this_is_found_too((sabotage, own): (&str, &str), rows: &[&str], table: &str) {
    for row in rows.iter().filter(|row| row.contains(" NO ")) {
        let (counts, fired) = row.split_once(" NO ").unwrap();
        let counts: Vec<&str> = counts.split_whitespace().collect();
        let injected: u64 = counts[1].parse().unwrap();
        let fired = fired.split(',').map(|one| one.trim().rsplit_once(' ').unwrap());
        let (own, others): (Vec<_>, Vec<_>) = fired.partition(|(kind, _)| *kind == own);
        let sum = |all: &[(&str, &str)]| all.iter().map(|one| one.1.parse::<u64>().unwrap()).sum();
        let (own_count, others): (u64, u64) = (sum(&own), sum(&others));
        let is_reported = if counts[0] == sabotage {
            own_count >= injected && others == 0
        } else {
            others == injected
        };
        assert!(is_reported && !own.is_empty(), "{table}");
    }
}

/// What is done to a broker's process under load, and comes to what its documents promise.
fn faults(word: &str) {
    let Some(named) = here(word) else { return };
    let folder = Folder::new();
    let scenario = |fault: &str, expect: &str| {
        format!(
            "topics: {{ T1: P1 P2 -> C1 C2 }}\n\
             producers: {{ all: {{ generate: {{ messages: 300 }}, pace: 300/s }} }}\n\
             faults: [{{ after: 100 acked, {fault} }}]\n\
             expect: {{ {expect} }}\ndrain: {{ idle: 3s, deadline: 90s }}\ngolden: none\n"
        )
    };
    let at_least_once = "delivery: at-least-once, order: none, acked: any";
    folder.write("pause.yaml", &scenario("pause: broker, for: 300ms", at_least_once));
    passes(word, &folder, "pause.yaml", &[]);
    let survives = named.documented.map(|documented| documented.survives);
    let keeps = survives.is_some_and(|survives| survives >= Survival::Kill);
    for what in ["kill", "stop"] {
        let file = format!("{what}.yaml");
        folder.write(&file, &scenario(&format!("{what}: broker, for: 100ms"), at_least_once));
        let ended = run(&folder, &["run", &file, "--on", word]);
        if keeps {
            check(word, &ended);
        } else {
            // What it had may be gone, and whether anything was undelivered is chance: but the run
            // comes to its end, and says what it came to.
            assert!(matches!(ended.code, Some(0 | 1 | 3)), "{word}: {}", ended.stderr);
            assert!(ended.stderr.contains(what), "{word}: {}", ended.stderr);
        }
    }
}

/// A harness that is killed takes its server along, with all that this one started.
fn killed(word: &str) {
    if here(word).is_none() {
        return;
    }
    let folder = Folder::new();
    let text = "topics: { T1: P1 -> C1 }\n\
                producers: { all: { generate: { messages: 100000 }, pace: 100/s } }\ngolden: none\n";
    folder.write("long.yaml", text);
    let running = Running::spawn(&folder, harness(&folder, &["run", "long.yaml", "--on", word]));
    let log = folder.join("out/long/consumer_1.txt");
    let has_lines = |path: &Path| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    wait_for("the first delivery", || has_lines(&log).then_some(()));
    running.signal(Signal::KILL);
    running.end();
    nothing_is_left(&folder);
}

/// The run that it serves has no verdict, which names its end and not what was left on it; the next
/// run has another server.
#[cfg(feature = "redis")]
#[test]
fn a_server_of_all_runs_that_ends_is_named_and_the_next_run_has_another() {
    if here("redis").is_none() {
        return;
    }
    let folder = Folder::new();
    let text = "topics: { T1: P1 -> C1 }\n\
                producers: { all: { generate: { messages: 2000 }, pace: 500/s } }\ngolden: none\n";
    folder.write("long.yaml", text);
    let run = ["run", "long.yaml", "--on", "redis", "--repeat", "2"];
    let running = Running::spawn(&folder, harness(&folder, &run));
    let log = folder.join("out/long/consumer_1.txt");
    wait_for("the first delivery", || fs::metadata(&log).ok().filter(|file| file.len() > 0));
    let is_redis = |line: &[String]| line.first().is_some_and(|word| word.contains("redis-server"));
    let server = running.children(is_redis)[0];
    rustix::process::kill_process(rustix::process::Pid::from_raw(server).unwrap(), Signal::KILL)
        .unwrap();
    let (code, words) = running.end();
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("the private Redis server was ended by signal 9"), "{words}");
    assert!(words.contains("1 of 2 runs passed, 1 without a verdict"), "{words}");
    nothing_is_left(&folder);
}

/// The same checks for each broker, one test for each.
macro_rules! brokers {
    ($($feature:literal $name:ident $word:literal),+ $(,)?) => {$(
        #[cfg(feature = $feature)]
        mod $name {
            #[test]
            fn its_ledgers_are_those_of_our_own_broker() {
                super::ledgers($word);
            }

            #[test]
            fn every_sabotage_is_reported() {
                super::sabotage($word);
            }

            #[test]
            fn it_keeps_what_it_promises_when_its_process_is_hurt() {
                super::faults($word);
            }

            #[test]
            fn nothing_of_it_outlives_a_harness_that_is_killed() {
                super::killed($word);
            }
        }
    )+

        #[test]
        fn every_broker_that_can_be_started_is_tried() {
            let tried = ["memory", "mysql", $($word),+];
            for entry in catalogue::entries().filter(|entry| entry.server.is_some()) {
                assert!(tried.contains(&entry.word), "{} is in no test here", entry.word);
            }
        }
    };
}

brokers! {
    "nats" nats "nats",
    "nats" nats_always "nats-always",
    "nats" nats_memory "nats-memory",
    "redis" redis "redis",
    "redis" redis_aof "redis-aof",
    "redis" redis_aof_always "redis-aof-always",
    "redis" valkey "valkey",
    "rabbitmq" rabbitmq "rabbitmq",
    "rabbitmq" rabbitmq_quorum "rabbitmq-quorum",
    "rabbitmq" rabbitmq_stream "rabbitmq-stream",
    "rabbitmq" rabbitmq_transient "rabbitmq-transient",
    "kafka" tansu "tansu",
    "mqtt" mosquitto "mosquitto",
    "mqtt" mosquitto_persistent "mosquitto-persistent",
}
