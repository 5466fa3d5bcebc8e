//! The database of one run.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::try_join_all;
use private_database::Url;

use super::agreement::differences;
use super::node::{self, Table};
use super::server::Server;
use crate::scenario::objection::NO_PORT;
use crate::testbed::Failure;

/// How often nodes that differ are looked at.
const LOOKS: u32 = 5;

/// Letters of a scenario's name in the name of a database, which has 64 at most.
const NAME_MAX: usize = 32;

/// The database of one run, of a name that no other has. The run's brokers create it.
#[derive(Debug)]
pub struct Database {
    server: Arc<Server>,
    name: String,
}

impl Database {
    /// Chooses a name; nothing is created.
    pub fn new(server: Arc<Server>, scenario: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut name: String = String::from("harness_");
        name.extend(scenario.chars().take(NAME_MAX).map(plain));
        // Random, not from the seed: two runs of one scenario are two databases.
        let _ = write!(name, "_{}", broker::store::Epoch::random());
        Self { server, name }
    }

    /// Its server.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Where it is, on each node of a cluster, with the password, so that it is for the environment of
    /// a broker only. Starts a private server.
    pub async fn urls(&self) -> Result<Vec<String>, Failure> {
        let urls = self.server.urls().await?;
        Ok(urls.iter().map(|url| url.of_database(&self.name)).collect())
    }

    /// Where relays to its servers go: `host:port`. Starts a private server.
    ///
    /// # Errors
    /// Where that does not come up, or another server is named by its socket.
    pub async fn tcp(&self) -> Result<Vec<String>, Failure> {
        let urls = self.server.tcp_urls().await?;
        let places: Option<Vec<_>> = urls.iter().map(Url::tcp).collect();
        places.ok_or_else(|| Failure(NO_PORT.to_owned()))
    }

    /// As [`Database::urls`], with the addresses of relays in place of the servers'.
    pub async fn urls_at(&self, relays: &[SocketAddr]) -> Result<Vec<String>, Failure> {
        let urls = self.server.tcp_urls().await?;
        let urls = urls.iter().zip(relays).map(|(url, relay)| url.at(*relay));
        Ok(urls.map(|url| url.of_database(&self.name)).collect())
    }

    /// Why the nodes of a cluster do not hold the same, once nobody works with it: in which tables
    /// which differ, or why that cannot be told. Nothing for a server that is alone.
    ///
    /// Brokers may still tidy up, so that what differs is looked at again.
    pub async fn disagreement(&self) -> Option<String> {
        if !self.server.is_cluster() {
            return None;
        }
        let mut found = Vec::new();
        for _ in 0..LOOKS {
            found = match self.look().await {
                Ok(nodes) => differences(&nodes),
                Err(Failure(why)) => {
                    return Some(format!("the nodes of the cluster cannot be compared: {why}"));
                }
            };
            if found.is_empty() {
                return None;
            }
        }
        Some(format!("the nodes of the cluster do not hold the same: {}", found.join("; ")))
    }

    /// The tables as each node has them.
    async fn look(&self) -> Result<Vec<Vec<Table>>, Failure> {
        let urls = self.urls().await?;
        try_join_all(urls.iter().map(|url| node::tables(url))).await
    }

    /// Drops it, if a broker came to create it. Not on a private server whose data is kept.
    ///
    /// # Errors
    /// Which database may be left behind, why, and how to remove it. On a private server it is gone
    /// with the server.
    pub async fn remove(&self) -> Result<(), Failure> {
        let name = &self.name;
        self.server.drop_database(name).await.map_err(|Failure(why)| {
            Failure(format!(
                "the database {name} may be left behind on {why}\n\
                 remove it by: DROP DATABASE IF EXISTS `{name}`;"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_scenario_and_differ_by_run() {
        let server = Arc::new(Server::given("mysql://u:p@127.0.0.1:3306".parse().unwrap()));
        let name = |scenario| Database::new(Arc::clone(&server), scenario).name;
        let first = name("Slow-consumer.v2");
        assert!(first.starts_with("harness_slow_consumer_v2_"), "{first}");
        assert_ne!(first, name("Slow-consumer.v2"));
        assert!(name(&"x".repeat(100)).len() <= 64);
    }
}
