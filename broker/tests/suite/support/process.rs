//! A broker as a process of its own, to be killed and started again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use broker_client::Client;
use tempfile::TempDir;

/// A broker; it is killed with this.
pub(crate) struct Process {
    child: Child,
    folder: TempDir,
    store: String,
    arguments: Vec<String>,
    port: u16,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts one on a free port, and waits until it listens.
    pub(crate) fn start(store: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let said = Arc::new(Mutex::new(String::new()));
        let port_file = folder.path().join("port");
        let mut command = command(store, 0, &arguments);
        command.arg("--port-file").arg(&port_file);
        let child = listening(command, &said);
        let port = fs::read_to_string(port_file).unwrap().trim().parse().unwrap();
        Self { child, folder, store: store.to_owned(), arguments, port, said }
    }

    /// Starts one that is not expected to come up, and gives its exit code and what it says.
    pub(crate) fn fails(store: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let output = command(store, 0, &arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Runs the program with these arguments alone, and gives its exit code and what it says on stderr.
    pub(crate) fn fails_with(arguments: &[&str]) -> (Option<i32>, String) {
        let output = program().args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// A client with connections of its own.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address()).unwrap()
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub(crate) fn run_again(&mut self) {
        self.child = listening(command(&self.store, self.port, &self.arguments), &self.said);
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// All that it has said so far, in all its lives.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = &self.folder;
    }
}

/// The broker without what the environment says of how it is to run.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BROKER_") {
            command.env_remove(name);
        }
    }
    command
}

fn command(store: &str, port: u16, arguments: &[String]) -> Command {
    let mut command = program();
    // Its password is nobody else's business.
    command.env("BROKER_STORE", store);
    if !arguments.iter().any(|argument| argument == "--listen") {
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
    }
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts it and waits until it says that it listens; what it says is kept.
fn listening(mut command: Command, said: &Arc<Mutex<String>>) -> Child {
    let mut child = command.spawn().unwrap();
    let logs = BufReader::new(child.stderr.take().unwrap());
    let (listens, listening): (_, Receiver<()>) = channel();
    let keeping = Arc::clone(said);
    thread::spawn(move || {
        for line in logs.lines().map_while(Result::ok) {
            let is_listening = line.contains("listening");
            let mut said = keeping.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
            drop(said);
            if is_listening {
                let _ = listens.send(());
            }
        }
    });
    if listening.recv().is_err() {
        let _ = child.wait();
        panic!("it does not start: {}", said.lock().unwrap());
    }
    child
}
