//! Payloads on the disk: where they were, and bits that flip in them.

use super::*;
use crate::fault::AfterFailedSync;
use crate::history::Trace;

fn texts<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(String::from)
}

/// Without times, which no test can know.
fn told(traces: Vec<Trace>) -> Vec<String> {
    let told = traces.into_iter().map(|trace| match trace {
        Trace::Nowhere => "nowhere".to_owned(),
        Trace::Written { file, at, synced } => {
            let order = at
                .zip(synced)
                .map_or("", |(at, synced)| if synced < at { "before " } else { "after " });
            format!("{file} {} {order}{}", at.is_some(), synced.is_some())
        }
        Trace::Synced { file, at } => format!("{file} {} durable", at.is_some()),
    });
    told.collect()
}

#[test]
fn a_payload_is_nowhere_or_was_written_or_synced() {
    let bench = Bench::new(Directories::Now);
    bench.disk.start_clock();
    bench.written("c", "early one");
    bench.disk.settle(false).unwrap();
    let log = bench.synced("a", "payload 1, ");
    bench.disk.write(log, 11, b"payload 2, ").unwrap();
    bench.written("b", "payload 1, payload 3");
    let failed = bench.written("d", "payload 4");
    bench.disk.sync_failed(failed, AfterFailedSync::Drop);
    bench.disk.sync(failed).unwrap();
    let payloads = texts([
        "payload 1",
        "payload 2",
        "payload 3",
        "early one",
        "payload 4",
        "payload 5",
        "",
        "pay",
    ]);
    assert!(bench.disk.trace(&payloads).unwrap_err().to_string().contains("no power cut"));
    bench.cut();
    let expected = [
        "a true durable",
        "a true before true",
        "b true false",
        "c false false",
        "d true after true",
        "nowhere",
        "nowhere",
        "nowhere",
    ];
    assert_eq!(told(bench.disk.trace(&payloads).unwrap()), expected);
    // Whatever the server does with it afterwards.
    bench.disk.write(log, 0, b"PAYLOAD").unwrap();
    bench.unlink("b").unwrap();
    bench.synced("e", "payload 5");
    assert_eq!(told(bench.disk.trace(&payloads).unwrap()), expected);
    // The second cut alone counts from now on.
    bench.cut();
    let expected = ["nowhere", "nowhere", "nowhere", "nowhere", "nowhere", "e true durable"];
    assert_eq!(told(bench.disk.trace(&payloads[..6]).unwrap()), expected);
}

#[test]
fn durable_files_are_traced_as_they_were_before_they_changed() {
    let changes: [fn(&Bench, Ino); 5] = [
        |bench, ino| bench.disk.write(ino, 0, b"xxxxxxxxxxxxxxxx").unwrap(),
        |bench, ino| bench.resize(ino, 3),
        |bench, ino| bench.disk.allocate(ino, 0x10, 0, 20).unwrap(),
        |bench, _| bench.unlink("a").unwrap(),
        |bench, _| drop(bench.disk.rot(&texts(["payload"]), 1, 1).unwrap()),
    ];
    for change in changes {
        let bench = Bench::new(Directories::Now);
        let ino = bench.synced("a", "some payload");
        bench.cut();
        change(&bench, ino);
        assert_eq!(told(bench.disk.trace(&texts(["payload"])).unwrap()), ["a false durable"]);
    }
}

#[test]
fn bits_of_the_first_payload_that_is_there_flip_everywhere_in_both_copies() {
    let bench = Bench::new(Directories::Now);
    bench.folder("d");
    let log = bench.synced("d/log", "..payload..payload..");
    let page = bench.synced("page", "payload");
    let fresh = bench.synced("fresh", "-------");
    bench.disk.write(fresh, 0, b"payload").unwrap();
    let rotten =
        bench.disk.rot(&texts(["", "pay", "not there", "payload", ".."]), 3, 7).unwrap().unwrap();
    assert_eq!((rotten.payload, rotten.file.as_str(), rotten.bits), (3, "d/log", 3));
    let bad = bench.bytes(page);
    let flipped: u32 =
        bad.iter().zip(b"payload").map(|(bad, good)| (bad ^ good).count_ones()).sum();
    assert_eq!(flipped, 3);
    let first = bad.iter().zip(b"payload").position(|(bad, good)| bad != good).unwrap();
    assert_eq!(rotten.offset, 2 + first as u64);
    let doubled = [b"..", &bad[..], b"..", &bad, b".."].concat();
    assert_eq!((bench.bytes(log), bench.bytes(fresh)), (doubled.clone(), bad.clone()));
    bench.cut();
    assert_eq!((bench.bytes(log), bench.bytes(page)), (doubled, bad));
    assert_eq!(bench.text("fresh"), "-------", "the durable copy had other bytes there");
}

#[test]
fn what_is_not_there_does_not_rot_and_no_more_than_all_bits_do() {
    let bench = Bench::new(Directories::Now);
    let ino = bench.synced("a", "some");
    bench.file("empty");
    assert_eq!(bench.disk.rot(&texts(["more", "so"]), 1, 1).unwrap(), None);
    let rotten = bench.disk.rot(&texts(["some"]), 1000, 1).unwrap().unwrap();
    assert_eq!((rotten.bits, rotten.offset), (32, 0));
    assert_eq!(bench.bytes(ino), b"some".map(|byte| !byte));
}

#[test]
fn the_same_seed_flips_the_same_bits() {
    let rotten = |seed| {
        let bench = Bench::new(Directories::Now);
        let ino = bench.synced("a", "a payload of some length");
        bench.disk.rot(&texts(["a payload of some length"]), 1, seed).unwrap();
        bench.bytes(ino)
    };
    assert_eq!(rotten(1), rotten(1));
    let all: BTreeSet<_> = (0..50).map(rotten).collect();
    assert!(all.len() > 30, "{}", all.len());
}
