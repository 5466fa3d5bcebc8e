//! A private MySQL server of the harness, and what becomes of its data.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use private_database::{Installed, Options, Url};

use crate::recipes::mysql::MySql;
use crate::server::ServerProcess;
use crate::shell::shell;
use crate::testbed::Failure;

/// How to start a private server.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The harness's binary, which guards its children.
    pub(super) harness: PathBuf,
    /// The programs.
    pub(super) installed: Installed,
    /// What it is like.
    pub(super) options: Options,
}

/// A private server that runs.
#[derive(Debug)]
pub(super) struct Private {
    process: ServerProcess,
    recipe: Arc<MySql>,
    keep: Option<PathBuf>,
}

impl Private {
    /// Sets up a data folder, starts the server on it and waits until it greets.
    pub(super) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let Settings { harness, installed, options } = settings;
        let recipe = Arc::new(MySql::new(installed.clone(), options.clone())?);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let process = ServerProcess::start(harness, Arc::clone(&recipe) as _, listen).await?;
        Ok(Self { process, recipe, keep: options.keep.clone() })
    }

    /// Its process, which faults are about.
    pub(super) fn process(&self) -> &ServerProcess {
        &self.process
    }

    /// Where it is, by its socket.
    pub(super) fn url(&self) -> Url {
        self.recipe.url()
    }

    /// Where it is, by TCP.
    pub(super) fn tcp_url(&self) -> Url {
        self.recipe.tcp_url(self.process.address())
    }

    /// Ends it in good order where its data is kept, and says how to look at that.
    pub(super) async fn stop(&self) -> Option<String> {
        let keep = self.keep.as_deref().map(Path::display)?;
        if let Err(Failure(why)) = self.process.end().await {
            return Some(format!("{keep} holds the data of a MySQL server: {why}"));
        }
        let run = self.recipe.run(self.process.address());
        let mut words = vec![run.program.to_string_lossy().into_owned()];
        let arguments = run.arguments.iter().map(|argument| argument.to_string_lossy());
        let needed = ["--no-defaults", "--datadir=", "--user="];
        words.extend(arguments.filter_map(|argument| {
            let is_needed = needed.iter().any(|name| argument.starts_with(name));
            is_needed.then(|| shell(&argument).into_owned())
        }));
        Some(format!(
            "{keep} holds the runs' databases; to look at them:\n    \
             {} --skip-networking --socket=/tmp/kept.sock &\n    \
             mariadb --user=root --socket=/tmp/kept.sock",
            words.join(" "),
        ))
    }
}
