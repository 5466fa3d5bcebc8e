//! What tests of the real binary share: a folder to run it in, an environment without the variables
//! of CI and insta, looks at processes, and the brokers and networks that go wrong.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use harness::driver::{Address, Attempts, Connecting, Outgoing, Reply, Sender};
use harness::history::Moment;
use harness::plan::Plan;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

#[cfg(feature = "tls-tests")]
#[path = "../../../../broker/tests/suite/support/certificates.rs"]
pub(crate) mod certificates;
pub(crate) mod foreign;
pub(crate) mod forgetful;
pub(crate) mod late;
pub(crate) mod missing;
pub(crate) mod network;
pub(crate) mod original;
pub(crate) mod shim;
pub(crate) mod terminal;

/// Longer than anything here takes; past it a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of its own, removed at the end.
pub(crate) struct Folder(TempDir);

/// The base address of a broker over HTTP.
pub(crate) fn url(address: &Address) -> String {
    format!("http://{address}")
}

/// What a driver is given to reach brokers with.
pub(crate) fn connecting(plan: &Arc<Plan>, addresses: Vec<Address>) -> Connecting {
    Connecting {
        plan: Arc::clone(plan),
        addresses,
        alternatives: NonZeroUsize::MIN,
        run: "test".to_owned(),
    }
}

/// Sends messages as one request, and does not ask what each attempt came to.
pub(crate) async fn send(sender: &mut dyn Sender, messages: &[Outgoing<'_>]) -> Reply {
    let clock = Moment::default;
    let mut attempts = Attempts::new(&clock, 1, clock());
    sender.send(messages, &mut attempts).await
}

/// How the harness ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A scenario that is shipped, and its logs.
    pub(crate) fn copy_scenario(&self, name: &str) {
        let from = shipped();
        self.write(&format!("{name}.yaml"), &read(&from.join(format!("{name}.yaml"))));
        let Ok(logs) = fs::read_dir(from.join(name)) else { return };
        for log in logs {
            let log = log.unwrap();
            let file = format!("{name}/{}", log.file_name().to_str().unwrap());
            self.write(&file, &read(&log.path()));
        }
    }

    /// The harness with these arguments, in this folder.
    pub(crate) fn harness(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        // What it leaves in the folder for temporary files can be seen there.
        let temporary = self.join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        command.env("TMPDIR", temporary);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["CI", "TF_BUILD", "NO_COLOR"].contains(&&*name)
                || ["INSTA_", "GITHUB_", "BROKER_", "HARNESS_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// Runs the harness to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        end(self.harness(arguments))
    }

    /// The same where it must end with 0.
    pub(crate) fn passes(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended
    }

    /// A JSON report's only scenario.
    pub(crate) fn report(&self, name: &str) -> Value {
        let report: Value = serde_json::from_str(&self.read(name)).unwrap();
        report["scenarios"][0].clone()
    }
}

/// Runs a command to its end.
pub(crate) fn end(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The folder of the scenarios that are shipped.
pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Our standalone broker on a free port, killed at the end. The harness's hidden subcommand is the
/// same program as the binary `broker`, which is of another package.
pub(crate) struct Broker {
    child: Child,
    pub(crate) address: String,
    _folder: Folder,
}

impl Broker {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let mut command =
            folder.harness(&["broker", "--listen", "127.0.0.1:0", "--port-file", "port"]);
        let child = command.args(arguments).stderr(Stdio::null()).spawn().unwrap();
        let port = folder.join("port");
        let port = wait_for("the broker to listen", || {
            let text = fs::read_to_string(&port).ok()?;
            text.strip_suffix('\n')?.parse::<u16>().ok()
        });
        Self { child, address: format!("http://127.0.0.1:{port}"), _folder: folder }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something to see.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A harness at work, its words in the file `stderr`; killed at the end.
pub(crate) struct Running {
    child: Child,
    words: PathBuf,
}

impl Running {
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::spawn(folder, folder.harness(arguments))
    }

    pub(crate) fn spawn(folder: &Folder, mut command: Command) -> Self {
        let words = folder.join("stderr");
        command.stdout(Stdio::null()).stderr(File::create(&words).unwrap());
        Self { child: command.spawn().unwrap(), words }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has said this.
    pub(crate) fn until_said(&self, said: &str) {
        wait_for(said, || self.words().contains(said).then_some(()));
    }

    /// The process that it started to be its broker, once it is that.
    pub(crate) fn broker(&self) -> i32 {
        self.brokers(1)[0]
    }

    /// As many such processes, once they are.
    pub(crate) fn brokers(&self, count: usize) -> Vec<i32> {
        wait_for("the harness to start brokers", || {
            let brokers = self.brokers_now();
            (brokers.len() == count).then_some(brokers)
        })
    }

    /// Those that there are.
    pub(crate) fn brokers_now(&self) -> Vec<i32> {
        self.children(|line| line.get(1).is_some_and(|word| word == "broker"))
    }

    /// The process that it started to be its private database server, once it is that.
    pub(crate) fn database_server(&self) -> i32 {
        let is_server = |line: &[String]| line.iter().any(|word| word.starts_with("--socket="));
        let is_guard = |line: &[String]| line.iter().any(|word| word == "guard");
        wait_for("the harness to start a database server", || {
            self.children(|line| is_server(line) && !is_guard(line)).first().copied()
        })
    }

    /// Its own children whose command lines are such.
    pub(crate) fn children(&self, is_such: impl Fn(&[String]) -> bool) -> Vec<i32> {
        let parent = self.child.id().to_string();
        let is_child = |pid: &i32| stat(*pid).is_some_and(|stat| stat[1] == parent);
        let line = |pid: &i32| -> Vec<String> {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words = line.split(|byte| *byte == 0);
            words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
        };
        processes().into_iter().filter(|pid| is_child(pid) && is_such(&line(pid))).collect()
    }

    pub(crate) fn words(&self) -> String {
        fs::read_to_string(&self.words).unwrap()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end, and gives its exit code and its words.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = wait_for("the harness to end", || self.child.try_wait().unwrap());
        (status.code(), self.words())
    }
}

/// The processes whose working folder this is.
pub(crate) fn working_in(folder: &Path) -> Vec<i32> {
    let is_there =
        |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|there| there == folder);
    processes().into_iter().filter(is_there).collect()
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The letter that the kernel shows for the process's state: `T` stopped, `Z` dead and not reaped;
/// none when it is gone.
pub(crate) fn state(pid: i32) -> Option<char> {
    stat(pid)?[0].chars().next()
}

/// State, parent and so on.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    Some(after.split_whitespace().map(str::to_owned).collect())
}

/// The processes of a group that are not dead.
pub(crate) fn in_group(group: Pid) -> Vec<i32> {
    let group = group.as_raw_nonzero().to_string();
    let is_in = |pid: &i32| stat(*pid).is_some_and(|stat| stat[0] != "Z" && stat[2] == group);
    processes().into_iter().filter(is_in).collect()
}

/// All that there are.
pub(crate) fn processes() -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Stops a process, and waits until it is.
pub(crate) fn stop(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    wait_for("the process to stop", || (state(pid) == Some('T')).then_some(()));
}
