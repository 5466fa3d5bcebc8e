//! A private MySQL server of the harness, and what becomes of its data.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::{select_all, try_join_all};
use private_database::{Cluster, Installed, Node, Options, Ports, Url};

use super::one::One;
use super::revival::{self, Revival};

use crate::fault::Medium;
use crate::recipes::mysql::MySql;
use crate::server::{Claim, ServerProcess};
use crate::shell::shell;
use crate::testbed::{Failure, NodeStanding};

/// How to start a private server.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) harness: PathBuf,
    pub(super) installed: Installed,
    pub(super) options: Options,
    /// What the disk is like that the harness puts below its data; none is the machine's.
    pub(super) medium: Option<Medium>,
    /// So many servers are one cluster; none is one alone.
    pub(super) cluster: Option<NonZeroU32>,
}

/// A private server that runs, or the nodes of a cluster.
#[derive(Debug)]
pub(super) struct Private {
    /// At least one.
    servers: Vec<One>,
    /// The ports by which the nodes speak to each other, so that no other program takes one while its
    /// node is down.
    _claims: Vec<Claim>,
    revival: Revival,
}

impl Private {
    /// Sets up a data folder, starts the server on it and waits until it greets.
    pub(super) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let Some(nodes) = settings.cluster else {
            let servers = vec![start_one(settings, None).await?];
            return Ok(Self { servers, _claims: Vec::new(), revival: Revival::default() });
        };
        let failed = |error: private_database::Error| Failure(error.to_string());
        let provider = Cluster::provider(&settings.installed).map_err(failed)?;
        let (ports, claims) = ports(nodes.get())?;
        let cluster = Cluster::new(provider, &ports).map_err(failed)?;
        // All at once: none is ready without the others.
        let starts = cluster.nodes().map(|node| start_one(settings, Some(node)));
        let servers = try_join_all(starts).await?;
        Ok(Self { servers, _claims: claims, revival: Revival::default() })
    }

    /// Where it is, or its first node, by its socket.
    pub(super) fn url(&self) -> Url {
        self.servers[0].recipe.0.url()
    }

    /// Where each is, by its socket.
    pub(super) fn urls(&self) -> Vec<Url> {
        self.servers.iter().map(|server| server.recipe.0.url()).collect()
    }

    /// Where each is, by TCP.
    pub(super) fn tcp_urls(&self) -> Vec<Url> {
        let url = |server: &One| server.recipe.0.tcp_url(server.process.address().port());
        self.servers.iter().map(url).collect()
    }

    /// The process of this place, from 0.
    pub(super) fn process(&self, place: usize) -> Result<&ServerProcess, Failure> {
        self.server(place).map(|server| &server.process)
    }

    /// Starts a node again.
    pub(super) async fn start_node(&self, place: usize) -> Result<(), Failure> {
        self.server(place)?;
        self.revival.start(&self.servers, place).await
    }

    /// Completes, with what it is, when the start of a node waits for another one.
    pub(super) async fn obstacle(&self, place: usize) -> String {
        self.revival.obstacle(place).await
    }

    /// Cuts a node from the others, or lets it back; says whether it is lost.
    pub(super) async fn isolate(&self, place: usize, is_cut: bool) -> Result<bool, Failure> {
        let done = self.revival.isolate(self.server(place)?, is_cut).await;
        done.map_err(|Failure(why)| Failure(format!("database {}: {why}", place + 1)))
    }

    /// How a node stands to the others now.
    pub(super) async fn standing(&self, place: usize) -> Result<NodeStanding, Failure> {
        Ok(revival::standing(self.server(place)?).await)
    }

    fn server(&self, place: usize) -> Result<&One, Failure> {
        let missing = || Failure(format!("there is no database {}", place + 1));
        self.servers.get(place).ok_or_else(missing)
    }

    /// Completes, with a line for people, when one ends although it was not asked to.
    pub(super) async fn ended(&self) -> String {
        select_all(self.servers.iter().map(|server| Box::pin(server.process.ended()))).await.0
    }

    /// Ends it in good order, its data kept in a folder, and says how to look at that.
    pub(super) async fn stop(&self, keep: &Path) -> String {
        let keep = keep.display();
        let One { process, recipe } = &self.servers[0];
        if let Err(Failure(why)) = process.end().await {
            return format!("{keep} holds the data of a MySQL server: {why}");
        }
        let run = recipe.0.run(process.address().port());
        let mut words = vec![run.program.to_string_lossy().into_owned()];
        let arguments = run.arguments.iter().map(|argument| argument.to_string_lossy());
        let needed = ["--no-defaults", "--datadir=", "--user="];
        words.extend(arguments.filter_map(|argument| {
            let is_needed = needed.iter().any(|name| argument.starts_with(name));
            is_needed.then(|| shell(&argument).into_owned())
        }));
        format!(
            "{keep} holds the runs' databases; to look at them:\n    \
             {} --skip-networking --socket=/tmp/kept.sock &\n    \
             mariadb --user=root --socket=/tmp/kept.sock",
            words.join(" "),
        )
    }
}

async fn start_one(settings: &Settings, node: Option<Node>) -> Result<One, Failure> {
    let Settings { harness, installed, options, medium, .. } = settings;
    let options = Options { node, ..options.clone() };
    let recipe = Arc::new(MySql::new(installed.clone(), options)?);
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let shared = Arc::clone(&recipe) as _;
    let process = ServerProcess::start_on(*medium, harness, shared, listen).await?;
    Ok(One { process, recipe })
}

/// Free ports for so many nodes, and what keeps them free.
fn ports(nodes: u32) -> Result<(Vec<Ports>, Vec<Claim>), Failure> {
    let mut claims = Vec::new();
    let mut claim = || {
        let claim = Claim::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let claim =
            claim.map_err(|error| Failure(format!("cannot find a port for a cluster: {error}")))?;
        let port = claim.address().port();
        claims.push(claim);
        Ok::<_, Failure>(port)
    };
    let node = |_| Ok(Ports { group: claim()?, missed: claim()?, all: claim()? });
    let ports = (0..nodes).map(node).collect::<Result<_, Failure>>()?;
    Ok((ports, claims))
}
