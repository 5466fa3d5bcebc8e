//! The server that the databases of runs are on: a given one, or a private one.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::store::mysql::{Address, drop_database};
use private_database::{Cluster, Installed, Options, URL_VARIABLE, Url};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::private::{Private, Settings};
use crate::fault::Medium;
use crate::lock::lock;
use crate::server::ServerProcess;
use crate::testbed::{Failure, NodeStanding};

/// A server that does not drop a database by then has other troubles.
const DROPPED_WITHIN: Duration = Duration::from_secs(30);

/// A server that runs and does not answer by then is as good as none.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// Why a fault cannot be about a server.
const NOT_OURS: &str = "the server that HARNESS_MYSQL_URL names is somebody else's";

/// A MySQL or MariaDB server for runs.
#[derive(Debug)]
pub struct Server(Kind);

#[derive(Debug)]
enum Kind {
    /// One that runs already and that is not ours.
    Given(Url),
    Private {
        settings: Box<Settings>,
        running: Box<OnceCell<Private>>,
        /// Clusters that are otherwise like it, by their number of nodes.
        clusters: Mutex<BTreeMap<NonZeroU32, Arc<Server>>>,
    },
}

impl Server {
    /// One that runs already.
    pub fn given(url: Url) -> Self {
        Self(Kind::Given(url))
    }

    /// One of our own, started when it is first needed; `harness` guards it.
    pub fn private(harness: &Path, installed: Installed, options: Options) -> Self {
        let harness = harness.to_owned();
        Self::with(Settings { harness, installed, options, medium: None, cluster: None })
    }

    fn with(settings: Settings) -> Self {
        let (settings, clusters) = (Box::new(settings), Mutex::default());
        Self(Kind::Private { settings, running: Box::default(), clusters })
    }

    /// The cluster of so many nodes that all runs of the call share, otherwise like this server; which is
    /// itself where there are to be none, or where it is given.
    #[must_use]
    pub fn as_cluster(self: &Arc<Self>, nodes: Option<NonZeroU32>) -> Arc<Self> {
        let (Kind::Private { settings, clusters, .. }, Some(nodes)) = (&self.0, nodes) else {
            return Arc::clone(self);
        };
        let settings = Settings { cluster: Some(nodes), ..(**settings).clone() };
        Arc::clone(lock(clusters).entry(nodes).or_insert_with(|| Arc::new(Self::with(settings))))
    }

    /// Why a cluster cannot be had here: what to install.
    pub fn no_cluster(&self) -> Option<String> {
        let Kind::Private { settings, .. } = &self.0 else { return None };
        Cluster::provider(&settings.installed).err().map(|error| error.to_string())
    }

    /// Whether it is a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(&self.0, Kind::Private { settings, .. } if settings.cluster.is_some())
    }

    /// What it is, for the line that says that it is started.
    pub fn what(&self) -> String {
        match &self.0 {
            Kind::Private { settings, .. } if let Some(nodes) = settings.cluster => {
                format!("a private cluster of {nodes} MariaDB servers")
            }
            _ => "a private MySQL server".to_owned(),
        }
    }

    /// Whether a server that runs already can be reached and lets its user in: asked once, before
    /// anything is begun. A private one is not started for it.
    ///
    /// # Errors
    /// Why not, in one line that names the server.
    pub async fn check(&self) -> Result<(), Failure> {
        let Kind::Given(url) = &self.0 else { return Ok(()) };
        // There is no database of this name, so that nothing is dropped.
        let unknown = format!("harness_{}", broker::store::Epoch::random());
        let reached = remove(&url.of_database(&unknown), REACHED_WITHIN).await;
        reached.map_err(|why| Failure(format!("{URL_VARIABLE}: cannot reach {url}: {why}")))
    }

    /// Starts a private server that does not run yet, and says so before it does; else nothing.
    pub async fn start(&self, announce: impl FnOnce()) -> Result<(), Failure> {
        let Kind::Private { settings, running, .. } = &self.0 else { return Ok(()) };
        let start = || async {
            announce();
            Private::start(settings).await
        };
        running.get_or_try_init(start).await.map(drop)
    }

    /// Where it is, or each of its nodes. Starts a private server that does not run yet.
    pub(super) async fn urls(&self) -> Result<Vec<Url>, Failure> {
        self.start(|| ()).await?;
        match &self.0 {
            Kind::Given(url) => Ok(vec![url.clone()]),
            Kind::Private { .. } => self.running().map(Private::urls),
        }
    }

    /// The same by TCP, where it has a port.
    pub(super) async fn tcp_urls(&self) -> Result<Vec<Url>, Failure> {
        let urls = self.urls().await?;
        Ok(match &self.0 {
            Kind::Given(_) => urls,
            Kind::Private { .. } => self.running()?.tcp_urls(),
        })
    }

    /// Completes, with a line for people, when a private server ends although it was not asked to.
    pub async fn ended(&self) -> String {
        match &self.0 {
            Kind::Private { running, .. } if let Some(private) = running.get() => {
                private.ended().await
            }
            _ => std::future::pending().await,
        }
    }

    /// Whether it is ours: only then can it be killed, stopped or paused.
    pub fn is_ours(&self) -> bool {
        matches!(self.0, Kind::Private { .. })
    }

    /// Whether a relay can stand before it: not where it is named by its socket.
    pub fn has_port(&self) -> bool {
        match &self.0 {
            Kind::Given(url) => url.tcp().is_some(),
            Kind::Private { .. } => true,
        }
    }

    /// For a run with faults of the server: one like it that no other run uses, on a disk of the
    /// harness's own where one is given. A given one has no other, and is the same.
    pub fn another(&self, medium: Option<Medium>) -> Self {
        Self(match &self.0 {
            Kind::Given(url) => Kind::Given(url.clone()),
            Kind::Private { settings, .. } => {
                return Self::with(Settings { medium, ..(**settings).clone() });
            }
        })
    }

    /// Its process, or that of the node of this place, which faults are about.
    ///
    /// # Errors
    /// When it is not ours, or does not run yet; when there is no such node.
    pub fn process(&self, place: usize) -> Result<&ServerProcess, Failure> {
        self.running()?.process(place)
    }

    /// Starts the node of this place again.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_node(&self, place: usize) -> Result<(), Failure> {
        self.running()?.start_node(place).await
    }

    /// Completes, with what it is, when the start of the node of this place waits for another one.
    pub async fn obstacle(&self, place: usize) -> String {
        match self.running() {
            Ok(private) => private.obstacle(place).await,
            Err(_) => std::future::pending().await,
        }
    }

    /// Cuts the node of this place from the others, or lets it back to them; says whether it is lost.
    ///
    /// # Errors
    /// When that cannot be done.
    pub async fn isolate(&self, place: usize, is_cut: bool) -> Result<bool, Failure> {
        self.running()?.isolate(place, is_cut).await
    }

    /// How the node of this place stands to the others now.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn standing(&self, place: usize) -> Result<NodeStanding, Failure> {
        self.running()?.standing(place).await
    }

    fn running(&self) -> Result<&Private, Failure> {
        match &self.0 {
            Kind::Private { running, .. } => running.get().ok_or("no database server runs"),
            Kind::Given(_) => Err(NOT_OURS),
        }
        .map_err(|why| Failure(why.to_owned()))
    }

    /// Ends a private server in good order if its data is kept, and says what was kept; any other
    /// is killed when this is dropped.
    pub async fn stop(&self) -> Option<String> {
        match &self.0 {
            Kind::Private { settings, running, .. } => {
                let keep = settings.options.keep.as_deref()?;
                Some(running.get()?.stop(keep).await)
            }
            Kind::Given(_) => None,
        }
    }

    /// Drops a database, if it exists. Not on a private server whose data is kept, for that is kept
    /// for the databases.
    ///
    /// # Errors
    /// Which server it may be left behind on, and why. On a private server it is gone with the
    /// server.
    pub(super) async fn drop_database(&self, name: &str) -> Result<(), Failure> {
        let (url, is_given) = match &self.0 {
            Kind::Given(url) => (url.clone(), true),
            Kind::Private { settings, .. } if settings.options.keep.is_some() => return Ok(()),
            // It goes with the run, and may not answer any more.
            Kind::Private { settings, .. } if settings.medium.is_some() => return Ok(()),
            Kind::Private { running, .. } => match running.get() {
                Some(private) => (private.url(), false),
                None => return Ok(()),
            },
        };
        match remove(&url.of_database(name), DROPPED_WITHIN).await {
            Err(why) if is_given => Err(Failure(format!("{url}: {why}"))),
            _ => Ok(()),
        }
    }
}

/// Drops the database that the URL names.
async fn remove(url: &str, within: Duration) -> Result<(), String> {
    let address: Address = url.parse()?;
    match timeout(within, drop_database(&address)).await {
        // The cause alone: what it prevents differs between the callers.
        Ok(dropped) => dropped.map_err(|error| error.root_cause().to_string()),
        Err(_) => Err(format!("no answer within {} s", within.as_secs())),
    }
}
