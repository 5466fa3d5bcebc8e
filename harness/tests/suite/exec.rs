//! Drivers that are programs of their own, over their standard input and output: the examples hold the
//! conversation and pass, each planted mistake is found, and no process outlives its run.

use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use harness::check::Verdict;
use harness::driver::{Address, Client, Connecting, Outgoing, RetryPolicy, Route, connect};
use harness::golden::{self, Comparison, Mode};
use harness::history::{Offsets, Outcome};
use harness::input::names::Actor;
use harness::log_format::LogFormat;
use harness::plan::{MessageId, Plan, StreamIndex, TopicIndex};
use harness::run::Watch;
use harness::scenario::{self, Acknowledge, Scenario};
use harness::testbed::process;
use harness::trial::{self, BrokerUnderTest, Interrupt, Settings, Trial};
use rustix::process::Signal;

use crate::support::missing::not_run;
use crate::support::{Ended, Folder, Running, shipped, state, wait_for};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn example(name: &str) -> String {
    root().join("examples/drivers").join(name).to_str().unwrap().to_owned()
}

/// The driver with mistakes that are planted by name.
fn bad() -> String {
    let file = "harness/tests/suite/support/drivers/bad.py";
    root().join(file).to_str().unwrap().to_owned()
}

fn driver_check(arguments: &[&str]) -> Ended {
    Folder::new().run(&[&["driver-check"], arguments].concat())
}

#[test]
fn the_list_in_python_has_nothing_wrong() {
    let ended = driver_check(&["python3", &example("list.py")]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("conversation  nothing is wrong"), "{}", ended.stdout);
    assert!(ended.stdout.contains("PASS  small"), "{}", ended.stdout);
}

#[test]
fn the_files_in_bash_have_nothing_wrong() {
    let ended = driver_check(&["bash", &example("files.sh")]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("PASS  small"), "{}", ended.stdout);
}

/// A Python that has redis-py, and a Redis server, where there are both.
fn redis() -> Option<(PathBuf, PathBuf)> {
    let found = |variable: &str, usual: &str| {
        PathBuf::from(std::env::var_os(variable).unwrap_or_else(|| usual.into()))
    };
    let python = found("HARNESS_PYTHON", "python3");
    let server = found("HARNESS_REDIS_SERVER", "redis-server");
    let runs = |command: &mut Command| command.output().is_ok_and(|made| made.status.success());
    let is_there = runs(Command::new(&python).args(["-c", "import redis"]))
        && runs(Command::new(&server).arg("--version"));
    is_there.then_some((python, server))
}

#[test]
fn redis_by_its_python_client_has_nothing_wrong_and_nothing_is_left_on_it() {
    let Some((python, server)) = redis() else {
        return not_run("it needs redis-server, and redis-py in python3 or $HARNESS_PYTHON");
    };
    let folder = Folder::new();
    let redis = Redis::start(&server, &folder);
    let python = python.to_str().unwrap();
    let ended = driver_check(&["--url", &redis.url, python, &example("redis_streams.py")]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("PASS  small"), "{}", ended.stdout);
    let count = format!("import redis; print(redis.Redis.from_url('{}').dbsize())", redis.url);
    let left = Command::new(python).args(["-c", &count]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "0\n", "keys are left");
}

/// A Redis server, killed at the end.
struct Redis {
    url: String,
    server: Child,
}

impl Redis {
    fn start(program: &Path, folder: &Folder) -> Self {
        let claimed = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = claimed.local_addr().unwrap().port().to_string();
        drop(claimed);
        let socket = folder.join("redis.sock");
        let server = Command::new(program)
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port, "--unixsocket"])
            .arg(&socket)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn();
        let redis = Self { url: format!("redis://127.0.0.1:{port}"), server: server.unwrap() };
        wait_for("Redis", || UnixStream::connect(&socket).ok());
        redis
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

#[test]
fn each_planted_mistake_is_found_with_its_line() {
    let cases = [
        ("late", ", line 14: the answer to id 14 (send) came "),
        ("wrong-id", ", line 12: nothing was asked under id 4711: "),
        ("swallowed", "that it was tried once: a repeat has to be counted in `attempts`"),
        ("refused", ", line 15): it was stored all the same"),
        ("wrong-topic", "the same topic acknowledged before: is it of another topic?"),
        ("chatty", ", line 12: it is no JSON (expected value at line 1 column 1): `sent!`"),
        ("misspelt", "(send): unknown field `ofsets`, expected one of "),
        ("exits", "ended with exit code 139; it wrote last:\n    Segmentation fault"),
    ];
    for (mistake, expected) in cases {
        let ended = driver_check(&["python3", &bad(), mistake]);
        assert_eq!(ended.code, Some(1), "{mistake}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(expected), "{mistake}: {}", ended.stdout);
    }
    // Without one it is the list of the examples, and what is found above is the mistake.
    let ended = driver_check(&["python3", &bad()]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn five_mistakes_of_one_driver_are_all_found() {
    let mistakes = ["late", "wrong-id", "swallowed", "refused", "wrong-topic"];
    let bad = bad();
    let ended = driver_check(&[&["python3", bad.as_str()], &mistakes[..]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let found =
        ["after its deadline", "id 4711", "tried once", "stored all the same", "another topic?"];
    for found in found {
        assert!(ended.stdout.contains(found), "{found}: {}", ended.stdout);
    }
}

#[test]
fn a_password_in_the_url_of_a_brokers_yaml_is_told_to_the_driver_alone() {
    let folder = Folder::new();
    let list = example("list.py");
    let own =
        format!("driver: exec, command: [python3, {list:?}], url: 'x://me:secret@127.0.0.1:9'");
    folder.write("brokers.yaml", &format!("brokers: {{ mine: {{ {own} }} }}\n"));
    let small = "topics: { T1: P1 -> C1 }\nproducers: { P1: { generate: { messages: 3 } } }\n";
    folder.write("x.yaml", &format!("{small}golden: none\n"));
    for arguments in [
        &["run", "x.yaml", "--on", "mine", "--report-json", "-", "--report-md", "x.md"][..],
        &["brokers", "mine"],
        &["brokers", "mine", "--json"],
    ] {
        let ended = folder.run(arguments);
        let markdown = std::fs::read_to_string(folder.join("x.md")).unwrap();
        let said = format!("{}{}{markdown}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(0), "{said}");
        assert!(said.contains("me:***@127.0.0.1:9") && !said.contains("secret"), "{said}");
    }
}

#[test]
fn a_scenario_for_another_driver_is_skipped_among_others_and_refused_alone() {
    let folder = Folder::new();
    let small = "topics: { T1: P1 -> C1 }\nproducers: { P1: { generate: { messages: 3 } } }\n";
    folder.write("x.yaml", &format!("{small}golden: none\n"));
    folder
        .write("original.yaml", &format!("{small}golden: none\nbroker: {{ driver: original }}\n"));
    let on = format!("exec: python3 {}", example("list.py"));
    let why = "its driver, original, does not speak to a broker at exec";
    let ended = folder.run(&["run", "original.yaml", "x.yaml", "--on", &on]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("SKIP  original on exec  {why}")), "{}", ended.stderr);
    let ended = folder.run(&["run", "original.yaml", "--on", &on]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

#[test]
fn a_driver_that_cannot_be_started_is_no_verdict() {
    for (command, expected) in [
        (&["/nowhere/driver"][..], "cannot start the driver /nowhere/driver: No such file"),
        (
            &["sh", "-c", "echo lost >&2; exit 7"],
            "ended with exit code 7; it wrote last:\n    lost",
        ),
        (
            &[
                "sh",
                "-c",
                "read _; echo '{\"id\":1,\"name\":\"x\",\"capabilities\":{\"offset\":1}}'",
            ],
            "control, line 1: unknown field `offset`, expected one of `offsets`, ",
        ),
    ] {
        let ended = driver_check(command);
        assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

/// A driver that answers nothing, and a child of it in a session of its own: both tell their ids.
const SILENT: &str = "setsid sleep 1000 & echo $! >>\"$0\"; echo $$ >>\"$0\"; while read -r _; do :; done; sleep 1000";

#[cfg(target_os = "linux")]
#[test]
fn killing_the_harness_ends_the_driver_and_all_that_it_started() {
    let folder = Folder::new();
    let file = folder.join("processes");
    let file = file.to_str().unwrap();
    let running = Running::start(&folder, &["driver-check", "sh", "-c", SILENT, file]);
    let processes = wait_for("the driver", || {
        let text = std::fs::read_to_string(file).ok()?;
        let ids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        (ids.len() == 2).then_some(ids)
    });
    assert!(processes.iter().all(|own| state(*own).is_some()));
    running.signal(Signal::KILL);
    for process in processes {
        wait_for("the driver to be gone", || {
            matches!(state(process), None | Some('Z')).then_some(())
        });
    }
}

fn scenario(yaml: &str, command: &[&str]) -> Scenario {
    let folder = Folder::new();
    folder.write("x.yaml", yaml);
    over(scenario::load(&folder.join("x.yaml")).unwrap(), command)
}

/// The same over a program.
fn over(mut scenario: Scenario, command: &[&str]) -> Scenario {
    "exec".clone_into(&mut scenario.broker.driver);
    scenario.broker.options.command = command.iter().map(|&part| part.to_owned()).collect();
    scenario
}

async fn hold(plan: &Arc<Plan>) -> Result<Trial, trial::Failure> {
    let harness = Path::new(env!("CARGO_BIN_EXE_harness"));
    let broker = BrokerUnderTest::Own(process::Settings::new(harness));
    let (log_format, sabotage, out) = (LogFormat::default(), None, None);
    let settings = Settings { broker, out, log_format, sabotage, watch: Watch::default() };
    let (_never, interrupt) = Interrupt::new();
    trial::hold(plan, &settings, interrupt, &mut |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn shipped_scenarios_have_the_golden_file_of_our_own_broker() {
    for name in ["5p3c", "together", "consumer-crash"] {
        let file = shipped().join(format!("{name}.yaml"));
        let list = example("list.py");
        let scenario = over(scenario::load(&file).unwrap(), &["python3", &list]);
        let plan = Arc::new(Plan::new(scenario).unwrap());
        let trial = hold(&plan).await.unwrap();
        let verdict = trial.judgement.verdict;
        assert_eq!(verdict, Verdict::Pass, "{name}: {:?}", trial.judgement);
        assert_eq!((trial.left, trial.notes), (None, Vec::new()), "{name}");
        let folder = root().join("golden");
        let mode = Mode::from_environment(|_| None).unwrap();
        let compared = golden::compare_run(&folder, &plan, &trial.history, verdict, mode).unwrap();
        assert_eq!(compared, Comparison::Match, "{name}");
    }
}

const SMALL: &str = "
topics: { T1: P1 -> C1, T2: P1 -> C1 }
producers: { all: { generate: { messages: 40 } } }
drain: { idle: 200ms, deadline: 20s }
golden: none
";

async fn judged(yaml: &str, mistake: &str) -> (Trial, Vec<String>) {
    let plan = Arc::new(Plan::new(scenario(yaml, &["python3", &bad(), mistake])).unwrap());
    let trial = hold(&plan).await.unwrap();
    let doubts = trial.judgement.inconclusive.clone();
    (trial, doubts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_json_leaves_no_verdict_and_is_named() {
    let (trial, doubts) = judged(SMALL, "chatty").await;
    assert_eq!(trial.judgement.verdict, Verdict::Unknown);
    assert!(trial.judgement.violations.is_empty(), "{:?}", trial.judgement);
    assert!(doubts[0].starts_with("the driver of control, line "), "{doubts:?}");
    assert!(doubts[0].contains(": it is no JSON "), "{doubts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_with_sends_open_is_a_failure_with_its_last_words() {
    // The consumer cannot go on without it.
    let plan = Plan::new(scenario(SMALL, &["python3", &bad(), "exits"])).unwrap();
    let failure = hold(&Arc::new(plan)).await.unwrap_err().to_string();
    assert!(failure.contains("the driver of control ended with exit code 139"), "{failure}");
    assert!(failure.contains("Segmentation fault"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_are_stored_as_they_were_issued() {
    let plan = Arc::new(Plan::new(scenario(SMALL, &["python3", &example("list.py")])).unwrap());
    let addresses = vec![Address::None];
    let connecting =
        Connecting { plan, addresses, alternatives: NonZeroUsize::MIN, run: "a1b2".to_owned() };
    let driver = connect(connecting).await.unwrap();
    assert!(driver.capabilities().in_flight);
    let topic = TopicIndex(0);
    driver.create_topic(topic).await.unwrap();
    let client = Client {
        actor: Actor::producer(1),
        topic,
        stream: Some(StreamIndex(0)),
        base: 0,
        route: Route(0),
        retries: RetryPolicy::Never,
        acknowledge: Acknowledge::Offset,
    };
    let mut sender = driver.register(&client).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..10 {
        let outgoing = [Outgoing { message: MessageId(number), payload: "x" }];
        pending.push(sender.issue(&outgoing).await);
    }
    // Their outcomes may be awaited in any order.
    for (place, pending) in (0..10_u32).zip(pending).rev() {
        let reply = pending.await;
        let outcome = &reply.parts[0].outcome;
        assert_eq!(*outcome, Outcome::Acked { offsets: Offsets::From(place.into()) });
    }
    drop(sender);
    driver.finish().await.unwrap();
    assert_eq!(driver.remarks(), harness::driver::Remarks::default());
}

/// A scenario on the server and the driver of the examples, which are beside it.
fn on_own_server(folder: &Folder, server: &str, more: &str) {
    for name in ["log_driver.py", "log_server.py"] {
        folder.write(name, &std::fs::read_to_string(example(name)).unwrap());
    }
    let broker = format!("{{ driver: exec, command: [python3, log_driver.py], server: {server} }}");
    let small = "topics: { T1: P1 P2 -> C1 }\nproducers: { all: { generate: { messages: 150 }, pace: 150/s } }\n";
    folder.write("x.yaml", &format!("{small}golden: none\nbroker: {broker}\n{more}"));
}

/// How the server of the examples is started, with this behind its folder.
fn log_server(more: &str) -> String {
    format!(
        "{{ command: [python3, log_server.py, '{{port}}', '{{folder}}'{more}], data: '{{folder}}' }}"
    )
}

#[test]
fn a_server_of_ones_own_is_killed_stopped_cut_off_and_keeps_what_it_has() {
    let folder = Folder::new();
    let faults = "faults:\n- { after: 60 acked, kill: broker, for: 50ms }\n\
                  - { after: 130 acked, stop: broker, for: 50ms }\n\
                  - { after: 200 acked, cut: P1, for: 50ms }\n";
    // A kill leaves what the kernel has, synced or not.
    for more in ["", ", --no-fsync"] {
        on_own_server(&folder, &log_server(more), faults);
        let ended = folder.passes(&["run", "x.yaml"]);
        assert!(ended.stderr.contains("PASS  x "), "{}", ended.stderr);
        assert!(ended.stderr.contains("delivered 300 "), "{}", ended.stderr);
    }
    let left = std::fs::read_dir(folder.join("tmp")).unwrap().count();
    assert_eq!(left, 0, "its folder goes with it");
}

#[test]
fn a_server_of_ones_own_has_a_word_too_and_says_when_it_is_ready() {
    let folder = Folder::new();
    on_own_server(&folder, &log_server(""), "");
    let server = log_server("").replace("data:", "ready: listening, data:");
    let own = format!("driver: exec, command: [python3, log_driver.py], server: {server}");
    folder.write("brokers.yaml", &format!("brokers: {{ mine: {{ {own} }} }}\n"));
    folder.passes(&["run", "x.yaml", "--on", "mine"]);
    let ended = folder.passes(&["brokers", "mine"]);
    assert!(ended.stdout.contains("yes, started by its command"), "{}", ended.stdout);
}

#[test]
fn a_server_that_does_not_start_is_told_with_what_to_do() {
    let cases = [
        ("{ command: [./nowhere] }", "cannot start ./nowhere: No such file or directory"),
        (
            "{ command: [sh, -c, 'echo no room; exit 7'] }",
            "by `sh -c echo no room; exit 7`: it ended with exit code 7; it wrote last:\n          no room",
        ),
        (
            "{ command: [sh, -c, 'echo hm; sleep 1000'], ready: up, ready_within: 100ms }",
            "the broker has written no line with `ready: \"up\"` by `sh -c echo hm; sleep 1000` after \
             0.1 s; it wrote last:\n          hm",
        ),
        (
            "{ command: [sleep, 1000], ready_within: 10ms }",
            "by `sleep 1000` after 0.01 s; it wrote nothing; it is to listen on `{port}`, or `ready:` \
             names a text that it writes",
        ),
    ];
    for (server, expected) in cases {
        let folder = Folder::new();
        on_own_server(&folder, server, "");
        let ended = folder.run(&["run", "x.yaml"]);
        assert_eq!(ended.code, Some(3), "{server}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{server}: {}", ended.stderr);
    }
}

#[test]
fn what_is_wrong_with_a_server_of_ones_own_is_said_with_its_place() {
    let cases = [
        ("{ data: '{folder}' }", "a server needs a `command`", "x.yaml:4:68"),
        ("{ command: [x, '{prot}'] }", "nothing is filled in for `{prot}`", "x.yaml:4:83"),
        ("{ command: [x], data: /x }", "`data` is not below the folder", "x.yaml:4:90"),
        ("{ command: [x], data: '{folder}/../x' }", "`data` is not below", "x.yaml:4:90"),
        ("{ command: [x], data: '{folder}x' }", "`data` is not below", "x.yaml:4:90"),
        ("{ command: [x], data: '{port}' }", "there are {folder}", "x.yaml:4:90"),
        ("{ command: [x], url: '{folder}' }", "there are {host}, {port}", "x.yaml:4:89"),
        ("{ command: [x], ready: '' }", "every line has this text", "x.yaml:4:91"),
        ("{ command: [x], ready_within: 0s }", "`0s` is too short", "x.yaml:4:98"),
        ("{ command: [x], date: x }", "unknown key `date`", "x.yaml:4:84"),
    ];
    for (server, expected, place) in cases {
        let folder = Folder::new();
        on_own_server(&folder, server, "");
        let ended = folder.run(&["run", "x.yaml"]);
        assert_eq!(ended.code, Some(2), "{server}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{server}: {}", ended.stderr);
        assert!(ended.stderr.contains(place), "{server}: {}", ended.stderr);
    }
    let folder = Folder::new();
    let faults = "faults: [{ after: 1 acked, power: storage, for: 50ms }]\n";
    on_own_server(&folder, "{ command: [x] }", faults);
    let ended = folder.run(&["run", "x.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let why = "nobody knows where the server's data is: say it, `data: \"{folder}\"`";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

/// What a kill does not show.
#[cfg(all(target_os = "linux", feature = "storage-faults"))]
#[test]
fn a_power_cut_shows_what_a_server_of_ones_own_did_not_sync() {
    if !crate::support::missing::has_storage_faults() {
        return;
    }
    // The consumer comes when the cut is over: it has to find what was acked before.
    let faults = "faults: [{ after: 150 acked, power: storage, for: 50ms }]\n\
                  consumers: { C1: { poll_after: 260 acked } }\n\
                  require: [forgotten >= 1]\n";
    let folder = Folder::new();
    on_own_server(&folder, &log_server(""), faults);
    folder.passes(&["run", "x.yaml"]);
    on_own_server(&folder, &log_server(", --no-fsync"), faults);
    let ended = folder.run(&["run", "x.yaml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("lost  "), "{}", ended.stderr);
}
