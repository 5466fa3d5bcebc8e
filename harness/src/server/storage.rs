//! The process that serves a file system below a server's data, as the harness sees it: started,
//! asked, and ended.
//!
//! It must outlive the servers, which may wait for it where not even SIGKILL reaches them. So it has
//! neither a guard nor the mark of its server's folder; it ends by itself when this process does, for
//! then its input ends.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use private_database::{DISK_MARK, FOLDER_MARK, Folder, Invocation};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::child::{Child, Pipes};
use super::failure::Failure;
use super::recipe::Data;
use crate::fault::{Directories, Keep};
use crate::history::{Forgotten, Trace};
use crate::lock::lock;
use crate::storage::mounts;
use crate::storage::protocol::{Answer, Order, Rotten, Trouble};

/// How long an order may take: far above what any takes, for none may hang for ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// How long it may take to end once its input has: it tries to unmount for two seconds, and removes its
/// files.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What it keeps its files in, in the server's folder.
const BACKING: &str = "disk";

/// The process, and the file system that it serves. Dropping it ends both, and waits for that a few
/// seconds at most.
pub struct Storage {
    mount: PathBuf,
    child: Arc<Child>,
    shared: Arc<Shared>,
    /// What is to be written; the process's input ends with it.
    lines: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    /// Wakes up when the process has closed its output, which it does at its end.
    at_end: Mutex<mpsc::Receiver<()>>,
}

/// What the thread that reads shares with those who wait.
struct Shared {
    /// Those who wait for an answer, in the order in which they asked; none once no more will come.
    waiting: Mutex<Option<VecDeque<oneshot::Sender<Answer>>>>,
    spent: watch::Sender<BTreeSet<u64>>,
}

impl Storage {
    /// Mounts a file system on the folder of a server's data, which is below the server's `folder` and
    /// empty or not there yet. `harness` is the harness's own program; each fsync takes at least
    /// `fsync`.
    ///
    /// # Errors
    /// Where it cannot be mounted; [`unavailable`](crate::storage::unavailable) says why better.
    pub async fn start(
        harness: &Path,
        folder: &Folder,
        data: &Data,
        directories: Directories,
        fsync: Duration,
    ) -> Result<Self, Failure> {
        let run = invocation(harness, folder, data, directories, fsync);
        let cannot = |error: io::Error| {
            Failure(format!(
                "cannot start the file system below {}: {error}",
                data.folder.display()
            ))
        };
        let (child, Pipes { to, from }) = Child::start_piped(&run).map_err(cannot)?;
        let (lines, queue) = mpsc::channel();
        thread::Builder::new()
            .name("storage orders".to_owned())
            .spawn(move || write(&queue, to))
            .map_err(cannot)?;
        let (told, mounted) = oneshot::channel();
        let waiting = Mutex::new(Some(VecDeque::from([told])));
        let shared = Arc::new(Shared { waiting, spent: watch::Sender::default() });
        let (tell_end, at_end) = mpsc::channel();
        let reads = Arc::clone(&shared);
        thread::Builder::new()
            .name("storage answers".to_owned())
            .spawn(move || read(from, &reads, tell_end))
            .map_err(cannot)?;
        let storage = Self {
            mount: data.folder.clone(),
            child: Arc::new(child),
            shared,
            lines: Mutex::new(Some(lines)),
            at_end: Mutex::new(at_end),
        };
        match storage.answer("mount", mounted).await? {
            Answer::Done => Ok(storage),
            other => Err(storage.unexpected("mount", other)),
        }
    }

    /// Where it is mounted.
    #[must_use]
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// The clock begins; where `durable`, all that was written so far is durable.
    ///
    /// # Errors
    /// As every order: where the process cannot do it, has ended, or does not answer in time.
    pub async fn settle(&self, durable: bool) -> Result<(), Failure> {
        match self.ask("settle", &Order::Settle { durable }).await? {
            Answer::Done => Ok(()),
            other => Err(self.unexpected("settle", other)),
        }
    }

    /// Whether it is there still: a server that does not start may lack nothing but its disk.
    ///
    /// # Errors
    /// Why it is not; as every order.
    pub async fn check(&self) -> Result<(), Failure> {
        match self.ask("check", &Order::Check).await? {
            Answer::Done => Ok(()),
            other => Err(self.unexpected("check", other)),
        }
    }

    /// A power cut: from the next sync on, which is waited for a short while, nothing becomes durable
    /// and no sync is answered; `kill` sends SIGKILL to all processes of the server and does not wait
    /// for their end, which a held sync may put off; then what was not durable is forgotten. When this
    /// returns, nobody uses the folder, and it is mounted anew. Also for a server that is down.
    ///
    /// # Errors
    /// As every order; and where processes that were not killed go on using the folder.
    pub async fn cut(
        &self,
        keep: Keep,
        seed: u64,
        kill: impl FnOnce(),
    ) -> Result<Forgotten, Failure> {
        let held = self.ask("hold", &Order::Hold).await;
        kill();
        match held? {
            Answer::Held(_) => {}
            other => return Err(self.unexpected("hold", other)),
        }
        match self.ask("cut", &Order::Cut { keep, seed }).await? {
            Answer::Forgot(forgotten) => Ok(forgotten),
            other => Err(self.unexpected("cut", other)),
        }
    }

    /// Something is wrong with the disk from now on, beside what is already; the caller never uses an
    /// id twice.
    ///
    /// # Errors
    /// As every order.
    pub async fn begin(&self, id: u64, trouble: Trouble) -> Result<(), Failure> {
        match self.ask("begin", &Order::Begin { id, trouble }).await? {
            Answer::Done => Ok(()),
            other => Err(self.unexpected("begin", other)),
        }
    }

    /// It is over; says how much it met.
    ///
    /// # Errors
    /// As every order.
    pub async fn end_trouble(&self, id: u64) -> Result<u64, Failure> {
        match self.ask("end", &Order::End { id }).await? {
            Answer::Met(met) => Ok(met),
            other => Err(self.unexpected("end", other)),
        }
    }

    /// Completes when the trouble has used itself up. May be dropped and called again.
    pub async fn spent(&self, id: u64) {
        let mut spent = self.shared.spent.subscribe();
        // The sender lives as long as this does.
        let _ = spent.wait_for(|spent| spent.contains(&id)).await;
    }

    /// Bits flip in one of the payloads; none where none of them is on the disk. The server is down,
    /// and nobody uses the folder, which is mounted anew so that nothing old is in a cache.
    ///
    /// # Errors
    /// As every order; and where processes go on using the folder.
    pub async fn rot(
        &self,
        payloads: &[String],
        bits: u32,
        seed: u64,
    ) -> Result<Option<Rotten>, Failure> {
        let payloads = payloads.to_vec();
        match self.ask("rot", &Order::Rot { payloads, bits, seed }).await? {
            Answer::Rotted(rotten) => Ok(rotten),
            other => Err(self.unexpected("rot", other)),
        }
    }

    /// What is known of the payloads, in their order, as the disk was just before its last cut.
    ///
    /// # Errors
    /// As every order.
    pub async fn trace(&self, payloads: &[String]) -> Result<Vec<Trace>, Failure> {
        let payloads = payloads.to_vec();
        match self.ask("trace", &Order::Trace { payloads }).await? {
            Answer::Traced(traces) => Ok(traces),
            other => Err(self.unexpected("trace", other)),
        }
    }

    /// Completes, with a line for people, when the process has ended. May be dropped and called again.
    pub async fn ended(&self) -> String {
        format!("{self} {}", self.child.ended().await)
    }

    /// Unmounts, and ends the process: the server is down. What still uses the folder loses it.
    ///
    /// # Errors
    /// Where the process had to be killed, or something is mounted on the folder all the same.
    pub async fn end(&self) -> Result<(), Failure> {
        lock(&self.lines).take();
        let ended = timeout(ENDS_WITHIN, self.child.ended()).await;
        self.clear();
        if mounts::is_mounted(&self.mount) {
            return Err(Failure(format!("{self} cannot be unmounted")));
        }
        match ended {
            Ok(ended) if ended.status.is_none_or(|status| status.success()) => Ok(()),
            Ok(ended) => Err(Failure(format!("{self} {ended}"))),
            Err(_) => {
                let waited = ENDS_WITHIN.as_secs();
                Err(Failure(format!("{self} did not end within {waited} s and was killed")))
            }
        }
    }

    /// Ends the process's input without waiting for its end: it lets go what it holds up. For a server that
    /// is killed and may wait for it.
    pub fn leave(&self) {
        lock(&self.lines).take();
    }

    /// Kills what is left of the process, and takes the folder from who still uses it.
    fn clear(&self) {
        // First: unmounting asks it, and a dead one is not waited for.
        self.child.kill_and_reap();
        if mounts::is_mounted(&self.mount) {
            // It is looked at again by those who want to know.
            let _ = mounts::unmount(&self.mount, true);
        }
    }

    async fn ask(&self, word: &str, order: &Order) -> Result<Answer, Failure> {
        let mut line = serde_json::to_vec(order).expect("an order is JSON");
        line.push(b'\n');
        let (told, answer) = oneshot::channel();
        {
            // Under one lock: the answers come in the order of the lines.
            let lines = lock(&self.lines);
            let Some(lines) = &*lines else {
                return Err(Failure(format!("{self} was ended before the order {word:?}")));
            };
            match lock(&self.shared.waiting).as_mut() {
                Some(waiting) => waiting.push_back(told),
                // No more answers come: it is not waited for one.
                None => drop(told),
            }
            // Where it is not read any more, the process ends, and that is told.
            let _ = lines.send(line);
        }
        self.answer(word, answer).await
    }

    async fn answer(
        &self,
        word: &str,
        answer: oneshot::Receiver<Answer>,
    ) -> Result<Answer, Failure> {
        let waited = ANSWERS_WITHIN.as_secs();
        match timeout(ANSWERS_WITHIN, answer).await {
            Ok(Ok(Answer::Failed(why))) => Err(Failure(why)),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(self.gone(word).await),
            Err(_) => {
                let why = format!("{self} did not answer the order {word:?} within {waited} s");
                Err(Failure(why))
            }
        }
    }

    /// The failure that it is to have no answer because the process has ended, or is about to.
    async fn gone(&self, word: &str) -> Failure {
        match timeout(ENDS_WITHIN, self.child.ended()).await {
            Ok(ended) => Failure(format!("{self} {ended}")),
            Err(_) => Failure(format!("{self} closed its output at the order {word:?}")),
        }
    }

    fn unexpected(&self, word: &str, answer: Answer) -> Failure {
        match answer {
            Answer::Failed(why) => Failure(why),
            answer => Failure(format!("{self} answered the order {word:?} by {answer:?}")),
        }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.leave();
        let _ = lock(&self.at_end).recv_timeout(ENDS_WITHIN);
        self.clear();
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file system below {}", self.mount.display())
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}, process {}", self.child.id())
    }
}

fn invocation(
    harness: &Path,
    folder: &Folder,
    data: &Data,
    directories: Directories,
    fsync: Duration,
) -> Invocation {
    let directories = match directories {
        Directories::Now => "now",
        Directories::Lazy => "lazy",
    };
    let fsync = humantime::format_duration(fsync).to_string().replace(' ', "");
    let mut arguments: Vec<OsString> = vec!["storage".into(), "--mount".into()];
    arguments.push(data.folder.clone().into());
    arguments.extend(["--backing".into(), folder.path().join(BACKING).into()]);
    arguments.extend(["--directories".into(), directories.into(), "--fsync".into(), fsync.into()]);
    arguments.extend(data.noise.iter().map(|pattern| format!("--noise={pattern}").into()));
    let mut run = Invocation::new(harness, arguments);
    run.environment.push((DISK_MARK, folder.path().into()));
    // A harness may itself have been started for a folder: what has that mark is killed with it.
    run.environment.push((FOLDER_MARK, OsString::new()));
    run
}

/// Writes the lines, until there are no more to come.
fn write(queue: &mpsc::Receiver<Vec<u8>>, mut to: io::PipeWriter) {
    while let Ok(line) = queue.recv() {
        if to.write_all(&line).is_err() {
            return;
        }
    }
}

/// Reads the answers to the end, and drops `_at_end` there, and with it the wait of all who ask.
fn read(from: io::PipeReader, shared: &Shared, _at_end: mpsc::Sender<()>) {
    for line in BufReader::new(from).lines() {
        let answer = line.map_err(|error| error.to_string()).and_then(|line| {
            serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))
        });
        match answer {
            Ok(Answer::Spent(id)) => {
                shared.spent.send_modify(|spent| {
                    spent.insert(id);
                });
                continue;
            }
            Ok(answer) => tell(shared, answer),
            Err(why) => {
                tell(
                    shared,
                    Answer::Failed(format!("what the file system says is no answer: {why}")),
                );
                break;
            }
        }
    }
    // Whoever asks from now on is told by the end of the process.
    lock(&shared.waiting).take();
}

/// Gives the answer to who has waited longest; one who was dropped does not want it any more.
fn tell(shared: &Shared, answer: Answer) {
    let first = lock(&shared.waiting).as_mut().and_then(VecDeque::pop_front);
    if let Some(first) = first {
        let _ = first.send(answer);
    }
}
