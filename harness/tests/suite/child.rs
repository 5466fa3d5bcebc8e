//! Children end when they should: asked, dropped, by themselves, and when their parent is killed.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::server::child::Child;
use private_database::Invocation;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{PATIENCE, state, wait_for};

const HARNESS: &str = env!("CARGO_BIN_EXE_harness");

fn shell(script: &str) -> Invocation {
    Invocation::new(Path::new("/bin/sh"), ["-c", script])
}

fn start(script: &str) -> Child {
    Child::start(Path::new(HARNESS), &shell(script)).unwrap()
}

/// Waits until the child's output holds the line.
fn wrote(child: &mut Child, line: &str) {
    wait_for("the line", || child.output().iter().any(|written| written == line).then_some(()));
}

/// Waits until the process is in one of these states: `T` stopped, `Z` dead but not reaped, none.
fn reaches(pid: i32, states: &[Option<char>]) {
    wait_for("the process's state", || states.contains(&state(pid)).then_some(()));
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
    let run = Invocation::new(nowhere, [""; 0]);
    let child = Child::start(Path::new(HARNESS), &run).unwrap();
    let ended = child.ended().await.to_string();
    assert!(ended.contains("cannot start /nowhere/broker: No such file"), "{ended}");
    let error = Child::start(nowhere, &run).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn stop_asks_first() {
    let mut child =
        start("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    wrote(&mut child, "ready");
    let (ended, by) = child.stop(Signal::TERM, PATIENCE).await;
    assert_eq!(by, Signal::TERM);
    assert_eq!(ended.output, ["ready", "asked"]);
    assert!(ended.status.unwrap().success());
}

#[tokio::test]
async fn stop_kills_what_does_not_listen() {
    let mut child = start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    wrote(&mut child, "ready");
    let pid = child.id();
    let (ended, by) = child.stop(Signal::TERM, Duration::from_millis(20)).await;
    assert_eq!(by, Signal::KILL);
    assert!(ended.to_string().starts_with("was ended by signal 9"), "{ended}");
    assert_eq!(state(pid), None);
}

#[tokio::test]
async fn stop_wakes_a_stopped_child_to_ask_it() {
    let child = start("exec sleep 1000");
    child.signal(Signal::STOP);
    reaches(child.id(), &[Some('T')]);
    let (ended, by) = child.stop(Signal::TERM, PATIENCE).await;
    assert_eq!(by, Signal::TERM);
    assert!(ended.to_string().starts_with("was ended by signal 15"), "{ended}");
}

#[tokio::test]
async fn dropping_it_kills_and_reaps_it_and_its_descendants() {
    let mut child = start("sleep 1000 & echo $!; echo ready; wait");
    wrote(&mut child, "ready");
    let descendant: i32 = child.output()[0].parse().unwrap();
    let pid = child.id();
    drop(child);
    assert_eq!(state(pid), None);
    reaches(descendant, &[None, Some('Z')]);
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
    wrote(&mut child, "ready");
    let (ended, _) = runtime.block_on(child.stop(Signal::TERM, PATIENCE));
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
#[test]
fn killing_the_parent_ends_the_child_even_while_it_is_stopped() {
    let (mut shell, pid) = parent("\"$0\" guard --parent $$ -- sleep 1000 & echo $!; wait");
    let is_sleep = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n";
    wait_for("the guard to become the command", || is_sleep().then_some(()));
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    reaches(pid, &[Some('T')]);

    shell.kill().unwrap();
    shell.wait().unwrap();
    reaches(pid, &[None, Some('Z')]);
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
    let mut run = shell("env | grep ^BROKER_");
    run.environment.push(("BROKER_STORE", "memory".into()));
    let child = Child::start(Path::new(HARNESS), &run).unwrap();
    assert_eq!(child.ended().await.output, ["BROKER_STORE=memory"]);
}
