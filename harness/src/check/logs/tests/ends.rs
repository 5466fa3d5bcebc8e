//! Logs that end early, and last lines that are cut off.

use super::*;

/// One topic; what each producer sends, a letter a message.
fn sends(streams: &[&str], consumers: u32) -> Plan {
    let producers = u32::try_from(streams.len()).unwrap();
    let messages = u32::try_from(streams[0].len()).unwrap();
    let shape = Shape { topics: 1, producers, consumers, messages, batch: 1 };
    let letters: Vec<Vec<char>> = streams.iter().map(|own| own.chars().collect()).collect();
    plan_of(&shape, |producer, _, number| {
        letters[producer as usize - 1][number as usize - 1].to_string()
    })
}

#[test]
fn a_log_that_ends_early_is_one_finding_and_says_where() {
    let plan = levels(&LARGE);
    let whole = logs(&plan, Play::default());
    let heads: Vec<Vec<String>> =
        whole.iter().zip([740, 900, 811]).map(|(log, end)| log[..end].to_vec()).collect();
    let reading = read(&plan, &heads);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1060 + 900 + 989)]);
    assert_eq!(reading.judgement.inconclusive, Vec::<String>::new());
    let titles: Vec<&str> =
        reading.judgement.violations[0].proofs.iter().map(|proof| proof.title.as_str()).collect();
    let ends = |consumer, lines| {
        format!(
            "C{consumer}'s log of T1 ends after {lines} of 1,800 lines; up to there its order is \
             not refuted"
        )
    };
    assert_eq!(titles, [ends(1, 740), ends(2, 900), ends(3, 811)]);
}

#[test]
fn what_is_missing_before_an_early_end_is_told_from_it() {
    let plan = levels(&LARGE);
    let whole = logs(&plan, Play::default());
    // Beside a log that shows it.
    let mut own = whole[0][..740].to_vec();
    own.remove(300);
    let reading = read(&plan, &[own.clone(), whole[1].clone(), whole[2].clone()]);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1061)]);
    let proofs = &reading.judgement.violations[0].proofs;
    assert!(proofs[0].title.ends_with("1 missing before its last line"), "{proofs:#?}");
    let begin = "C1's log of T1 ends after 739 of 1,800 lines: 1,060 are missing at its end, and from line 30";
    assert!(proofs[1].title.starts_with(begin), "{proofs:#?}");
    // Alone.
    let shape = Shape { topics: 1, producers: 3, consumers: 1, messages: 600, batch: 1 };
    let plan = levels(&shape);
    let mut own = logs(&plan, Play::default())[0][..740].to_vec();
    own.remove(300);
    let reading = read(&plan, &[own]);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1061)]);
    let proof = &reading.judgement.violations[0].proofs[0];
    let begin = "C1's log of T1 ends after 739 of 1,800 lines: ";
    let rest = proof.title.strip_prefix(begin).unwrap();
    assert!(rest.contains("missing at its end, and from line "), "{rest}");
    assert!(rest.ends_with(" on at least one more"), "{rest}");
    assert!(!reading.notes[0].contains("early end"), "{:?}", reading.notes);
}

#[test]
fn a_middle_piece_is_said_where_logs_may_begin_late() {
    for mut plan in [plan(&SMALL), levels(&SMALL)] {
        plan.scenario.start = Start::Together;
        let mut logs = logs(&plan, Play::default());
        let t1: Vec<String> =
            logs[0].iter().filter(|line| line.starts_with("T1")).cloned().collect();
        logs[0] = t1[4..20].to_vec();
        let reading = read(&plan, &logs);
        assert_eq!(reading.judgement.verdict, Verdict::Fail, "{reading:#?}");
        let lost = &reading.judgement.violations[0];
        let ends =
            |proof: &crate::check::Anomaly| proof.title.contains("T1 ends after 16 of 24 lines");
        assert!(lost.proofs.iter().any(ends), "{reading:#?}");
        assert_eq!(lost.count, 4, "{reading:#?}");
        let doubts = &reading.judgement.inconclusive;
        let late = "C1 lacks 4 lines at the beginning of T1 that others logged: it may have \
                    subscribed late";
        assert!(doubts.iter().any(|doubt| doubt == late), "{reading:#?}");
    }
}

#[track_caller]
fn ends_in(plan: &Plan, bytes: &[u8], verdict: Verdict) -> Reading {
    let lines = parse(plan, "consumer_1.txt".to_owned(), bytes.to_vec()).unwrap();
    let reading = judge(plan, &[lines]);
    assert_eq!(reading.judgement.verdict, verdict, "{reading:#?}");
    reading
}

fn two_topics(payloads: [&'static str; 2]) -> Plan {
    let shape = Shape { topics: 2, producers: 1, consumers: 1, messages: 2, batch: 1 };
    plan_of(&shape, |_, _, number| payloads[number as usize - 1].to_owned())
}

#[test]
fn a_last_line_that_is_cut_anywhere_leaves_the_rest_unknown() {
    let plan = two_topics(["INFO", "ÉRROR"]);
    let before = "T1 INFO\nT2 INFO\nT2 ÉRROR\n";
    for cut in ["T1 ÉRR", "T1 ", "T1", "T", " T1 É", "T1\t"] {
        let reading = ends_in(&plan, format!("{before}{cut}").as_bytes(), Verdict::Unknown);
        let doubt =
            "C1's log of T1 is cut off in consumer_1.txt:4: 1 message may have come after that";
        assert_eq!(reading.judgement.inconclusive, [doubt], "{cut:?}");
    }
    // Within a character.
    let mut bytes = format!("{before}T1 ").into_bytes();
    bytes.push("É".as_bytes()[0]);
    ends_in(&plan, &bytes, Verdict::Unknown);
    // The end of every topic is unknown where the topic's name is not whole.
    let reading = ends_in(&plan, b"T1 INFO\nT2 INFO\nT", Verdict::Unknown);
    assert_eq!(reading.judgement.inconclusive.len(), 2, "{reading:#?}");
    let reading = ends_in(&plan, b"T1 INFO\nT2 INFO\nT1 ", Verdict::Fail);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1)]);
    // What is missing before stays lost.
    let reading = ends_in(&plan, "T2 INFO\nT2 ÉRROR\nT1 ÉRROR\nT1 IN".as_bytes(), Verdict::Fail);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1)]);
    let plan = sends(&["ABC"], 1);
    let reading = ends_in(&plan, b"T1 B\nT1 ", Verdict::Fail);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1)]);
}

#[test]
fn a_last_line_without_its_end_is_read_whole_first() {
    let plan = two_topics(["INFO", "ERROR"]);
    ends_in(&plan, b"T1 INFO\nT1 ERROR\nT2 INFO\nT2 ERROR", Verdict::Pass);
    ends_in(&plan, b"T1 INFO\r\nT1 ERROR\r\nT2 INFO\r\nT2 ERROR\r", Verdict::Pass);
    // Nothing is missing that it could begin: it is more than was sent.
    let all = "T1 INFO\nT1 ERROR\nT2 INFO\nT2 ERROR\n";
    let reading = ends_in(&plan, format!("{all}T1 ERR").as_bytes(), Verdict::Fail);
    assert_eq!(kinds(&reading), [(AnomalyKind::Duplicate, 1)]);
    let reading = ends_in(&plan, format!("{all}T1 DEB").as_bytes(), Verdict::Fail);
    assert_eq!(kinds(&reading), [(AnomalyKind::Phantom, 1)]);
    let error = parse(&plan, "c.txt".to_owned(), format!("{all}X")).unwrap_err();
    assert!(error.starts_with("c.txt:5: expected a topic and a payload"), "{error}");
    assert!(parse(&plan, "c.txt".to_owned(), b"T1 INFO\nT1 \xff".to_vec()).is_err());
}

#[test]
fn a_payload_that_begins_another_may_be_either() {
    let plan = two_topics(["INFO", "INFORMATION"]);
    let rest = "T2 INFO\nT2 INFORMATION\nT1 INFO\n";
    ends_in(&plan, format!("{rest}T1 INFO").as_bytes(), Verdict::Unknown);
    ends_in(&plan, format!("{rest}T1 INFORMATION").as_bytes(), Verdict::Pass);
    ends_in(&plan, b"T2 INFO\nT2 INFORMATION\nT1 INFO", Verdict::Unknown);
    let shape = Shape { topics: 1, producers: 1, consumers: 1, messages: 2, batch: 1 };
    let plan =
        plan_of(&shape, |_, _, number| ["INFORMATION", "INFO"][number as usize - 1].to_owned());
    ends_in(&plan, b"T1 INFORMATION\nT1 INFO", Verdict::Pass);
}

#[test]
fn how_many_are_missing_at_an_end_is_exact_where_it_is_known() {
    // The second line cannot be the second, so that one is missing before it.
    let plan = sends(&["abcab"], 1);
    let reading = read(&plan, &[["T1 a", "T1 c", "T1 a"].map(str::to_owned).to_vec()]);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 2)]);
    let title = &reading.judgement.violations[0].proofs[0].title;
    let ends = "C1's log of T1 ends after 3 of 5 lines: 1 is missing at its end, and from line 2 on at \
                least one more";
    assert_eq!(title, ends);
}

#[test]
fn nothing_is_said_of_an_end_where_all_is_missing_before_a_cut() {
    let plan = sends(&["aba"], 1);
    let reading = ends_in(&plan, b"T1 a\nT1 a\nT1", Verdict::Fail);
    let title = &reading.judgement.violations[0].proofs[0].title;
    let from = "C1's log of T1 ends after 2 of 3 lines: from line 2 on at least one is missing";
    assert_eq!(title, from);
}

#[test]
fn logs_that_lack_different_lines_show_together_where_they_are_missing() {
    let plan = levels(&LARGE);
    let whole = &logs(&plan, Play::default())[0];
    let without = |place: usize, end: usize| {
        let mut own = whole[..end].to_vec();
        own.remove(place);
        own
    };
    let reading = read(&plan, &[without(300, 740), without(400, 900), without(500, 820)]);
    let proofs = &reading.judgement.violations[0].proofs;
    let middle = proofs.iter().filter(|proof| proof.title.ends_with("before its last line"));
    let shown = middle.map(|proof| proof.evidence.join("\n")).collect::<Vec<String>>();
    let [one, two, three] = shown.as_slice() else { panic!("{proofs:#?}") };
    let stand = |shown: &str| shown.contains(" has one more, which would stand between lines ");
    assert!(stand(one) && stand(three), "{proofs:#?}");
    // The longest has most of all payloads, so that no other log has more.
    assert!(two.starts_with("missing between lines "), "{proofs:#?}");
    assert!(two.ends_with(" of consumer_2.txt, as all logs together show"), "{proofs:#?}");
}

#[test]
fn what_is_missing_before_the_last_line_is_not_said_to_stand_after_it() {
    let plan = levels(&Shape { topics: 1, producers: 3, consumers: 3, messages: 30, batch: 1 });
    let whole = &logs(&plan, Play { seed: 1, ..Play::default() })[0];
    let mut told = 0;
    for place in [17, 22, 23, 26, 27] {
        let mut swapped = whole[..37].to_vec();
        swapped.swap(place, place + 1);
        let reading = read(&plan, &[swapped, whole[..45].to_vec(), whole[..45].to_vec()]);
        let proofs = reading.judgement.violations.iter().flat_map(|own| &own.proofs);
        for proof in proofs.filter(|proof| proof.title.ends_with("before its last line")) {
            let evidence = proof.evidence.join("\n");
            assert!(!evidence.contains("after line "), "{proof:#?}");
            told += 1;
        }
    }
    assert!(told > 0, "no swap came to two gaps");
}

#[test]
fn of_the_places_where_a_piece_may_stand_the_last_lacks_what_is_proven() {
    let mut plan = sends(&["abacab"], 2);
    plan.scenario.start = Start::Together;
    let log = |letters: &str| letters.chars().map(|own| format!("T1 {own}")).collect::<Vec<_>>();
    let reading = read(&plan, &[log("abacab"), log("a")]);
    assert_eq!(kinds(&reading), [(AnomalyKind::Lost, 1)], "{reading:#?}");
}
