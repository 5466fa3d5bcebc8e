//! Children end when they should: asked, dropped, by themselves, and when their parent is killed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::testbed::child::Child;
use rustix::process::{Pid, Signal, kill_process};

const HARNESS: &str = env!("CARGO_BIN_EXE_harness");

/// Longer than anything here takes; past it a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(30);

fn start(script: &str) -> Child {
    let arguments: Vec<OsString> = vec!["-c".into(), script.into()];
    Child::start(Path::new(HARNESS), Path::new("/bin/sh"), &arguments).unwrap()
}

/// Waits until the child's output holds the line.
async fn wrote(child: &mut Child, line: &str) {
    let looking = async {
        while !child.output().iter().any(|written| written == line) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("the line is written");
}

/// The letter that the kernel shows for the process's state; none when it is gone.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// Waits until the process is in one of these states: `T` stopped, `Z` dead but not reaped, none.
async fn reaches(pid: i32, states: &[Option<char>]) {
    let looking = async {
        while !states.contains(&state(pid)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("the process gets there");
}

#[tokio::test]
async fn its_end_is_told_with_its_last_lines() {
    let child = start("echo out; echo err >&2; exit 7");
    let ended = child.ended().await.to_string();
    assert_eq!(ended, "ended with exit code 7; it wrote last:\n    out\n    err");
    assert_eq!(child.ended().await.to_string(), ended, "and told again");
}

#[tokio::test]
async fn an_end_by_a_signal_is_told_too() {
    let child = start("kill -9 $$");
    let ended = child.ended().await.to_string();
    assert_eq!(ended, "was ended by signal 9 and had written nothing");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let nowhere = Path::new("/nowhere/broker");
    let child = Child::start(Path::new(HARNESS), nowhere, &[]).unwrap();
    let ended = child.ended().await.to_string();
    assert!(ended.contains("cannot start /nowhere/broker: No such file"), "{ended}");
    let error = Child::start(nowhere, nowhere, &[]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn stop_asks_first() {
    let mut child =
        start("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    wrote(&mut child, "ready").await;
    let (ended, by) = child.stop(PATIENCE).await;
    assert_eq!(by, Signal::TERM);
    assert_eq!(ended.output, ["ready", "asked"]);
    assert!(ended.status.unwrap().success());
}

#[tokio::test]
async fn stop_kills_what_does_not_listen() {
    let mut child = start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    wrote(&mut child, "ready").await;
    let pid = child.id();
    let (ended, by) = child.stop(Duration::from_millis(20)).await;
    assert_eq!(by, Signal::KILL);
    assert!(ended.to_string().starts_with("was ended by signal 9"), "{ended}");
    assert_eq!(state(pid), None);
}

#[tokio::test]
async fn stop_wakes_a_stopped_child_to_ask_it() {
    let child = start("exec sleep 1000");
    child.signal(Signal::STOP);
    reaches(child.id(), &[Some('T')]).await;
    let (ended, by) = child.stop(PATIENCE).await;
    assert_eq!(by, Signal::TERM);
    assert!(ended.to_string().starts_with("was ended by signal 15"), "{ended}");
}

#[tokio::test]
async fn dropping_it_kills_and_reaps_it_and_its_descendants() {
    let mut child = start("sleep 1000 & echo $!; echo ready; wait");
    wrote(&mut child, "ready").await;
    let descendant: i32 = child.output()[0].parse().unwrap();
    let pid = child.id();
    drop(child);
    assert_eq!(state(pid), None);
    reaches(descendant, &[None, Some('Z')]).await;
}

#[tokio::test]
async fn a_chatty_child_never_waits_for_room_in_the_pipe() {
    let child = start("head -c 4000000 /dev/zero | tr '\\0' 'x'; echo; echo end");
    let ended = child.ended().await;
    assert_eq!(ended.output, ["end"]);
}

/// The kernel's signal comes when the thread that started the child ends, not the process.
#[test]
fn it_outlives_the_thread_that_asked_for_it() {
    let waits = "trap 'echo still here; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let mut child = std::thread::spawn(move || start(waits)).join().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ended = runtime.block_on(async {
        wrote(&mut child, "ready").await;
        child.stop(PATIENCE).await.0
    });
    assert_eq!(ended.output, ["ready", "still here"]);
}

/// A parent that starts a guarded child and tells its process id.
fn parent(script: &str) -> (std::process::Child, i32) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, HARNESS]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut shell = shell.process_group(0).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = line.trim().parse().unwrap();
    (shell, pid)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn killing_the_parent_ends_the_child_even_while_it_is_stopped() {
    let (mut shell, pid) = parent("\"$0\" guard --parent $$ -- sleep 1000 & echo $!; wait");
    let is_sleep = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n";
    let becoming = async {
        while !is_sleep() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, becoming).await.expect("the guard becomes the command");
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    reaches(pid, &[Some('T')]).await;

    shell.kill().unwrap();
    shell.wait().unwrap();
    reaches(pid, &[None, Some('Z')]).await;
}

#[test]
fn a_guard_whose_parent_is_another_starts_nothing() {
    let output = Command::new(HARNESS)
        .args(["guard", "--parent", "1", "--", "echo", "started"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn its_environment_has_what_it_is_given_and_no_other_settings_of_a_broker() {
    let arguments: Vec<OsString> = vec!["-c".into(), "env | grep ^BROKER_".into()];
    let harness = Path::new(HARNESS);
    let given = [("BROKER_STORE", "memory")];
    let child = Child::start_with(harness, Path::new("/bin/sh"), &arguments, &given).unwrap();
    assert_eq!(child.ended().await.output, ["BROKER_STORE=memory"]);
}
