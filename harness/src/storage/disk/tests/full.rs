//! A full disk.

use rustix::fs::FallocateFlags;

use super::*;

const FULL: Result<(), Errno> = Err(Errno::NOSPC);

#[test]
fn nothing_grows_and_all_else_goes_on() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.written("a", vec![1; 5000]);
    bench.folder("d");
    let disk = &bench.disk;
    disk.allocate(ino, FallocateFlags::KEEP_SIZE.bits().cast_signed(), 1 << 20, 4096).unwrap();
    assert!(disk.space().unwrap().free > 0);
    disk.set_full(true);
    // What grows.
    for kind in [Kind::File, Kind::Folder, Kind::Fifo, Kind::Socket] {
        assert_eq!(bench.make("b", kind).map(drop), FULL);
    }
    assert_eq!(disk.symlink(ROOT, &name("s"), &name("a"), 0, 0).map(drop), FULL);
    assert_eq!(disk.allocate(ino, 0, 8192, 1), FULL);
    assert_eq!(disk.write(ino, 8192, b"x"), FULL);
    assert_eq!(disk.write(ino, 8000, &[7; 300]), FULL, "half of it has a block");
    assert_eq!(bench.bytes(ino), vec![1; 5000], "nothing of it was written");
    assert_eq!((disk.refused(), disk.space().unwrap().free), (8, 0));
    // What does not.
    disk.write(ino, 0, b"over").unwrap();
    disk.write(ino, 5000, &[2; 3192]).unwrap();
    disk.write(ino, 1 << 20, b"reserved").unwrap();
    disk.allocate(ino, 0, 0, 8192).unwrap();
    disk.sync(ino).unwrap();
    bench.resize(ino, 1 << 21);
    bench.resize(ino, 4096);
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    disk.allocate(ino, punch.bits().cast_signed(), 0, 4096).unwrap();
    bench.link("a", "d/b").unwrap();
    bench.rename("a", "c", Rename::Replace).unwrap();
    bench.unlink("c").unwrap();
    bench.unlink("d/b").unwrap();
    bench.remove_folder("d").unwrap();
    assert_eq!((disk.refused(), bench.paths()), (8, Vec::new()));
    // What was given back is not there again while it is full: somebody else has taken it.
    disk.set_full(false);
    assert_eq!(disk.refused(), 0);
    bench.file("b");
}

#[test]
fn a_hole_is_refused_and_a_block_that_came_back_from_a_cut_is_not() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.synced("a", vec![1; 4096]);
    bench.disk.write(ino, 8192, &[1; 4096]).unwrap();
    bench.cut();
    bench.disk.set_full(true);
    bench.disk.write(ino, 0, &[2; 4096]).unwrap();
    assert_eq!(bench.disk.write(ino, 8192, &[2; 4096]), FULL);
}
