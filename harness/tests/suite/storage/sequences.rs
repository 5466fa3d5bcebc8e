//! Random sequences of real system calls, by seed: on the mounted disk with a power cut at the end of
//! each, and on a plain folder without.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use harness::fault::{Directories, Keep};

use super::Mounted;
use super::model::{Chance, Model, Operation, carry_out, contents, difference};

/// How many sequences there are in each test, unless the environment says another number.
const SEQUENCES: u64 = 200;

/// Says another number.
const VARIABLE: &str = "HARNESS_STORAGE_SEQUENCES";

fn seeds() -> std::ops::Range<u64> {
    0..std::env::var(VARIABLE).map_or(SEQUENCES, |number| number.parse().unwrap())
}

fn sequence(seed: u64) -> Vec<Operation> {
    let mut chance = Chance(seed);
    (0..5 + chance.below(25)).map(|_| Operation::any(&mut chance)).collect()
}

/// Empties a folder.
fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
}

/// A power cut at a sync of a file that has nothing to do with the others, which is held and fails.
async fn cut(mounted: &Mounted, keep: Keep, seed: u64) {
    let file = fs::File::create(mounted.join("held")).unwrap();
    let syncs = std::thread::spawn(move || {
        while file.write_all_at(b"x", 0).and_then(|()| file.sync_data()).is_ok() {}
    });
    mounted.storage.cut(keep, seed, || {}).await.unwrap();
    syncs.join().unwrap();
    fs::remove_file(mounted.join("held")).unwrap();
}

fn run(seed: u64, folder: &Path) -> Model {
    let operations = sequence(seed);
    let ran = std::panic::catch_unwind(|| carry_out(folder, &operations));
    ran.unwrap_or_else(|_| panic!("seed {seed}"))
}

#[tokio::test]
async fn after_a_cut_each_file_is_what_it_was_when_it_was_last_synced() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let mut forgot = 0;
    for seed in seeds() {
        let mut model = run(seed, &mounted.root());
        let live = model.contents();
        cut(&mounted, Keep::None, seed).await;
        model.cut();
        let (seen, expected) = (contents(&mounted.root()), model.contents());
        assert!(seen == expected, "seed {seed}: {}", difference(&seen, &expected));
        forgot += u64::from(seen != live);
        clear(&mounted.root());
    }
    assert!(forgot > seeds().end / 2, "most of them have something to forget: {forgot}");
    mounted.storage.end().await.unwrap();
}

#[tokio::test]
async fn some_of_what_was_not_synced_survives_sector_by_sector() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let mut mixed = 0;
    for seed in seeds() {
        let mut model = run(seed, &mounted.root());
        let live = model.contents();
        cut(&mounted, Keep::Some, seed).await;
        let seen = contents(&mounted.root());
        assert!(model.can_be_after_a_cut(&seen), "seed {seed}: {}", difference(&seen, &live));
        model.cut();
        mixed += u64::from(seen != model.contents() && seen != live);
        clear(&mounted.root());
    }
    assert!(mixed > seeds().end / 4, "in many of them some survives and some does not: {mixed}");
    mounted.storage.end().await.unwrap();
}

#[test]
fn without_a_cut_a_plain_folder_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // Not all: there a sync takes what a sync takes.
    for seed in seeds().step_by(5) {
        run(seed, folder.path());
        clear(folder.path());
    }
}

#[tokio::test]
async fn lazy_names_are_durable_with_their_folder() {
    let Some(mounted) = Mounted::new(Directories::Lazy).await else { return };
    let sync = |path: &Path| fs::File::open(path).unwrap().sync_all().unwrap();
    for name in ["kept", "gone"] {
        fs::write(mounted.join(name), name).unwrap();
        sync(&mounted.join(name));
        if name == "kept" {
            sync(&mounted.root());
        }
    }
    fs::rename(mounted.join("kept"), mounted.join("renamed")).unwrap();
    let forgotten = mounted.cut().await;
    assert!(forgotten.names > 0, "{forgotten:?}");
    let entries = fs::read_dir(mounted.root()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["kept"]);
    assert_eq!(fs::read_to_string(mounted.join("kept")).unwrap(), "kept");
    mounted.storage.end().await.unwrap();
}
