//! Appends: what is acknowledged, and what is refused and changes nothing.

use broker::store::{Append, Error, Subscription};

use crate::support::Short;

pub(super) async fn a_batch_gets_consecutive_offsets(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    assert_eq!(store.append("A", producer, None, &["a", "b"]).await, Ok(0));
    assert_eq!(store.append("A", producer, Some(0), &["c", "d"]).await, Ok(2));
    let messages = store.poll("A", consumer, None, 9).await.unwrap();
    let seen: Vec<_> =
        messages.iter().map(|m| (m.offset, m.producer, m.sequence, m.payload.as_str())).collect();
    let expected = [
        (0, producer, None, "a"),
        (1, producer, None, "b"),
        (2, producer, Some(0), "c"),
        (3, producer, Some(1), "d"),
    ];
    assert_eq!(seen, expected);
}

pub(super) async fn payloads_of_every_kind_come_out_as_they_went_in(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    let payloads = ["", "\"", "\\", "\u{0}\u{1f}\u{7f}", "é\u{2028}🦀", "a\nb\tc", "{\"a\":1}"];
    store.append("A", producer, None, &payloads).await.unwrap();
    assert_eq!(store.take("A", consumer, 99).await, payloads);
}

pub(super) async fn refusals_come_in_order(store: Short) {
    let producer = store.producer("A").await;
    store.producer("B").await;
    let consumer = store.consumer("A").await.consumer;
    let append = async |topic, producer| store.append(topic, producer, None, &["x"]).await;
    for id in [-1, 7, i64::MIN, i64::MAX] {
        assert_eq!(append("nix", id).await, Err(Error::UnknownProducer(id)));
        assert_eq!(append("A", id).await, Err(Error::UnknownProducer(id)));
        assert_eq!(store.size("nix", id).await, Err(Error::UnknownConsumer(id)));
        let polled = store.poll("A", id, None, 1).await;
        assert_eq!(polled, Err(Error::UnknownConsumer(id)));
    }
    let unknown = Err(Error::UnknownTopic("nix".to_owned()));
    assert_eq!(append("nix", producer).await, unknown);
    assert_eq!(store.poll("nix", consumer, None, 1).await.map(|_| 0), unknown);
    let topic = "B".to_owned();
    let elsewhere = Error::ProducerNotRegistered { producer, topic: topic.clone() };
    assert_eq!(append("B", producer).await, Err(elsewhere));
    let elsewhere = Error::ConsumerNotRegistered { consumer, topic };
    assert_eq!(store.poll("B", consumer, Some(9), 1).await, Err(elsewhere.clone()));
    assert_eq!(store.size("B", consumer).await, Err(elsewhere.clone()));
    assert_eq!(store.unsubscribe("B", consumer).await, Err(elsewhere));
}

pub(super) async fn another_epoch_is_refused_first(store: Short) {
    let producer = store.producer("A").await;
    let append =
        |epoch, producer| Append { topic: "nix", producer, epoch, sequence: None, payloads: &[] };
    let wrong = store.0.append(append(Some("e0"), 99)).await;
    let (given, current) = ("e0".to_owned(), store.0.epoch().to_string());
    assert_eq!(wrong, Err(Error::WrongEpoch { given, current: current.clone() }));
    let right = store.0.append(append(Some(&current), producer)).await;
    assert_eq!(right, Err(Error::UnknownTopic("nix".to_owned())));
    let subscription = Subscription { topic: "nix", consumer: 9, epoch: Some("") };
    assert!(matches!(store.0.size(subscription).await, Err(Error::WrongEpoch { .. })));
    assert!(matches!(store.0.unsubscribe(subscription).await, Err(Error::WrongEpoch { .. })));
}

pub(super) async fn a_repeat_is_answered_and_not_appended(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    let append = async |sequence, payloads: &[&str]| {
        store.append("A", producer, Some(sequence), payloads).await
    };
    assert_eq!(append(0, &["a"]).await, Ok(0));
    assert_eq!(append(0, &["a"]).await, Ok(0));
    store.append("A", producer, None, &["between"]).await.unwrap();
    assert_eq!(append(1, &["b", "c", "d"]).await, Ok(2));
    assert_eq!(append(1, &["b", "c", "d"]).await, Ok(2));
    assert_eq!(append(2, &["c"]).await, Ok(3));
    assert_eq!(append(3, &["d"]).await, Ok(4));
    assert_eq!(append(4, &["e"]).await, Ok(5));
    assert_eq!(store.take("A", consumer, 99).await, ["a", "between", "b", "c", "d", "e"]);
}

pub(super) async fn a_gap_and_an_old_sequence_are_refused(store: Short) {
    let producer = store.producer("A").await;
    let append = async |sequence, count| {
        store.append("A", producer, Some(sequence), &vec!["x"; count]).await
    };
    assert_eq!(append(1, 1).await, Err(Error::SequenceGap { given: 1, expected: 0 }));
    append(0, 2).await.unwrap();
    append(2, 3).await.unwrap();
    assert_eq!(append(u64::MAX, 2).await, Err(Error::SequenceGap { given: u64::MAX, expected: 5 }));
    for (first, count) in [(0, 1), (0, 2), (1, 2), (1, 4), (2, 4), (4, 2), (0, 9)] {
        let last = first + u64::try_from(count).unwrap() - 1;
        let refused = Err(Error::SequenceOld { first, last, request: Some((2, 4)) });
        assert_eq!(append(first, count).await, refused);
    }
    assert_eq!(append(5, 1).await, Ok(5));
}

pub(super) async fn sends_without_sequence_leave_the_count_alone(store: Short) {
    let producer = store.producer("A").await;
    let other = store.producer("A").await;
    store.append("A", producer, Some(0), &["a"]).await.unwrap();
    store.append("A", producer, None, &["b"]).await.unwrap();
    assert_eq!(store.append("A", other, Some(0), &["c"]).await, Ok(2));
    assert_eq!(store.append("A", producer, Some(0), &["a"]).await, Ok(0));
    assert_eq!(store.append("A", producer, Some(1), &["d"]).await, Ok(3));
}

pub(super) async fn a_refused_append_changes_nothing(store: Short) {
    let producer = store.producer("A").await;
    let consumer = store.consumer("A").await.consumer;
    store.append("A", producer, Some(0), &["a"]).await.unwrap();
    store.append("A", producer, Some(9), &["x", "y"]).await.unwrap_err();
    store.append("A", 99, None, &["x"]).await.unwrap_err();
    assert_eq!(store.size("A", consumer).await, Ok((1, 0)));
    assert_eq!(store.append("A", producer, Some(1), &["b"]).await, Ok(1));
    assert_eq!(store.take("A", consumer, 9).await, ["a", "b"]);
}
