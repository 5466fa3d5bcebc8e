//! A watched server serves, and is gone with the process that started it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use private_database::{Options, Watched, is_greeting};

/// Set for the process that is to be killed.
const HOLDER: &str = "PRIVATE_DATABASE_TEST_HOLDER";

/// One that starts quickly.
fn options() -> Options {
    Options { buffer_pool: 8, ..Options::default() }
}

/// The processes whose command line names the path.
fn processes(path: &Path) -> Vec<String> {
    let path = path.to_str().unwrap();
    let line = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("cmdline")).ok();
    let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| line(entry.unwrap()));
    lines.filter(|line| line.contains(path)).collect()
}

/// The folder that has everything of the server in it.
fn folder(server: &Watched) -> PathBuf {
    server.server().socket().parent().unwrap().to_owned()
}

#[test]
fn it_greets_on_its_socket_and_its_port_and_leaves_nothing() {
    let server = Watched::start(options()).unwrap();
    let mut head = [0; 5];
    UnixStream::connect(server.server().socket()).unwrap().read_exact(&mut head).unwrap();
    assert!(is_greeting(&head));
    let address = ("127.0.0.1", server.port());
    TcpStream::connect(address).unwrap().read_exact(&mut head).unwrap();
    assert!(is_greeting(&head));
    let folder = folder(&server);
    assert!(server.server().data().starts_with(&folder));
    assert_eq!(processes(&folder).len(), 2, "the server, and the shell that watches over it");

    drop(server);
    assert_eq!(processes(&folder), [""; 0]);
    assert!(!folder.exists());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_folder_that_is_kept_holds_the_data_and_no_password() {
    let place = tempfile::tempdir().unwrap();
    let keep = place.path().join("kept");
    let options = Options { keep: Some(keep.clone()), ..options() };
    drop(Watched::start(options.clone()).unwrap());
    assert!(keep.join("mysql").is_dir());
    assert!(!keep.join("first.sql").exists());
    let error = Watched::start(options).unwrap_err().to_string();
    assert!(error.ends_with("it is not empty; choose a new one"), "{error}");
    assert!(error.contains(keep.to_str().unwrap()), "{error}");
}

#[test]
fn one_that_does_not_start_says_why() {
    let options = Options { arguments: vec!["--nonsense".into()], ..options() };
    let error = Watched::start(options).unwrap_err().to_string();
    assert!(
        error.starts_with("a private database server does not start; it wrote last:"),
        "{error}"
    );
    assert!(error.contains("unknown option '--nonsense'"), "{error}");
}

/// What the next test kills. By itself it does nothing.
#[test]
fn holder() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let server = Watched::start(options()).unwrap();
    println!("\nfolder {}", folder(&server).display());
    loop {
        std::thread::park();
    }
}

#[test]
fn kill_9_of_its_process_leaves_nothing() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holder", "--nocapture"])
        .env(HOLDER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let folder = lines.find_map(|line| line.strip_prefix("folder ").map(PathBuf::from)).unwrap();
    assert!(folder.join("s.sock").exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    // The shell removes the folder and ends, in its own time.
    for _ in 0..60_000 {
        if !folder.exists() && processes(&folder).is_empty() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
    panic!("{} is still there: {:?}", folder.display(), processes(&folder));
}
