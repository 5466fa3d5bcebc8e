//! A private MySQL server of the harness, and what becomes of its data.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use private_database::{Installed, Options, Url};

use crate::fault::Medium;
use crate::recipes::mysql::MySql;
use crate::server::ServerProcess;
use crate::shell::shell;
use crate::testbed::Failure;

/// How to start a private server.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) harness: PathBuf,
    pub(super) installed: Installed,
    pub(super) options: Options,
    /// What the disk is like that the harness puts below its data; none is the machine's.
    pub(super) medium: Option<Medium>,
}

/// A private server that runs.
#[derive(Debug)]
pub(super) struct Private {
    pub(super) process: ServerProcess,
    recipe: Arc<MySql>,
}

impl Private {
    /// Sets up a data folder, starts the server on it and waits until it greets.
    pub(super) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let Settings { harness, installed, options, medium } = settings;
        let recipe = Arc::new(MySql::new(installed.clone(), options.clone())?);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let shared = Arc::clone(&recipe) as _;
        let process = ServerProcess::start_on(*medium, harness, shared, listen).await?;
        Ok(Self { process, recipe })
    }

    /// Where it is, by its socket.
    pub(super) fn url(&self) -> Url {
        self.recipe.0.url()
    }

    /// Where it is, by TCP.
    pub(super) fn tcp_url(&self) -> Url {
        self.recipe.0.tcp_url(self.process.address().port())
    }

    /// Ends it in good order, its data kept in a folder, and says how to look at that.
    pub(super) async fn stop(&self, keep: &Path) -> String {
        let keep = keep.display();
        if let Err(Failure(why)) = self.process.end().await {
            return format!("{keep} holds the data of a MySQL server: {why}");
        }
        let run = self.recipe.0.run(self.process.address().port());
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
