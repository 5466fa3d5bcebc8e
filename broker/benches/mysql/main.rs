//! How fast the broker is on a database, beside what the database does by itself: both in turn in
//! one run, so that a slow or busy machine slows both, and the medians of the rounds compared.
//!
//!     cargo bench -p broker --bench mysql -- [ROUNDS] [PART OF A ROW'S NAME]
//!
//! The broker is the binary, in a process of its own; the database is the server of
//! `HARNESS_MYSQL_URL` or a private one. `BENCH_HARNESS` names the harness that runs 5p3c; without it
//! those rows are left out. `BENCH_BEFORE` names a harness of an older state, which is measured beside
//! both. `ci/bench-mysql.sh` sets both.

mod broker;
mod http;
mod load;
mod processor;
mod raw;
mod rows;
mod scenario;

use tokio::time::Duration;

use self::broker::Broker;
use self::raw::Until;
use self::rows::{Beside, Ours, ROWS, Row};

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long each side of a row is measured in each round.
pub(crate) const TIME: Duration = Duration::from_secs(2);

/// Messages of the large topic, and of the small one beside it.
const MANY: usize = 5_000_000;
const FEW: usize = 1000;

pub(crate) fn payload() -> &'static str {
    concat!(
        "0123456789012345678901234567890123456789012345678901234567890123456789",
        "012345678901234567890123456789"
    )
}

/// What is measured, and on what.
struct Bench {
    url: String,
    /// The process of the database's server, where it is on this machine.
    server: Option<u32>,
    now: Side,
    before: Option<Side>,
}

/// One state of this project.
struct Side {
    broker: Broker,
    harness: Option<String>,
    database: String,
}

/// One measurement: a value, and the processor time of a message where that was measured too.
#[derive(Clone, Copy)]
struct Measured {
    value: f64,
    processor: Option<Spent>,
}

/// Microseconds of processor time.
#[derive(Clone, Copy)]
struct Spent {
    database: f64,
    broker: f64,
}

impl Spent {
    fn all(&self) -> f64 {
        self.database + self.broker
    }
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let rounds = arguments.first().map_or(Ok(5), |text| text.parse::<usize>())?;
    let part = arguments.get(1).map_or("", String::as_str);
    let bench = Bench::start().await?;
    let rows = ROWS.iter().filter(|row| row.name.contains(part));
    let rows: Vec<_> = rows.filter(|row| bench.now.can_run(row)).collect();
    println!("| what | measured | beside it | ratio | before | floor | aim | reached |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut processor = Vec::new();
    for row in rows {
        processor.extend(bench.measure(row, rounds).await?);
    }
    if !processor.is_empty() {
        println!("\nProcessor time of a message in µs; aim: 0.67 of what it was before.\n");
        println!(
            "| what | database | before | ratio | broker | before | ratio | both | before | ratio |\n\
             |---|---|---|---|---|---|---|---|---|---|"
        );
        processor.iter().for_each(|line| println!("{line}"));
    }
    println!("\nThe broker's memory was {} MiB at most.", bench.now.broker.memory()?);
    bench.end().await
}

impl Bench {
    async fn start() -> Result<Self, Failed> {
        let server = private_database::for_tests()?.ok_or("benches need a database server")?;
        let name =
            |state: &str| server.of_database(&format!("bench_{state}_{}", std::process::id()));
        let harness = |variable| std::env::var(variable).ok().filter(|path| !path.is_empty());
        let database = name("now");
        let broker = Broker::start(&database).await?;
        let now = Side { broker, harness: harness("BENCH_HARNESS"), database };
        let before = match harness("BENCH_BEFORE") {
            Some(harness) => {
                let database = name("before");
                let broker = Broker::of_harness(&harness, &database).await?;
                Some(Side { broker, harness: Some(harness), database })
            }
            None => None,
        };
        let process = processor::of_server(&now.database).await?;
        Ok(Self { url: server.of_database(""), server: process, now, before })
    }

    /// Prints a row, and gives that of the processor times.
    async fn measure(&self, row: &Row, rounds: usize) -> Result<Option<String>, Failed> {
        let (mut ours, mut before, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        let many = match row.ours {
            Ours::Append => self.now.broker.topic(MANY).await?,
            _ => String::new(),
        };
        let older = self.before.as_ref().filter(|_| row.has_before());
        for round in 0..rounds {
            // Each begins in turn: what one leaves the server to do is done while the next is measured.
            for step in 0..3 {
                match (round + step) % 3 {
                    0 => ours.push(self.side(&self.now, row, &many).await?),
                    1 => beside.extend(self.beside(row).await?),
                    _ => {
                        if let Some(side) = older {
                            before.push(self.side(side, row, &many).await?);
                        }
                    }
                }
            }
        }
        let value = |all: &[Measured]| median(all.iter().map(|one| one.value));
        let value_ours = value(&ours).unwrap_or_default();
        let value_beside = median(beside.into_iter());
        let ratio = value_beside.map(|beside| value_ours / beside);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            shown(Some(value_ours)),
            shown(value_beside),
            shown(ratio),
            shown(value(&before)),
            row.floor,
            row.aim,
            row.reached(ratio.unwrap_or(value_ours)),
        );
        Ok(processor_line(row, &ours, &before))
    }

    async fn side(&self, side: &Side, row: &Row, many: &str) -> Result<Measured, Failed> {
        let plain = |value| Measured { value, processor: None };
        Ok(match row.ours {
            Ours::Scenario { own_server } => {
                let harness = side.harness.as_deref().ok_or("no harness")?;
                let server = (!own_server).then_some(self.url.as_str());
                plain(scenario::seconds(harness, server)?)
            }
            Ours::Produce { connections, batch, sequence } => {
                let began = self.spent(side)?;
                let (messages, value) = side.broker.produce(connections, batch, sequence).await?;
                let each = |now: f64, began: f64| (now - began) / messages as f64;
                let spent = self.spent(side)?.zip(began).map(|(now, began)| Spent {
                    database: each(now.database, began.database),
                    broker: each(now.broker, began.broker),
                });
                Measured { value, processor: spent.filter(|_| batch == 1) }
            }
            Ours::Consume { consumers, batch } => {
                plain(side.broker.consume(consumers, batch).await?)
            }
            Ours::Append => plain(side.broker.append_time(many).await?),
        })
    }

    async fn beside(&self, row: &Row) -> Result<Option<f64>, Failed> {
        let url = &self.now.database;
        Ok(match row.beside {
            Beside::ScenarioLoop => {
                let until = Until::Done(scenario::MESSAGES / scenario::PRODUCERS as u64);
                let took = raw::appends(url, scenario::PRODUCERS, 1, until).await?;
                Some(took.seconds)
            }
            Beside::Loop { connections, rows } => {
                let took = raw::appends(url, connections, rows, Until::Passed(TIME)).await?;
                Some(took.messages as f64 / took.seconds)
            }
            Beside::FewRows => {
                let few = self.now.broker.topic(FEW).await?;
                Some(self.now.broker.append_time(&few).await?)
            }
            Beside::Nothing => None,
        })
    }

    /// What the server and the broker have spent so far.
    fn spent(&self, side: &Side) -> Result<Option<Spent>, Failed> {
        let Some(server) = self.server else { return Ok(None) };
        Ok(Some(Spent {
            database: processor::microseconds(server)?,
            broker: processor::microseconds(side.broker.process())?,
        }))
    }

    async fn end(self) -> Result<(), Failed> {
        for side in [Some(self.now), self.before].into_iter().flatten() {
            drop(side.broker);
            ::broker::store::mysql::drop_database(&side.database.parse()?).await?;
        }
        Ok(())
    }
}

impl Side {
    fn can_run(&self, row: &Row) -> bool {
        let can = self.harness.is_some() || !matches!(row.ours, Ours::Scenario { .. });
        if !can {
            eprintln!("left out: {}: BENCH_HARNESS names no harness", row.name);
        }
        can
    }
}

/// A row of the second table, where processor time was measured.
fn processor_line(row: &Row, ours: &[Measured], before: &[Measured]) -> Option<String> {
    let spent = |all: &[Measured]| {
        let spent = || all.iter().filter_map(|one| one.processor);
        let of = |part: fn(&Spent) -> f64| median(spent().map(|spent| part(&spent)));
        [of(|spent| spent.database), of(|spent| spent.broker), of(Spent::all)]
    };
    let (now, before) = (spent(ours), spent(before));
    now[2]?;
    let columns = now.iter().zip(before).map(|(now, before)| {
        let ratio = now.zip(before).map(|(now, before)| now / before);
        format!("{} | {} | {}", shown(*now), shown(before), shown(ratio))
    });
    Some(format!("| {} | {} |", row.name, columns.collect::<Vec<_>>().join(" | ")))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// With as many digits as matter.
fn shown(value: Option<f64>) -> String {
    match value {
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
        None => "-".to_owned(),
    }
}
