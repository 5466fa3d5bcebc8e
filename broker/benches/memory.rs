//! How much memory the broker takes while messages pass through it: two producers send batches of
//! 500 messages of 100 bytes to two topics, and two consumers a topic keep up, which is to say
//! that nobody is ever more than 100,000 messages ahead.
//!
//!     cargo bench -p broker --bench memory -- 10000000
//!
//! The broker is the binary, in a process of its own; its resident memory is read from /proc at
//! every twentieth of the messages.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use broker_client::{Client, Retry, Subscription, TopicProducer};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

const TOPICS: u64 = 2;
const CONSUMERS: u64 = 2;
const BATCH: usize = 500;
const SAMPLES: u64 = 20;
/// Messages that a topic's producer may be ahead of its slowest consumer.
const AHEAD: u64 = 50_000;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    // `cargo bench` adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let total: u64 = arguments.next().map_or(Ok(10_000_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let broker = Broker::start(folder.path()).await?;
    let client = Client::new(&broker.address)?;
    let began = Instant::now();
    let mut actors = JoinSet::new();
    let progress = Arc::new(AtomicU64::new(0));
    for topic in 0..TOPICS {
        let line = Line::new(&client, topic, total / TOPICS, Arc::clone(&progress)).await?;
        line.start(&mut actors);
    }
    let mut samples = Vec::new();
    let whole = total / TOPICS * TOPICS * CONSUMERS;
    while !actors.is_empty() {
        tokio::select! {
            Some(ended) = actors.join_next() => ended??,
            () = sleep(Duration::from_millis(5)) => {}
        }
        if progress.load(Ordering::Relaxed) * SAMPLES >= whole * (samples.len() as u64 + 1) {
            samples.push(broker.memory("VmRSS:")?);
        }
    }
    let (half, rest) = samples.split_at(samples.len() / 2);
    let highest =
        |part: &[u64]| part.iter().max().copied().unwrap_or(0) as f64 / f64::from(1 << 20);
    println!(
        "{total} messages in {:.1} s: resident at most {:.1} MiB in the first half, {:.1} MiB in \
         the second, {:.1} MiB ever",
        began.elapsed().as_secs_f64(),
        highest(half),
        highest(rest),
        highest(&[broker.memory("VmHWM:")?]),
    );
    Ok(())
}

/// A topic's producer and consumers.
struct Line {
    producer: TopicProducer,
    consumers: Vec<Subscription>,
    count: u64,
    progress: Arc<AtomicU64>,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Line {
    async fn new(
        client: &Client,
        topic: u64,
        count: u64,
        progress: Arc<AtomicU64>,
    ) -> Result<Self, Failed> {
        let topic = format!("T{topic}").parse()?;
        let producer = TopicProducer::register(client, &topic, &Retry::default()).await?;
        let mut consumers = Vec::new();
        for _ in 0..CONSUMERS {
            consumers.push(Subscription::subscribe(client, &topic, &Retry::default()).await?);
        }
        Ok(Self { producer, consumers, count, progress })
    }

    fn start(self, actors: &mut JoinSet<Result<(), Failed>>) {
        let Self { mut producer, consumers, count, progress } = self;
        let positions: Arc<[AtomicU64]> = consumers.iter().map(|_| AtomicU64::new(0)).collect();
        for (place, mut consumer) in consumers.into_iter().enumerate() {
            let (positions, progress) = (Arc::clone(&positions), Arc::clone(&progress));
            actors.spawn(async move {
                while consumer.position() < count {
                    let messages = consumer.poll(1000, Duration::from_secs(1)).await?;
                    positions[place].store(consumer.position(), Ordering::Relaxed);
                    progress.fetch_add(messages.len() as u64, Ordering::Relaxed);
                }
                consumer.acknowledge().await?;
                Ok(())
            });
        }
        actors.spawn(async move {
            let payload = "0123456789".repeat(10);
            let batch = vec![payload.as_str(); BATCH];
            let mut sent = 0;
            while sent < count {
                while positions.iter().any(|at| at.load(Ordering::Relaxed) + AHEAD < sent) {
                    sleep(Duration::from_millis(1)).await;
                }
                let size = usize::try_from(count - sent).unwrap_or(BATCH).min(BATCH);
                producer.send(&batch[..size]).await.outcome?;
                sent += size as u64;
            }
            Ok(())
        });
    }
}

/// The broker's process, killed when dropped.
struct Broker {
    child: Child,
    address: String,
}

impl Broker {
    async fn start(folder: &Path) -> io::Result<Self> {
        let port_file: PathBuf = folder.join("port");
        let child = Command::new(env!("CARGO_BIN_EXE_broker"))
            .args(["--listen", "127.0.0.1:0", "--log-level", "error", "--port-file"])
            .arg(&port_file)
            .stdin(Stdio::null())
            .spawn()?;
        let mut broker = Self { child, address: String::new() };
        loop {
            if let Ok(port) = fs::read_to_string(&port_file) {
                broker.address = format!("http://127.0.0.1:{}", port.trim());
                return Ok(broker);
            }
            if let Some(status) = broker.child.try_wait()? {
                return Err(io::Error::other(format!("the broker ended: {status}")));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// A value of /proc/PID/status, in bytes.
    fn memory(&self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.ok_or(io::ErrorKind::InvalidData)? * 1024)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
