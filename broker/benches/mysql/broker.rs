//! A broker in a process of its own, and its producers.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Duration, sleep};

use crate::http::{Connection, number};
use crate::{Failed, payload};

/// The broker under test.
pub(crate) struct Broker {
    child: Child,
    pub(crate) address: String,
    topics: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Broker {
    /// The one of this state.
    pub(crate) async fn start(url: &str) -> Result<Self, Failed> {
        Self::run(Command::new(env!("CARGO_BIN_EXE_broker")), url).await
    }

    /// The one that is part of a harness.
    pub(crate) async fn of_harness(harness: &str, url: &str) -> Result<Self, Failed> {
        let mut command = Command::new(harness);
        command.arg("broker");
        Self::run(command, url).await
    }

    async fn run(mut command: Command, url: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = folder.path().join("port");
        command.args(["--listen", "127.0.0.1:0", "--log-level", "warn", "--port-file"]).arg(&port);
        let child = command.env("BROKER_STORE", url).stdin(Stdio::null()).spawn()?;
        let mut broker =
            Self { child, address: String::new(), topics: AtomicU64::new(0), _folder: folder };
        while fs::metadata(&port).is_err() {
            if let Some(status) = broker.child.try_wait()? {
                return Err(format!("the broker did not start: {status}").into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        broker.address = format!("127.0.0.1:{}", fs::read_to_string(&port)?.trim());
        Ok(broker)
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn memory(&self) -> Result<u64, Failed> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let digits = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB");
        Ok(digits.parse::<u64>()? / 1024)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn new_topic(&self) -> String {
        format!("T{}", self.topics.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn producer(&self, topic: &str) -> Result<Producer, Failed> {
        let mut connection = Connection::open(&self.address).await?;
        let body = format!("{{\"topic\":\"{topic}\"}}");
        let id = number(connection.post("/producer/register", &body).await?, "producer_id")?;
        Ok(Producer { connection, topic: topic.to_owned(), id, sequence: 0 })
    }
}

/// A producer on a connection of its own.
pub(crate) struct Producer {
    connection: Connection,
    topic: String,
    id: u64,
    sequence: u64,
}

impl Producer {
    pub(crate) async fn send(&mut self, batch: usize, sequence: bool) -> Result<(), Failed> {
        let Self { topic, id, .. } = self;
        let numbered =
            if sequence { format!(",\"sequence\":{}", self.sequence) } else { String::new() };
        let message = format!("\"{}\"", payload());
        let messages = match batch {
            1 => format!("\"message\":{message}"),
            _ => format!("\"messages\":[{}]", vec![message; batch].join(",")),
        };
        let body = format!("{{\"topic\":\"{topic}\",\"producer_id\":{id}{numbered},{messages}}}");
        self.connection.post("/producer/produce", &body).await?;
        self.sequence += batch as u64;
        Ok(())
    }
}
