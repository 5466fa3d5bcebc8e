//! What a cut forgets of bytes.

use super::*;
use crate::fault::AfterFailedSync;

#[test]
fn what_was_synced_stays_and_nothing_else() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.synced("a", "0123456789");
    bench.written("b", "lost");
    bench.disk.write(ino, 2, b"xy").unwrap();
    bench.disk.write(ino, 10, b"more").unwrap();
    assert_eq!(bench.text("a"), "01xy456789more");
    let forgotten = bench.cut();
    assert_eq!((bench.text("a").as_str(), bench.text("b").as_str()), ("0123456789", ""));
    let most = vec![("a".to_owned(), 6), ("b".to_owned(), 4)];
    assert_eq!(forgotten, Forgotten { bytes: 10, files: 2, most, ..Forgotten::default() });
    assert_eq!(bench.cut(), Forgotten::default());
    // It is a disk as any other afterwards.
    bench.disk.write(ino, 9, b"z!").unwrap();
    bench.disk.sync(ino).unwrap();
    bench.cut();
    assert_eq!(bench.text("a"), "012345678z!");
}

#[test]
fn a_region_that_was_cut_off_and_grew_again_is_zeros() {
    for (is_synced, expected) in [(false, &b"0123456789"[..]), (true, b"01\0\0\0\0")] {
        let bench = Bench::new(Directories::Now);
        let ino = bench.synced("a", "0123456789");
        bench.resize(ino, 2);
        bench.resize(ino, 6);
        if is_synced {
            bench.disk.sync(ino).unwrap();
        }
        bench.cut();
        assert_eq!(bench.bytes(bench.ino("a")), expected);
    }
}

#[test]
fn a_hole_is_durable_as_a_hole() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::new(Directories::Now);
    let ino = bench.synced("a", vec![7; 1 << 20]);
    let punch = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    bench.disk.allocate(ino, punch.bits().cast_signed(), 0, 1 << 19).unwrap();
    bench.resize(ino, 1 << 30);
    bench.disk.sync(ino).unwrap();
    bench.cut();
    assert_eq!(bench.disk.attributes(ino).unwrap().blocks, 1 << 10);
    for path in bench.backing() {
        let behind = fs::metadata(&path).unwrap();
        assert!(behind.blocks() <= 1 << 11, "{}: {} blocks", path.display(), behind.blocks());
    }
    let bytes = bench.bytes(ino);
    assert!(bytes[..1 << 19].iter().all(|byte| *byte == 0));
    assert!(bytes[1 << 19..1 << 20].iter().all(|byte| *byte == 7));
}

#[test]
fn a_failed_sync_drops_what_it_was_to_carry_or_keeps_it() {
    use AfterFailedSync::{Drop, Retry};
    for (then, expected) in [(Drop, "a12345c"), (Retry, "a1b345c")] {
        let bench = Bench::new(Directories::Now);
        let ino = bench.synced("a", "012345");
        bench.disk.write(ino, 2, b"b").unwrap();
        bench.disk.sync_failed(ino, then);
        bench.disk.write(ino, 0, b"a").unwrap();
        bench.disk.write(ino, 6, b"c").unwrap();
        bench.disk.sync(ino).unwrap();
        assert_eq!(bench.text("a"), "a1b345c", "reads show it all the same");
        let forgotten = bench.cut();
        let lost = u64::from(then == Drop);
        assert_eq!((bench.text("a").as_str(), forgotten.bytes), (expected, lost));
    }
    // What was written past the kernel's cache is with the disk, unless it was written over since.
    let bench = Bench::new(Directories::Now);
    let ino = bench.synced("a", "0123");
    bench.disk.write_unbuffered(ino, 1, b"abc").unwrap();
    bench.disk.write(ino, 2, b"x").unwrap();
    bench.disk.sync_failed(ino, Drop);
    bench.disk.sync(ino).unwrap();
    assert_eq!((bench.cut().bytes, bench.text("a").as_str()), (1, "0a2c"));
    // What is written again is carried again.
    let bench = Bench::new(Directories::Now);
    let ino = bench.written("a", "some");
    bench.disk.sync_failed(ino, Drop);
    bench.disk.write(ino, 0, b"so").unwrap();
    bench.disk.sync(ino).unwrap();
    assert_eq!((bench.cut().bytes, bench.text("a").as_str()), (2, "so\0\0"));
}

#[test]
fn a_settled_disk_forgets_nothing_of_what_was_before() {
    for (durable, expected) in [(true, "some"), (false, "")] {
        let bench = Bench::new(Directories::Lazy);
        bench.folder("d");
        let ino = bench.written("d/a", "so");
        bench.disk.sync_failed(ino, AfterFailedSync::Drop);
        bench.disk.write(ino, 2, b"me").unwrap();
        bench.disk.settle(durable).unwrap();
        bench.written("b", "not this");
        bench.cut();
        if durable {
            assert_eq!(
                (bench.paths(), bench.text("d/a").as_str()),
                (["d/", "d/a"].map(String::from).to_vec(), expected)
            );
        } else {
            assert_eq!(bench.paths(), Vec::<String>::new());
        }
    }
}

#[test]
fn the_forgotten_are_told_without_noise_and_the_largest_by_name() {
    let bench = Bench::with_noise(Directories::Lazy, &["*.pid", "tmp"]);
    bench.folder("d");
    bench.disk.sync_folder(ROOT).unwrap();
    for (path, len) in [("d/a", 10), ("b", 30), ("c", 20), ("d/e", 30), ("x.pid", 7), ("d/tmp", 9)]
    {
        bench.written(path, vec![1; len]);
    }
    bench.synced("f", "synced, and its name is not");
    let most = [("b", 30), ("d/e", 30), ("c", 20)].map(|(path, bytes)| (path.to_owned(), bytes));
    let expected =
        Forgotten { bytes: 90, files: 4, noise: 16, kept: 0, names: 7, most: most.to_vec() };
    assert_eq!(bench.cut(), expected);
}

#[test]
fn a_file_that_was_removed_while_it_was_open_is_told_and_one_that_was_closed_is_not() {
    let bench = Bench::new(Directories::Now);
    for path in ["open", "closed"] {
        let ino = bench.written(path, "some");
        bench.disk.open(ino).unwrap();
        bench.unlink(path).unwrap();
    }
    bench.disk.close(3);
    let forgotten = bench.cut();
    assert_eq!((forgotten.bytes, forgotten.most), (4, vec![("removed file 2".to_owned(), 4)]));
}

/// The bytes that a file of 3 pages has after a cut that keeps some, `.` durably and `x` live.
fn kept(seed: u64) -> (Vec<u8>, Forgotten) {
    let bench = Bench::new(Directories::Now);
    let ino = bench.synced("a", vec![b'.'; 2 * 4096]);
    bench.disk.write(ino, 100, &vec![b'x'; 3 * 4096 - 100]).unwrap();
    let forgotten = bench.disk.cut(Keep::Some, seed).unwrap();
    (bench.bytes(ino), forgotten)
}

#[test]
fn by_chance_pages_survive_whole_or_torn_or_not_at_all_and_in_no_order() {
    let (mut fates, mut sizes) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..100 {
        let (bytes, forgotten) = kept(seed);
        assert_eq!(kept(seed), (bytes.clone(), forgotten.clone()), "one seed is one outcome");
        assert!(bytes[..100].iter().all(|byte| *byte == b'.'));
        let count = |part: &[u8]| part.iter().filter(|byte| **byte == b'x').count();
        for sector in bytes[512..].chunks(512) {
            assert!([0, sector.len()].contains(&count(sector)), "a sector is not torn");
        }
        let page = |number: usize| {
            let part = bytes.get(number * 4096..).unwrap_or_default();
            match count(&part[..part.len().min(4096)]) {
                0 => "none",
                count if count == [3996, 4096, 4096][number] => "whole",
                _ => "torn",
            }
        };
        fates.insert([page(0), page(1), page(2)]);
        sizes.insert(bytes.len());
        assert_eq!(forgotten.kept, count(&bytes) as u64);
        assert_eq!(forgotten.bytes + forgotten.kept, 3 * 4096 - 100);
    }
    assert!(fates.len() > 20, "{fates:?}");
    // The file ends where it did durably, or with the last sector that survived.
    assert!(sizes.iter().all(|size| (8192..=3 * 4096).contains(size) && size % 512 == 0));
    assert!(sizes.contains(&8192) && sizes.len() > 4, "{sizes:?}");
}

#[test]
fn by_chance_a_file_is_cut_off_or_not() {
    let bench_after = |seed| {
        let bench = Bench::new(Directories::Now);
        let ino = bench.synced("a", vec![b'.'; 8192]);
        bench.resize(ino, 10);
        bench.disk.cut(Keep::Some, seed).unwrap();
        bench.bytes(ino).len()
    };
    assert_eq!((0..20).map(bench_after).collect::<BTreeSet<_>>(), BTreeSet::from([10, 8192]));
}

#[test]
fn by_chance_lazy_names_survive_each_by_itself_and_a_rename_as_one() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let bench = Bench::new(Directories::Lazy);
        bench.synced("a", "old");
        bench.folder("d");
        bench.synced("d/x", "x");
        bench.disk.settle(true).unwrap();
        bench.synced("a.tmp", "new");
        bench.rename("a.tmp", "a", Rename::Replace).unwrap();
        bench.rename("d", "e", Rename::Replace).unwrap();
        bench.unlink("e/x").unwrap();
        bench.synced("e/y", "y");
        let forgotten = bench.disk.cut(Keep::Some, seed).unwrap();
        let paths = bench.paths();
        seen.insert((paths.join(" "), bench.text("a")));
        assert_eq!(
            forgotten.names == 0,
            (paths.join(" ").as_str(), bench.text("a").as_str()) == ("a e/ e/y", "new")
        );
    }
    let folders = ["d/", "d/ d/x", "d/ d/y", "d/ d/x d/y", "e/", "e/ e/x", "e/ e/y", "e/ e/x e/y"];
    let expected = ["old", "new"]
        .into_iter()
        .flat_map(|text| folders.map(|paths| (format!("a {paths}"), text.to_owned())));
    assert_eq!(seen, expected.collect());
}
