//! What a broker withstands: how much of its rate a good client keeps beside large bodies, and how
//! much memory the broker takes under attacks on it, while a good client is served.
//!
//!     cargo bench -p broker --bench attack -- [--only TEXT] [BROKER...]
//!
//! Each broker named is a binary, and they are attacked in turn, so that two states of one can be
//! compared; without any it is this one. With a text, only the rows with it in their name.

mod attacks;
mod client;
mod process;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::time::Duration;

use self::attacks::{ATTACKS, Attack};
use self::client::{Connection, Good, Served, pause};
use self::process::Broker;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Rounds of good clients alone and beside large bodies, in turn.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// Good clients at once, each with one request in flight.
const GOOD: usize = 1;
/// Connections with large bodies.
const BAD: usize = 4;

fn main() -> Result<(), Failed> {
    // `cargo bench` adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut brokers, mut only) = (Vec::<PathBuf>::new(), String::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => only = arguments.next().ok_or("--only needs a text")?,
            _ => brokers.push(argument.into()),
        }
    }
    if brokers.is_empty() {
        brokers.push(env!("CARGO_BIN_EXE_broker").into());
    }
    println!(
        "| beside {BAD} connections of | broker | requests a second alone | beside | kept | p99 beside |"
    );
    println!("|---|---|---|---|---|---|");
    for (what, body) in [
        ("60 kB batches", batch(60_000)),
        ("250 kB batches", batch(250_000)),
        ("1 MB batches", batch(1_000_000)),
        ("15 MB batches", batch(15_000_000)),
        ("16 MB of wrong JSON", wrong()),
    ] {
        for broker in brokers.iter().filter(|_| what.contains(&only)) {
            let row = beside(broker, &body)?;
            println!("| {what} | {} | {row} |", broker.display());
        }
    }
    println!(
        "\n| attack, `--max-memory 256MiB` | broker | resident at most | after it | a good client meanwhile |"
    );
    println!("|---|---|---|---|---|");
    for attack in ATTACKS {
        for broker in brokers.iter().filter(|_| attack.name.contains(&only)) {
            let row = under(broker, attack)?;
            println!("| {} | {} | {row} |", attack.name, broker.display());
        }
    }
    Ok(())
}

/// A produce of so many bytes, in messages of 1,500 bytes.
fn batch(bytes: usize) -> Vec<u8> {
    let message = format!("\"{}\"", "m".repeat(1500));
    let messages = vec![message; bytes / 1503].join(",");
    client::post(
        "/producer/produce",
        &format!(r#"{{"topic":"bad","producer_id":0,"messages":[{messages}]}}"#),
    )
}

/// A produce of nearly 16 MiB, of which the last message is none.
fn wrong() -> Vec<u8> {
    let message = format!("\"{}\\n\"", "m".repeat(1500));
    let messages = vec![message; 9_999].join(",");
    client::post(
        "/producer/produce",
        &format!(r#"{{"topic":"bad","producer_id":0,"messages":[{messages},5]}}"#),
    )
}

/// The median rate of good clients alone, beside others with this request, and their ratio.
fn beside(binary: &Path, body: &[u8]) -> Result<String, Failed> {
    let broker = Broker::start(binary, &[])?;
    let mut setup = Connection::open(broker.port)?;
    setup.ask(&client::post("/producer/register", r#"{"topic":"bad"}"#))?;
    let (mut alone, mut attacked, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(good_rate(broker.port)?.rate());
        let over = Arc::new(AtomicBool::new(false));
        let served = thread::scope(|scope| {
            for _ in 0..BAD {
                scope.spawn(|| -> Result<(), Failed> {
                    let mut connection = Connection::open(broker.port)?;
                    while !over.load(Ordering::Relaxed) {
                        // Refused or not, and cut off or not: it goes on.
                        if connection.ask(body).is_err() {
                            connection = Connection::open(broker.port)?;
                        }
                    }
                    Ok(())
                });
            }
            let served = good_rate(broker.port);
            over.store(true, Ordering::Relaxed);
            served
        })?;
        attacked.push(served.rate());
        latencies.push(served.percentile(99).as_secs_f64() * 1000.0);
    }
    let (alone, attacked) = (median(&mut alone), median(&mut attacked));
    let kept = attacked / alone * 100.0;
    let p99 = median(&mut latencies);
    Ok(format!("{alone:.0} | {attacked:.0} | {kept:.0} % | {p99:.1} ms"))
}

fn good_rate(port: u16) -> Result<Served, Failed> {
    let good: Vec<_> = (0..GOOD).map(|_| Good::start(port)).collect::<Result<_, _>>()?;
    pause(ROUND);
    let mut served = Served::default();
    for good in good {
        served.add(good.stop());
    }
    Ok(served)
}

/// The memory that a broker takes under an attack, and what a good client got meanwhile.
fn under(binary: &Path, attack: &Attack) -> Result<String, Failed> {
    let broker = Broker::start(binary, &["--max-memory", "256MiB"])?;
    let good = Good::start(broker.port)?;
    let held = (attack.carry_out)(broker.port)?;
    pause(Duration::from_secs(3));
    let most = broker.memory("VmHWM:")?;
    let served = good.stop();
    drop(held);
    // Its connections are closed by now.
    pause(Duration::from_secs(2));
    let after = broker.memory("VmRSS:")?;
    Ok(format!(
        "{most} MiB | {after} MiB | {} answers, {} failed, the slowest {:.0} ms",
        served.latencies.len(),
        served.failed,
        served.percentile(100).as_secs_f64() * 1000.0
    ))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
