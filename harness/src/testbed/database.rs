//! Where runs on MySQL get their databases: from a server that runs already, or from a private one
//! that is started with the first run that needs it and is gone with the harness.

mod agreement;
mod node;
mod one;
mod private;
mod revival;
mod run_database;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::store::mysql::Address;
use private_database::{Installed, Options, Url, setting};

pub use run_database::Database;
pub use server::Server;

/// Why there is no server for runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Something that the user said is wrong.
    Wrong(String),
    /// None is installed, and none was named.
    Missing(String),
}

/// The server that `HARNESS_MYSQL_URL` names, else a private one with these settings, which keeps its
/// data in the folder `keep` if there is one. Nothing is started or tried.
///
/// # Errors
/// What is wrong, or what to install.
pub fn find(
    harness: &Path,
    config: &BTreeMap<String, String>,
    keep: Option<PathBuf>,
) -> Result<Arc<Server>, NotFound> {
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
            let arguments = config.iter().map(|(key, value)| setting(key, value));
            let arguments = arguments.collect::<Result<_, _>>().map_err(NotFound::Wrong)?;
            let options = Options { keep, arguments, ..Options::default() };
            options.check().map_err(|error| NotFound::Wrong(error.to_string()))?;
            Server::private(harness, Installed::find().map_err(missing)?, options)
        }
    };
    Ok(Arc::new(server))
}
