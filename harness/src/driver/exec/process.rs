//! A process of the driver: started, spoken to, and ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use private_database::Invocation;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{self, Failed};
use super::conversation::{Conversation, GRACE, Said, Trouble};
use super::request::{Line, Request};
use crate::driver::failure::{Failure, FailureKind};
use crate::lock::lock;
use crate::server::child::{Child, Pipes};

/// The longest line that is read: far above a poll's answer, and far below what memory has.
const LINE_MAX: u64 = 64 << 20;

/// How long a call other than `hello` and `send` may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a process may take to end once it was asked to, or once it closed its output.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// A process of the driver. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    /// Whom it serves: `P1`, `C2`, or `control`.
    name: String,
    child: Arc<Child>,
    shared: Arc<Shared>,
    /// What is to be written; closed with it.
    lines: Mutex<Option<mpsc::UnboundedSender<Vec<u8>>>>,
    reader: JoinHandle<()>,
    has_served: AtomicBool,
}

#[derive(Debug, Default)]
struct Shared {
    conversation: Mutex<Conversation>,
    is_leaving: Mutex<bool>,
}

/// A request that has left.
#[derive(Debug)]
pub struct Asked {
    /// Under which id.
    pub id: u64,
    deadline: Instant,
    told: oneshot::Receiver<Said>,
    shared: Arc<Shared>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It did not come in time, and may come yet.
    Late(String),
    /// The process has ended, before or after it was asked.
    Over(String),
}

impl Process {
    /// Starts a process for whom this names.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(super) fn start(name: String, run: &Invocation) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            let program = run.program.display();
            let why = format!("cannot start the driver {program}: {error}");
            Failure { kind: FailureKind::Final, ..Failure::new(why) }
        };
        let (child, Pipes { to, from }) = Child::start_piped(run).map_err(cannot)?;
        let to = pipe::Sender::from_owned_fd(to.into()).map_err(cannot)?;
        let from = pipe::Receiver::from_owned_fd(from.into()).map_err(cannot)?;
        let (lines, queue) = mpsc::unbounded_channel();
        let (child, shared) = (Arc::new(child), Arc::<Shared>::default());
        // It ends with the queue, or with the pipe.
        tokio::spawn(write(queue, to));
        let reader =
            tokio::spawn(read(name.clone(), from, Arc::clone(&child), Arc::clone(&shared)));
        let (lines, has_served) = (Mutex::new(Some(lines)), AtomicBool::new(false));
        Ok(Self { name, child, shared, lines, reader, has_served })
    }

    /// Whom it serves.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes that a producer or a consumer works over it.
    pub(super) fn serve(&self) {
        self.has_served.store(true, Ordering::Relaxed);
    }

    /// Whether one did.
    pub(super) fn has_served(&self) -> bool {
        self.has_served.load(Ordering::Relaxed)
    }

    /// Asks, in the order of the calls, and does not wait.
    ///
    /// # Errors
    /// Why the process has ended.
    pub fn ask(&self, request: &Request<'_>, within: Duration) -> Result<Asked, String> {
        let deadline = Instant::now() + within;
        let lines = lock(&self.lines);
        let (id, told) = self.shared.conversation().ask(request, deadline)?;
        let deadline_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let line = Line { id, request: *request, deadline_ms };
        let mut line = serde_json::to_vec(&line).expect("a request is JSON");
        line.push(b'\n');
        if let Some(lines) = &*lines {
            // Where it is not read any more, the process ends, and that is told.
            let _ = lines.send(line);
        }
        Ok(Asked { id, deadline, told, shared: Arc::clone(&self.shared) })
    }

    /// Asks and waits for the answer, and understands it.
    ///
    /// # Errors
    /// What the driver says, or that it says nothing.
    pub async fn call<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        within: Duration,
        epoch: Option<&str>,
    ) -> Result<(T, u64), Failure> {
        let asked = self.ask(request, within);
        let mut asked = asked.map_err(|why| self.failure(&Silence::Over(why)))?;
        let said = asked.answer().await.map_err(|silence| self.failure(&silence))?;
        let answer = self.understand(&said, request.word(), epoch)?;
        Ok((answer, said.line))
    }

    /// What an answer says, or why the call failed; `epoch` is that of what was asked about.
    ///
    /// # Errors
    /// As the driver says, and where it cannot be understood.
    pub(super) fn understand<T: DeserializeOwned>(
        &self,
        said: &Said,
        word: &'static str,
        epoch: Option<&str>,
    ) -> Result<T, Failure> {
        let misunderstood = |why: String| {
            self.shared.conversation().misunderstood(said, word, &why);
            let why = format!("the driver of {}, line {}: {why}", self.name, said.line);
            Failure { kind: FailureKind::Final, ..Failure::new(why) }
        };
        if !said.failed {
            return answer::read(&said.text).map_err(misunderstood);
        }
        let failed: Failed = answer::read(&said.text).map_err(misunderstood)?;
        let in_same_life = epoch.zip(failed.epoch.as_deref()).map(|(before, now)| before == now);
        let kind = match failed {
            Failed { session_over: true, .. } => FailureKind::SessionOver { in_same_life },
            Failed { is_final: true, .. } => FailureKind::Final,
            Failed { .. } => FailureKind::MayPass,
        };
        Err(Failure { kind, ..Failure::new(failed.why) })
    }

    /// What an answer to a `send` says.
    ///
    /// # Errors
    /// Where it cannot be understood.
    pub fn understand_sent(&self, said: &Said, count: usize) -> Result<answer::Sent, String> {
        let sent = answer::read(&said.text).and_then(|sent: answer::Sent| {
            let told = sent.offsets.len();
            match told == 0 || told == count {
                true => Ok(sent),
                false => Err(format!("it has {told} offsets for {count} messages")),
            }
        });
        sent.map_err(|why| {
            self.shared.conversation().misunderstood(said, "send", &why);
            format!("the driver of {}, line {}: {why}", self.name, said.line)
        })
    }

    /// The failure that it is to have no answer.
    pub(super) fn failure(&self, silence: &Silence) -> Failure {
        match silence {
            Silence::Over(why) => Failure { kind: FailureKind::Final, ..Failure::new(why.clone()) },
            Silence::Late(why) => {
                let troubles = self.troubles();
                let first = troubles.iter().find(|trouble| trouble.is_breach);
                let first = first.map(|trouble| format!("; it wrote {trouble}"));
                let first = first.unwrap_or_default();
                Failure::new(format!("the driver of {}: {why}{first}", self.name))
            }
        }
    }

    /// Why it has ended, if it has.
    #[must_use]
    pub fn over(&self) -> Option<String> {
        self.shared.conversation().over().map(str::to_owned)
    }

    /// Whether a request has no answer yet, in time or late.
    #[must_use]
    pub fn waits_for(&self, id: u64) -> bool {
        self.shared.conversation().waits_for(id)
    }

    /// What went wrong so far.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        self.shared.conversation().troubles(Instant::now())
    }

    /// The last lines that it wrote to standard error.
    #[must_use]
    pub fn wrote(&self) -> Vec<String> {
        self.child.output()
    }

    /// Ends it: asks, closes its standard input, and kills it if it is still there after a while.
    /// Says whether that was needed.
    pub async fn end(&self) -> bool {
        *lock(&self.shared.is_leaving) = true;
        if let Ok(mut asked) = self.ask(&Request::Bye {}, ENDS_WITHIN) {
            // Either is fine: an answer, or the end.
            tokio::select! { biased;
                _ = asked.answer() => {}
                _ = self.child.ended() => {}
            }
        }
        lock(&self.lines).take();
        let is_slow = timeout(ENDS_WITHIN, self.child.ended()).await.is_err();
        self.child.kill_and_reap();
        is_slow
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        *lock(&self.shared.is_leaving) = true;
        self.child.kill();
        self.reader.abort();
    }
}

impl Shared {
    fn conversation(&self) -> MutexGuard<'_, Conversation> {
        lock(&self.conversation)
    }
}

impl Asked {
    /// Waits for the answer, until a second after its deadline. May be dropped and called again.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn answer(&mut self) -> Result<Said, Silence> {
        match timeout_at(self.deadline + GRACE, &mut self.told).await {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(_)) => {
                let over = self.shared.conversation().over().map(str::to_owned);
                Err(over.map_or_else(|| Silence::Late(self.late()), Silence::Over))
            }
            Err(_) => Err(Silence::Late(self.late())),
        }
    }

    fn late(&self) -> String {
        format!("no answer to id {} by its deadline", self.id)
    }
}

async fn write(mut queue: mpsc::UnboundedReceiver<Vec<u8>>, mut to: pipe::Sender) {
    while let Some(line) = queue.recv().await {
        if to.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Reads to the end of the output, and says how the process ended.
async fn read(name: String, from: pipe::Receiver, child: Arc<Child>, shared: Arc<Shared>) {
    let mut from = BufReader::new(from);
    let mut why = None;
    loop {
        let mut line = Vec::new();
        let read = (&mut from).take(LINE_MAX).read_until(b'\n', &mut line).await;
        if line.last() == Some(&b'\n') {
            line.pop();
            shared.conversation().hear(line, Instant::now());
            continue;
        }
        if line.len() as u64 == LINE_MAX {
            why = Some(format!("wrote a line of more than {} MiB", LINE_MAX >> 20));
            child.kill();
        } else if !line.is_empty() && !*lock(&shared.is_leaving) {
            // Its end is missing, and so may be more.
            shared.conversation().hear(line, Instant::now());
        }
        drop(read);
        break;
    }
    let ended = match timeout(ENDS_WITHIN, child.ended()).await {
        Ok(ended) => ended.to_string(),
        Err(_) => {
            child.kill();
            "closed its standard output".to_owned()
        }
    };
    let was_asked = *lock(&shared.is_leaving);
    let why = format!("the driver of {name} {}", why.unwrap_or(ended));
    shared.conversation().end(why, was_asked, Instant::now());
}
