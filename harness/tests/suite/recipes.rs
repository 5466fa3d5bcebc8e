//! Every server that has a recipe starts, is ready, is killed, starts again on its port, ends, and
//! leaves nothing; and what recipes can say is true of servers made up here.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::catalogue;
use harness::driver;
use harness::recipes::{RECIPES, Row};
use harness::server::{Ending, Ready, Recipe, ServerProcess, Start, Wanted};
use harness::testbed::Failure;
use private_database::{Folder, Invocation, WITHOUT};
use rustix::process::{Pid, Signal, test_kill_process};

const ANY_PORT: &str = "127.0.0.1:0";

fn harness() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness"))
}

async fn start(recipe: &Arc<dyn Recipe>) -> Result<ServerProcess, Failure> {
    ServerProcess::start(harness(), Arc::clone(recipe), ANY_PORT.parse().unwrap()).await
}

/// Whether there is no process with this id, not even a dead one that is not reaped.
fn is_gone(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_err()
}

fn accepts(address: SocketAddr) -> bool {
    match TcpStream::connect(address) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => false,
        Err(error) => panic!("{address}: {error}"),
    }
}

/// Whether a server is installed, and spoken to by a driver of this build: the short build has no use
/// for the servers that other people run, some of which take long to start.
fn is_there(row: &Row) -> bool {
    let Some(installed) = &row.program else { return true };
    let mut entries = catalogue::entries().filter(|entry| entry.server == Some(row.word));
    entries.any(|entry| driver::by_word(entry.driver).is_some()) && installed.program.find().is_ok()
}

/// The configuration of the catalogue's broker that keeps most on this server.
fn keeping(server: &str) -> BTreeMap<String, String> {
    let entries = catalogue::entries().filter(|entry| entry.server == Some(server));
    let most = entries.max_by_key(|entry| entry.documented.survives);
    let config = most.map_or(&[][..], |entry| entry.config);
    config.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[tokio::test]
async fn every_server_starts_again_on_its_port_and_leaves_nothing() {
    let is_left_out =
        |word| word == "mysql" && std::env::var(WITHOUT).is_ok_and(|value| value == "1");
    for row in RECIPES.iter().filter(|row| is_there(row) && !is_left_out(row.word)) {
        let name = row.word.to_owned();
        let config = keeping(row.word);
        let wanted = Wanted {
            harness: harness(),
            name,
            arguments: &[],
            store: None,
            is_cluster: false,
            config: &config,
        };
        let recipe = (row.new)(&wanted).unwrap();
        let folder = recipe.folder().map(|folder| folder.path().to_owned());
        // As where a disk of the harness's own is below it.
        let data = recipe.data().map(|data| data.folder);
        data.iter().for_each(|data| std::fs::create_dir_all(data).unwrap());
        let server = start(&recipe).await.unwrap();
        let (address, first) = (server.address(), server.id());
        assert!(accepts(address), "{}", row.word);

        server.kill().await.unwrap();
        assert!(is_gone(first) && !accepts(address), "{}", row.word);
        server.start_again().await.unwrap();
        assert!(accepts(address) && server.id() != first, "{}", row.word);
        server.stop().await.unwrap();
        server.start_again().await.unwrap();
        let last = server.id();
        server.end().await.unwrap();
        assert!(is_gone(last) && !accepts(address), "{}", row.word);
        let failure = server.start_again().await.unwrap_err().to_string();
        assert!(failure.ends_with("ended with the run"), "{failure}");
        if let (Some(data), Some(folder)) = (data, &folder) {
            assert!(data.starts_with(folder) && data != *folder, "{}", row.word);
            assert!(std::fs::read_dir(&data).unwrap().count() > 0, "{} kept nothing", row.word);
            // Nothing of it is still in use.
            std::fs::remove_dir_all(&data).unwrap();
        }

        drop((server, recipe));
        assert!(folder.is_none_or(|folder| !folder.exists()), "{}", row.word);
    }
}

/// A shell script in place of a server.
struct Script {
    folder: Folder,
    preparation: &'static str,
    server: &'static str,
    persistence: Result<(), &'static str>,
    signal: Signal,
}

impl Script {
    fn new(server: &'static str) -> Self {
        Self {
            folder: Folder::new("script").unwrap(),
            preparation: "true",
            server,
            persistence: Ok(()),
            signal: Signal::TERM,
        }
    }
}

fn shell(script: &str) -> Invocation {
    Invocation::new(Path::new("/bin/sh"), ["-c", script])
}

impl Recipe for Script {
    fn name(&self) -> &str {
        "the script"
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn preparation(&self) -> Vec<Invocation> {
        vec![shell(self.preparation)]
    }

    fn start(&self, _listen: SocketAddr) -> Result<Start, Failure> {
        Ok(Start { run: shell(self.server), ready: Ready::Line("ready".into()) })
    }

    fn ready_within(&self) -> Duration {
        if self.server.contains("never") { Duration::ZERO } else { Duration::from_secs(60) }
    }

    fn check_persistence(
        &self,
        _listens: SocketAddr,
    ) -> futures_util::future::BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(self.persistence.map_err(str::to_owned)))
    }

    fn ending(&self) -> Ending {
        Ending { signal: self.signal, ..Ending::default() }
    }
}

/// Serves until it is asked to end by any of these signals.
const SERVES: &str =
    "trap 'exit 0' TERM; trap 'exit 7' USR1; echo ready; while :; do sleep 0.01; done";

#[tokio::test]
async fn a_line_shows_that_it_is_ready() {
    let recipe: Arc<dyn Recipe> = Arc::new(Script::new(SERVES));
    let server = start(&recipe).await.unwrap();
    server.end().await.unwrap();
}

#[tokio::test]
async fn it_is_ended_by_its_own_signal_and_a_bad_exit_code_is_told() {
    // Not SIGINT, which a shell cannot trap where the tests run in the background.
    let script = Script { signal: Signal::USR1, ..Script::new(SERVES) };
    let recipe: Arc<dyn Recipe> = Arc::new(script);
    let server = start(&recipe).await.unwrap();
    let failure = server.end().await.unwrap_err().to_string();
    let expected = "the script did not end in good order: it ended with exit code 7; it wrote";
    assert!(failure.starts_with(expected), "{failure}");
}

#[track_caller]
fn check_failure(failed: Result<ServerProcess, Failure>, start: &str, parts: &[&str]) {
    let failure = failed.unwrap_err().to_string();
    assert!(failure.starts_with(start), "{failure}");
    assert!(parts.iter().all(|part| failure.contains(part)), "{failure}");
}

#[tokio::test]
async fn what_goes_wrong_at_a_start_is_told_with_the_last_lines() {
    let recipe: Arc<dyn Recipe> =
        Arc::new(Script { preparation: "echo no room; exit 3", ..Script::new(SERVES) });
    let parts = ["ended with exit code 3; it wrote last:\n    no room"];
    check_failure(start(&recipe).await, "setting up the script ", &parts);

    let recipe: Arc<dyn Recipe> = Arc::new(Script::new("echo bad option; exit 1"));
    let parts = ["it ended with exit code 1; it wrote last:\n    bad option"];
    check_failure(start(&recipe).await, "the script did not start on 127.0.0.1:", &parts);

    let recipe: Arc<dyn Recipe> = Arc::new(Script::new("echo never; sleep 1000"));
    let whole = "the script has written no line with `ready: \"ready\"` after 0 s";
    check_failure(start(&recipe).await, whole, &[]);

    let persistence = Err("its file is empty");
    let recipe: Arc<dyn Recipe> = Arc::new(Script { persistence, ..Script::new(SERVES) });
    let whole = "the script does not keep what it is sent: its file is empty";
    check_failure(start(&recipe).await, whole, &[]);
}

#[tokio::test]
async fn a_daemon_that_left_the_process_group_ends_with_the_folder() {
    let server =
        "setsid sh -c 'echo $$ > \"$HARNESS_FOLDER/daemon\"; echo ready; exec sleep 1000' & wait";
    let script = Script::new(server);
    let file = script.folder.path().join("daemon");
    let recipe: Arc<dyn Recipe> = Arc::new(script);
    let server = start(&recipe).await.unwrap();
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    // Dead is also what its parent by then, which is not ours, has not reaped yet.
    let is_dead = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    server.kill().await.unwrap();
    assert!(!is_dead(), "it left the group");

    drop((server, recipe));
    let dying = async {
        while !is_dead() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), dying).await.expect("it is killed");
}
