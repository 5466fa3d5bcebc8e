//! Where runs on MySQL get their databases: from a server that runs already, or from a private one
//! that is started with the first run that needs it and is gone with the harness.

mod private;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker::store::mysql::{Address, drop_database};
use private_database::{Installed, Options, URL_VARIABLE, Url};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use self::private::Private;
use super::Failure;

/// A server that does not drop a database by then has other troubles.
const DROPPED_WITHIN: Duration = Duration::from_secs(30);

/// A server that runs and does not answer by then is as good as none.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// Letters of a scenario's name in the name of a database, which has 64 at most.
const NAME_MAX: usize = 32;

/// Why a fault cannot be about a server.
pub const NOT_OURS: &str = "the server that HARNESS_MYSQL_URL names is somebody else's";

/// Why a fault cannot be about the connections with a server.
pub const NO_PORT: &str =
    "it needs a host and a port in HARNESS_MYSQL_URL, which names the server by its socket";

/// Why there is no server for runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Something that the user said is wrong.
    Wrong(String),
    /// None is installed, and none was named.
    Missing(String),
}

/// The server that `HARNESS_MYSQL_URL` names, else a private one, which keeps its data in the folder
/// `keep` if there is one. Nothing is started or tried.
///
/// # Errors
/// What is wrong, or what to install.
pub fn find(harness: &Path, keep: Option<PathBuf>) -> Result<Arc<Server>, NotFound> {
    let given = Url::from_environment().map_err(|error| NotFound::Wrong(error.to_string()))?;
    let server = match (given, keep) {
        (Some(_), Some(_)) => {
            let why = "--keep-data is for a private server, and HARNESS_MYSQL_URL names another";
            return Err(NotFound::Wrong(why.to_owned()));
        }
        (Some(url), None) => {
            let parsed = url.of_database("any").parse::<Address>();
            parsed.map_err(|why| NotFound::Wrong(format!("HARNESS_MYSQL_URL: {why}")))?;
            Server::given(url)
        }
        (None, keep) => {
            let missing = |error: private_database::Error| NotFound::Missing(error.to_string());
            let options = Options { keep, ..Options::default() };
            options.check().map_err(|error| NotFound::Wrong(error.to_string()))?;
            Server::private(harness, Installed::find().map_err(missing)?, options)
        }
    };
    Ok(Arc::new(server))
}

/// A MySQL or MariaDB server for runs.
#[derive(Debug)]
pub struct Server(Kind);

#[derive(Debug)]
enum Kind {
    /// Somebody else's.
    Given(Url),
    /// Ours.
    Private { settings: private::Settings, running: Box<OnceCell<Private>> },
}

impl Server {
    /// One that runs already.
    #[must_use]
    pub fn given(url: Url) -> Self {
        Self(Kind::Given(url))
    }

    /// One of our own, started when it is first needed; `harness` guards it.
    #[must_use]
    pub fn private(harness: &Path, installed: Installed, options: Options) -> Self {
        let settings = private::Settings { harness: harness.to_owned(), installed, options };
        Self(Kind::Private { settings, running: Box::default() })
    }

    /// Whether a server that runs already can be reached and lets its user in: asked once, before
    /// anything is begun. A private one is not started for it.
    ///
    /// # Errors
    /// Why not, in one line that names the server.
    pub async fn check(&self) -> Result<(), Failure> {
        let Kind::Given(url) = &self.0 else { return Ok(()) };
        // Nobody has a database of this name, so that nothing comes of it.
        let nobodys = format!("harness_{}", broker::store::Epoch::random());
        let why = match timeout(REACHED_WITHIN, remove(&url.of_database(&nobodys))).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", REACHED_WITHIN.as_secs()),
        };
        Err(Failure(format!("{URL_VARIABLE}: cannot reach {url}: {why}")))
    }

    /// Starts a private server that does not run yet, and says so before it does; else nothing.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn start(&self, announce: impl FnOnce()) -> Result<(), Failure> {
        let Kind::Private { settings, running } = &self.0 else { return Ok(()) };
        let start = || async {
            announce();
            Private::start(settings).await
        };
        running.get_or_try_init(start).await.map(drop)
    }

    async fn url(&self) -> Result<Url, Failure> {
        self.start(|| ()).await?;
        match &self.0 {
            Kind::Given(url) => Ok(url.clone()),
            Kind::Private { .. } => self.running().map(Private::url),
        }
    }

    /// Completes, with a line for people, when a private server ends although nobody asked it to.
    pub async fn ended(&self) -> String {
        match &self.0 {
            Kind::Private { running, .. } if let Some(private) = running.get() => {
                private.life().ended().await
            }
            _ => std::future::pending().await,
        }
    }

    /// Whether it is ours: nobody else's can be killed, stopped or paused.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.0, Kind::Private { .. })
    }

    /// Whether a relay can stand before it: not where it is named by its socket.
    #[must_use]
    pub fn has_port(&self) -> bool {
        match &self.0 {
            Kind::Given(url) => url.tcp().is_some(),
            Kind::Private { .. } => true,
        }
    }

    /// One like it that nobody else uses, for a run that hurts it; of somebody else's, the same.
    #[must_use]
    pub fn another(&self) -> Self {
        Self(match &self.0 {
            Kind::Given(url) => Kind::Given(url.clone()),
            Kind::Private { settings, .. } => {
                Kind::Private { settings: settings.clone(), running: Box::default() }
            }
        })
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it is not ours, or was not there to be killed.
    pub async fn kill(&self) -> Result<(), Failure> {
        self.running()?.life().kill().await
    }

    /// Asks it to end in good order, and waits until it has.
    ///
    /// # Errors
    /// When it is not ours, or does not.
    pub async fn stop_on_purpose(&self) -> Result<(), Failure> {
        self.running()?.stop_on_purpose().await
    }

    /// Starts it again after it was killed or stopped, on the same data and port.
    ///
    /// # Errors
    /// When it is not ours, or does not come up.
    pub async fn start_again(&self) -> Result<(), Failure> {
        self.running()?.start_again().await
    }

    /// Stops its clock.
    ///
    /// # Errors
    /// When it is not ours.
    pub fn pause(&self) -> Result<(), Failure> {
        self.running().map(|private| private.life().pause())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is not ours.
    pub fn resume(&self) -> Result<(), Failure> {
        self.running().map(|private| private.life().resume())
    }

    fn running(&self) -> Result<&Private, Failure> {
        match &self.0 {
            Kind::Private { running, .. } => running.get().ok_or("no database server runs"),
            Kind::Given(_) => Err(NOT_OURS),
        }
        .map_err(|why| Failure(why.to_owned()))
    }

    /// Ends a private server in good order if its data is kept, and says what was kept; any other
    /// is ended, without more ado, when this is dropped.
    pub async fn stop(&self) -> Option<String> {
        match &self.0 {
            Kind::Private { running, .. } => running.get()?.stop().await,
            Kind::Given(_) => None,
        }
    }

    fn keeps_data(&self) -> bool {
        matches!(&self.0, Kind::Private { settings, .. } if settings.options.keep.is_some())
    }
}

/// The database of one run, of a name that no other has. The run's brokers create it.
#[derive(Debug)]
pub struct Database {
    server: Arc<Server>,
    name: String,
}

impl Database {
    /// Chooses a name; nothing is created.
    #[must_use]
    pub fn new(server: Arc<Server>, scenario: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut name: String = String::from("harness_");
        name.extend(scenario.chars().take(NAME_MAX).map(plain));
        // Random, not from the seed: two runs of one scenario are two databases.
        let _ = write!(name, "_{}", broker::store::Epoch::random());
        Self { server, name }
    }

    /// Its server.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Where it is, with the password: for the environment of a broker and nobody's eyes. Starts a
    /// private server.
    ///
    /// # Errors
    /// Where that does not come up.
    pub async fn url(&self) -> Result<String, Failure> {
        Ok(self.server.url().await?.of_database(&self.name))
    }

    /// Where a relay to its server goes: `host:port`. Starts a private server.
    ///
    /// # Errors
    /// Where that does not come up, or another server is named by its socket.
    pub async fn tcp(&self) -> Result<String, Failure> {
        self.tcp_url().await?.tcp().ok_or_else(|| Failure(NO_PORT.to_owned()))
    }

    /// As [`Database::url`], with a relay's address in place of the server's.
    ///
    /// # Errors
    /// As there.
    pub async fn url_at(&self, relay: SocketAddr) -> Result<String, Failure> {
        Ok(self.tcp_url().await?.at(relay).of_database(&self.name))
    }

    async fn tcp_url(&self) -> Result<Url, Failure> {
        let url = self.server.url().await?;
        Ok(match &self.server.0 {
            Kind::Private { running, .. } if let Some(private) = running.get() => private.tcp_url(),
            _ => url,
        })
    }

    /// Drops it, if a broker came to create it. Not on a private server whose data is kept: what is
    /// in it is what is wanted.
    ///
    /// # Errors
    /// Which database may be left behind, why, and how to remove it. On a private server it is gone with the server.
    pub async fn remove(&self) -> Result<(), Failure> {
        let url = match &self.server.0 {
            Kind::Given(url) => url.clone(),
            Kind::Private { .. } if self.server.keeps_data() => return Ok(()),
            Kind::Private { running, .. } => match running.get() {
                Some(private) => private.url(),
                None => return Ok(()),
            },
        };
        let dropped = timeout(DROPPED_WITHIN, remove(&url.of_database(&self.name))).await;
        let why = match (dropped, &self.server.0) {
            (Ok(Ok(())), _) | (_, Kind::Private { .. }) => return Ok(()),
            (Ok(Err(why)), _) => why,
            (Err(_), _) => format!("no answer within {} s", DROPPED_WITHIN.as_secs()),
        };
        let name = &self.name;
        Err(Failure(format!(
            "the database {name} may be left behind on {url}: {why}\n\
             remove it by: DROP DATABASE IF EXISTS `{name}`;"
        )))
    }
}

/// Drops the database that the URL names.
async fn remove(url: &str) -> Result<(), String> {
    let address: Address = url.parse().map_err(because)?;
    // The cause alone: what it hinders differs between those who ask.
    drop_database(&address).await.map_err(|error| because(error.root_cause()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn because(error: impl ToString) -> String {
    error.to_string()
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
