//! Faults of the storage on real servers, by the real file system below their data: what was not synced
//! is gone after a power cut, and nothing else is; a server that a disk has ended is started again; one
//! that does not start is a finding; and nothing is left behind, mounted or running, however a run ends.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use harness::catalogue::Way;
use harness::check::Verdict;
use harness::fault::{Directories, Medium};
use harness::history::{End, Firing, History, OnDisk, Outcome, Trace};
use harness::plan::Plan;
use harness::scenario::{self, AnomalyKind};
use harness::server::{Data, Failure, NewRecipe, Ready, Recipe, ServerProcess, Start, Wanted};
use harness::testbed::{database, process};
use harness::trial::{self, BrokerUnderTest, Interrupt, Settings, Trial};
use private_database::{Folder as ServerFolder, Invocation};
use rustix::process::{Pid, Signal, kill_process};

use crate::brokers::{harness, here, nothing_is_left};
use crate::support::missing::has_storage_faults;
use crate::support::{Ended, Folder, Running, end};

/// Two producers, and two consumers of which the second one begins late: what it is to get is on the
/// disk alone.
const HEAD: &str = "\
topics: { T1: P1 P2 -> C1 C2 }
producers: { all: { generate: { messages: 300, size: 16..64 }, pace: 600/s } }
consumers: { C2: { poll_after: 520 acked } }
drain: { idle: 3s, deadline: 90s }
golden: none
";

/// What a client can do about a server that goes away.
const AT_LEAST_ONCE: &str = "expect: { delivery: at-least-once, order: none, acked: any }\n";

/// A run on the broker of this word; none where it cannot be had here.
fn hold(word: &str, yaml: &str) -> Option<Trial> {
    hold_with(word, &[], yaml)
}

/// The same, with other settings of its server.
fn hold_with(word: &str, config: &[(&str, &str)], yaml: &str) -> Option<Trial> {
    hold_all(word, config, &format!("{HEAD}{yaml}"))
}

/// The same of a whole scenario.
fn hold_all(word: &str, config: &[(&str, &str)], yaml: &str) -> Option<Trial> {
    if !has_storage_faults() {
        return None;
    }
    let named = here(word)?;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, yaml).unwrap();
    let mut scenario = scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    named.take(&mut scenario, true).unwrap();
    let plan = Arc::new(Plan::new(scenario).unwrap_or_else(|error| panic!("{error}")));
    let own = process::Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")));
    let process = match named.way {
        Way::Started(row) => {
            let more = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let config = named.options.config.clone().into_iter().chain(more).collect();
            process::Settings { recipe: row.new, is_ours: false, config, ..own }
        }
        _ => process::Settings {
            count: plan.scenario.broker.count,
            server: Some(Arc::new(
                database::find(&own.harness, &BTreeMap::new(), None)
                    .unwrap()
                    .another(plan.medium()),
            )),
            ..own
        },
    };
    Some(hold_on(&plan, process))
}

fn hold_on(plan: &Arc<Plan>, process: process::Settings) -> Trial {
    let broker = BrokerUnderTest::Own(process);
    let (log_format, watch) = Default::default();
    let settings = Settings { broker, out: None, log_format, sabotage: None, watch };
    let (_trigger, interrupt) = Interrupt::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let held = runtime.block_on(trial::hold(plan, &settings, interrupt, &mut |_| {}));
    held.unwrap_or_else(|failure| panic!("{failure}"))
}

/// What the firings did to the disk.
fn on_disk(history: &History) -> Vec<&OnDisk> {
    let firings = history.faults.iter();
    let on_disk = firings.map(|firing: &Firing| firing.on_disk.as_ref().unwrap());
    on_disk.collect()
}

fn kinds(trial: &Trial) -> Vec<AnomalyKind> {
    trial.judgement.violations.iter().map(|finding| finding.kind).collect()
}

#[track_caller]
fn passes(trial: &Trial) {
    let said = &trial.judgement;
    assert_eq!(said.verdict, Verdict::Pass, "{said:#?}\n{:#?}", trial.history.faults);
}

/// The bytes that each cut forgot, without noise.
fn forgotten(history: &History) -> Vec<u64> {
    let cuts = on_disk(history).into_iter();
    cuts.filter_map(|own| Some(own.forgotten.as_ref()?.bytes)).collect()
}

const CUT: &str = "faults: [{ after: 250 acked, power: storage, for: 100ms }]\n";

const TORN: &str = "faults: [{ after: 250 acked, power: storage, for: 100ms, keep: some }]\n";

#[test]
fn nats_loses_what_it_acknowledged_and_the_disk_knows_why() {
    let Some(trial) = hold("nats", CUT) else { return };
    assert_eq!(trial.judgement.verdict, Verdict::Fail, "{:#?}", trial.judgement);
    assert!(kinds(&trial).contains(&AnomalyKind::Lost), "{:?}", kinds(&trial));
    let history = &trial.history;
    let [bytes] = forgotten(history)[..] else { panic!("{:?}", history.faults) };
    assert!(bytes > 250 * 16, "{bytes}");
    let written = history.traces.iter().filter(|own| matches!(own.trace, Trace::Written { .. }));
    let written = written.count();
    assert!(written >= 100, "{written} of {}", history.traces.len());
    let firing = &history.faults[0];
    for traced in &history.traces {
        if let Trace::Written { at: Some(at), file, .. } = &traced.trace {
            assert!(*at < firing.ended.at, "{at}");
            assert!(file.ends_with(".blk"), "{file}");
        }
    }
}

/// Redis writes to its file before it answers (with `everysec` not while that is being synced), so that the
/// times of both have to be of one clock.
#[test]
fn what_redis_had_written_and_not_synced_was_written_before_its_ack() {
    let Some(trial) = hold_with("redis-aof", &[("appendfsync", "no")], CUT) else { return };
    assert_eq!(kinds(&trial).first(), Some(&AnomalyKind::Lost), "{:#?}", trial.judgement);
    let history = &trial.history;
    let mut acked: BTreeMap<u32, u64> = BTreeMap::new();
    for sent in history.producers.iter().flat_map(|part| &part.sends) {
        let first = 300 * u32::try_from(sent.stream.place()).unwrap() + sent.first;
        acked.extend((first..first + sent.count).map(|id| (id, sent.completed.at)));
    }
    let written = history.traces.iter().filter_map(|own| match own.trace {
        Trace::Written { at: Some(at), .. } => Some((own.message.0, at)),
        _ => None,
    });
    let written: Vec<(u32, u64)> = written.collect();
    assert!(written.len() > 20, "{:?}", history.traces);
    for (message, at) in written {
        assert!(at <= acked[&message], "{message}: written {at}, acked {}", acked[&message]);
    }
}

#[test]
fn nats_that_syncs_always_loses_nothing() {
    for fault in [CUT, TORN] {
        let Some(trial) = hold("nats-always", &format!("{fault}{AT_LEAST_ONCE}")) else { return };
        passes(&trial);
        assert_eq!(forgotten(&trial.history).len(), 1);
    }
}

#[test]
fn redis_that_syncs_always_loses_nothing() {
    let Some(trial) = hold("redis-aof-always", &format!("{CUT}{AT_LEAST_ONCE}")) else { return };
    passes(&trial);
    // The sync that it was killed in had something to carry.
    assert!(forgotten(&trial.history)[0] > 0, "{:?}", trial.history.faults);
}

/// Our own promise: sequences make retries harmless, and a commit is on the disk before it is answered.
#[test]
fn our_broker_on_mysql_keeps_exactly_once_over_two_cuts_and_a_kill_between() {
    let yaml = "broker: { count: 2, spread: true }\nfaults:\n\
                \x20 - { after: 150 acked, power: storage, for: 100ms }\n\
                \x20 - { after: 250 acked, kill: database, for: 50ms }\n\
                \x20 - { after: 350 acked, power: storage, for: 100ms, keep: some }\n";
    let Some(trial) = hold("mysql", yaml) else { return };
    passes(&trial);
    let cuts = trial.history.faults.iter().filter(|firing| firing.on_disk.is_some());
    assert_eq!(cuts.count(), 2);
    let acked = trial.history.producers.iter().flat_map(|part| &part.sends);
    assert!(acked.into_iter().all(|sent| matches!(sent.outcome, Outcome::Acked { .. })));
}

/// A part that is held by another fault is cut all the same, and is up when all are over.
#[test]
fn faults_of_one_server_may_overlap() {
    let faults = "faults:\n\
                  \x20 - { after: 100 acked, pause: broker, for: 400ms }\n\
                  \x20 - { after: 101 acked, power: storage, for: 100ms }\n\
                  \x20 - { after: 100 acked, kill: broker, for: 300ms }\n\
                  \x20 - { after: 100 acked, slow_disk: storage, fsync: 5ms }\n";
    let Some(trial) = hold("redis-aof-always", &format!("{faults}{AT_LEAST_ONCE}")) else { return };
    passes(&trial);
    assert_eq!(trial.history.faults.len(), 4);
}

/// Where the disk is full a server refuses or ends; when there is room again, it serves.
fn survives_a_full_disk(word: &str) {
    let fault = "faults: [{ after: 100 acked, disk_full: storage, for: 1s }]\n";
    // InnoDB grows a table by single pages at first, so often in this time, and later by megabytes.
    let head = HEAD.replace("16..64", "200..400");
    let Some(trial) = hold_all(word, &[], &format!("{head}{fault}{AT_LEAST_ONCE}")) else { return };
    passes(&trial);
    assert!(trial.history.faults[0].met > 0, "{word}: {:?}", trial.history.faults);
}

#[test]
fn our_broker_survives_a_full_disk() {
    survives_a_full_disk("mysql");
}

#[test]
fn nats_survives_a_full_disk() {
    survives_a_full_disk("nats");
}

#[test]
fn redis_survives_a_full_disk() {
    survives_a_full_disk("redis-aof-always");
}

/// A server that ends because a sync failed is started again, whatever `count` is left.
fn is_started_again(word: &str) {
    let fault = "faults: [{ after: 100 acked, fail_fsync: storage, count: 1000 }]\n";
    let Some(trial) = hold(word, &format!("{fault}{AT_LEAST_ONCE}")) else { return };
    passes(&trial);
    let firing = &trial.history.faults[0];
    assert!((1..1000).contains(&firing.met), "{word}: {firing:?}");
    let said = firing.on_disk.as_ref().unwrap().restarted.as_deref();
    assert_eq!(said, Some("it had ended by itself"), "{word}: {firing:?}");
}

#[test]
fn a_database_that_ends_because_of_a_failed_sync_is_started_again() {
    is_started_again("mysql");
}

#[test]
fn a_server_that_ends_because_of_a_failed_sync_is_started_again() {
    is_started_again("redis-aof-always");
}

#[test]
fn a_slow_disk_holds_syncs_up_and_breaks_nothing() {
    let fault = "faults: [{ after: 100 acked, slow_disk: storage, fsync: 20ms, write: 1ms, for: \
                 300ms }]\n";
    let Some(trial) = hold("mysql", fault) else { return };
    passes(&trial);
    assert!(trial.history.faults[0].met > 0, "{:?}", trial.history.faults);
}

/// After a few it takes nothing any more, and so never comes to the last one.
#[test]
fn syncs_that_fail_are_over_when_a_server_that_is_up_makes_no_more() {
    let fault = "faults: [{ after: 100 acked, fail_fsync: storage, count: 100000 }]\n";
    let Some(trial) = hold("nats-always", &format!("{fault}{AT_LEAST_ONCE}")) else { return };
    passes(&trial);
    let firing = &trial.history.faults[0];
    assert!((1..100_000).contains(&firing.met), "{firing:?}");
    assert!(firing.on_disk.as_ref().unwrap().restarted.is_some(), "{firing:?}");
}

/// The log of Redis has no checksums, so that wrong bytes come: of the message that rotted.
#[test]
fn bits_that_rot_are_those_of_an_acked_message() {
    let fault = "faults: [{ after: 250 acked, rot: storage, bits: 2, for: 100ms }]\n";
    let Some(trial) = hold("redis-aof-always", &format!("{fault}{AT_LEAST_ONCE}")) else { return };
    assert_eq!(kinds(&trial), [AnomalyKind::Corrupted], "{:#?}", trial.judgement);
    let firing = &trial.history.faults[0];
    let rotten = firing.on_disk.as_ref().unwrap().rotten.as_ref().unwrap();
    assert_eq!((rotten.bits, firing.met), (2, 2));
    let late = &trial.history.consumers[1];
    for (place, oddity) in &late.oddities {
        let got = late.deliveries[usize::try_from(*place).unwrap()];
        assert_eq!(got.message(), Some(rotten.message), "{oddity:?}");
    }
    assert_eq!(late.oddities.len(), 1);
}

/// Our own broker, in a folder that it does not need, which does not start always.
struct Fickle {
    harness: PathBuf,
    folder: ServerFolder,
    /// What it does before the broker is started; where that fails, it ends.
    before: &'static str,
}

impl Fickle {
    fn once(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
        let before = "if [ -e started ]; then echo 'page 7 is torn' >&2; exit 3; fi; touch started; \
                      echo never synced >data/log";
        Ok(Self::starting(wanted, before))
    }

    /// It starts wherever it can sync a file.
    fn syncing(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
        Ok(Self::starting(wanted, "dd if=/dev/zero of=data/log count=1 conv=fsync"))
    }

    fn starting(wanted: &Wanted<'_>, before: &'static str) -> Arc<dyn Recipe> {
        let folder = ServerFolder::new("fickle").unwrap();
        Arc::new(Self { harness: wanted.harness.to_owned(), folder, before })
    }
}

impl Recipe for Fickle {
    fn name(&self) -> &'static str {
        "the broker that does not start always"
    }

    fn folder(&self) -> Option<&ServerFolder> {
        Some(&self.folder)
    }

    fn data(&self) -> Option<Data> {
        Some(Data { folder: self.folder.path().join("data"), noise: &[] })
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let script =
            format!("set -e; cd \"$1\"; {}; exec \"$2\" broker --listen \"$3\"", self.before);
        let mut run = Invocation::new(Path::new("/bin/sh"), ["-c", &script, "sh"]);
        let folder = self.folder.path().to_owned().into_os_string();
        run.arguments.extend([folder, self.harness.clone().into(), listen.to_string().into()]);
        Ok(Start { run, ready: Ready::Port })
    }
}

/// A run on it.
fn hold_fickle(recipe: NewRecipe, faults: &str) -> Trial {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    fs::write(&file, format!("{HEAD}{faults}")).unwrap();
    let plan = Arc::new(Plan::new(scenario::load(&file).unwrap()).unwrap());
    let own = process::Settings::new(Path::new(env!("CARGO_BIN_EXE_harness")));
    hold_on(&plan, process::Settings { recipe, is_ours: false, ..own })
}

/// The server waits for the end of the fault, which waits for its syncs.
#[test]
fn syncs_that_fail_are_over_when_they_keep_a_server_from_starting() {
    if !has_storage_faults() {
        return;
    }
    let faults = "faults:\n\
                  \x20 - { at: 50ms, fail_fsync: storage, count: 100000 }\n\
                  \x20 - { after: 100 acked, power: storage, for: 50ms }\n";
    let trial = hold_fickle(Fickle::syncing, faults);
    let [fails, cut] = &trial.history.faults[..] else { panic!("{:#?}", trial.history.faults) };
    assert!(fails.met > 0, "{fails:#?}");
    assert!(cut.on_disk.as_ref().unwrap().forgotten.is_some(), "{cut:#?}");
    assert!(on_disk(&trial.history).iter().all(|own| own.gone.is_none()), "it came up");
}

#[test]
fn a_server_that_does_not_start_after_a_cut_is_found_and_ends_the_run() {
    if !has_storage_faults() {
        return;
    }
    // Another fault waits for its server too, and a third one has just begun.
    let faults = "faults:\n\
                  \x20 - { after: 100 acked, power: storage, for: 50ms }\n\
                  \x20 - { after: 100 acked, slow_disk: storage, fsync: 1ms }\n\
                  \x20 - { after: 100 acked, kill: broker, for: 20ms }\n";
    let trial = hold_fickle(Fickle::once, faults);
    let gone: Vec<_> = trial.history.faults.iter().filter_map(|own| own.on_disk.as_ref()).collect();
    let gone: Vec<_> = gone.iter().filter_map(|own| own.gone.as_deref()).collect();
    let [gone] = gone[..] else { panic!("{:#?}", trial.history.faults) };
    assert!(gone.contains("ended with exit code 3") && gone.contains("page 7 is torn"), "{gone}");
    assert_eq!(trial.history.end, End::Deadline);
    assert!(trial.left.is_none(), "{:?}", trial.left);
    let unsent = trial.history.producers.iter().flat_map(|own| &own.sends).count();
    assert!(unsent < 600, "the run goes on for nothing");
}

/// A server that cannot be set up, because it has lost its disk.
struct Diskless(ServerFolder);

impl Recipe for Diskless {
    fn name(&self) -> &'static str {
        "the server without a disk"
    }

    fn folder(&self) -> Option<&ServerFolder> {
        Some(&self.0)
    }

    fn data(&self) -> Option<Data> {
        Some(Data { folder: self.0.path().join("data"), noise: &[] })
    }

    fn preparation(&self) -> Vec<Invocation> {
        let script = "for file in $(grep -lsaF \"HARNESS_DISK=$1\" /proc/[0-9]*/environ); do \
                      file=${file#/proc/}; kill -9 ${file%/environ}; done; ls \"$1/data\" && exit 3";
        let mut run = Invocation::new(Path::new("/bin/sh"), ["-c", script, "sh"]);
        run.arguments.push(self.0.path().into());
        vec![run]
    }

    fn start(&self, _: SocketAddr) -> Result<Start, Failure> {
        Err(Failure("it cannot be set up".to_owned()))
    }
}

#[tokio::test]
async fn a_server_that_has_lost_its_disk_before_its_first_start_is_not_blamed() {
    if !has_storage_faults() {
        return;
    }
    let (harness, recipe) =
        (Path::new(env!("CARGO_BIN_EXE_harness")), ServerFolder::new("diskless"));
    let medium = Medium { directories: Directories::Now, fsync: Duration::ZERO, settled: true };
    let (recipe, listen) = (Arc::new(Diskless(recipe.unwrap())), ([127, 0, 0, 1], 0).into());
    let started = ServerProcess::start_on(Some(medium), harness, recipe, listen).await;
    let why = started.unwrap_err().to_string();
    assert!(why.starts_with("the file system below") && why.contains("signal 9"), "{why}");
}

/// Nothing that a run of this folder's started is there, nor mounted.
fn nothing_is_left_of(folder: &Folder) {
    nothing_is_left(folder);
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(!mounts.contains(path), "{mounts}");
}

/// The scenario of this test, which is long enough that something can be done to its run.
fn long(folder: &Folder, fault: &str) {
    let text = format!(
        "topics: {{ T1: P1 -> C1 }}\n\
         producers: {{ all: {{ generate: {{ messages: 100000, size: 16..64 }}, pace: 200/s }} }}\n\
         faults: [{fault}]\ngolden: none\n"
    );
    folder.write("long.yaml", &text);
}

fn run(folder: &Folder, word: &str) -> Ended {
    let ended = end(harness(folder, &["run", "x.yaml", "--on", word]));
    nothing_is_left_of(folder);
    ended
}

#[test]
fn nothing_is_left_of_a_run_that_passes_or_fails() {
    for (word, code) in [("nats-always", 0), ("nats", 1)] {
        if !has_storage_faults() || here(word).is_none() {
            return;
        }
        let folder = Folder::new();
        folder.write("x.yaml", &format!("{HEAD}{CUT}{AT_LEAST_ONCE}"));
        let ended = run(&folder, word);
        assert_eq!(ended.code, Some(code), "{word}: {}", ended.stderr);
    }
}

/// A run on this broker that is ended by this signal while this fault lasts.
fn ended_by(signal: Signal, word: &str, fault: &str) {
    if !has_storage_faults() || here(word).is_none() {
        return;
    }
    let folder = Folder::new();
    long(&folder, fault);
    let run = ["run", "long.yaml", "--on", word, "-v"];
    let running = Running::spawn(&folder, harness(&folder, &run));
    running.until_said("fault begins");
    running.signal(signal);
    let (code, words) = running.end();
    let expected = if signal == Signal::KILL { None } else { Some(130) };
    assert_eq!(code, expected, "{words}");
    nothing_is_left_of(&folder);
}

/// The server is down, or waits for a sync that nothing but the end of the fault lets go.
const LASTING: [&str; 3] = [
    "{ after: 1 acked, power: storage, for: 1h }",
    "{ after: 1 acked, slow_disk: storage, fsync: 1h }",
    "{ after: 1 acked, disk_full: storage, for: 1h }",
];

#[test]
fn nothing_is_left_of_a_run_that_is_interrupted() {
    for fault in LASTING {
        ended_by(Signal::INT, "nats-always", fault);
    }
}

#[test]
fn nothing_is_left_of_a_run_that_is_asked_to_end() {
    for fault in LASTING {
        ended_by(Signal::TERM, "nats-always", fault);
    }
}

#[test]
fn nothing_is_left_of_a_run_that_is_killed() {
    for fault in LASTING {
        ended_by(Signal::KILL, "nats-always", fault);
    }
}

#[test]
fn nothing_is_left_of_a_database_whose_run_is_killed_or_interrupted() {
    for signal in [Signal::INT, Signal::KILL] {
        ended_by(signal, "mysql", LASTING[1]);
    }
}

/// Kills the file system of a run with this fault once it has said this; it is found to have no verdict.
fn file_system_killed_in(fault: &str, said: &str) {
    if !has_storage_faults() || here("nats-always").is_none() {
        return;
    }
    let folder = Folder::new();
    long(&folder, fault);
    let run = ["run", "long.yaml", "--on", "nats-always", "-v"];
    let running = Running::spawn(&folder, harness(&folder, &run));
    running.until_said(said);
    let serves = running.children(|line| line.get(1).is_some_and(|word| word == "storage"));
    let [serves] = serves[..] else { panic!("{serves:?}") };
    kill_process(Pid::from_raw(serves).unwrap(), Signal::KILL).unwrap();
    let (code, words) = running.end();
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("the file system below") && words.contains("signal 9"), "{words}");
    nothing_is_left_of(&folder);
}

#[test]
fn a_file_system_that_is_killed_leaves_no_verdict_and_nothing_else() {
    let before_any = "all are registered and subscribed";
    file_system_killed_in("{ at: 1h, power: storage, for: 1s }", before_any);
}

/// Whatever is down is started again at the end of a run, and cannot be without its disk: that is no
/// finding about the server.
#[test]
fn a_file_system_that_is_killed_while_a_fault_lasts_leaves_no_verdict_either() {
    LASTING.iter().for_each(|fault| file_system_killed_in(fault, "fault begins"));
}
