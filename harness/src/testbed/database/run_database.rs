//! The database of one run.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use super::server::Server;
use crate::scenario::objection::NO_PORT;
use crate::testbed::Failure;

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

    /// Where it is, with the password, so that it is for the environment of a broker only. Starts a
    /// private server.
    pub async fn url(&self) -> Result<String, Failure> {
        Ok(self.server.url().await?.of_database(&self.name))
    }

    /// Where a relay to its server goes: `host:port`. Starts a private server.
    ///
    /// # Errors
    /// Where that does not come up, or another server is named by its socket.
    pub async fn tcp(&self) -> Result<String, Failure> {
        self.server.tcp_url().await?.tcp().ok_or_else(|| Failure(NO_PORT.to_owned()))
    }

    /// As [`Database::url`], with a relay's address in place of the server's.
    pub async fn url_at(&self, relay: SocketAddr) -> Result<String, Failure> {
        Ok(self.server.tcp_url().await?.at(relay).of_database(&self.name))
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
