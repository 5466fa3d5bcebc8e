//! Brokers that forget a subscription or a producer, and how each says so.

use serde_json::{Value, json};

use super::{SWAPPED_WIRE, how, judge, lines, run, scenario};
use crate::support::Folder;
use crate::support::foreign::{Bug, Foreign, SWAPPED, UUIDS, WORDS};

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_forgotten_is_known_by_its_code_or_in_the_original_s_words() {
    for style in [UUIDS, WORDS] {
        // Of 60 on T1 and of 20 on the other, each without 7.
        judge(style, "", Bug::Forget(7), 1, &[("lost", 66)], "drained").await;
    }
    let (broker, folder) = (Foreign::start(SWAPPED, Bug::Forget(7)).await, Folder::new());
    scenario(&folder, SWAPPED_WIRE, "");
    let ended = run(&folder, &broker.address);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(how(&folder), "idle", "it may have passed, and nothing waits for the deadline");
    assert!(ended.stderr.contains("the last poll failed"), "{}", ended.stderr);
    let claims = lines(&folder, "subscription");
    assert!(claims.iter().all(|claim| claim["forgotten"].is_null()), "{claims:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_is_forgotten_registers_anew_where_the_broker_says_so() {
    for (style, wire, code) in [
        (UUIDS, "", json!("unknown_producer")),
        (WORDS, "", json!("unknown_producer")),
        (SWAPPED, SWAPPED_WIRE, Value::Null),
    ] {
        let (broker, folder) =
            (Foreign::start(style, Bug::ForgetProducer(30)).await, Folder::new());
        scenario(&folder, wire, "");
        let ended = run(&folder, &broker.address);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        let sends = lines(&folder, "send");
        let tries: Vec<_> = sends.iter().filter_map(|sent| sent["tries"].as_array()).collect();
        assert!(!tries.is_empty() && tries.iter().all(|tries| tries.len() == 1), "{tries:?}");
        for tries in &tries {
            assert_eq!((&tries[0]["class"], &tries[0]["code"]), (&json!("refused"), &code));
        }
        let (is_told, sessions) = (!code.is_null(), lines(&folder, "session").len());
        assert_eq!((tries.len() == 1, sessions), (is_told, if is_told { 4 } else { 3 }));
        let said = if is_told { ", with `unknown_producer`" } else { " were refused" };
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}
