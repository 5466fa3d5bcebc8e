//! How fast the broker is on a database, beside what the database does by itself: both in turn in
//! one run, so that a slow or busy machine slows both, and the medians of the rounds compared.
//!
//!     cargo bench -p broker --bench mysql -- [ROUNDS] [PART OF A ROW'S NAME]
//!
//! The broker is the binary, in a process of its own; the database is the server of
//! `HARNESS_MYSQL_URL` or a private one.

mod http;
mod raw;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use self::http::{Connection, number};

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long each side of a row is measured in each round.
const TIME: Duration = Duration::from_secs(2);

/// Messages that consumers may be behind the head.
const BEHIND: u64 = 400;

pub(crate) fn payload() -> &'static str {
    concat!(
        "0123456789012345678901234567890123456789012345678901234567890123456789",
        "012345678901234567890123456789"
    )
}

/// A row of the table.
struct Row {
    name: &'static str,
    ours: Ours,
    raw: Raw,
    floor: f64,
    aim: f64,
}

/// What is measured.
#[derive(Clone, Copy)]
enum Ours {
    Produce {
        connections: usize,
        batch: usize,
        sequence: bool,
    },
    Consume {
        consumers: usize,
        batch: bool,
    },
    /// Appends a second at so many rows.
    Appends {
        large: bool,
    },
}

/// What it is compared with.
#[derive(Clone, Copy)]
enum Raw {
    Inserts {
        connections: usize,
        rows: usize,
    },
    Statements {
        sequence: bool,
    },
    /// Nothing: what is measured is the figure.
    Nothing,
    /// The same broker at few rows.
    FewRows,
}

const fn produce(connections: usize, sequence: bool) -> Ours {
    Ours::Produce { connections, batch: 1, sequence }
}

const ROWS: [Row; 11] = [
    Row {
        name: "produce, 64 connections, beside 32 raw ones",
        ours: produce(64, false),
        raw: Raw::Inserts { connections: 32, rows: 1 },
        floor: 1.0,
        aim: 1.5,
    },
    Row {
        name: "produce with sequence, 64 connections, beside 32 raw ones",
        ours: produce(64, true),
        raw: Raw::Inserts { connections: 32, rows: 1 },
        floor: 0.7,
        aim: 1.2,
    },
    Row {
        name: "produce, 5 connections, beside 5 raw ones",
        ours: produce(5, false),
        raw: Raw::Inserts { connections: 5, rows: 1 },
        floor: 0.4,
        aim: 0.75,
    },
    Row {
        name: "produce with sequence, 5 connections, beside 5 raw ones",
        ours: produce(5, true),
        raw: Raw::Inserts { connections: 5, rows: 1 },
        floor: 0.3,
        aim: 0.6,
    },
    Row {
        name: "produce, 1 connection, beside the same statements",
        ours: produce(1, false),
        raw: Raw::Statements { sequence: false },
        floor: 0.6,
        aim: 0.8,
    },
    Row {
        name: "produce with sequence, 1 connection, beside the same statements",
        ours: produce(1, true),
        raw: Raw::Statements { sequence: true },
        floor: 0.6,
        aim: 0.8,
    },
    Row {
        name: "produce, 4 connections, batches of 1,000, beside 1,000-row inserts on 1",
        ours: Ours::Produce { connections: 4, batch: 1000, sequence: false },
        raw: Raw::Inserts { connections: 1, rows: 1000 },
        floor: 0.6,
        aim: 0.8,
    },
    Row {
        name: "produce, 1 connection, batches of 1,000, beside 1,000-row inserts on 1",
        ours: Ours::Produce { connections: 1, batch: 1000, sequence: false },
        raw: Raw::Inserts { connections: 1, rows: 1000 },
        floor: 0.6,
        aim: 0.8,
    },
    Row {
        name: "consume at the head, 32 consumers, one message a request",
        ours: Ours::Consume { consumers: 32, batch: false },
        raw: Raw::Nothing,
        floor: 5_000.0,
        aim: 10_000.0,
    },
    Row {
        name: "consume at the head, 32 consumers, max=100 with offset",
        ours: Ours::Consume { consumers: 32, batch: true },
        raw: Raw::Nothing,
        floor: 200_000.0,
        aim: 400_000.0,
    },
    Row {
        name: "time of an append at 5,000,000 rows, beside 1,000 rows (less is better)",
        ours: Ours::Appends { large: true },
        raw: Raw::FewRows,
        floor: 1.25,
        aim: 1.1,
    },
];

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let rounds = arguments.first().map_or(Ok(5), |text| text.parse::<usize>())?;
    let part = arguments.get(1).map_or("", String::as_str);
    let server = private_database::for_tests()?.ok_or("benches need a database server")?;
    let url = server.of_database(&format!("bench_{}", std::process::id()));
    let broker = Broker::start(&url).await?;
    println!("| what | ratio | broker | beside it | floor | aim |");
    println!("|---|---|---|---|---|---|");
    for row in ROWS.iter().filter(|row| row.name.contains(part)) {
        measure(row, &broker, &url, rounds).await?;
    }
    let memory = broker.memory()?;
    println!("\nThe broker's memory was {memory} MiB at most.");
    drop(broker);
    broker::store::mysql::drop_database(&url.parse()?).await?;
    Ok(())
}

async fn measure(row: &Row, broker: &Broker, url: &str, rounds: usize) -> Result<(), Failed> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let many = broker.many_rows(row).await?;
    for _ in 0..rounds {
        ours.push(match row.ours {
            Ours::Produce { connections, batch, sequence } => {
                broker.produce(connections, batch, sequence).await?
            }
            Ours::Consume { consumers, batch } => broker.consume(consumers, batch).await?,
            Ours::Appends { .. } => broker.append_time(&many).await?,
        });
        theirs.push(match row.raw {
            Raw::Inserts { connections, rows } => {
                raw::inserts(url, connections, rows, TIME).await?
            }
            Raw::Statements { sequence } => raw::statements(url, sequence, TIME).await?,
            Raw::FewRows => broker.append_time(&broker.topic(1000).await?).await?,
            Raw::Nothing => 1.0,
        });
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let Row { name, floor, aim, .. } = row;
    let ratio = ours / theirs;
    println!("| {name} | {ratio:.2} | {ours:.0} | {theirs:.0} | {floor} | {aim} |");
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The broker under test.
struct Broker {
    child: Child,
    address: String,
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
    async fn start(url: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = folder.path().join("port");
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
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
    fn memory(&self) -> Result<u64, Failed> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let digits = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB");
        Ok(digits.parse::<u64>()? / 1024)
    }

    fn new_topic(&self) -> String {
        format!("T{}", self.topics.fetch_add(1, Ordering::Relaxed))
    }

    async fn producer(&self, topic: &str) -> Result<Producer, Failed> {
        let mut connection = Connection::open(&self.address).await?;
        let body = format!("{{\"topic\":\"{topic}\"}}");
        let id = number(connection.post("/producer/register", &body).await?, "producer_id")?;
        Ok(Producer { connection, topic: topic.to_owned(), id, sequence: 0 })
    }

    /// Messages a second.
    async fn produce(
        &self,
        connections: usize,
        batch: usize,
        sequence: bool,
    ) -> Result<f64, Failed> {
        let topic = self.new_topic();
        let mut set = JoinSet::new();
        let begin = Arc::new(tokio::sync::Barrier::new(connections));
        for _ in 0..connections {
            let mut producer = self.producer(&topic).await?;
            let begin = Arc::clone(&begin);
            set.spawn(async move {
                begin.wait().await;
                let (began, mut count) = (Instant::now(), 0);
                while began.elapsed() < TIME {
                    producer.send(batch, sequence).await?;
                    count += batch;
                }
                Ok::<_, Failed>(count as f64 / began.elapsed().as_secs_f64())
            });
        }
        let mut rate = 0.0;
        while let Some(ended) = set.join_next().await {
            rate += ended??;
        }
        Ok(rate)
    }

    /// Deliveries a second to consumers that are never far behind.
    async fn consume(&self, consumers: usize, batch: bool) -> Result<f64, Failed> {
        let topic = self.new_topic();
        let mut producer = self.producer(&topic).await?;
        let seen: Arc<Vec<AtomicU64>> =
            Arc::new((0..consumers).map(|_| AtomicU64::new(0)).collect());
        let end = Instant::now() + TIME;
        let mut set = JoinSet::new();
        for index in 0..consumers {
            let mut connection = Connection::open(&self.address).await?;
            let body = format!("{{\"topic\":\"{topic}\"}}");
            let answer = connection.post("/consumer/register", &body).await?;
            let id = number(answer, "consumer_id")?;
            let seen = Arc::clone(&seen);
            let path = format!("/consumer/consume?topic={topic}&consumer_id={id}&wait_ms=200");
            set.spawn(async move {
                while Instant::now() < end {
                    if batch {
                        let next = seen[index].load(Ordering::Relaxed);
                        let path = format!("{path}&max=100&offset={next}");
                        let answer = connection.get(&path).await?;
                        let count = answer.matches("\"offset\":").count() as u64;
                        seen[index].fetch_add(count, Ordering::Relaxed);
                    } else if connection.get(&path).await.is_ok() {
                        seen[index].fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok::<_, Failed>(())
            });
        }
        let mut sent = 0;
        while Instant::now() < end {
            let slowest = seen.iter().map(|seen| seen.load(Ordering::Relaxed)).min();
            if slowest.unwrap_or(0) + BEHIND > sent {
                producer.send(100, false).await?;
                sent += 100;
            } else {
                sleep(Duration::from_millis(1)).await;
            }
        }
        while let Some(ended) = set.join_next().await {
            ended??;
        }
        let all: u64 = seen.iter().map(|seen| seen.load(Ordering::Relaxed)).sum();
        Ok(all as f64 / TIME.as_secs_f64())
    }

    async fn many_rows(&self, row: &Row) -> Result<String, Failed> {
        match row.ours {
            Ours::Appends { large: true } => self.topic(5_000_000).await,
            _ => Ok(String::new()),
        }
    }

    /// A topic with so many messages.
    async fn topic(&self, rows: usize) -> Result<String, Failed> {
        let topic = self.new_topic();
        let mut producer = self.producer(&topic).await?;
        for _ in 0..rows / 1000 {
            producer.send(1000, false).await?;
        }
        Ok(topic)
    }

    /// Microseconds of one append.
    async fn append_time(&self, topic: &str) -> Result<f64, Failed> {
        let mut producer = self.producer(topic).await?;
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < TIME {
            producer.send(1, true).await?;
            count += 1;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(count))
    }
}

/// A producer on a connection of its own.
struct Producer {
    connection: Connection,
    topic: String,
    id: u64,
    sequence: u64,
}

impl Producer {
    async fn send(&mut self, batch: usize, sequence: bool) -> Result<(), Failed> {
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
