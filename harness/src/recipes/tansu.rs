//! A private Tansu broker: the Kafka protocol, with its log in memory unless it is told otherwise.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use private_database::{Folder, Invocation, Program};

use super::installed::Installed;
use crate::server::{Failure, Ready, Recipe, Start, Version, Wanted};

/// Where its program is.
pub const PROGRAM: Installed = Installed {
    program: Program {
        what: "Tansu broker",
        names: &["tansu"],
        variable: "HARNESS_TANSU",
        folders: &["/opt/tansu/bin"],
        advice: "install it (https://github.com/tansu-io/tansu/releases), or say where it is by \
                 HARNESS_TANSU",
    },
    version: |program| Version::of(program, "--version"),
    lowest: Version(0, 6, 0),
};

/// Where it keeps its log, unless the configuration says it.
const STORAGE: (&str, &str) = ("storage-engine", "memory://tansu/");

/// What says where it listens is the recipe's own.
const OWN: [&str; 4] = [
    "listener-url",
    "advertised-listener-url",
    "kafka-listener-url",
    "kafka-advertised-listener-url",
];

/// One that is not up by then never will be; it takes a few hundredths of a second.
const READY_WITHIN: Duration = Duration::from_secs(30);

struct Tansu {
    program: PathBuf,
    folder: Folder,
    options: Vec<String>,
}

/// A broker on a free port, with these of its command's options.
///
/// # Errors
/// Where it is not installed, its folder cannot be made, or an option is the recipe's own.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    let program = PROGRAM.program.find().map_err(|error| Failure(error.to_string()))?;
    if let Some(own) = wanted.config.keys().find(|key| OWN.contains(&key.as_str())) {
        return Err(Failure(format!(
            "the configuration of Tansu says {own}, which says where it listens: the harness \
             chooses that; leave it out"
        )));
    }
    let folder = Folder::new("tansu")
        .map_err(|error| Failure(format!("cannot make a folder for Tansu: {error}")))?;
    let mut options: Vec<_> =
        wanted.config.iter().flat_map(|(key, value)| option(key, value)).collect();
    if !wanted.config.contains_key(STORAGE.0) {
        options.extend(option(STORAGE.0, STORAGE.1));
    }
    Ok(Arc::new(Tansu { program, folder, options }))
}

/// As its command line has it; a switch is `true` or `false` in a configuration.
fn option(key: &str, value: &str) -> Vec<String> {
    match value {
        "true" => vec![format!("--{key}")],
        "false" => Vec::new(),
        value => vec![format!("--{key}"), value.to_owned()],
    }
}

impl Recipe for Tansu {
    fn name(&self) -> &str {
        "the private Tansu broker"
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let url = format!("tcp://{listen}");
        let own = ["broker", "--listener-url", &url, "--advertised-listener-url", &url];
        let own = own.into_iter().map(str::to_owned);
        let run = Invocation::new(&self.program, own.chain(self.options.iter().cloned()));
        Ok(Start { run, ready: Ready::Port })
    }

    fn lacks_port(&self, output: &[String]) -> bool {
        output.iter().any(|line| line.contains("AddrInUse"))
    }

    fn ready_within(&self) -> Duration {
        READY_WITHIN
    }
}
