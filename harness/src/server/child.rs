//! A child process that cannot outlive the harness: in a process group of its own, started through
//! the hidden `guard` subcommand, watched and in the end reaped by the thread that started it.
//!
//! The kernel sends the parent-death signal when the *thread* that started the child ends, and a
//! runtime may end its threads at any time. So each child has a keeper: a thread that starts it,
//! waits for its end, and only then ends itself.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use private_database::Invocation;
use rustix::io::retry_on_intr;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::sync::watch;

use super::tail::Tail;

/// How long output may still come after the child's end: only a descendant that left the process
/// group can hold the pipe open that long, and it must not keep us.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// A running child process, killed and reaped when dropped.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    /// Whether the pid is still the child's: false once it is reaped, when the system may give
    /// the number to another process. Held while a signal is sent.
    alive: Arc<Mutex<bool>>,
    output: Arc<Mutex<Tail>>,
    ended: watch::Receiver<Option<Status>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

/// The harness's ends of a child's standard input and output.
#[derive(Debug)]
pub struct Pipes {
    /// To its standard input.
    pub to: io::PipeWriter,
    /// From its standard output.
    pub from: io::PipeReader,
}

/// How a child ended, where the system tells: it does not where SIGCHLD is ignored.
pub type Status = Option<ExitStatus>;

/// A child's end, and the last lines that it wrote.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// The last of what it wrote to standard output and standard error.
    pub output: Vec<String>,
}

impl Child {
    /// Starts a program, guarded by the harness's binary at `harness`. Its standard input is empty,
    /// its output is kept in part.
    ///
    /// # Errors
    /// When `harness` cannot be started. A program that cannot is an early end, explained in its
    /// output.
    pub fn start(harness: &Path, run: &Invocation) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(harness);
        command.arg("guard").arg("--parent").arg(std::process::id().to_string());
        command.arg("--").arg(&run.program).args(&run.arguments);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        Self::keep(command, reader, run)
    }

    /// Starts a program that is spoken to through its standard input and output; of what it writes to
    /// standard error a part is kept. It has no guard: its environment has to have the mark of a
    /// [`Folder`](private_database::Folder), with which it ends.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_piped(run: &Invocation) -> io::Result<(Self, Pipes)> {
        let ((stdin, to), (from, stdout), (reader, stderr)) =
            (io::pipe()?, io::pipe()?, io::pipe()?);
        let mut command = Command::new(&run.program);
        command.args(&run.arguments).stdin(stdin).stdout(stdout).stderr(stderr);
        Ok((Self::keep(command, reader, run)?, Pipes { to, from }))
    }

    /// Starts the command, with the environment of `run`; `reader` brings its output.
    fn keep(mut command: Command, reader: io::PipeReader, run: &Invocation) -> io::Result<Self> {
        command.process_group(0);
        // The broker reads settings from these too, and a run follows from its scenario alone. A token for
        // a broker at a URL is no business of a server that is started.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BROKER_") || name == "HARNESS_BROKER_TOKEN" {
                command.env_remove(name);
            }
        }
        command.envs(run.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &run.folder {
            command.current_dir(folder);
        }

        let alive = Arc::new(Mutex::new(true));
        let output = Arc::new(Mutex::new(Tail::default()));
        let (tell_started, started) = mpsc::sync_channel(1);
        let (tell_ended, ended) = watch::channel(None);
        let keeper = Keeper { alive: alive.clone(), output: output.clone(), tell_ended };
        let keeper = thread::Builder::new()
            .name("child".to_owned())
            .spawn(move || keeper.keep(command, reader, &tell_started))?;
        let pid = started.recv().expect("the keeper tells how the start went")?;
        Ok(Self { pid, alive, output, ended, keeper: Mutex::new(Some(keeper)) })
    }

    /// Its process id, which is also its process group's.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Sends it a signal; to a child that has ended, nothing.
    pub fn signal(&self, signal: Signal) {
        self.while_alive(|pid| kill_process(pid, signal));
    }

    /// Sends a signal to it and to all that it started and that is still in its process group: a
    /// server may be a shell script that started the server.
    pub fn signal_group(&self, signal: Signal) {
        self.while_alive(|pid| kill_process_group(pid, signal));
    }

    /// Ends it at once, with all that it started.
    pub fn kill(&self) {
        self.signal_group(Signal::KILL);
    }

    /// Kills it with all that it started, and returns when it is reaped.
    pub fn kill_and_reap(&self) {
        self.kill();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            // It cannot have crashed in a way that matters: what it kept is gone either way.
            let _ = keeper.join();
        }
    }

    fn while_alive(&self, act: impl FnOnce(Pid) -> rustix::io::Result<()>) {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if *alive {
            // It can only fail for a child that has just ended and is not reaped yet.
            let _ = act(self.pid);
        }
    }

    /// Completes when it has ended and is reaped. May be dropped and called again.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        let status = status.expect("the keeper tells of the end before its own");
        Ended { status, output: self.output() }
    }

    /// Whether it has ended and is reaped.
    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// The last lines that it wrote so far.
    pub fn output(&self) -> Vec<String> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).lines()
    }

    /// Whether it has written this text, which is part of a line. A text that it wrote long before
    /// the first call may be forgotten.
    pub fn has_written(&self, text: &str) -> bool {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).has(text)
    }

    /// Asks it to end by a signal, and kills it with all that it started if it is still there after
    /// `grace`; says by which signal it ended.
    pub async fn stop(&self, signal: Signal, grace: Duration) -> (Ended, Signal) {
        self.signal(signal);
        // A stopped process sees the signal only after it is let go on.
        self.signal_group(Signal::CONT);
        if let Ok(ended) = tokio::time::timeout(grace, self.ended()).await {
            return (ended, signal);
        }
        self.kill();
        (self.ended().await, Signal::KILL)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill_and_reap();
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.status.and_then(|status| status.code());
        let signal = self.status.and_then(|status| status.signal());
        match (code, signal) {
            (Some(code), _) => write!(f, "ended with exit code {code}")?,
            (None, Some(signal)) => write!(f, "was ended by signal {signal}")?,
            (None, None) => write!(f, "ended, nobody knows how,")?,
        }
        if self.output.is_empty() {
            return write!(f, " and had written nothing");
        }
        write!(f, "; it wrote last:")?;
        for line in &self.output {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// What the thread of a child shares with its owner.
struct Keeper {
    alive: Arc<Mutex<bool>>,
    output: Arc<Mutex<Tail>>,
    tell_ended: watch::Sender<Option<Status>>,
}

impl Keeper {
    fn keep(
        self,
        mut command: Command,
        reader: io::PipeReader,
        tell_started: &mpsc::SyncSender<io::Result<Pid>>,
    ) {
        let started = command.spawn();
        // It holds the pipe's other end, without which reading never ends.
        drop(command);
        let mut child = match started {
            Ok(child) => child,
            Err(error) => return drop(tell_started.send(Err(error))),
        };
        let pid = Pid::from_child(&child);
        let all_read = read_all(reader, self.output);
        let _ = tell_started.send(Ok(pid));

        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let waited = retry_on_intr(|| waitid(WaitId::Pid(pid), options));
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if waited.is_ok() {
            // Not reaped yet, so the number cannot be another group's: take its descendants along.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let status = child.wait().ok();
        *alive = false;
        drop(alive);
        let _ = all_read.recv_timeout(LAST_OUTPUT);
        self.tell_ended.send_replace(Some(status));
    }
}

/// Reads to the end on a thread of its own, so that a child never waits for room in the pipe. The
/// receiver wakes up at the end.
fn read_all(mut reader: io::PipeReader, output: Arc<Mutex<Tail>>) -> mpsc::Receiver<()> {
    let (at_end, receiver) = mpsc::channel();
    let read = move || {
        let _at_end: mpsc::Sender<()> = at_end;
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut chunk) {
            output.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk[..read]);
        }
    };
    // Without the thread the pipe closes and the child may fail for it, which is then reported.
    let _ = thread::Builder::new().name("child output".to_owned()).spawn(read);
    receiver
}
