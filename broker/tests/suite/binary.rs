//! The binary itself: its port file, its signals, its connections, and `--check`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const BROKER: &str = env!("CARGO_BIN_EXE_broker");

fn broker(arguments: &[&str]) -> Command {
    let mut command = program(BROKER);
    command.args(arguments);
    command
}

/// A shell that sets something up and becomes a broker.
fn broker_after(first: &str) -> Command {
    let mut command = program("sh");
    command.args(["-c", &format!("{first} && exec \"$@\""), "sh", BROKER]);
    command
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BROKER_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
    logs: Option<BufReader<ChildStderr>>,
    /// What it logged until it listened.
    first: String,
    folder: TempDir,
}

impl Running {
    /// Starts it and waits until it says that it listens.
    fn start(arguments: &[&str]) -> Self {
        Self::start_by(broker(&[]), arguments)
    }

    /// The same by a command that becomes a broker.
    fn start_by(command: Command, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port_file = folder.path().join("port");
        Self::start_with(command, folder, &port_file, arguments)
    }

    /// The same with this port file.
    fn start_with(
        mut command: Command,
        folder: TempDir,
        port_file: &Path,
        arguments: &[&str],
    ) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--port-file"]).arg(port_file).args(arguments);
        let mut child = command.spawn().unwrap();
        let mut logs = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        while !first.contains("listening") {
            assert_ne!(logs.read_line(&mut first).unwrap(), 0, "it does not listen: {first}");
        }
        Self { child, logs: Some(logs), first, folder }
    }

    fn port(&self) -> u16 {
        let text = fs::read_to_string(self.folder.path().join("port")).unwrap();
        text.strip_suffix('\n').expect("the port and a newline").parse().unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        // No measure of anything: a broker that does not answer must not hold up all tests.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn post(&self, path: &str, body: &str) -> String {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    /// A poll that waits: it was looked at when this returns.
    fn waiting_poll(&self) -> TcpStream {
        self.post("/producer/register", r#"{"topic":"A"}"#);
        self.post("/consumer/register", r#"{"topic":"A"}"#);
        self.post("/producer/produce", r#"{"topic":"A","producer_id":0,"message":"x"}"#);
        let mut stream = self.connect();
        let poll = "/consumer/consume?topic=A&consumer_id=0&max=9&offset=1&wait_ms=50000";
        let head = format!("GET {poll} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        while !self.get("/size?topic=A&consumer_id=0").contains(r#""offset":1"#) {}
        stream
    }

    /// What it logs until its end.
    fn rest_of_logs(&mut self) -> String {
        let mut logs = String::new();
        self.logs.take().expect("they were not read before").read_to_string(&mut logs).unwrap();
        logs
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
    // A broker that inherits it from who runs the tests ignores a hangup as it should.
    let signals =
        ["TERM", "INT", "HUP"].into_iter().filter(|one| *one != "HUP" || !ignores_hangups());
    for signal in signals {
        let mut running = Running::start(&[]);
        let files = fs::read_dir(running.folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing but the port file is left behind");
        let answer = running.ask("GET /topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert!(answer.contains("No Topic found"), "{answer}");
        running.signal(signal);
        let logs = running.rest_of_logs();
        assert!(logs.contains(&format!("SIG{signal}")) && logs.contains("stopped"), "{logs}");
        assert_eq!(running.child.wait().unwrap().code(), Some(0));
        let files = fs::read_dir(running.folder.path()).unwrap().count();
        assert_eq!(files, 0, "its port is nobody's now");
    }
}

/// Whether these tests run as by `nohup`, where it can be found out.
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

#[test]
fn a_port_file_that_another_broker_wrote_is_left_alone() {
    let mut running = Running::start(&[]);
    let file = running.folder.path().join("port");
    // As a broker does it.
    let other = file.with_extension("other");
    fs::write(&other, "1\n").unwrap();
    fs::rename(other, &file).unwrap();
    running.signal("TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(file).unwrap(), "1\n");
}

#[test]
fn a_port_file_of_a_broker_that_runs_is_left_to_it() {
    let mut running = Running::start(&[]);
    let file = running.folder.path().join("port");
    let path = file.to_str().unwrap();
    let said = fails(&["--listen", "127.0.0.1:0", "--port-file", path], 1);
    let why = format!("is that of a broker that runs, at port {}", running.port());
    assert_eq!(said, format!("broker: the port file {path} {why}: name another one\n"));
    assert!(running.get("/healthz").contains("alive"), "and it is where its file says");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let left = running.port();
    let next = Running::start_with(broker(&[]), tempfile::tempdir().unwrap(), &file, &[]);
    assert_ne!(running.port(), left, "a killed one has nothing any more");
    drop(next);
}

#[test]
fn a_port_file_is_free_while_its_broker_finishes() {
    let mut running = Running::start(&[]);
    let file = running.folder.path().join("port");
    let mut sending = running.connect();
    let head =
        "POST /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\nExpect: 100-continue\r\n\r\n";
    sending.write_all(head.as_bytes()).unwrap();
    sending.read_exact(&mut [0; 25]).unwrap();
    running.signal("TERM");
    while file.exists() {}
    let next = Running::start_with(broker(&[]), tempfile::tempdir().unwrap(), &file, &[]);
    sending.write_all(br#"{"topic_name":"A"}"#).unwrap();
    let mut answer = String::new();
    sending.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("created successfully"), "{answer}");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert!(running.get("/healthz").contains("alive"), "its file is that of the next one");
    drop(next);
}

#[test]
fn a_hangup_that_is_to_be_ignored_is() {
    // As `nohup` has it.
    let mut running = Running::start_by(broker_after("trap '' HUP"), &[]);
    running.signal("HUP");
    assert!(running.get("/healthz").contains("alive"));
    running.signal("TERM");
    let logs = running.rest_of_logs();
    assert!(logs.contains("SIGTERM") && !logs.contains("SIGHUP"), "{logs}");
}

#[test]
fn a_port_file_that_a_killed_broker_left_is_taken_away_before_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("port");
    fs::write(&file, "1\n").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["--listen", &address, "--port-file", file.to_str().unwrap()], 1);
    assert!(!file.exists());
    fs::create_dir(&file).unwrap();
    let said = fails(&["--listen", "127.0.0.1:0", "--port-file", file.to_str().unwrap()], 1);
    assert!(said.starts_with("broker: cannot take away the old port file"), "{said}");
}

#[test]
fn a_broker_is_asked_whether_it_is_ready() {
    let running = Running::start(&[]);
    let url = format!("http://127.0.0.1:{}", running.port());
    let Output { status, stdout, .. } = broker(&["--check", &url]).output().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(String::from_utf8(stdout).unwrap(), format!("{url} is ready\n"));
    drop(running);
    let said = fails(&["--check", &url], 1);
    assert_eq!(said, format!("broker: {url} is not ready: connection refused\n"));
}

#[test]
fn what_is_no_broker_or_is_silent_is_not_ready() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "SSH-2.0-Other_1\r\n"] {
            let (mut stream, _) = other.accept().unwrap();
            let mut head = [0; 4096];
            assert!(stream.read(&mut head).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
        // It listens on, and says nothing more.
        other
    });
    let no_broker = "is not ready: what answers there is no broker:";
    let said = fails(&["--check", &url], 1);
    assert!(said.ends_with(&format!("{no_broker} 200 OK\n")), "{said}");
    let said = fails(&["--check", &url], 1);
    assert!(said.ends_with(&format!("{no_broker} it does not speak HTTP\n")), "{said}");
    let silent = answering.join().unwrap();
    let said = fails(&["--check", &url], 1);
    assert!(said.ends_with("is not ready: there is no answer within 5 s\n"), "{said}");
    drop(silent);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut running = Running::start(&["--grace", "1h", "--body-timeout", "1h"]);
    let mut slow = running.connect();
    let head =
        "POST /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    slow.write_all(head.as_bytes()).unwrap();
    // The handler has begun to read, so the request is in flight.
    slow.read_exact(&mut [0; 25]).unwrap();
    running.signal("TERM");
    let mut logs = running.logs.take().unwrap();
    let mut line = String::new();
    logs.read_line(&mut line).unwrap();
    assert!(line.contains("shutting down"), "{line}");
    running.signal("INT");
    let mut rest = String::new();
    logs.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("ending at once"), "{rest}");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert_eq!(slow.read(&mut [0; 1]).unwrap_or(0), 0, "it was cut off");
}

#[test]
fn nobody_has_to_read_its_log() {
    for level in ["info", "debug"] {
        let mut running = Running::start(&["--log-level", level]);
        let mut waiting = running.waiting_poll();
        running.logs = None;
        let mut broken_off = running.connect();
        broken_off.write_all(b"GET /x").unwrap();
        drop(broken_off);
        assert!(running.get("/healthz").contains("alive"));
        running.signal("TERM");
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with(r#""messages":[]}"#), "{answer}");
        assert_eq!(running.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn connections_up_to_the_hard_limit_are_open_at_once() {
    let running = Running::start_by(broker_after("ulimit -S -n 64"), &[]);
    let mut streams: Vec<_> = (0..100).map(|_| running.connect()).collect();
    for stream in &mut streams {
        assert!(is_served(stream), "all of them are open");
    }
    for stream in &mut streams {
        assert!(is_served(stream), "and stay open");
    }
}

#[test]
fn past_the_most_connections_others_are_closed_whatever_the_limit_of_open_files() {
    // A short time-out is what makes the broker look often.
    let short = ["--write-timeout", "100ms"];
    for more in [&[][..], &["--max-connections", "1000"], &["--max-connections", "20"]] {
        let arguments = [&short, more].concat();
        let mut running = Running::start_by(broker_after("ulimit -n 64"), &arguments);
        let warned = "--max-connections is 1000, and the limit of open files has room for 32";
        assert_eq!(running.first.contains(warned), more.contains(&"1000"), "{}", running.first);
        let mut waiting = running.waiting_poll();
        let idle: Vec<_> = (0..100).map(|_| running.connect()).collect();
        let mut last = running.connect();
        assert!(is_served(&mut last), "though nobody closed a connection");
        drop(idle);
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with(r#""messages":[]}"#), "a poll that waits is answered: {answer}");
        running.signal("TERM");
        let logs = running.rest_of_logs();
        assert_eq!(logs.matches("no place for a connection").count(), 1, "{logs}");
    }
}

#[test]
fn a_connection_that_gives_way_is_said_also_where_it_could_not_at_once() {
    // Both come within a tick, which is a second, and so only then the first one can be spared.
    let mut running = Running::start(&["--max-connections", "1"]);
    let (mut first, second) = (running.connect(), running.connect());
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "it is closed");
    drop(second);
    running.signal("TERM");
    let logs = running.rest_of_logs();
    assert_eq!(logs.matches("no place for a connection").count(), 1, "{logs}");
}

fn is_served(stream: &mut TcpStream) -> bool {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200" && {
        let mut rest = [0; 4096];
        stream.read(&mut rest).is_ok()
    }
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
    let running = Running { child, logs: Some(logs), first: line.clone(), folder };
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["address"], format!("127.0.0.1:{}", running.port()));
    drop(running);
}
