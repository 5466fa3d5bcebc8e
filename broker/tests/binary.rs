//! The binary itself: its port file, its signals, its exit codes and what it says when it cannot.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BROKER_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn fails(arguments: &[&str], code: i32) -> String {
    let Output { status, stderr, .. } = broker(arguments).output().unwrap();
    assert_eq!(status.code(), Some(code), "{arguments:?}");
    String::from_utf8(stderr).unwrap()
}

/// A broker that is ended with the test.
struct Running {
    child: Child,
    logs: BufReader<std::process::ChildStderr>,
    folder: TempDir,
}

impl Running {
    /// Starts it and waits until it says that it listens.
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port_file = folder.path().join("port");
        let mut child = broker(&["--listen", "127.0.0.1:0", "--port-file"])
            .arg(port_file)
            .args(arguments)
            .spawn()
            .unwrap();
        let mut logs = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        logs.read_line(&mut line).unwrap();
        assert!(line.contains("listening"), "{line}");
        Self { child, logs, folder }
    }

    fn port(&self) -> u16 {
        let text = fs::read_to_string(self.folder.path().join("port")).unwrap();
        text.strip_suffix('\n').expect("the port and a newline").parse().unwrap()
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_on_the_port_of_its_file_until_a_signal() {
    for signal in ["TERM", "INT"] {
        let mut running = Running::start(&[]);
        let files = fs::read_dir(running.folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing but the port file is left behind");
        let answer = running.ask("GET /topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert!(answer.contains("No Topic found"), "{answer}");
        running.signal(signal);
        let mut logs = String::new();
        running.logs.read_to_string(&mut logs).unwrap();
        assert!(logs.contains("stopped"), "{logs}");
        assert_eq!(running.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(&["--listen", &address], 1);
    assert_eq!(
        said,
        format!(
            "broker: cannot listen on {address}: another program does; try port 0 for a free one\n"
        )
    );
}

#[test]
fn a_port_file_that_cannot_be_written_is_named() {
    let said = fails(&["--listen", "127.0.0.1:0", "--port-file", "/nowhere/port"], 1);
    assert_eq!(
        said,
        "broker: cannot write the port file /nowhere/port: no such file or directory\n"
    );
}

#[test]
fn wrong_arguments_are_refused() {
    for (arguments, says) in [
        (["--nix", "1"], "unexpected argument '--nix'"),
        (["--listen", "localhost"], "expected an IP address and a port"),
        (["--store", "tape"], "possible values: memory"),
        (["--max-memory", "much"], "expected bytes, such as"),
        (["--max-message", "0"], "at least one byte is needed"),
        (["--grace", "10"], "expected a time, such as"),
        (["--threads", "0"], "at least 1"),
    ] {
        let said = fails(&arguments, 2);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    let said = fails(&["--log-level", "brok er=loud"], 2);
    assert!(said.contains("--log-level"), "{said}");
}

#[test]
fn the_environment_stands_in_for_flags_and_logs_can_be_json() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = broker(&["--log-format", "json"])
        .env("BROKER_LISTEN", "127.0.0.1:0")
        .env("BROKER_PORT_FILE", folder.path().join("port"))
        .spawn()
        .unwrap();
    let mut logs = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    logs.read_line(&mut line).unwrap();
    let running = Running { child, logs, folder };
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["address"], format!("127.0.0.1:{}", running.port()));
    drop(running);
}

#[test]
fn arguments_that_cannot_be_are_refused_with_what_would_be_right() {
    let check = |arguments: &[&str], expected: &str| {
        let words = fails(arguments, 2);
        assert!(words.contains(expected), "{words}");
    };
    check(&["--threads", "0"], "expected a whole number, at least 1");
    check(&["--max-batch", "0"], "expected a whole number, at least 1");
    check(&["--listen", "localhost:5000"], "did you mean 127.0.0.1:5000?");
    check(&["--listen", "5000"], "expected an IP address and a port, such as 127.0.0.1:5000");
    check(&["--log-level", "bad=x=y"], "expected a level, such as info, or directives");
    check(&["--store", "mysql"], "the MySQL store is not built yet");
    check(
        &["--max-message", "2MiB", "--max-body", "1MiB"],
        "--max-message is 2097152 bytes and --max-body 1048576",
    );
}

#[test]
fn a_bad_variable_is_named() {
    let Output { status, stderr, .. } =
        broker(&[]).env("BROKER_MAX_BATCH", "none").output().unwrap();
    let words = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{words}");
    assert!(words.contains("the value is that of the variable BROKER_MAX_BATCH"), "{words}");
}
