//! What is wrong with the disk: full, slow, failing, rotten; and what is known of payloads on it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use harness::fault::{AfterFailedSync, Directories, Keep};
use harness::history::Trace;
use harness::storage::protocol::Trouble;
use tokio::time::timeout;

use super::Mounted;
use crate::support::PATIENCE;

#[tokio::test]
async fn a_full_disk_refuses_growth_and_nothing_else() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let (storage, file) = (&mounted.storage, mounted.join("file"));
    fs::write(&file, [b'-'; 4096]).unwrap();
    storage.begin(1, Trouble::Full).await.unwrap();
    storage.begin(2, Trouble::Full).await.unwrap();
    let is_full = |done: std::io::Result<()>| {
        assert_eq!(done.unwrap_err().kind(), ErrorKind::StorageFull);
    };
    is_full(File::create(mounted.join("other")).map(drop));
    let open = File::options().read(true).write(true).open(&file).unwrap();
    is_full(open.write_all_at(b"more", 4096));
    open.write_all_at(b"over", 0).unwrap();
    open.sync_all().unwrap();
    fs::rename(&file, mounted.join("renamed")).unwrap();
    assert_eq!(storage.end_trouble(1).await.unwrap(), 2);
    is_full(open.write_all_at(b"more", 4096));
    assert_eq!(storage.end_trouble(2).await.unwrap(), 3);
    open.write_all_at(b"more", 4096).unwrap();
    drop(open);
    fs::remove_file(mounted.join("renamed")).unwrap();
    storage.end().await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_is_an_error_so_often_and_what_it_was_to_carry_is_lost() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let (storage, path) = (&mounted.storage, mounted.join("file"));
    for (id, then) in [(1, AfterFailedSync::Drop), (2, AfterFailedSync::Retry)] {
        let mut file = File::create(&path).unwrap();
        file.sync_all().unwrap();
        storage.begin(id, Trouble::FailSync { count: 2, then }).await.unwrap();
        file.write_all(b"acknowledged").unwrap();
        for _ in 0..2 {
            let error = file.sync_data().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()));
        }
        timeout(PATIENCE, storage.spent(id)).await.unwrap();
        file.sync_data().unwrap();
        assert_eq!(storage.end_trouble(id).await.unwrap(), 2);
        assert_eq!(fs::read(&path).unwrap(), b"acknowledged");
        drop(file);
        mounted.cut().await;
        let retried: &[u8] = b"acknowledged";
        let expected = if then == AfterFailedSync::Retry { retried } else { &[0; 12] };
        assert_eq!(fs::read(&path).unwrap(), expected, "{then:?}");
    }
    storage.end().await.unwrap();
}

#[tokio::test]
async fn slow_syncs_and_writes_are_counted_and_let_go_by_a_cut() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let (storage, path) = (&mounted.storage, mounted.join("file"));
    let (millisecond, day) = (Duration::from_millis(1), Duration::from_secs(86_400));
    let mut file = File::create(&path).unwrap();
    storage.begin(1, Trouble::Slow { fsync: millisecond, write: millisecond }).await.unwrap();
    storage.begin(2, Trouble::Slow { fsync: millisecond, write: Duration::ZERO }).await.unwrap();
    file.write_all(b"written").unwrap();
    file.sync_all().unwrap();
    assert_eq!(storage.end_trouble(1).await.unwrap(), 2);
    assert_eq!(storage.end_trouble(2).await.unwrap(), 1);
    drop(file);

    storage.begin(3, Trouble::Slow { fsync: day, write: Duration::ZERO }).await.unwrap();
    // Far more than there are threads that serve: none of them waits.
    let slow: Vec<_> = (0..20)
        .map(|number| {
            let mut file = File::create(mounted.join(&format!("slow {number}"))).unwrap();
            file.write_all(b"written").unwrap();
            std::thread::spawn(move || file.sync_all().unwrap_err())
        })
        .collect();
    // A trouble that begins after them meets none of them, and others are served.
    fs::write(&path, b"nobody waits").unwrap();
    let forgotten = mounted.cut().await;
    slow.into_iter().for_each(|thread| drop(thread.join().unwrap()));
    assert!(forgotten.bytes >= 20 * 7, "{forgotten:?}");
    let met = storage.end_trouble(3).await.unwrap();
    assert!((1..=20).contains(&met), "{met}: the cut may have come before some");
    storage.end().await.unwrap();
}

#[tokio::test]
async fn payloads_are_traced_as_they_were_and_rot_in_what_is_read() {
    let Some(mounted) = Mounted::new(Directories::Now).await else { return };
    let storage = &mounted.storage;
    storage.settle(true).await.unwrap();
    let payloads = ["synced-payload-1", "written-payload-2", "absent-payload-3"].map(str::to_owned);
    let path = mounted.join("file");
    let mut file = File::create(&path).unwrap();
    file.write_all(payloads[0].as_bytes()).unwrap();
    file.sync_all().unwrap();
    file.write_all(payloads[1].as_bytes()).unwrap();
    drop(file);
    let forgotten = storage.cut(Keep::None, 1, || {}).await.unwrap();
    assert_eq!(forgotten.bytes, payloads[1].len() as u64, "{forgotten:?}");
    let traces = storage.trace(&payloads).await.unwrap();
    assert!(
        matches!(&traces[0], Trace::Synced { file, at: Some(_) } if file == "file"),
        "{traces:?}"
    );
    assert!(
        matches!(&traces[1], Trace::Written { file, at: Some(at), synced: Some(synced) }
            if file == "file" && at > synced),
        "{traces:?}"
    );
    assert_eq!(traces[2], Trace::Nowhere);

    // It is in the kernel's memory from here on, and must not be shown from there.
    assert_eq!(fs::read(&path).unwrap(), payloads[0].as_bytes());
    assert_eq!(storage.rot(&payloads[2..], 1, 1).await.unwrap(), None);
    let rotten = storage.rot(&payloads, 3, 1).await.unwrap().unwrap();
    assert_eq!((rotten.payload, rotten.file.as_str(), rotten.bits), (0, "file", 3));
    let read = fs::read(&path).unwrap();
    let pairs = read.iter().zip(payloads[0].as_bytes());
    assert_eq!(pairs.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>(), 3);
    storage.end().await.unwrap();
}
