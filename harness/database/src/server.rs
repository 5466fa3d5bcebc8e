//! A data folder of one's own, and the command that runs a server on it; how it is set up.

mod set_up;

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::chance::{PASSWORD, random_digits};
use crate::cluster::{
    NOBODY, Node, RECOVER, STATE, VIEW, check_way, forget, give_to_nobody, is_whole,
};
use crate::error::Error;
use crate::folder::Folder;
use crate::installed::{Installed, Kind};
use crate::invocation::Invocation;
use crate::prepared::cache;
use crate::url::Url;

/// The most bytes of a socket's path that every system takes.
const SOCKET_PATH_MAX: usize = 103;

/// The user that everybody here is, beside `root` without a password on the socket.
const USER: &str = "harness";

/// What a server may be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory for pages, in MiB, at least 5.
    pub buffer_pool: u32,
    /// What else the server is told; it overrides what is told anyway, such as
    /// `--innodb-data-file-path=ibdata1:12M:autoextend:max:64M` for a disk that is full soon.
    pub arguments: Vec<OsString>,
    /// A folder for its data that is kept, not there yet or empty; else the data goes with the
    /// server.
    pub keep: Option<PathBuf>,
    /// Which node of a cluster it is; else it is alone.
    pub node: Option<Node>,
    /// The folder in which prepared data folders are kept for the next servers; none: each is set up
    /// anew.
    pub cache: Option<PathBuf>,
}

impl Options {
    /// Whether a folder that is to be kept can be.
    ///
    /// # Errors
    /// Where it cannot be made, or holds something.
    pub fn check(&self) -> Result<(), Error> {
        match &self.keep {
            Some(keep) => kept(keep).map(drop),
            None => Ok(()),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { buffer_pool: 64, arguments: Vec::new(), keep: None, node: None, cache: cache() }
    }
}

/// A server's folder, which is removed with this and not later than this process ends. It does not
/// run anything: where [`Server::copy_prepared`] finds nothing, its owner first runs
/// [`Server::set_up`] to its end and then calls [`Server::keep_prepared`]; then it runs
/// [`Server::run`], again after each time that the server was killed.
#[derive(Debug)]
pub struct Server {
    folder: Folder,
    data: PathBuf,
    installed: Installed,
    options: Options,
    password: String,
}

impl Server {
    /// Makes the folder and chooses a password; starts nothing.
    ///
    /// # Errors
    /// Where the folder cannot be made, or the folder that is to be kept holds something.
    pub fn new(installed: Installed, options: Options) -> Result<Self, Error> {
        let folder = Folder::new("mysql").map_err(Error::files("make a temporary folder"))?;
        let socket = folder.path().join(SOCKET);
        if socket.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(Error::LongPath { path: socket.display().to_string() });
        }
        let data = match &options.keep {
            Some(keep) => kept(keep)?,
            None => folder.path().join("data"),
        };
        let password = match &options.node {
            Some(node) => node.password().to_owned(),
            None => random_digits(PASSWORD).map_err(Error::files("read /dev/urandom"))?,
        };
        let is_node = options.node.is_some();
        if is_node {
            check_way(folder.path())?;
        }
        let first = write_first_statements(folder.path(), &password, is_node);
        let first =
            first.and_then(|()| if is_node { give_to_nobody(folder.path()) } else { Ok(()) });
        first.map_err(Error::files("write in its folder"))?;
        Ok(Self { folder, data, installed, options, password })
    }

    /// What runs the server on this port of 127.0.0.1: a commit is on disk before it is answered,
    /// there is no binary log, and only this machine reaches it.
    pub fn run(&self, port: u16) -> Invocation {
        let Options { buffer_pool, arguments: more, node, .. } = &self.options;
        let mut arguments = self.in_data();
        let mut add = |name: &str, value: &Path| {
            let mut argument = OsString::from(name);
            argument.push(value);
            arguments.push(argument);
        };
        add("--socket=", &self.socket());
        add("--pid-file=", &self.pid_file());
        add("--init-file=", &self.folder.path().join(FIRST_STATEMENTS));
        arguments.push(format!("--port={port}").into());
        arguments.push(format!("--innodb-buffer-pool-size={buffer_pool}M").into());
        let fixed = [
            "--bind-address=127.0.0.1",
            "--max-connections=500",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=1",
            "--character-set-server=utf8mb4",
            "--performance-schema=off",
        ];
        arguments.extend(fixed.map(OsString::from));
        match self.installed.kind {
            Kind::MariaDb { .. } => arguments.push(REDO_LOG.into()),
            // A second protocol on a fixed port, which another server may have.
            Kind::MySql => arguments.push("--mysqlx=OFF".into()),
        }
        arguments.extend(node.iter().flat_map(Node::arguments).map(OsString::from));
        arguments.extend_from_slice(more);
        let server = Invocation::new(&self.installed.server, arguments);
        if node.is_some() { self.recovered(server) } else { server }
    }

    /// A node that was killed has to find out first up to where it has its data.
    fn recovered(&self, server: Invocation) -> Invocation {
        let mut run = Invocation::new(Path::new("/bin/sh"), ["-c", RECOVER, "harness-node"]);
        run.arguments.push(self.data.join(STATE).into());
        run.arguments.push(self.recovery_log().into());
        run.arguments.push(self.folder.path().join(FOUND_ANEW).into());
        run.arguments.push(server.program.into());
        run.arguments.extend(server.arguments);
        run
    }

    /// Whether it is a node of a cluster.
    pub fn is_node(&self) -> bool {
        self.options.node.is_some()
    }

    /// What finds out, while a node is down, up to where it has its data; see
    /// [`Server::recovered_position`].
    pub fn recovery(&self) -> Invocation {
        let mut arguments = self.in_data();
        arguments.extend(["--wsrep-recover", "--skip-networking", REDO_LOG].map(OsString::from));
        for (name, file) in [
            ("--log-error=", self.recovery_log()),
            ("--socket=", self.folder.path().join("recovery.sock")),
            ("--pid-file=", self.folder.path().join("recovery.pid")),
        ] {
            let mut argument = OsString::from(name);
            argument.push(file);
            arguments.push(argument);
        }
        arguments.extend(self.options.node.iter().flat_map(Node::arguments).map(OsString::from));
        arguments.extend_from_slice(&self.options.arguments);
        Invocation::new(&self.installed.server, arguments)
    }

    /// How many changes of its cluster a node has, as the last [`Server::recovery`] found; -1 for none,
    /// and for one whose data was being copied when it ended, whatever its tables say.
    ///
    /// # Errors
    /// Where it found nothing.
    pub fn recovered_position(&self) -> Result<i64, Error> {
        let is_whole = is_whole(&self.data).map_err(Error::files("read its state"))?;
        if !is_whole {
            return Ok(-1);
        }
        let log = self.recovery_log();
        let text = fs::read(&log).map_err(Error::files("read what the recovery found"))?;
        let text = String::from_utf8_lossy(&text);
        let found = text.lines().rev().find_map(|line| line.split_once("Recovered position: "));
        let position = found.and_then(|(_, position)| position.split([':', ',']).nth(1));
        position.and_then(|position| position.trim().parse().ok()).ok_or_else(|| {
            let what = "does not say up to where it has its data".to_owned();
            Error::Failed { what, output: text.lines().last().unwrap_or_default().to_owned() }
        })
    }

    /// Has a node that is down join others with its next start: it neither founds the cluster, nor takes
    /// part in a majority that those restore who remember one, for there may be another one by now.
    ///
    /// # Errors
    /// Where its folders cannot be written.
    pub fn only_join(&self) -> Result<(), Error> {
        let forgotten = forget(&self.data.join(VIEW));
        let forgotten = forgotten.and_then(|()| forget(&self.folder.path().join(FOUND_ANEW)));
        forgotten.map_err(Error::files("write in its folders"))
    }

    /// Has a node found its cluster anew with its next start: the others get what it has.
    ///
    /// # Errors
    /// Where its folder cannot be written.
    pub fn found_anew(&self) -> Result<(), Error> {
        let file = self.folder.path().join(FOUND_ANEW);
        fs::write(&file, "").map_err(Error::files("write in its folder"))
    }

    fn recovery_log(&self) -> PathBuf {
        self.folder.path().join("recovery.log")
    }

    /// To be called before each start: has a node find its cluster at the first one.
    ///
    /// # Errors
    /// Where its data folder cannot be written.
    pub fn join(&self) -> Result<(), Error> {
        match &self.options.node {
            Some(node) => node.join(&self.data).map_err(Error::files("write in its data folder")),
            None => Ok(()),
        }
    }

    fn in_data(&self) -> Vec<OsString> {
        let mut data = OsString::from("--datadir=");
        data.push(&self.data);
        // A server that starts removes other servers' temporary tables from a folder they share.
        let mut temporary = OsString::from("--tmpdir=");
        temporary.push(self.folder.path());
        let mut arguments = vec!["--no-defaults".into(), data, temporary];
        arguments.extend(self.as_user());
        arguments
    }

    /// It refuses to be root unless it is told to be; other users may not be told.
    fn as_user(&self) -> Option<OsString> {
        let user = if self.options.node.is_some() { NOBODY.to_string() } else { "root".into() };
        rustix::process::geteuid().is_root().then(|| format!("--user={user}").into())
    }

    /// Where it is, by its socket, which is quicker than TCP.
    pub fn url(&self) -> Url {
        let socket = escape(&self.socket());
        let authority = format!("{USER}:{}@localhost", self.password);
        Url::new(authority, Some(format!("socket={socket}")))
    }

    /// Where it is, by TCP on this port.
    pub fn tcp_url(&self, port: u16) -> Url {
        let password = &self.password;
        Url::new(format!("{USER}:{password}@127.0.0.1:{port}"), None)
    }

    /// Its Unix socket. Once a connection is greeted it is ready, see [`is_greeting`].
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Gives it other further arguments from its next start on.
    pub(crate) fn change_arguments(&mut self, arguments: Vec<OsString>) {
        self.options.arguments = arguments;
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// The folder with its data; each database is a folder in it.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its own folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The same, to have it watch over the server.
    pub(crate) fn folder_mut(&mut self) -> &mut Folder {
        &mut self.folder
    }
}

/// Whether the first bytes that came over a connection are a server's greeting: packet 0, and
/// version 10 of the protocol. While a server starts there is no socket, and one that cannot take
/// more connections says so in a packet of another kind.
pub fn is_greeting(head: &[u8; 5]) -> bool {
    head[3] == 0 && head[4] == 10
}

/// Says that the next start founds the cluster anew.
const FOUND_ANEW: &str = "found-anew";

const SOCKET: &str = "s.sock";
const FIRST_STATEMENTS: &str = "first.sql";

/// A quarter of the usual size: it is written in full at the set-up.
const REDO_LOG: &str = "--innodb-log-file-size=16M";

/// The folder that the user wants to keep, as one that a set-up may fill.
fn kept(keep: &Path) -> Result<PathBuf, Error> {
    let name = keep.display();
    fs::create_dir_all(keep).map_err(Error::files(format!("make the folder {name}")))?;
    let unreadable = Error::files(format!("read the folder {name}"));
    let mut entries = fs::read_dir(keep).map_err(unreadable)?;
    if entries.next().is_some() {
        let error =
            io::Error::new(io::ErrorKind::DirectoryNotEmpty, "it is not empty; choose a new one");
        return Err(Error::Files { act: format!("keep its data in {name}"), error });
    }
    std::path::absolute(keep).map_err(Error::files(format!("find the folder {name}")))
}

/// Other users of the machine reach the port too, and the server's `root` may read files.
/// The nodes of a cluster each do it for themselves.
fn write_first_statements(folder: &Path, password: &str, is_node: bool) -> io::Result<()> {
    let mut text = String::from(if is_node { "SET SESSION wsrep_on = 0;\n" } else { "" });
    for host in ["localhost", "127.0.0.1"] {
        text.push_str(&format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'{host}' IDENTIFIED BY '{password}';\n\
             GRANT ALL ON *.* TO '{USER}'@'{host}' WITH GRANT OPTION;\n"
        ));
    }
    text.push_str("DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n");
    let mut file = OpenOptions::new();
    file.write(true).create_new(true).mode(0o600);
    let mut file = file.open(folder.join(FIRST_STATEMENTS))?;
    file.write_all(text.as_bytes())
}

/// A path as a value in a URL's query.
fn escape(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let escape = |byte: &u8| match *byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_in_a_url() {
        assert_eq!(escape(Path::new("/tmp/a b?c&d%/s.sock")), "/tmp/a%20b%3Fc%26d%25/s.sock");
    }

    #[test]
    fn a_greeting_is_told_from_a_refusal() {
        assert!(is_greeting(&[0x6a, 0, 0, 0, 10]));
        assert!(!is_greeting(&[0x17, 0, 0, 1, 0xff]));
        assert!(!is_greeting(b"HTTP/"));
    }
}
