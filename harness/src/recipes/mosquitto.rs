//! A private Mosquitto. Its defaults are kept, with its queue of 1,000 messages for each consumer, beyond
//! which it drops what it has acknowledged; and it keeps nothing on disk unless it is told
//! `persistence true`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use private_database::{Folder, Invocation, Program};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::installed::Installed;
use crate::io_error::reason;
use crate::server::{Data, Failure, Ready, Recipe, Start, Version, Wanted};

/// Older ones write the file with their process id only as daemons.
pub(super) const INSTALLED: Installed = Installed {
    program: Program {
        what: "Mosquitto",
        names: &["mosquitto"],
        variable: "HARNESS_MOSQUITTO",
        folders: &[],
        advice: "install it (Debian: apt-get install mosquitto)",
    },
    version: |program| Version::of(program, "-h"),
    lowest: Version(2, 0, 0),
};

/// What the recipe itself sets.
const OWN: [&str; 9] = [
    "listener",
    "port",
    "bind_address",
    "socket_domain",
    "allow_anonymous",
    "user",
    "pid_file",
    "persistence_location",
    "persistence_file",
];

/// The name that Mosquitto gives to its database, and those that this recipe gives to the folder which
/// that is in and to other files.
const DATABASE: &str = "mosquitto.db";
const DATA: &str = "data";
const CONFIGURATION: &str = "mosquitto.conf";
const PROCESS_ID: &str = "mosquitto.pid";

/// How long it may take to write its database.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// Between two looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// CONNECT of MQTT 3.1.1, with a clean session and no client id; and DISCONNECT.
const HELLO: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0";
const BYE: &[u8] = b"\xe0\0";

struct Mosquitto {
    name: String,
    program: PathBuf,
    folder: Folder,
    config: BTreeMap<String, String>,
}

/// A server with this configuration.
///
/// # Errors
/// Where it is not installed, its folder cannot be made, or the configuration has a key that the
/// recipe sets. Arguments are for our own broker: what Mosquitto is told stands in its configuration.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    if let Some(own) = wanted.config.keys().find(|key| OWN.contains(&key.as_str())) {
        return Err(Failure(format!(
            "the configuration of Mosquitto sets `{own}`, which the harness sets itself: leave it out"
        )));
    }
    let program = INSTALLED.program.find().map_err(|missing| Failure(missing.to_string()))?;
    let folder = Folder::new("mosquitto")
        // It does not make its `persistence_location`.
        .and_then(|folder| fs::create_dir(folder.path().join(DATA)).map(|()| folder));
    let folder = folder.map_err(|error| {
        Failure(format!("cannot make a folder for Mosquitto: {}", reason(&error)))
    })?;
    let (name, config) = (wanted.name.clone(), wanted.config.clone());
    Ok(Arc::new(Mosquitto { name, program, folder, config }))
}

impl Mosquitto {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path(DATA).join(DATABASE)
    }

    fn configuration(&self, listen: SocketAddr) -> String {
        let mut text = format!(
            "listener {} {}\nallow_anonymous true\n\
             # Started as root it would become another user, who may not write here.\nuser root\n\
             pid_file {}\npersistence_location {}/\n",
            listen.port(),
            listen.ip(),
            self.path(PROCESS_ID).display(),
            self.path(DATA).display(),
        );
        for (key, value) in &self.config {
            writeln!(text, "{key} {value}").expect("a text takes everything");
        }
        text
    }

    /// Has it write its database, and waits for it.
    async fn save(&self, listens: SocketAddr) -> Result<(), String> {
        let answered = timeout(WRITTEN_WITHIN, greet(listens)).await;
        let answered = answered.map_err(|_| "it does not answer".to_owned())?;
        answered.map_err(|error| format!("it does not answer: {}", reason(&error)))?;
        let id = read_id(&self.path(PROCESS_ID))?;
        // Asks it to write. It does so by itself only when there is something to write.
        kill_process(id, Signal::USR1).map_err(|error| format!("it is gone: {error}"))?;
        let database = self.database();
        let written = async {
            while !database.is_file() {
                sleep(LOOK_EVERY).await;
            }
        };
        let late = |_| format!("it was asked for {} and does not write it", database.display());
        timeout(WRITTEN_WITHIN, written).await.map_err(late)
    }
}

impl Recipe for Mosquitto {
    fn name(&self) -> &str {
        &self.name
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn data(&self) -> Option<Data> {
        // There is nothing but its database, and the one that is to take its place.
        Some(Data { folder: self.path(DATA), noise: &[] })
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let file = self.path(CONFIGURATION);
        fs::write(&file, self.configuration(listen)).map_err(|error| {
            Failure(format!("cannot write {}: {}", file.display(), reason(&error)))
        })?;
        let mut run = Invocation::new(&self.program, ["-c"]);
        run.arguments.push(file.into());
        Ok(Start { run, ready: Ready::Port })
    }

    /// Where it is to keep anything. Once it has written its database it is known to be able to: a
    /// server that was killed is not asked again, which would save for it what it has not saved.
    fn check_persistence(&self, listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let keeps = self.config.get("persistence").is_some_and(|value| value == "true");
            if keeps && !self.database().is_file() { self.save(listens).await } else { Ok(()) }
        })
    }
}

/// Waits until it answers: it then has come as far as to take a signal for what it means.
async fn greet(listens: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(listens).await?;
    stream.write_all(HELLO).await?;
    stream.read_u8().await?;
    stream.write_all(BYE).await
}

fn read_id(file: &Path) -> Result<Pid, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("it has no {}: {}", file.display(), reason(&error)))?;
    let id = text.trim().parse().ok().and_then(Pid::from_raw);
    id.ok_or_else(|| format!("{} has no process id: {text:?}", file.display()))
}
