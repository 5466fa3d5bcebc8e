//! Starts a node of a cluster again. While a node somewhere is of the majority, it joins that. Where no
//! majority is left, nodes wait for each other, and then the cluster is founded anew by the one that
//! knows most, as its operator would: any other would forget what was acknowledged.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::try_join_all;
use private_database::Url;
use tokio::time::sleep;

use super::node::{self, Standing};
use super::one::One;
use crate::lock::lock;
use crate::testbed::Failure;

/// How long nodes have to find together by themselves, and how often they are looked at meanwhile.
const LOST_AFTER: Duration = Duration::from_secs(15);
const LOOKS: u32 = 15;

/// Starts of a node that ends before it has all data.
const TRIES: u32 = 5;

/// Between two looks at the other nodes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The nodes that are to be started again.
#[derive(Debug, Default)]
pub(super) struct Revival {
    waiting: Mutex<BTreeSet<usize>>,
    /// Those that start to join a majority, which may be lost before they have.
    joining: Mutex<BTreeSet<usize>>,
    /// Held while one decides, and until the one that it founds the cluster by serves.
    deciding: tokio::sync::Mutex<()>,
}

/// What is to be done with the nodes that wait.
enum Decision {
    /// The one that asks joins the majority.
    Join,
    /// Some node is down and not to be started yet, or does not say what it knows.
    Wait,
    /// This one waits, and knows most.
    Found(usize),
    /// This one runs, and knows more than those that wait.
    Bootstrap(Url),
}

impl Revival {
    /// Starts the node of this place, and returns when it has all that the others have. One that ends
    /// before that, because the one is lost that it gets its data from, is started again.
    pub(super) async fn start(&self, nodes: &[One], place: usize) -> Result<(), Failure> {
        let mut tries = TRIES;
        loop {
            self.wait(nodes, place).await?;
            if nodes[place].process.is_up() {
                // It has founded the cluster.
                return Ok(());
            }
            lock(&self.joining).insert(place);
            let joined = self.join(nodes, place).await;
            lock(&self.joining).remove(&place);
            tries -= 1;
            if joined.is_ok() || tries == 0 {
                return joined;
            }
        }
    }

    /// Waits until there is a majority that the node can join, or until it has founded one.
    async fn wait(&self, nodes: &[One], place: usize) -> Result<(), Failure> {
        lock(&self.waiting).insert(place);
        while lock(&self.waiting).contains(&place) {
            let turn = self.deciding.lock().await;
            if !lock(&self.waiting).contains(&place) {
                break;
            }
            match self.decide(nodes).await? {
                Decision::Join => {
                    // Before another one decides.
                    lock(&self.joining).insert(place);
                    lock(&self.waiting).remove(&place);
                }
                Decision::Wait => {
                    drop(turn);
                    sleep(LOOK_EVERY).await;
                }
                Decision::Found(founder) => {
                    nodes[founder].recipe.0.found_anew().map_err(|error| failed(&error))?;
                    nodes[founder].process.start_again().await?;
                    lock(&self.waiting).remove(&founder);
                }
                Decision::Bootstrap(url) => node::bootstrap(&url).await?,
            }
        }
        Ok(())
    }

    async fn join(&self, nodes: &[One], place: usize) -> Result<(), Failure> {
        nodes[place].recipe.0.forget_view().map_err(|error| failed(&error))?;
        tokio::select! { biased;
            started = nodes[place].process.start_again() => started,
            Err(failure) = self.keep_majority(nodes) => Err(failure),
        }
    }

    /// While a node joins: where those that run do not find together again, although all are there, has
    /// the one that knows most be the majority, as their operator would.
    async fn keep_majority(&self, nodes: &[One]) -> Result<Infallible, Failure> {
        let mut lost = 0;
        loop {
            sleep(LOST_AFTER / LOOKS).await;
            let _turn = self.deciding.lock().await;
            let is_to_start = !lock(&self.waiting).is_empty();
            match self.decide(nodes).await? {
                Decision::Bootstrap(url) if !is_to_start => {
                    lost += 1;
                    if lost == LOOKS {
                        node::bootstrap(&url).await?;
                    }
                }
                _ => lost = 0,
            }
        }
    }

    async fn decide(&self, nodes: &[One]) -> Result<Decision, Failure> {
        let waiting = lock(&self.waiting).clone();
        let mut known: Option<(i64, Url)> = None;
        let mut is_decided = true;
        let others = nodes.iter().enumerate().filter(|(place, _)| !waiting.contains(place));
        for (place, one) in others {
            if lock(&self.joining).contains(&place) {
                continue;
            }
            if !one.process.is_up() {
                is_decided = false;
                continue;
            }
            let url = one.recipe.0.url();
            match node::standing(&url).await {
                // One that comes back before it is left out breaks the majority up.
                Standing::Primary(size) if size >= nodes.len() => return Ok(Decision::Wait),
                Standing::Primary(_) => return Ok(Decision::Join),
                Standing::Silent => is_decided = false,
                Standing::Starting => {}
                Standing::Alone(position) => {
                    if known.as_ref().is_none_or(|(most, _)| *most < position) {
                        known = Some((position, url));
                    }
                }
            }
        }
        if !is_decided {
            return Ok(Decision::Wait);
        }
        let positions = waiting.iter().map(|place| position(&nodes[*place]));
        let positions = try_join_all(positions).await?.into_iter();
        let founder = positions.zip(waiting).max();
        Ok(match (founder, known) {
            (Some((most, _)), Some((position, url))) if position > most => Decision::Bootstrap(url),
            (Some((_, place)), _) => Decision::Found(place),
            (None, Some((_, url))) => Decision::Bootstrap(url),
            (None, None) => Decision::Wait,
        })
    }
}

/// How many changes of the cluster a node has that is down.
async fn position(one: &One) -> Result<i64, Failure> {
    one.process.run_beside(one.recipe.0.recovery()).await?;
    one.recipe.0.recovered_position().map_err(|error| failed(&error))
}

fn failed(error: &private_database::Error) -> Failure {
    Failure(error.to_string())
}
