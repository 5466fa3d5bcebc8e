//! The lives of the store, told apart by the names of topics: each life has topics of its own names,
//! which nobody but this run makes, and no name is given twice.
//!
//! A broker that lost its topics gives out offsets from 0 again as soon as somebody makes them anew.
//! Under the old name an ack could not be said to be of the one log or the other, unless something
//! else were read before and after it. Under another name it can: what is acknowledged in
//! `harness-RUN-1` is of the first life, and what is in `harness-RUN-1-2` of the second.

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, sleep};

use super::cluster::{Cluster, Log};
use crate::driver::failure::Failure;
use crate::driver::marks::Marks;
use crate::plan::TopicIndex;

/// How long a producer leaves it to the consumers to make a topic anew, so that they have subscribed
/// to it when it sends on.
const CONSUMERS_FIRST: Duration = Duration::from_secs(3);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Lives {
    marks: Marks,
    run: String,
    /// Held while a topic is made, so that a new life begins once.
    state: Mutex<State>,
}

struct State {
    /// From 1.
    life: u32,
    /// By topic: the life that it was last made in.
    made: Vec<Option<u32>>,
    /// All names that were given.
    names: Vec<String>,
}

impl Lives {
    pub(super) fn new(marks: Marks, run: String, topics: usize) -> Self {
        let state = State { life: 1, made: vec![None; topics], names: Vec::new() };
        Self { marks, run, state: Mutex::new(state) }
    }

    /// Makes sure that the topic exists. One that was made and is not there any more begins another
    /// life, unless another topic began it already.
    pub(super) async fn create(&self, cluster: &Cluster, topic: TopicIndex) -> Result<(), Failure> {
        let mut state = self.state.lock().await;
        let life = match state.made[topic.place()] {
            Some(life) if !cluster.is_gone(&self.log_in(topic, life)).await? => return Ok(()),
            Some(life) if life == state.life => life + 1,
            _ => state.life,
        };
        let log = self.log_in(topic, life);
        // Before it is made: it may be, although that is not answered.
        if !state.names.contains(&log.name) {
            state.names.push(log.name.clone());
        }
        cluster.create(&log).await?;
        state.life = life;
        state.made[topic.place()] = Some(life);
        Ok(())
    }

    /// The topic as it was last made.
    pub(super) async fn log(&self, topic: TopicIndex) -> Result<Log, Failure> {
        let made = self.state.lock().await.made[topic.place()];
        let made = made.ok_or_else(|| Failure::new("the topic was not made"))?;
        Ok(self.log_in(topic, made))
    }

    /// The topic as it was in this life.
    pub(super) fn log_of(&self, topic: TopicIndex, epoch: &str) -> Log {
        let life = epoch.rsplit_once('-').and_then(|(_, life)| life.parse().ok());
        self.log_in(topic, life.unwrap_or(1))
    }

    /// Gives the consumers time to make a topic anew that is gone.
    pub(super) async fn wait_for_consumers(
        &self,
        cluster: &Cluster,
        topic: TopicIndex,
    ) -> Result<(), Failure> {
        let until = Instant::now() + CONSUMERS_FIRST;
        while Instant::now() < until && !cluster.has(&self.log(topic).await?).await? {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// All names that topics of the run have had.
    pub(super) async fn names(&self) -> Vec<String> {
        self.state.lock().await.names.clone()
    }

    fn log_in(&self, topic: TopicIndex, life: u32) -> Log {
        let name = self.marks.topic(topic);
        let name = if life == 1 { name } else { format!("{name}-{life}") };
        Log { name, epoch: format!("{}-{life}", self.run) }
    }
}
