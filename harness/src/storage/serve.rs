//! The process that serves a disk: it mounts it, does what the harness orders, and ends with its input.

use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::disk::Disk;
use super::fuse::Served;
use super::gate::Gate;
use super::mount::{self, Mount};
use super::mounts;
use super::protocol::{Answer, Order, Trouble};
use crate::fault::Directories;
use crate::io_error;

/// How long a power cut waits for a sync at which it would hurt.
const HOLD_WITHIN: Duration = Duration::from_millis(100);

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is mounted: an empty folder, or none yet.
    pub mount: PathBuf,
    /// Where the bytes are kept, which is removed at the end.
    pub backing: PathBuf,
    /// When names are durable.
    pub directories: Directories,
    /// What a sync takes at least.
    pub fsync: Duration,
    /// Files that a server writes and does not need.
    pub noise: Vec<String>,
}

/// Serves until the standard input ends, or SIGTERM comes. SIGINT and SIGHUP, which come to all
/// processes of a terminal, are for the harness, which ends this process when it needs it no more.
///
/// # Errors
/// Where the folder was in use at the end; it is unmounted then too. Where it could not be mounted,
/// which is the first answer too.
pub fn serve(settings: Settings) -> Result<(), String> {
    raise_limit();
    let mut server = match Server::start(settings) {
        Ok(server) => server,
        Err(why) => {
            say(&Answer::Failed(why.clone()));
            return Err(why);
        }
    };
    let orders = match orders() {
        Ok(orders) => orders,
        Err(error) => {
            say(&Answer::Failed(format!("cannot wait for orders: {error}")));
            return server.end();
        }
    };
    say(&Answer::Done);
    while let Ok(Input::Line(line)) = orders.recv() {
        let done = serde_json::from_str(&line)
            .map_err(|error| format!("no order: {error}: {line}"))
            .and_then(|order| server.obey(order));
        say(&done.unwrap_or_else(Answer::Failed));
    }
    server.end()
}

/// What a process hears.
enum Input {
    Line(String),
    End,
}

/// The lines of the standard input, and SIGTERM among them.
fn orders() -> io::Result<mpsc::Receiver<Input>> {
    let (lines, orders) = mpsc::channel();
    let terminated = lines.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut ignored = [signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?];
    let mut ends = signal(SignalKind::terminate())?;
    drop(entered);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let [interrupt, hangup] = &mut ignored;
        runtime.block_on(async {
            loop {
                tokio::select! { biased;
                    _ = ends.recv() => return,
                    _ = interrupt.recv() => {}
                    _ = hangup.recv() => {}
                }
            }
        });
        let _ = terminated.send(Input::End);
        // Until the process ends: without the runtime the signals would be lost.
        loop {
            thread::park();
        }
    })?;
    thread::Builder::new().name("orders".to_owned()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(Input::Line(line)).is_err() {
                return;
            }
        }
        let _ = lines.send(Input::End);
    })?;
    Ok(orders)
}

/// Writes an answer. Where it is not read any more, the input ends as well.
fn say(answer: &Answer) {
    let mut line = serde_json::to_vec(answer).expect("an answer is JSON");
    line.push(b'\n');
    let mut out = io::stdout().lock();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

/// A process that serves has files open that its clients have open.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it cannot, the limit stays, and a server that runs into it is told.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

struct Server {
    settings: Settings,
    disk: Arc<Disk>,
    gate: Arc<Gate>,
    /// None only after it could not be mounted again.
    mount: Option<Mount>,
    /// What the disk had refused when each began that now keeps it full, by its id.
    full: Vec<(u64, u64)>,
}

impl Server {
    fn start(settings: Settings) -> Result<Self, String> {
        let cannot = |error: io::Error| {
            format!("{}: {}", settings.backing.display(), io_error::reason(&error))
        };
        mount::make_folder(&settings.mount)?;
        mount::make_folder(&settings.backing)?;
        let noise = settings.noise.clone();
        let disk = Disk::new(&settings.backing, settings.directories, noise).map_err(cannot)?;
        let disk = Arc::new(disk);
        let gate = Gate::new(settings.fsync, |id| say(&Answer::Spent(id)));
        let gate = gate.map_err(|error| format!("cannot start threads: {error}"))?;
        let mut server = Self { settings, disk, gate, mount: None, full: Vec::new() };
        server.mount()?;
        Ok(server)
    }

    fn mount(&mut self) -> Result<(), String> {
        let (disk, gate) = (Arc::clone(&self.disk), Arc::clone(&self.gate));
        let served = Served::new(disk, gate, self.settings.directories);
        self.mount = Some(Mount::new(&self.settings.mount, served)?);
        Ok(())
    }

    fn obey(&mut self, order: Order) -> Result<Answer, String> {
        match order {
            Order::Settle { durable } => self.settle(durable).map(|()| Answer::Done),
            Order::Check => match mounts::is_mounted(&self.settings.mount) {
                true => Ok(Answer::Done),
                false => Err(format!("{} is not mounted any more", self.settings.mount.display())),
            },
            Order::Hold => Ok(Answer::Held(self.gate.hold(HOLD_WITHIN))),
            Order::Cut { keep, seed } => {
                self.unmounted(|disk| disk.cut(keep, seed)).map(Answer::Forgot)
            }
            Order::Begin { id, trouble } => self.begin(id, trouble).map(|()| Answer::Done),
            Order::End { id } => self.end_trouble(id).map(Answer::Met),
            Order::Rot { payloads, bits, seed } => {
                self.unmounted(|disk| disk.rot(&payloads, bits, seed)).map(Answer::Rotted)
            }
            Order::Trace { payloads } => {
                let traces = self.disk.trace(&payloads);
                traces.map(Answer::Traced).map_err(|error| io_error::reason(&error))
            }
        }
    }

    fn settle(&self, durable: bool) -> Result<(), String> {
        // First of all: who gave the order takes the time then.
        self.disk.start_clock();
        if durable {
            self.write_back()?;
        }
        self.disk.settle(durable).map_err(|error| io_error::reason(&error))
    }

    /// Has the kernel write back what was written through mappings. By another program, as for
    /// unmounting: this process would wait for itself. File by file: syncfs(2) does not wait for a file
    /// system like this one.
    fn write_back(&self) -> Result<(), String> {
        let files = mounts::written_through_mappings(&self.settings.mount);
        if files.is_empty() {
            return Ok(());
        }
        let mut sync = Command::new("sync");
        sync.arg("--").args(files).stdin(Stdio::null());
        let output = sync.output().map_err(|error| format!("cannot start sync: {error}"))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    fn begin(&mut self, id: u64, trouble: Trouble) -> Result<(), String> {
        self.gate.begin(id, trouble)?;
        if trouble == Trouble::Full {
            if self.full.is_empty() {
                self.disk.set_full(true);
            }
            self.full.push((id, self.disk.refused()));
        }
        Ok(())
    }

    fn end_trouble(&mut self, id: u64) -> Result<u64, String> {
        let (trouble, met) = self.gate.end(id)?;
        if trouble != Trouble::Full {
            return Ok(met);
        }
        let began = self.full.iter().find(|(full, _)| *full == id).map_or(0, |(_, began)| *began);
        let refused = self.disk.refused().saturating_sub(began);
        self.full.retain(|(full, _)| *full != id);
        if self.full.is_empty() {
            self.disk.set_full(false);
        }
        Ok(refused)
    }

    /// Does something to the disk while nobody uses it and nothing of it is in the kernel's memory: what
    /// waits is answered, then it is unmounted, and mounted again afterwards.
    fn unmounted<T>(&mut self, act: impl FnOnce(&Disk) -> io::Result<T>) -> Result<T, String> {
        self.gate.refuse();
        if let Some(mount) = &mut self.mount {
            mount.free()?;
        }
        self.mount = None;
        let done = act(&self.disk).map_err(|error| io_error::reason(&error))?;
        self.mount()?;
        self.gate.open();
        Ok(done)
    }

    /// Answers what waits, unmounts, and removes what it wrote.
    fn end(mut self) -> Result<(), String> {
        self.gate.refuse();
        let ended = self.mount.as_mut().map_or(Ok(()), Mount::end);
        // Of a folder that is removed meanwhile, or is in use below, nothing more can be done here.
        let _ = fs::remove_dir_all(&self.settings.backing);
        let _ = fs::remove_dir(&self.settings.mount);
        ended
    }
}
