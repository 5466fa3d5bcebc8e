//! Starts a node of a cluster again. While a node somewhere is of the majority, it joins that. Where no
//! majority is left, nodes wait for each other, and then the cluster is founded anew by the one that
//! knows most, as its operator would: any other would forget what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::try_join_all;
use private_database::Url;
use tokio::time::{Instant, sleep};

use super::node::{self, Standing};
use super::one::One;
use crate::lock::lock;
use crate::ordered_signal::OrderedSignal;
use crate::testbed::Failure;

/// How long nodes that run have to find together by themselves.
const LOST_AFTER: Duration = Duration::from_secs(15);

/// Starts of a node that ends by itself before it has all data.
const TRIES: u32 = 5;

/// Between two looks at the other nodes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The nodes that are to be started again.
#[derive(Debug, Default)]
pub(super) struct Revival {
    waiting: Mutex<BTreeSet<usize>>,
    /// What those that wait wait for, where it is another one.
    obstacles: OrderedSignal<BTreeMap<usize, String>>,
    /// Held while one decides, and until the one that it founds the cluster by serves.
    deciding: tokio::sync::Mutex<()>,
}

/// How the nodes that run stand to each other.
enum Outlook {
    /// There is a majority, and it has left out who is down.
    Majority,
    /// Nobody can tell yet: one is still counted that is down, or does not answer.
    Unclear,
    /// There is none. So many run, and this one knows most of them.
    Lost { up: usize, most: Option<(i64, Url)> },
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
            match self.join(nodes, place).await {
                Some(Ok(())) => return Ok(()),
                Some(Err(failure)) if tries == 1 => return Err(failure),
                Some(Err(_)) => tries -= 1,
                None => {}
            }
            nodes[place].process.claim_port();
        }
    }

    /// Completes, with what it is, when the node of this place waits for another one.
    pub(super) async fn obstacle(&self, place: usize) -> String {
        self.obstacles.wait_for(|obstacles| obstacles.get(&place).cloned()).await
    }

    /// Waits until there is a majority that the node can join, or until it has founded one.
    async fn wait(&self, nodes: &[One], place: usize) -> Result<(), Failure> {
        lock(&self.waiting).insert(place);
        let mut lost = Lost::default();
        while lock(&self.waiting).contains(&place) {
            let turn = self.deciding.lock().await;
            if !lock(&self.waiting).contains(&place) {
                break;
            }
            match self.outlook(nodes).await {
                Outlook::Majority => {
                    lock(&self.waiting).remove(&place);
                    continue;
                }
                Outlook::Lost { up, most } if lost.is_for_good(up) => match self.missing(nodes) {
                    None => {
                        self.found(nodes, most).await?;
                        continue;
                    }
                    Some(missing) => self.tell(place, missing),
                },
                Outlook::Lost { .. } => {}
                Outlook::Unclear => lost = Lost::default(),
            }
            drop(turn);
            sleep(LOOK_EVERY).await;
        }
        self.obstacles.change(|obstacles| obstacles.remove(&place));
        Ok(())
    }

    /// Starts a node that joins the majority. Gives up, with nothing, where that is lost meanwhile: nodes
    /// that have no data to go on with would wait for each other, and keep those apart that have.
    async fn join(&self, nodes: &[One], place: usize) -> Option<Result<(), Failure>> {
        if let Err(error) = nodes[place].recipe.0.forget_view() {
            return Some(Err(failed(&error)));
        }
        tokio::select! { biased;
            started = nodes[place].process.start_again() => Some(started),
            () = self.majority_is_lost(nodes) => None,
        }
    }

    async fn majority_is_lost(&self, nodes: &[One]) {
        let mut lost = Lost::default();
        loop {
            sleep(LOOK_EVERY).await;
            let _turn = self.deciding.lock().await;
            match self.outlook(nodes).await {
                Outlook::Lost { up, .. } if lost.is_for_good(up) => return,
                Outlook::Lost { .. } => {}
                Outlook::Majority | Outlook::Unclear => lost = Lost::default(),
            }
        }
    }

    /// A node that neither runs nor waits to be started, and may know most.
    fn missing(&self, nodes: &[One]) -> Option<usize> {
        let waiting = lock(&self.waiting);
        let mut places = nodes.iter().enumerate();
        let found = places.find(|(place, one)| !waiting.contains(place) && !one.process.is_up());
        found.map(|(place, _)| place)
    }

    fn tell(&self, place: usize, missing: usize) {
        let number = missing + 1;
        let words = format!("database {number}, which is down and may have what no other has");
        self.obstacles.change(|obstacles| obstacles.insert(place, words));
    }

    async fn outlook(&self, nodes: &[One]) -> Outlook {
        let (mut up, mut most, mut is_clear) = (0, None, true);
        for one in nodes.iter().filter(|one| one.process.is_up()) {
            let url = one.recipe.0.url();
            match node::standing(&url).await {
                // One that comes back before it is left out breaks the majority up.
                Standing::Primary(size) if size >= nodes.len() => return Outlook::Unclear,
                Standing::Primary(_) => return Outlook::Majority,
                Standing::Silent => is_clear = false,
                Standing::Alone(position) => {
                    up += 1;
                    if most.as_ref().is_none_or(|(most, _)| *most < position) {
                        most = Some((position, url));
                    }
                }
            }
        }
        if is_clear { Outlook::Lost { up, most } } else { Outlook::Unclear }
    }

    /// Founds the cluster anew by the node that knows most, of those that wait and the best that runs.
    async fn found(&self, nodes: &[One], running: Option<(i64, Url)>) -> Result<(), Failure> {
        let waiting = lock(&self.waiting).clone();
        let positions = waiting.iter().map(|place| position(&nodes[*place]));
        let positions = try_join_all(positions).await?.into_iter();
        let (most, founder) = positions.zip(waiting).max().expect("the one that asks waits");
        if let Some((_, url)) = running.filter(|(position, _)| *position > most) {
            return node::bootstrap(&url).await;
        }
        nodes[founder].recipe.0.found_anew().map_err(|error| failed(&error))?;
        nodes[founder].process.start_again().await?;
        lock(&self.waiting).remove(&founder);
        Ok(())
    }
}

/// Since when no majority was seen.
#[derive(Default)]
struct Lost(Option<Instant>);

impl Lost {
    /// Whether it does not come back by itself, with so many nodes that run: it takes two to find
    /// together, and some time.
    fn is_for_good(&mut self, up: usize) -> bool {
        let since = self.0.get_or_insert_with(Instant::now);
        up < 2 || since.elapsed() >= LOST_AFTER
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
