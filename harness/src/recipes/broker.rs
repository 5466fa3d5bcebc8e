//! Our own broker: the harness runs itself again, by its hidden `broker` subcommand.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::masked;
use private_database::Invocation;

use crate::server::Failure;
use crate::server::{Ending, Ready, Recipe, Start, Wanted};

/// A broker that is not up by then never will be; a loaded machine gets there in well under a
/// second.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How long a broker may finish what is in flight after SIGTERM, before SIGKILL; its own limit is
/// 10 s.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// How long a broker is started again and again that ends because its database is away.
const RESTARTED_WITHIN: Duration = Duration::from_secs(120);

/// The same on a cluster, longer than a node of it has to come back: of the two the node says why not.
const RESTARTED_ON_CLUSTER_WITHIN: Duration = Duration::from_secs(300);

struct Broker {
    harness: PathBuf,
    name: String,
    arguments: Vec<OsString>,
    store: Option<String>,
    is_cluster: bool,
}

/// A broker in memory, or on the store that is wanted.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    Ok(Arc::new(Broker {
        harness: wanted.harness.to_owned(),
        name: wanted.name.clone(),
        arguments: wanted.arguments.to_vec(),
        store: wanted.store.map(str::to_owned),
        is_cluster: wanted.is_cluster,
    }))
}

impl Recipe for Broker {
    fn name(&self) -> &str {
        &self.name
    }

    fn detail(&self) -> String {
        self.store.as_ref().map_or_else(String::new, |url| format!(" with {}", masked(url)))
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        // Gone as soon as the port is read, so that a harness that is killed leaves no files.
        let folder = tempfile::Builder::new()
            .prefix("harness-")
            .tempdir()
            .map_err(|error| Failure(format!("cannot make a temporary folder: {error}")))?;
        let mut run = Invocation::new(&self.harness, ["broker", "--listen"]);
        run.arguments.extend([listen.to_string().into(), "--port-file".into()]);
        run.arguments.push(folder.path().join(PORT_FILE).into());
        run.arguments.extend_from_slice(&self.arguments);
        // Every user of the machine sees arguments, and the store's URL has a password in it.
        run.environment.extend(self.store.as_ref().map(|url| ("BROKER_STORE", url.into())));
        Ok(Start { run, ready: Ready::PortFile(folder, PORT_FILE) })
    }

    fn lacks_port(&self, output: &[String]) -> bool {
        output.iter().any(|line| line.contains("another program does"))
    }

    fn ready_within(&self) -> Duration {
        READY_WITHIN
    }

    fn restarted_within(&self) -> Duration {
        match self.store {
            Some(_) if self.is_cluster => RESTARTED_ON_CLUSTER_WITHIN,
            Some(_) => RESTARTED_WITHIN,
            None => Duration::ZERO,
        }
    }

    fn ending(&self) -> Ending {
        Ending { grace: STOPPED_WITHIN, ..Ending::default() }
    }
}

const PORT_FILE: &str = "port";
