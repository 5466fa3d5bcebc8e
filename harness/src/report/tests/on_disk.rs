//! Runs with faults of the storage, from the history to the whole report.

use super::*;
use crate::check;
use crate::figures::summarise;
use crate::fixture::moment;
use crate::history::{Firing, Forgotten, History, OnDisk, Rotten, Trace, Traced};
use crate::plan::Plan;

/// A run on our own broker with a power cut and bits that rot.
fn entry(change: impl Fn(&mut History)) -> Entry {
    let yaml = "broker: { on: mysql }\nrequire: forgotten >= 1\nfaults:\n  \
                - { at: 12ms, power: storage, keep: some, for: 1ms }\n  \
                - { at: 14ms, rot: storage, for: 1ms }\n";
    let (_folder, plan) = fixture::plan(&format!("{SMALL}\n{yaml}"), SMALL_LOGS);
    let mut history = fixture::history(&plan, |consumer, _, mut all| {
        if consumer == 2 {
            all.drain(1..3);
        }
        all
    });
    history.faults = vec![
        firing(0, 12, OnDisk { forgotten: Some(forgotten()), ..OnDisk::default() }),
        firing(1, 14, OnDisk { rotten: Some(rotten()), ..OnDisk::default() }),
    ];
    change(&mut history);
    let mut entry = Entry::new(&plan.scenario);
    entry.file = PathBuf::from("scenarios/small.yaml");
    entry.duration = Duration::from_millis(213);
    entry.summary = Some(summarise(&plan, &history));
    entry.judgement = Some(judged(&plan, &history));
    entry
}

/// With paths as a user would have them.
fn judged(plan: &Plan, history: &History) -> Judgement {
    let mut judgement = check::judge(plan, history);
    let found = judgement.violations.iter_mut().chain(&mut judgement.allowed);
    for proof in found.flat_map(|finding| &mut finding.proofs) {
        proof.origin = None;
    }
    judgement
}

fn firing(fault: u32, at: u64, on_disk: OnDisk) -> Firing {
    let (began, struck, ended) = (moment(at), Some(moment(at)), moment(at + 1));
    let whom = "database".to_owned();
    Firing { fault, whom, began, struck, ended, met: 11, on_disk: Some(on_disk) }
}

fn forgotten() -> Forgotten {
    let most = vec![("ib_logfile0".to_owned(), 120_000), ("broker/m.ibd".to_owned(), 3_456)];
    Forgotten { bytes: 123_456, files: 2, noise: 0, kept: 4_096, names: 0, most }
}

fn rotten() -> Rotten {
    let file = "broker/m.ibd".to_owned();
    Rotten { message: MessageId(2), file, offset: 1_234, bits: 1 }
}

/// P1#2 was not synced, P1#3 was, and others came.
fn trace(history: &mut History) {
    let file = || "ib_logfile0".to_owned();
    let (at, synced) = (Some(moment(3).at), Some(moment(1).at));
    let traces = [
        (1, Trace::Written { file: file(), at, synced }),
        (2, Trace::Synced { file: file(), at: Some(moment(4).at) }),
    ];
    let traced = |(id, trace)| Traced { message: MessageId(id), trace };
    history.traces = traces.into_iter().map(traced).collect();
}

fn die(history: &mut History) {
    let gone = "the database ended with exit status 1; it wrote last:\n  page 7 is torn";
    history.faults.truncate(1);
    history.faults[0].on_disk.as_mut().unwrap().gone = Some(gone.to_owned());
}

#[test]
fn on_a_terminal_a_fault_says_what_it_did_and_a_loss_where_its_bytes_were() {
    check(
        terminal,
        vec![entry(trace)],
        "
FAIL  small  on mysql, 1 broker: 1 acknowledged message was not on the disk when the power went and 2 deliveries of acknowledged messages never came
      2 producers, 2 consumers, 1 topic  sent 6  delivered 10 of 12  588/s
      { at: 12ms, power: storage, keep: some, for: 1ms }  met 11, a backlog of 10, forgot 123,456 bytes in 2 files (most: ib_logfile0 120,000), kept 4,096 bytes by chance
      { at: 14ms, rot: storage, bits: 1, for: 1ms }  met 11, a backlog of 10, flipped 1 bit of P1#3 in broker/m.ibd at 1,234
      ack p50 1.00 ms p99 1.00 ms  end to end p50 11.0 ms p99 17.0 ms

      lost  2 deliveries of acknowledged messages never came
        on the disk: 1 written and not synced, 1 synced and lost all the same
        C2 never got 2 messages, P1#2 (T1 number 2, p1.txt:2) to P1#3 (T1 number 3, p1.txt:3): all of what P1 sent to T1 that was due to C2
          of P1's, C2 got P1#1 and nothing after it
          on the disk: 1 written and not synced, 1 synced and lost all the same
          P1#2 was written to ib_logfile0 at 3.000 ms, and that file was last synced at 1.000 ms
          P1#3 was written to ib_logfile0 at 4.000 ms and synced, and is lost all the same
          bit rot: 1 bit of P1#3 flipped in broker/m.ibd at offset 1,234, at 14.000 ms (stamp 14)
          P1#2 left at 2.000 ms (stamp 2), acked at 3.000 ms (stamp 3)
          C1 got P1#2 on T1, 17.000 ms (stamp 17), after P1#1 and before P1#3
          C2 never got it
          P1#3 left at 4.000 ms (stamp 4), acked at 5.000 ms (stamp 5)
          C1 got P1#3 on T1, 17.000 ms (stamp 17), after P1#2 and before P2#1
          C2 never got it
",
    );
}

#[test]
fn on_a_terminal_a_server_that_does_not_start_is_the_answer() {
    check(
        terminal,
        vec![entry(die)],
        "
FAIL  small  on mysql, 1 broker: the server does not start again: all 6 acknowledged messages are lost
      2 producers, 2 consumers, 1 topic  sent 6  delivered 10 of 12  588/s
      { at: 12ms, power: storage, keep: some, for: 1ms }  met 11, a backlog of 10, forgot 123,456 bytes in 2 files (most: ib_logfile0 120,000), kept 4,096 bytes by chance, the server does not start any more
      { at: 14ms, rot: storage, bits: 1, for: 1ms }  never fired
      ack p50 1.00 ms p99 1.00 ms  end to end p50 11.0 ms p99 17.0 ms

      lost  the server does not start again: all 6 acknowledged messages are lost
        the database of mysql does not start after `power: storage, keep: some` at 12.000 ms (stamp 12): everything that was acked is lost, 6 messages
          the power cut forgot 123,456 bytes in 2 files (most: ib_logfile0 120,000), kept 4,096 bytes by chance
          the database ended with exit status 1; it wrote last:
            page 7 is torn
",
    );
}

#[test]
fn junit_has_what_each_fault_did_to_the_disk() {
    let report = Report { entries: vec![entry(|_| {})], ..Report::default() };
    let mut text = Vec::new();
    junit::write(&report, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let out = text.split("<system-out>").nth(1).unwrap();
    let expected = "{ at: 12ms, power: storage, keep: some, for: 1ms }  met 11, a backlog of 10, forgot \
                    123,456 bytes in 2 files";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.contains("flipped 1 bit of P1#3 in broker/m.ibd at 1,234"), "{out}");
}

#[test]
fn json_has_what_each_fault_did_to_the_disk_in_numbers() {
    let json = |change: &dyn Fn(&mut History)| -> serde_json::Value {
        let report = Report { entries: vec![entry(change)], ..Report::default() };
        let mut text = Vec::new();
        json::write(&report, &mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let run = &json(&trace)["scenarios"][0];
    let faults = &run["summary"]["faults"];
    let expected = serde_json::json!({
        "forgotten": {
            "bytes": 123_456, "files": 2, "noise": 0, "kept": 4_096, "names": 0,
            "most": [["ib_logfile0", 120_000], ["broker/m.ibd", 3_456]],
        },
        "each": [123_456],
    });
    assert_eq!(faults[0]["on_disk"], expected);
    let flipped = serde_json::json!({
        "flipped": [{ "message": "P1#3", "file": "broker/m.ibd", "offset": 1_234, "bits": 1 }],
    });
    assert_eq!(faults[1]["on_disk"], flipped);
    let lost = &run["judgement"]["violations"][0];
    let traces = serde_json::json!({
        "not_synced": 1, "never_written": 0, "unreadable": 0, "earlier": 0, "synced": 1,
    });
    assert_eq!(lost["on_disk"], traces);
    assert_eq!(lost.get("does_not_start"), None);
    let run = &json(&die)["scenarios"][0];
    let does_not_start = &run["summary"]["faults"][0]["on_disk"]["does_not_start"];
    assert_eq!(
        does_not_start,
        "the database ended with exit status 1; it wrote last:\n  page 7 is torn"
    );
    assert_eq!(run["judgement"]["violations"][0]["does_not_start"], true);
    assert_eq!(run["judgement"]["violations"][0]["count"], 6);
    // A run without such faults says nothing of it.
    let plain = &json(&|history| history.faults.iter_mut().for_each(|own| own.on_disk = None));
    assert!(!plain.to_string().contains("on_disk"), "{plain}");
}
