//! A private MySQL or MariaDB server, as a guarded child.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use private_database::{Folder, Installed, Invocation, Options, Server, is_greeting};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::server::Failure;
use crate::server::{Data, Ready, Recipe, Start, Wanted};

/// What InnoDB, which has the messages, does not need: the list of its pages in memory, its temporary
/// tables, and logs; Aria and MyISAM, which have the server's own tables; the coordinator of several
/// engines, the log of changes to tables, and what upgrades and replication note.
const NOISE: &[&str] = &[
    "ib_buffer_pool",
    "ib_buffer_pool.incomplete",
    "ibtmp1",
    "*.ibt",
    "aria_log_control",
    "aria_log.00000001",
    "*.MAD",
    "*.MAI",
    "*.MYD",
    "*.MYI",
    "tc.log",
    "ddl_recovery.log",
    "ddl_recovery-backup.log",
    "mysql_upgrade_info",
    "mariadb_upgrade_info",
    "multi-master.info",
    "auto.cnf",
    "*.err",
    "*.pid",
];

/// What a node writes when it has all that the others have. Before that it may listen, and end by itself
/// where the one is lost that it gets its data from.
const SYNCHRONIZED: &str = "WSREP: Synchronized with group, ready for connections";

/// Between two looks at a port, and how many there are.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS: u32 = 3_000;

/// The server's folder, with its programs and settings; and what it is called.
#[derive(Debug)]
pub struct MySql(pub Server, String);

/// A server of the usual settings, whose data goes with it.
///
/// # Errors
/// Where none is installed, or its folder cannot be made.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    let installed = Installed::find().map_err(|error| Failure(error.to_string()))?;
    let options = Options { arguments: wanted.arguments.to_vec(), ..Options::default() };
    Ok(Arc::new(MySql::new(installed, options)?))
}

impl MySql {
    /// Makes the folder.
    pub fn new(installed: Installed, options: Options) -> Result<Self, Failure> {
        let name = match &options.node {
            Some(node) => format!("node {} of the private cluster", node.number()),
            None => "the private MySQL server".to_owned(),
        };
        let server = Server::new(installed, options).map_err(|error| Failure(error.to_string()))?;
        Ok(Self(server, name))
    }
}

impl Recipe for MySql {
    fn name(&self) -> &str {
        &self.1
    }

    fn folder(&self) -> Option<&Folder> {
        Some(self.0.folder())
    }

    /// A folder of the user's, which is to be kept, is not for a disk that goes with the server.
    fn data(&self) -> Option<Data> {
        let folder = self.0.data();
        let is_own = folder.starts_with(self.0.folder().path());
        is_own.then(|| Data { folder: folder.to_owned(), noise: NOISE })
    }

    fn copy_prepared(&self, durable: bool) -> Result<bool, Failure> {
        self.0.copy_prepared(durable).map_err(|error| Failure(error.to_string()))
    }

    fn keep_prepared(&self) {
        self.0.keep_prepared();
    }

    fn preparation(&self) -> Vec<Invocation> {
        vec![self.0.set_up()]
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        self.0.join().map_err(|error| Failure(error.to_string()))?;
        let ready = match self.0.is_node() {
            true => Ready::Line(SYNCHRONIZED.into()),
            false => Ready::Greeting(is_greeting),
        };
        Ok(Start { run: self.0.run(listen.port()), ready })
    }

    /// A node waits for the others, which may have to find out first what they have.
    fn ready_within(&self) -> Duration {
        Duration::from_secs(if self.0.is_node() { 150 } else { 60 })
    }

    fn check_persistence(&self, listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        let tables = self.0.data().join("ibdata1");
        let kept = if tables.is_file() {
            Ok(())
        } else {
            Err(format!("there is no {}", tables.display()))
        };
        Box::pin(async move {
            // A node may have found the others before it listens.
            for _ in 0..LOOKS {
                if !self.0.is_node() || TcpStream::connect(listens).await.is_ok() {
                    return kept;
                }
                sleep(LOOK_EVERY).await;
            }
            Err(format!("it does not listen on {listens}"))
        })
    }
}
