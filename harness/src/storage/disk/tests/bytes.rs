//! Bytes without a cut: holes, reserved blocks, files that are removed while they are open, threads.

use rustix::fs::FallocateFlags;

use super::super::Seek;
use super::*;

fn flags(flags: FallocateFlags) -> i32 {
    flags.bits().cast_signed()
}

#[test]
fn a_hole_takes_no_blocks_and_is_found() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.file("a");
    bench.disk.write(ino, 8192, &[7; 4096]).unwrap();
    bench.resize(ino, 1 << 30);
    let Attributes { size, blocks, .. } = bench.disk.attributes(ino).unwrap();
    assert_eq!((size, blocks), (1 << 30, 8));
    let seek = |offset, seek| bench.disk.seek(ino, offset, seek);
    assert_eq!(seek(0, Seek::Data), Ok(8192));
    assert_eq!(seek(8192, Seek::Hole), Ok(12288));
    assert_eq!(seek(0, Seek::Hole), Ok(0));
    assert_eq!(seek(12288, Seek::Data), Err(Errno::NXIO));
    assert_eq!(seek(1 << 30, Seek::Hole), Err(Errno::NXIO));
    assert_eq!(bench.disk.read(ino, 8190, 4).unwrap(), [0, 0, 7, 7]);
}

#[test]
fn fallocate_reserves_and_punches_and_makes_zeros() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.written("a", [7; 12288]);
    let told = || {
        let Attributes { size, blocks, .. } = bench.disk.attributes(ino).unwrap();
        (size, blocks)
    };
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    bench.disk.allocate(ino, flags(punch), 100, 8000).unwrap();
    assert_eq!(told(), (12288, 24), "no block is wholly within");
    bench.disk.allocate(ino, flags(punch), 4000, 5000).unwrap();
    assert_eq!(told(), (12288, 16), "one is");
    let bytes = bench.bytes(ino);
    assert!(bytes[..100].iter().chain(&bytes[9000..]).all(|byte| *byte == 7));
    assert!(bytes[100..9000].iter().all(|byte| *byte == 0));
    bench.disk.allocate(ino, 0, 0, 20000).unwrap();
    assert_eq!(told(), (20000, 40));
    bench.disk.allocate(ino, flags(FallocateFlags::KEEP_SIZE), 20000, 8192).unwrap();
    assert_eq!(told(), (20000, 56));
    bench.disk.allocate(ino, flags(FallocateFlags::ZERO_RANGE), 0, 30000).unwrap();
    assert_eq!(told(), (30000, 64));
    assert_eq!(bench.bytes(ino), [0; 30000]);
    for others in [FallocateFlags::PUNCH_HOLE, FallocateFlags::COLLAPSE_RANGE] {
        assert_eq!(bench.disk.allocate(ino, flags(others), 0, 4096), Err(Errno::OPNOTSUPP));
    }
    assert_eq!(bench.disk.allocate(ino, 0, 0, 0), Err(Errno::INVAL));
    assert_eq!(bench.disk.allocate(ino, 0, u64::MAX, 1), Err(Errno::FBIG));
}

#[test]
fn a_file_without_names_lives_until_its_last_close() {
    for directories in [Directories::Now, Directories::Lazy] {
        let bench = Bench::new(directories);
        let ino = bench.file("a");
        bench.disk.open(ino).unwrap();
        bench.disk.open(ino).unwrap();
        bench.disk.write(ino, 0, b"here").unwrap();
        bench.disk.sync(ino).unwrap();
        bench.unlink("a").unwrap();
        bench.disk.close(ino);
        assert_eq!(
            (bench.bytes(ino), bench.disk.attributes(ino).unwrap().links),
            (b"here".to_vec(), 0)
        );
        assert_eq!(bench.disk.link(ino, ROOT, &name("b")), Err(Errno::NOENT));
        bench.disk.close(ino);
        assert_eq!(bench.disk.attributes(ino), Err(Errno::NOENT), "{directories:?}");
        assert_eq!(bench.backing(), Vec::<PathBuf>::new(), "{directories:?}");
    }
}

#[test]
fn descriptors_are_taken_by_open_files_only() {
    let bench = Bench::new(Directories::Now);
    let held = || {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.filter(|target| target.starts_with(bench.folder.path())).count()
    };
    let inos: Vec<Ino> = (0..50).map(|number| bench.synced(&format!("{number}"), "some")).collect();
    inos.iter().for_each(|ino| bench.resize(*ino, 2));
    inos.iter().for_each(|ino| assert_eq!(bench.bytes(*ino), b"so"));
    assert_eq!(held(), 0);
    bench.disk.settle(true).unwrap();
    assert_eq!(held(), 0);
    bench.disk.open(inos[0]).unwrap();
    bench.disk.write(inos[0], 0, b"more").unwrap();
    bench.disk.sync(inos[0]).unwrap();
    assert_eq!(held(), 2);
    bench.disk.close(inos[0]);
    assert_eq!(held(), 0);
    bench.disk.open(inos[0]).unwrap();
    bench.disk.write(inos[0], 0, b"less").unwrap();
    bench.cut();
    assert_eq!(held(), 0);
}

#[test]
fn threads_write_and_sync_side_by_side() {
    let bench = Bench::new(Directories::Now);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let bench = &bench;
            scope.spawn(move || {
                let own = bench.folder(&format!("d{thread}"));
                for number in 0..50_u8 {
                    let (first, last) =
                        (name(&format!("{number}.tmp")), name(&format!("{number}")));
                    let made = bench.disk.make(own, &first, Kind::File, 0o644, 0, 0).unwrap();
                    bench.disk.open(made.ino).unwrap();
                    bench.disk.write(made.ino, 0, &[thread; 100]).unwrap();
                    bench.disk.sync(made.ino).unwrap();
                    bench.disk.write(made.ino, 100, &[number; 10]).unwrap();
                    bench.disk.rename(own, &first, own, &last, Rename::Replace).unwrap();
                    bench.disk.close(made.ino);
                }
            });
        }
    });
    let forgotten = bench.cut();
    assert_eq!((forgotten.bytes, forgotten.files, forgotten.names), (2000, 200, 0));
    for thread in 0..4_u8 {
        for number in 0..50 {
            assert_eq!(bench.bytes(bench.ino(&format!("d{thread}/{number}"))), [thread; 100]);
        }
    }
}

#[test]
fn what_is_said_about_a_file_can_be_changed_and_outlives_a_cut() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.written("a", "four");
    let moment = super::super::Time::UNIX_EPOCH + std::time::Duration::from_secs(7);
    let changes = Changes {
        mode: Some(0o100_640),
        uid: Some(3),
        gid: Some(4),
        size: Some(2),
        atime: Some(moment),
        mtime: Some(moment),
    };
    let told = bench.disk.change(ino, &changes).unwrap();
    assert_eq!((told.mode, told.uid, told.gid, told.size), (0o640, 3, 4, 2));
    assert_eq!((told.atime, told.mtime), (moment, moment));
    assert!(told.ctime > moment);
    bench.cut();
    assert_eq!(bench.find("a").unwrap(), Attributes { size: 0, blocks: 0, ..told });
    let size = Changes { size: Some(1), ..Changes::default() };
    assert_eq!(bench.disk.change(ROOT, &size), Err(Errno::ISDIR));
}
