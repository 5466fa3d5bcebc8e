//! Starts a node of a cluster again. While a node somewhere is of the majority, it joins that. Where no
//! majority is left, nodes wait for each other, and then the cluster is founded anew by the one that
//! knows most, as its operator would: any other would forget what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::try_join_all;
use private_database::Url;
use tokio::time::{Instant, sleep, timeout};

use super::node::{self, Standing};
use super::one::One;
use crate::lock::lock;
use crate::ordered_signal::OrderedSignal;
use crate::testbed::{Failure, NodeStanding};

/// How long nodes that run have to find together by themselves.
const LOST_AFTER: Duration = Duration::from_secs(15);

/// A node that is not there by then does not come back: on a busy machine it takes a minute.
const WITHIN: Duration = Duration::from_secs(240);

/// After a start that came to nothing: a node ends by itself when it loses the one that it gets its data
/// from, which may be killed as often as a scenario says.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One that does not answer and has not ended by then stands still.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Between two looks at the other nodes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The nodes that are to be started again.
#[derive(Debug, Default)]
pub(super) struct Revival {
    waiting: Mutex<BTreeSet<usize>>,
    /// Those that began to join, and do not have all that the others have.
    joining: Mutex<BTreeSet<usize>>,
    /// What those that wait wait for, where it is another one.
    obstacles: OrderedSignal<BTreeMap<usize, String>>,
    /// Held while one decides, and until the one that it founds the cluster by serves.
    deciding: tokio::sync::Mutex<()>,
    /// When a node was let back to the others, or cut from them, last.
    parted: Mutex<Option<Instant>>,
}

/// How the nodes that run stand to each other.
enum Outlook {
    /// There is a majority, and it has left out who is down.
    Majority,
    /// Nobody can tell yet: one is still counted that is down, or does not answer.
    Unclear,
    /// There is none. So many look for each other, and this one knows most of them; others have left them.
    Lost { up: usize, most: Option<(i64, Url)>, left: BTreeSet<usize> },
}

impl Revival {
    /// Starts the node of this place, and returns when it has all that the others have. One that ends
    /// before that, because the one is lost that it gets its data from, is started again.
    pub(super) async fn start(&self, nodes: &[One], place: usize) -> Result<(), Failure> {
        let mut last = None;
        let started = timeout(WITHIN, self.try_to_start(nodes, place, &mut last)).await;
        let started = started.map_err(|_| self.late(place, last));
        if started.is_ok() {
            // It is not the one any more to which something was done.
            nodes[place].process.tolerate(false);
        }
        lock(&self.waiting).remove(&place);
        self.tell(place, None);
        started
    }

    /// The same without an end; says what went wrong `last`.
    async fn try_to_start(&self, nodes: &[One], place: usize, last: &mut Option<Failure>) {
        loop {
            let tried = match self.wait(nodes, place).await {
                // It has founded the cluster.
                Ok(()) if nodes[place].process.is_up() => return,
                Ok(()) => self.join(nodes, place).await,
                Err(failure) => Some(Err(failure)),
            };
            match tried {
                Some(Ok(())) => return,
                Some(Err(failure)) => {
                    *last = Some(failure);
                    sleep(AGAIN_AFTER).await;
                }
                None => {}
            }
        }
    }

    /// What went wrong with a node that is not there in time, and what it waits for.
    fn late(&self, place: usize, last: Option<Failure>) -> Failure {
        let obstacle = self.obstacles.lock().get(&place).cloned();
        let awaited = match obstacle {
            Some(obstacle) => obstacle,
            None if lock(&self.waiting).contains(&place) => "a majority of the nodes".to_owned(),
            None => "the data of the others".to_owned(),
        };
        let last = last.map_or_else(String::new, |Failure(why)| format!("{why}; "));
        let (number, within) = (place + 1, WITHIN.as_secs());
        Failure(format!(
            "database {number} is not back after {within} s: {last}it waits for {awaited}"
        ))
    }

    /// Cuts a node from the others, or lets it back, and returns when it knows. Says whether it is of no
    /// use any more: it may leave them for good, or end.
    pub(super) async fn isolate(&self, node: &One, is_cut: bool) -> Result<bool, Failure> {
        node.process.tolerate(true);
        let done = self.tell_isolated(node, is_cut).await;
        let is_lost = (done.is_err() || !is_cut) && is_lost(node).await;
        node.process.tolerate(is_cut || is_lost);
        if is_lost { Ok(true) } else { done.map(|()| false) }
    }

    /// Nobody founds the cluster while the node is told; but others may while this waits until it knows,
    /// for it may be them that it waits for.
    async fn tell_isolated(&self, node: &One, is_cut: bool) -> Result<(), Failure> {
        let url = node.recipe.0.url();
        let turn = self.deciding.lock().await;
        node::set_isolated(&url, is_cut).await?;
        *lock(&self.parted) = Some(Instant::now());
        drop(turn);
        if is_cut { node::is_cut(&url).await } else { node::is_back(&url, WITHIN).await }
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
            let mut awaited = None;
            match self.outlook(nodes).await {
                Outlook::Majority => {
                    lock(&self.waiting).remove(&place);
                    break;
                }
                Outlook::Lost { up, left, .. } if self.is_for_good(&mut lost, up) => {
                    let absent = self.absent(nodes, left);
                    if absent.is_empty() {
                        self.found(nodes, &mut lost).await?;
                    }
                    awaited = absent.difference(&lock(&self.joining)).next().copied();
                }
                Outlook::Lost { .. } => {}
                Outlook::Unclear => lost = Lost::default(),
            }
            self.tell(place, awaited);
            drop(turn);
            sleep(LOOK_EVERY).await;
        }
        self.tell(place, None);
        Ok(())
    }

    /// Starts a node that joins the majority. Gives up, with nothing, where that is lost meanwhile: nodes
    /// that have no data to go on with would wait for each other, and keep those apart that have.
    async fn join(&self, nodes: &[One], place: usize) -> Option<Result<(), Failure>> {
        if let Err(error) = nodes[place].recipe.0.only_join() {
            return Some(Err(failed(&error)));
        }
        lock(&self.joining).insert(place);
        let joined = tokio::select! { biased;
            started = nodes[place].process.start_again() => Some(started),
            () = self.majority_is_lost(nodes) => None,
        };
        match &joined {
            Some(Ok(())) => _ = lock(&self.joining).remove(&place),
            _ => nodes[place].process.claim_port(),
        }
        joined
    }

    async fn majority_is_lost(&self, nodes: &[One]) {
        let mut lost = Lost::default();
        loop {
            sleep(LOOK_EVERY).await;
            let _turn = self.deciding.lock().await;
            match self.outlook(nodes).await {
                Outlook::Lost { up, .. } if self.is_for_good(&mut lost, up) => return,
                Outlook::Lost { .. } => {}
                Outlook::Majority | Outlook::Unclear => lost = Lost::default(),
            }
        }
    }

    fn is_for_good(&self, lost: &mut Lost, up: usize) -> bool {
        lost.is_for_good(up, *lock(&self.parted))
    }

    /// The nodes that neither look for others nor wait to be started, and may know most: those that have
    /// `left`, and those that are down.
    fn absent(&self, nodes: &[One], left: BTreeSet<usize>) -> BTreeSet<usize> {
        let places = nodes.iter().enumerate();
        let down = places.filter(|(_, one)| !one.process.is_up()).map(|(place, _)| place);
        let absent: BTreeSet<usize> = down.chain(left).collect();
        &absent - &lock(&self.waiting)
    }

    fn tell(&self, place: usize, awaited: Option<usize>) {
        let words = awaited.map(|other| {
            format!("database {}, which is away and may have what no other has", other + 1)
        });
        if self.obstacles.lock().get(&place) != words.as_ref() {
            self.obstacles.change(|obstacles| match words {
                Some(words) => obstacles.insert(place, words),
                None => obstacles.remove(&place),
            });
        }
    }

    async fn outlook(&self, nodes: &[One]) -> Outlook {
        let (mut up, mut most, mut left, mut is_clear) = (0, None, BTreeSet::new(), true);
        let running = nodes.iter().enumerate().filter(|(_, one)| one.process.is_up());
        for (place, one) in running {
            let url = one.recipe.0.url();
            match node::standing(&url).await {
                // One that comes back before it is left out breaks the majority up.
                Standing::Primary(size) if size >= nodes.len() => return Outlook::Unclear,
                Standing::Primary(_) => return Outlook::Majority,
                Standing::Silent => is_clear = false,
                Standing::Left => _ = left.insert(place),
                Standing::Alone(position) => {
                    up += 1;
                    if most.as_ref().is_none_or(|(most, _)| *most < position) {
                        most = Some((position, url));
                    }
                }
            }
        }
        if is_clear { Outlook::Lost { up, most, left } } else { Outlook::Unclear }
    }

    /// Founds the cluster anew by the node that knows most, of those that wait and the best that runs;
    /// of two that know as much by one that did not begin to join. Does nothing where it is not lost any
    /// more, or not all are there.
    async fn found(&self, nodes: &[One], lost: &mut Lost) -> Result<(), Failure> {
        let waiting = lock(&self.waiting).clone();
        let positions = waiting.iter().map(|place| position(&nodes[*place]));
        let positions = try_join_all(positions).await?;
        // That took seconds: those that run may be a majority by now, which there must be one of only, and
        // the one that knows most may have been killed.
        let (up, running, left) = match self.outlook(nodes).await {
            Outlook::Lost { up, most, left } => (up, most, left),
            Outlook::Majority | Outlook::Unclear => {
                *lost = Lost::default();
                return Ok(());
            }
        };
        let is_as_it_was = self.absent(nodes, left).is_empty() && *lock(&self.waiting) == waiting;
        if !is_as_it_was || !self.is_for_good(lost, up) {
            return Ok(());
        }
        let joining = lock(&self.joining).clone();
        let known = positions.into_iter().zip(waiting);
        let known = known.map(|(position, place)| (position, !joining.contains(&place), place));
        let (most, _, founder) = known.max().expect("the one that asks waits");
        if let Some((_, url)) = running.filter(|(position, _)| *position >= most) {
            return node::bootstrap(&url).await;
        }
        let One { process, recipe } = &nodes[founder];
        recipe.0.found_anew().map_err(|error| failed(&error))?;
        if let Err(failure) = process.start_again().await {
            process.claim_port();
            recipe.0.only_join().map_err(|error| failed(&error))?;
            return Err(failure);
        }
        lock(&self.joining).remove(&founder);
        lock(&self.waiting).remove(&founder);
        Ok(())
    }
}

/// Since when no majority was seen.
#[derive(Default)]
struct Lost(Option<Instant>);

impl Lost {
    /// Whether it does not come back by itself, with so many nodes that run: it takes two to find
    /// together, and some time since one was cut off or let back.
    fn is_for_good(&mut self, up: usize, parted: Option<Instant>) -> bool {
        let since = *self.0.get_or_insert_with(Instant::now);
        up < 2 || parted.map_or(since, |parted| since.max(parted)).elapsed() >= LOST_AFTER
    }
}

/// How a node stands to the others now.
pub(super) async fn standing(One { process, recipe }: &One) -> NodeStanding {
    if !process.is_up() {
        return NodeStanding::Ended;
    }
    match node::standing(&recipe.0.url()).await {
        Standing::Primary(nodes) => NodeStanding::Serves(nodes),
        Standing::Alone(_) | Standing::Silent => NodeStanding::Waits,
        Standing::Left => NodeStanding::Left,
    }
}

/// Whether it has left the others, or has ended; one that is about to does not answer.
async fn is_lost(node: &One) -> bool {
    let looking = async {
        loop {
            match standing(node).await {
                NodeStanding::Serves(_) => return false,
                NodeStanding::Left | NodeStanding::Ended => return true,
                NodeStanding::Waits => sleep(LOOK_EVERY).await,
            }
        }
    };
    timeout(ENDS_WITHIN, looking).await.unwrap_or(false)
}

/// How many changes of the cluster a node has that is down.
async fn position(one: &One) -> Result<i64, Failure> {
    one.process.run_beside(one.recipe.0.recovery()).await?;
    one.recipe.0.recovered_position().map_err(|error| failed(&error))
}

fn failed(error: &private_database::Error) -> Failure {
    Failure(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nodes_that_run_have_time_to_find_together_since_one_was_let_back() {
        let mut lost = Lost::default();
        assert!(!lost.is_for_good(2, None));
        advance(LOST_AFTER).await;
        assert!(lost.is_for_good(2, None));
        let parted = Some(Instant::now());
        assert!(!lost.is_for_good(2, parted), "they may be finding together");
        assert!(lost.is_for_good(1, parted), "one alone finds nobody");
        advance(LOST_AFTER).await;
        assert!(lost.is_for_good(2, parted));
    }

    /// A run's report has these words, which are all that is known of it.
    #[test]
    fn a_node_that_is_late_says_what_it_waits_for() {
        let revival = Revival::default();
        let late = |last| revival.late(0, last).0;
        assert_eq!(
            late(None),
            "database 1 is not back after 240 s: it waits for the data of the others"
        );
        lock(&revival.waiting).insert(0);
        let last = Some(Failure("it ended".to_owned()));
        assert_eq!(
            late(last),
            "database 1 is not back after 240 s: it ended; it waits for a majority of the nodes"
        );
        revival.tell(0, Some(1));
        let said = "it waits for database 2, which is away and may have what no other has";
        assert!(late(None).ends_with(said), "{}", late(None));
        revival.tell(0, None);
        assert!(late(None).ends_with("a majority of the nodes"), "{}", late(None));
    }
}
