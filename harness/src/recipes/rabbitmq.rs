//! A private RabbitMQ node, with an Erlang port mapper (epmd) of its own, which leaves the process
//! group and so is ended with the folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use private_database::{Folder, Invocation, Program};

use super::installed::Installed;
use crate::server::{Claim, Failure};
use crate::server::{Data, Ready, Recipe, Start, Version, Wanted};

/// What has to be installed. The first versions with quorum queues, by which two of its brokers in
/// the catalogue are told apart from the others.
pub(super) const INSTALLED: Installed = Installed {
    program: Program {
        what: "RabbitMQ server",
        // Debian's program on PATH becomes another user, who cannot write into the folder; what it
        // starts stands beside.
        names: &["../lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"],
        variable: "HARNESS_RABBITMQ_SERVER",
        folders: &["/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin"],
        advice: "install it (Debian: apt-get install rabbitmq-server), or name its folder by \
                 HARNESS_RABBITMQ_SERVER",
    },
    version: installed_version,
    lowest: Version(3, 8, 0),
};

/// Constant, because each node has a port mapper of its own.
const NODE: &str = "harness@localhost";

/// Erlang takes 4 s to start and 20 s where the machine is busy.
const READY_WITHIN: Duration = Duration::from_secs(120);

struct RabbitMq {
    program: PathBuf,
    name: String,
    arguments: Vec<OsString>,
    folder: Folder,
    /// Erlang's own ports, which nobody else may get while the node starts or is down.
    mapper: Claim,
    distribution: Claim,
}

/// A node with this configuration, in the words of `rabbitmq.conf`.
///
/// # Errors
/// Where none is installed, the configuration says what only the harness can, or the folder cannot
/// be made.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    let program = INSTALLED.program.find().map_err(|error| Failure(error.to_string()))?;
    let configuration = configuration(wanted.config)?;
    let folder = Folder::new("rabbitmq")
        .and_then(|folder| write_files(folder.path(), &configuration).map(|()| folder))
        .map_err(|error| Failure(format!("cannot make a folder for RabbitMQ: {error}")))?;
    let claim = || {
        Claim::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .map_err(|error| Failure(format!("cannot find a free port: {error}")))
    };
    Ok(Arc::new(RabbitMq {
        program,
        name: wanted.name.clone(),
        arguments: wanted.arguments.to_vec(),
        folder,
        mapper: claim()?,
        distribution: claim()?,
    }))
}

/// The lines of `rabbitmq.conf`.
fn configuration(config: &BTreeMap<String, String>) -> Result<String, Failure> {
    let mut lines = String::new();
    for (key, value) in config {
        if key.starts_with("listeners.") {
            return Err(Failure(format!(
                "the configuration of RabbitMQ cannot say `{key}`: the harness chooses where it \
                 listens; leave it out"
            )));
        }
        if key.contains(['\n', '=', '#']) || value.contains('\n') {
            return Err(Failure(format!("`{key}: {value}` is no line of rabbitmq.conf")));
        }
        lines += &format!("{key} = {value}\n");
    }
    Ok(lines)
}

/// All configuration that it reads, so that none of the machine's own is.
fn write_files(folder: &Path, configuration: &str) -> io::Result<()> {
    std::fs::write(folder.join("rabbitmq.conf"), configuration)?;
    // Plugins would listen on ports of their own, some on all addresses.
    std::fs::write(folder.join("enabled_plugins"), "[].\n")?;
    std::fs::write(folder.join("advanced.config"), "[].\n")?;
    std::fs::write(folder.join("environment"), "")
}

impl RabbitMq {
    fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Recipe for RabbitMq {
    fn name(&self) -> &str {
        &self.name
    }

    fn detail(&self) -> String {
        " (RabbitMQ)".to_owned()
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn data(&self) -> Option<Data> {
        // `LATEST.LOG` and `DECISION_TAB.LOG` are no logs for people: Mnesia keeps queues by them.
        Some(Data { folder: self.data_folder(), noise: &["*.pid"] })
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let mut run = Invocation::new(&self.program, self.arguments.iter().cloned());
        let file = |name: &str| OsString::from(self.folder.path().join(name));
        let address = || OsString::from(listen.ip().to_string());
        run.environment = vec![
            // Its cookie is there.
            ("HOME", self.folder.path().into()),
            ("RABBITMQ_NODENAME", NODE.into()),
            ("RABBITMQ_NODE_IP_ADDRESS", address()),
            ("RABBITMQ_NODE_PORT", port(listen)),
            ("RABBITMQ_DIST_PORT", port(self.distribution.address())),
            ("ERL_EPMD_ADDRESS", address()),
            ("ERL_EPMD_PORT", port(self.mapper.address())),
            // Else other nodes could come in from everywhere.
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", LOOPBACK.into()),
            ("RABBITMQ_MNESIA_BASE", self.data_folder().into()),
            ("RABBITMQ_LOG_BASE", file("log")),
            // To standard output, so that a start that fails is told with its last lines.
            ("RABBITMQ_LOGS", "-".into()),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins")),
            ("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf")),
            ("RABBITMQ_CONFIG_FILES", file("conf.d/*.conf")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config")),
            ("RABBITMQ_CONF_ENV_FILE", file("environment")),
        ];
        Ok(Start { run, ready: Ready::Port })
    }

    fn lacks_port(&self, output: &[String]) -> bool {
        output.iter().any(|line| line.contains("eaddrinuse") || line.contains("already in use"))
    }

    fn ready_within(&self) -> Duration {
        READY_WITHIN
    }

    fn check_persistence(&self, _listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        let stores = self.data_folder().join(NODE).join("msg_stores");
        let kept =
            if stores.is_dir() { Ok(()) } else { Err(format!("there is no {}", stores.display())) };
        Box::pin(ready(kept))
    }
}

const LOOPBACK: &str = "-kernel inet_dist_use_interface {127,0,0,1}";

fn port(address: SocketAddr) -> OsString {
    address.port().to_string().into()
}

/// From the folder that it is installed in, `rabbitmq_server-3.10.8`: to ask it takes a second.
fn installed_version(program: &Path) -> Option<Version> {
    let program = program.canonicalize().ok()?;
    let mut names = program.iter().filter_map(|name| name.to_str());
    Version::find(names.find_map(|name| name.strip_prefix("rabbitmq_server-"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn the_configuration_is_lines_and_the_port_is_not_among_them() {
        let lines = configuration(&config("channel_max", "10")).unwrap();
        assert_eq!(lines, "channel_max = 10\n");
        for (key, value) in [("listeners.tcp.1", "0.0.0.0:5672"), ("a\nlisteners.tcp.1", "1")] {
            let Failure(why) = configuration(&config(key, value)).unwrap_err();
            assert!(why.contains(key), "{why}");
        }
        assert!(configuration(&config("a", "1\nlisteners.tcp.1 = 1")).is_err());
    }

    #[test]
    fn the_version_is_that_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("rabbitmq_server-3.10.8/sbin");
        std::fs::create_dir_all(&programs).unwrap();
        let program = programs.join("rabbitmq-server");
        std::fs::write(&program, "").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&program, &link).unwrap();
        assert_eq!(installed_version(&link), Some(Version(3, 10, 8)));
        assert_eq!(installed_version(folder.path()), None);
    }
}
