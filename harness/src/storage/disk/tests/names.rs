//! When names are durable.

use super::*;

/// The paths after something was done and then the power cut, with names now and lazy.
fn check(act: impl Fn(&Bench), now: &[&str], lazy: &[&str]) {
    for (directories, expected) in [(Directories::Now, now), (Directories::Lazy, lazy)] {
        let bench = Bench::new(directories);
        act(&bench);
        bench.cut();
        assert_eq!(bench.paths(), expected, "{directories:?}");
        // All that has no name is gone from behind it as well.
        let before = bench.folder.path().join("before");
        let kept = bench.backing().iter().filter(|path| !path.starts_with(&before)).count();
        assert!(kept <= 2 * expected.len(), "{:?}", bench.backing());
    }
}

#[test]
fn a_new_name_is_durable_with_its_folder_and_without_its_bytes() {
    let synced = |bench: &Bench| {
        bench.synced("a", "some");
    };
    check(synced, &["a"], &[]);
    check(
        |bench| {
            bench.written("a", "some");
            bench.disk.sync_folder(ROOT).unwrap();
        },
        &["a"],
        &["a"],
    );
    let bench = Bench::new(Directories::Now);
    bench.written("a", "some");
    bench.cut();
    assert_eq!(bench.text("a"), "");
}

#[test]
fn a_removed_name_comes_back_unless_its_folder_was_synced() {
    let remove = |bench: &Bench| {
        bench.synced("a", "some");
        bench.folder("d");
        bench.disk.sync_folder(ROOT).unwrap();
        bench.unlink("a").unwrap();
        bench.remove_folder("d").unwrap();
    };
    check(remove, &[], &["a", "d/"]);
    check(
        |bench| {
            remove(bench);
            bench.disk.sync_folder(ROOT).unwrap();
        },
        &[],
        &[],
    );
    let bench = Bench::new(Directories::Lazy);
    remove(&bench);
    bench.cut();
    assert_eq!(bench.text("a"), "some");
}

#[test]
fn a_rename_over_a_file_is_durable_as_a_whole_or_not() {
    for (is_synced, expected) in [(false, "old"), (true, "new")] {
        let bench = Bench::new(Directories::Lazy);
        bench.synced("a", "old");
        bench.disk.sync_folder(ROOT).unwrap();
        bench.synced("a.tmp", "new");
        bench.rename("a.tmp", "a", Rename::Replace).unwrap();
        if is_synced {
            bench.disk.sync_folder(ROOT).unwrap();
        }
        bench.cut();
        assert_eq!((bench.paths(), bench.text("a").as_str()), (vec!["a".to_owned()], expected));
    }
}

#[test]
fn each_folder_is_by_itself_when_a_file_moves() {
    let moved = |synced: &'static [&'static str]| {
        move |bench: &Bench| {
            let (from, to) = (bench.folder("d"), bench.folder("e"));
            bench.synced("d/a", "some");
            [ROOT, from, to].iter().for_each(|folder| bench.disk.sync_folder(*folder).unwrap());
            bench.rename("d/a", "e/b", Rename::Replace).unwrap();
            synced.iter().for_each(|path| bench.disk.sync_folder(bench.ino(path)).unwrap());
        }
    };
    let now = ["d/", "e/", "e/b"];
    check(moved(&[]), &now, &["d/", "d/a", "e/"]);
    check(moved(&["e"]), &now, &["d/", "d/a", "e/", "e/b"]);
    check(moved(&["d"]), &now, &["d/", "e/"]);
    check(moved(&["d", "e"]), &now, &now);
}

#[test]
fn a_folder_that_moves_is_in_one_place_with_the_way_to_it() {
    let now = ["e/", "e/f/", "e/f/g/", "e/f/g/a"];
    check(
        |bench| {
            let folder = bench.folder("d");
            bench.synced("d/a", "some");
            [ROOT, folder].iter().for_each(|folder| bench.disk.sync_folder(*folder).unwrap());
            bench.folder("e");
            bench.folder("e/f");
            bench.rename("d", "e/f/g", Rename::Replace).unwrap();
        },
        &now,
        &now,
    );
    // Within one folder it waits for that as any other name.
    check(
        |bench| {
            bench.folder("d");
            bench.disk.sync_folder(ROOT).unwrap();
            bench.rename("d", "e", Rename::Replace).unwrap();
        },
        &["e/"],
        &["d/"],
    );
    // Folders that swap both get what they need.
    let swapped = ["d/", "d/x/", "e/", "e/y/", "e/y/a"];
    check(
        |bench| {
            for path in ["d", "e", "d/x", "e/y"] {
                bench.folder(path);
            }
            bench.synced("d/x/a", "some");
            bench.disk.sync_folder(bench.ino("d/x")).unwrap();
            bench.rename("d/x", "e/y", Rename::Exchange).unwrap();
        },
        &swapped,
        &swapped,
    );
}

#[test]
fn what_is_in_a_folder_whose_name_is_not_durable_is_gone_with_it() {
    check(
        |bench| {
            let folder = bench.folder("d");
            bench.synced("d/a", "some");
            bench.disk.sync_folder(folder).unwrap();
        },
        &["d/", "d/a"],
        &[],
    );
}

#[test]
fn links_are_counted_and_each_name_is_durable_by_itself() {
    let bench = Bench::new(Directories::Lazy);
    bench.synced("a", "some");
    bench.disk.sync_folder(ROOT).unwrap();
    bench.link("a", "b").unwrap();
    assert_eq!(bench.find("a").unwrap().links, 2);
    bench.cut();
    assert_eq!((bench.paths(), bench.find("a").unwrap().links), (vec!["a".to_owned()], 1));
    bench.link("a", "b").unwrap();
    bench.disk.sync_folder(ROOT).unwrap();
    bench.unlink("a").unwrap();
    assert_eq!(bench.find("b").unwrap().links, 1);
    bench.cut();
    assert_eq!((bench.paths().join(" ").as_str(), bench.find("a").unwrap().links), ("a b", 2));
}

#[test]
fn names_that_cannot_be_are_refused_as_linux_does() {
    let bench = Bench::new(Directories::Now);
    bench.folder("d");
    bench.file("d/a");
    let long = "x".repeat(256);
    assert_eq!(bench.make(&long, Kind::File).map(drop), Err(Errno::NAMETOOLONG));
    assert_eq!(bench.make("d", Kind::File).map(drop), Err(Errno::EXIST));
    assert_eq!(bench.make("d/a/b", Kind::File).map(drop), Err(Errno::NOTDIR));
    assert_eq!(bench.unlink("d"), Err(Errno::ISDIR));
    assert_eq!(bench.remove_folder("d"), Err(Errno::NOTEMPTY));
    assert_eq!(bench.remove_folder("d/a"), Err(Errno::NOTDIR));
    assert_eq!(bench.link("d", "e"), Err(Errno::PERM));
    assert_eq!(bench.rename("d", "d/e", Rename::Replace), Err(Errno::INVAL));
    let own = bench.ino("d");
    bench.disk.open(own).unwrap();
    bench.unlink("d/a").unwrap();
    bench.remove_folder("d").unwrap();
    assert_eq!(bench.disk.entries(own), Ok(Vec::new()));
    let made = bench.disk.make(own, &name("b"), Kind::File, 0o644, 0, 0);
    assert_eq!(made, Err(Errno::NOENT));
    bench.disk.close(own);
    assert_eq!(bench.disk.entries(own), Err(Errno::NOENT));
}

#[test]
fn links_pipes_and_sockets_are_names_as_well() {
    let bench = Bench::new(Directories::Now);
    bench.disk.symlink(ROOT, &name("s"), &name("to/there"), 1, 2).unwrap();
    bench.make("p", Kind::Fifo).unwrap();
    bench.make("q", Kind::Socket).unwrap();
    bench.cut();
    let told = bench.find("s").unwrap();
    assert_eq!((told.kind, told.size, told.uid), (Kind::Symlink, 8, 1));
    assert_eq!(bench.disk.read_link(told.ino), Ok(name("to/there")));
    assert_eq!(bench.disk.read_link(bench.ino("p")), Err(Errno::INVAL));
    assert_eq!(bench.find("q").unwrap().kind, Kind::Socket);
    assert_eq!(bench.disk.read(bench.ino("q"), 0, 1), Err(Errno::INVAL));
    assert_eq!(bench.disk.read(ROOT, 0, 1), Err(Errno::ISDIR));
}
