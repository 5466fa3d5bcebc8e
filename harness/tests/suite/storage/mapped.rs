//! What is written through a mapping of a file, which no system call tells of.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::fault::Directories;

use super::Mounted;
use crate::support::missing::not_run;

/// Writes to each of eight pages, syncs all by msync where it is told to, writes to the first again, and
/// stays until it is killed.
const MAPS: &str = "
import mmap, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
mapped = mmap.mmap(file, 8 * 4096)
for page in range(8):
    mapped[page * 4096 + 10:page * 4096 + 16] = b'mapped'
if sys.argv[2] == 'sync':
    mapped.flush()
    mapped[10:16] = b'again!'
print('written', flush=True)
sys.stdin.read()
";

/// A program that has the file mapped and has written to it; none where there is no Python.
fn map(file: &Path, word: &str) -> Option<Child> {
    let mut python = Command::new("python3");
    python.args(["-c", MAPS]).arg(file).arg(word).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut python) = python.spawn() else {
        not_run("it needs python3");
        return None;
    };
    let mut line = [0; 8];
    python.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    assert_eq!(&line, b"written\n");
    Some(python)
}

/// Eight pages that are durable.
fn make(file: &Path) -> Vec<u8> {
    let bytes = vec![b'-'; 8 * 4096];
    fs::write(file, &bytes).unwrap();
    File::open(file).unwrap().sync_all().unwrap();
    bytes
}

fn end(mut python: Child) {
    python.kill().unwrap();
    python.wait().unwrap();
}

#[tokio::test]
async fn what_is_written_through_a_mapping_is_durable_with_its_msync() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let file = mounted.join("file");
    for word in ["no", "sync"] {
        let before = make(&file);
        let Some(python) = map(&file, word) else { return };
        let mut synced = before.clone();
        (0..8).for_each(|page| synced[page * 4096 + 10..][..6].copy_from_slice(b"mapped"));
        let mut seen = synced.clone();
        if word == "sync" {
            seen[10..16].copy_from_slice(b"again!");
        }
        assert!(fs::read(&file).unwrap() == seen, "{word}: it is seen");
        end(python);
        assert!(fs::read(&file).unwrap() == seen, "{word}: and stays when its program has ended");
        let forgotten = mounted.cut().await;
        let left = if word == "sync" { synced } else { before };
        assert!(fs::read(&file).unwrap() == left, "{word}");
        assert!(forgotten.bytes > 0 && forgotten.files == 1, "{forgotten:?}");
    }
    mounted.storage.end().await.unwrap();
}

#[tokio::test]
async fn a_settled_start_has_it_too() {
    let Some(mounted) = Mounted::new(Directories::Lazy).await else { return };
    let file = mounted.join("file");
    make(&file);
    let Some(python) = map(&file, "no") else { return };
    mounted.storage.settle(true).await.unwrap();
    end(python);
    let forgotten = mounted.cut().await;
    assert_eq!((forgotten.bytes, forgotten.names), (0, 0), "{forgotten:?}");
    assert_eq!(&fs::read(&file).unwrap()[10..16], b"mapped");
    mounted.storage.end().await.unwrap();
}
