//! A server's data folder is a copy of one that was set up before; where that is not whole, or cannot
//! be kept, it is set up anew.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;

use private_database::{Installed, Options, Server, Watched};

fn options(cache: &Path) -> Options {
    Options { buffer_pool: 8, cache: Some(cache.to_owned()), ..Options::default() }
}

/// The only prepared folder, with its inode: one that was made anew has another.
fn prepared(cache: &Path) -> (PathBuf, u64) {
    let mut found = fs::read_dir(cache).unwrap().map(Result::unwrap);
    let (one, more) = (found.next().unwrap(), found.next());
    assert!(more.is_none(), "{:?} is beside {:?}", more, one.path());
    (one.path(), one.metadata().unwrap().ino())
}

/// Every file below the folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

/// A start greets, and so serves, or it is an error.
fn start(cache: &Path) -> Watched {
    Watched::start(options(cache)).unwrap()
}

#[test]
fn the_second_server_is_a_copy_and_leaves_the_first_one_alone() {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("not/there/yet");
    let first = start(&cache);
    let (folder, inode) = prepared(&cache);
    assert_eq!(fs::metadata(&cache).unwrap().mode() & 0o777, 0o700, "for its owner alone");
    let before = files(&folder);
    let (second, third) = (start(&cache), start(&cache));
    assert_ne!(second.server().data(), third.server().data());
    assert_eq!(prepared(&cache), (folder.clone(), inode));
    drop((first, second, third));
    assert_eq!(files(&folder), before, "servers wrote in it");
}

#[test]
fn a_copy_is_what_was_prepared_byte_by_byte() {
    let place = tempfile::tempdir().unwrap();
    let server = || Server::new(Installed::find().unwrap(), options(place.path())).unwrap();
    assert!(!server().copy_prepared(false).unwrap(), "nothing is prepared yet");
    drop(start(place.path()));
    let from = prepared(place.path()).0.join("data");
    for durable in [false, true] {
        let server = server();
        assert!(server.copy_prepared(durable).unwrap());
        let copied = files(server.data()).into_iter();
        let below = |path: &Path| from.join(path.strip_prefix(server.data()).unwrap());
        let copied: BTreeMap<_, _> = copied.map(|(path, bytes)| (below(&path), bytes)).collect();
        assert!(copied == files(&from), "durable: {durable}");
    }
}

#[test]
fn servers_that_start_at_once_on_an_empty_cache_all_serve() {
    let place = tempfile::tempdir().unwrap();
    let servers: Vec<Watched> = thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| start(place.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert_eq!(servers.len(), 3);
    let kept = prepared(place.path());
    drop(start(place.path()));
    assert_eq!(prepared(place.path()), kept, "what came to be is whole");
}

#[test]
fn a_damaged_one_is_made_anew() {
    let place = tempfile::tempdir().unwrap();
    drop(start(place.path()));
    let (folder, before) = prepared(place.path());
    let log = fs::File::options().write(true).open(folder.join("data/ib_logfile0")).unwrap();
    log.set_len(4096).unwrap();
    drop(start(place.path()));
    let (_, after) = prepared(place.path());
    assert_ne!(after, before);
    drop(start(place.path()));
    assert_eq!(prepared(place.path()).1, after, "what was made anew is whole");
}

#[test]
fn a_cache_that_cannot_be_written_does_no_harm() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    // Root may write anywhere, but not below a file.
    drop(start(&file.join("cache")));
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
    drop(start(&closed));
    drop(Watched::start(Options { cache: None, ..options(&closed) }).unwrap());
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_copy_that_cannot_be_written_says_where_and_keeps_what_is_prepared() {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache");
    drop(start(&cache));
    let before = prepared(&cache);
    let keep = place.path().join("kept");
    fs::create_dir(&keep).unwrap();
    let options = Options { keep: Some(keep.clone()), ..options(&cache) };
    let server = Server::new(Installed::find().unwrap(), options).unwrap();
    // It was empty a moment ago.
    fs::write(keep.join("ibdata1"), "").unwrap();
    let error = server.copy_prepared(false).unwrap_err().to_string();
    assert!(error.contains("copy the prepared data folder"), "{error}");
    assert!(error.contains(keep.to_str().unwrap()) && error.contains("exists"), "{error}");
    assert_eq!(prepared(&cache), before);
}
