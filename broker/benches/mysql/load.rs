//! What a broker is made to do, and how much of it it does in a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use crate::broker::Broker;
use crate::http::{Connection, number};
use crate::{Failed, TIME};

/// Messages that consumers may be behind the head.
const BEHIND: u64 = 400;

impl Broker {
    /// Messages, and how many of them a second.
    pub(crate) async fn produce(
        &self,
        connections: usize,
        batch: usize,
        sequence: bool,
    ) -> Result<(usize, f64), Failed> {
        let topic = self.new_topic();
        let mut set = JoinSet::new();
        let begin = Arc::new(Barrier::new(connections));
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
                Ok::<_, Failed>((count, count as f64 / began.elapsed().as_secs_f64()))
            });
        }
        let (mut messages, mut rate) = (0, 0.0);
        while let Some(ended) = set.join_next().await {
            let (own, own_rate) = ended??;
            messages += own;
            rate += own_rate;
        }
        Ok((messages, rate))
    }

    /// Deliveries a second to consumers that are never far behind.
    pub(crate) async fn consume(&self, consumers: usize, batch: bool) -> Result<f64, Failed> {
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

    /// A topic with so many messages.
    pub(crate) async fn topic(&self, rows: usize) -> Result<String, Failed> {
        let topic = self.new_topic();
        let mut producer = self.producer(&topic).await?;
        for _ in 0..rows / 1000 {
            producer.send(1000, false).await?;
        }
        Ok(topic)
    }

    /// Microseconds of one append.
    pub(crate) async fn append_time(&self, topic: &str) -> Result<f64, Failed> {
        let mut producer = self.producer(topic).await?;
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < TIME {
            producer.send(1, true).await?;
            count += 1;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(count))
    }
}
