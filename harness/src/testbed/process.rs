//! Brokers as child processes, each on a free port, started by a recipe and ended with the run;
//! several of them serve one store. Or brokers that run already: nothing of them is started or
//! ended, and faults are about their connections alone.
//!
//! On Linux nothing is left behind even when the harness is killed by SIGKILL. Elsewhere that one
//! way of ending leaves the broker running, because no parent-death signal exists there.

mod injector;
mod on_disk;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::pending;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, OptionFuture, join_all, try_join_all};
use futures_util::stream::FuturesUnordered;

use self::injector::Injector;
use super::database::{Database, Server};
use super::relay::{Order, Relays};
use super::shared::Shared;
use super::{Failure, FaultInjector, Testbed};
use crate::driver::Address;
use crate::fault::Medium;
use crate::input::names::Actor;
use crate::recipes;
use crate::scenario::OwnServer;
use crate::server::{NewRecipe, ServerProcess, Wanted};

/// How to start brokers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What makes the recipe of each.
    pub recipe: NewRecipe,
    /// The harness's own binary, which is our broker's too. A library cannot know it: in a test,
    /// the running binary is the test.
    pub harness: PathBuf,
    /// Where the first one is to listen; port 0 takes a free one. The others take free ones of the
    /// same address.
    pub listen: SocketAddr,
    /// The server that serves all runs of the call, but for those whose faults are about its
    /// process; none where each run has its own.
    pub shared: Option<Arc<Shared>>,
    /// A server of the user's own, in place of one by a recipe of ours.
    pub own: Option<Arc<OwnServer>>,
    /// The configuration of each, in its server's own words.
    pub config: BTreeMap<String, String>,
    /// What else each broker is given: limits.
    pub arguments: Vec<OsString>,
    /// How many; in memory, more than one are strangers to each other.
    pub count: NonZeroU32,
    /// The server that their store is in; none is memory.
    pub server: Option<Arc<Server>>,
    /// Whether they keep everything and serve it to an audit reader; only ours knows how.
    pub audit: bool,
    /// Whether they are ours.
    pub is_ours: bool,
    /// Which connections something may be done to.
    pub relays: Order,
    /// What the disk is like that the harness puts below the data of the first broker; none where that
    /// is on the machine's, or in a database.
    pub medium: Option<Medium>,
}

impl Settings {
    /// One broker of ours in memory, on a free port of the loopback address, and nothing else said.
    pub fn new(harness: &Path) -> Self {
        Self {
            recipe: recipes::broker::recipe,
            harness: harness.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            shared: None,
            own: None,
            config: BTreeMap::new(),
            arguments: Vec::new(),
            count: NonZeroU32::MIN,
            server: None,
            audit: false,
            is_ours: true,
            relays: Order::default(),
            medium: None,
        }
    }
}

/// Brokers that are our children, or that run already.
#[derive(Debug)]
pub struct Process {
    injector: Arc<Injector>,
    /// Where those speak to whose connections something may be done to, for each broker.
    own: BTreeMap<Actor, Vec<Address>>,
    /// The server of all runs of the call, whose end is the end of this run too.
    shared: Option<Arc<ServerProcess>>,
}

impl Process {
    /// Starts the brokers, all at once, and waits until each listens. Their store is `database`,
    /// which is theirs alone and which they create; none is memory. Then starts the relays.
    ///
    /// # Errors
    /// When one cannot be started, ends before it listens (with the last lines it wrote: a port in
    /// use, an unknown flag), or does not listen within 30 s; when a private server does not come
    /// up, or cannot be reached through a relay.
    pub async fn start(settings: &Settings, database: Option<&Database>) -> Result<Self, Failure> {
        let mut relays = Relays::default();
        let stores = match database {
            Some(database) if settings.relays.has_database() => {
                let targets = database.tcp().await?;
                let addresses = relays.add_database(&settings.relays, targets).await?;
                database.urls_at(&addresses).await?
            }
            Some(database) => database.urls().await?,
            None => Vec::new(),
        };
        let numbers = 1..=settings.count.get();
        let starts = numbers.map(|number| {
            let own = (number as usize - 1).checked_rem(stores.len());
            let store = own.map(|place| stores[place].as_str());
            start_one(settings, store, stores.len() > 1, number)
        });
        let brokers = try_join_all(starts).await?;
        let addresses: Vec<Address> =
            brokers.iter().map(|broker| Address::from(broker.address())).collect();
        relays.add_brokers(&settings.relays, &addresses).await?;
        let server = database.map(|database| Arc::clone(database.server()));
        Ok(Self::new(Injector { addresses, brokers, server, relays }))
    }

    /// The server that serves all runs of the call, with relays before it. It is not ended here.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn shared(settings: &Settings, shared: &Shared) -> Result<Self, Failure> {
        let server = shared.up(start_one(settings, None, false, 1)).await?;
        let addresses = vec![Address::from(server.address())];
        let mut relays = Relays::default();
        relays.add_brokers(&settings.relays, &addresses).await?;
        let injector = Injector { addresses, brokers: Vec::new(), server: None, relays };
        let mut process = Self::new(injector);
        process.shared = Some(server);
        Ok(process)
    }

    /// Brokers that run already at these addresses, with relays before them.
    pub async fn external(addresses: &[Address], order: &Order) -> Result<Self, Failure> {
        let mut relays = Relays::default();
        relays.add_brokers(order, addresses).await?;
        let (addresses, brokers) = (addresses.to_vec(), Vec::new());
        Ok(Self::new(Injector { addresses, brokers, server: None, relays }))
    }

    fn new(injector: Injector) -> Self {
        Self { own: injector.relays.addresses(), injector: Arc::new(injector), shared: None }
    }

    /// The brokers' process ids.
    pub fn ids(&self) -> Vec<i32> {
        self.injector.brokers.iter().map(ServerProcess::id).collect()
    }
}

/// Starts the broker of this number, from 1.
async fn start_one(
    settings: &Settings,
    store: Option<&str>,
    is_cluster: bool,
    number: u32,
) -> Result<ServerProcess, Failure> {
    let Settings { recipe, harness, listen, config, count, medium, .. } = settings;
    let mut arguments = settings.arguments.clone();
    if settings.audit && settings.is_ours {
        arguments.push("--audit".into());
    }
    let name = match count.get() {
        1 => "the broker".to_owned(),
        count => format!("broker {number} of {count}"),
    };
    let recipe = match &settings.own {
        Some(own) => recipes::own::recipe(own)?,
        None => {
            recipe(&Wanted { harness, name, arguments: &arguments, store, is_cluster, config })?
        }
    };
    let is_first = number == 1;
    let listen = SocketAddr::new(listen.ip(), if is_first { listen.port() } else { 0 });
    let medium = medium.filter(|_| is_first && store.is_none());
    ServerProcess::start_on(medium, harness, recipe, listen).await
}

impl Testbed for Process {
    fn addresses(&self) -> &[Address] {
        &self.injector.addresses
    }

    fn addresses_of(&self, actor: Actor) -> &[Address] {
        self.own.get(&actor).map_or(&[], Vec::as_slice)
    }

    fn injector(&self) -> Option<Arc<dyn FaultInjector>> {
        Some(Arc::clone(&self.injector) as _)
    }

    fn ended(&mut self) -> BoxFuture<'_, String> {
        Box::pin(async {
            let server = OptionFuture::from(self.injector.server.as_ref().map(|own| own.ended()));
            let brokers = self.injector.brokers.iter().map(ServerProcess::ended);
            let brokers = brokers.chain(self.shared.iter().map(|server| server.ended()));
            let mut brokers: FuturesUnordered<_> = brokers.collect();
            tokio::select! { biased;
                // Brokers may end because of it.
                Some(why) = server => why,
                Some(why) = brokers.next() => why,
                else => pending().await,
            }
        })
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let stopped = join_all(self.injector.brokers.iter().map(ServerProcess::end)).await;
            stopped.into_iter().collect()
        })
    }
}

/// The executor of faults may still hold the injector.
impl Drop for Process {
    fn drop(&mut self) {
        self.injector.close();
    }
}
