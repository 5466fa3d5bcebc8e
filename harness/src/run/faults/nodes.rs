//! Nodes of a cluster that faults do not hold. What is done to one has all look for an agreement, and any
//! that finds none for too long leaves the rest for good; it is then started again, as its operator would.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::{Instant, sleep};

use super::parts::{Parts, Trouble};
use crate::fault::Part;
use crate::lock::lock;
use crate::testbed::{Change, NodeStanding};

/// A node that finds no agreement leaves within half a minute; a cluster that is not whole by then waits
/// for something else.
const WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at a node.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A cluster, from when a fault lets a node go.
#[derive(Default)]
struct Settling {
    /// Whether the node is let go.
    is_over: AtomicBool,
    /// How those stand that no fault holds.
    standings: Mutex<BTreeMap<Part, NodeStanding>>,
}

impl Settling {
    /// Whether all nodes that no fault holds know of each other, and of nobody else.
    fn is_whole(&self) -> bool {
        let standings = lock(&self.standings);
        standings.values().all(|standing| *standing == NodeStanding::Serves(standings.len()))
    }
}

impl Parts {
    /// Lets a part go. Where it is a node, looks after the whole cluster meanwhile and until it has
    /// settled: the node may need another one that has left.
    pub(super) async fn settling(
        &self,
        part: Part,
        let_go: impl Future<Output = Result<(), Trouble>>,
    ) -> Result<(), Trouble> {
        if !self.nodes.contains(&part) {
            return let_go.await;
        }
        let settling = Settling::default();
        let let_go = async {
            let done = let_go.await;
            settling.is_over.store(true, Ordering::Relaxed);
            done
        };
        let looks = self.nodes.iter().map(|node| self.look_after(*node, &settling));
        // Neither is broken off by a failure of the other.
        let (done, settled) = join(let_go, join_all(looks)).await;
        done.and(settled.into_iter().collect())
    }

    async fn look_after(&self, node: Part, settling: &Settling) -> Result<(), Trouble> {
        let mut until = None;
        loop {
            let is_over = settling.is_over.load(Ordering::Relaxed);
            let standing = self.look_at(node).await?;
            match standing {
                Some(standing) => lock(&settling.standings).insert(node, standing),
                None => lock(&settling.standings).remove(&node),
            };
            let now = Instant::now();
            if is_over && (settling.is_whole() || now >= *until.get_or_insert(now + WITHIN)) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// How a node stands, unless a fault holds it or is about to let it go. One that has left the others
    /// is started again; the end of one is reported elsewhere.
    async fn look_at(&self, node: Part) -> Result<Option<NodeStanding>, Trouble> {
        let state = self.state(node);
        let Ok(state) = state.try_lock() else { return Ok(None) };
        if state.is_held() {
            return Ok(None);
        }
        let standing = self.injector()?.standing(node).await?;
        if standing == NodeStanding::Left {
            self.start_over(node).await?;
        }
        Ok(Some(standing))
    }

    /// Starts a node again that is of no use any more.
    pub(super) async fn start_over(&self, node: Part) -> Result<(), Trouble> {
        self.recorder.tell(|| format!("{node} has left the others or ended, and is started again"));
        self.injector()?.change(node, Change::Kill).await?;
        self.start(node).await
    }
}
