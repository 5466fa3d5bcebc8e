//! What is said of the messages of a batch, each by itself: by its ack, by its order, by what came.

use super::small::Case;
use super::*;

const STALE: [(AnomalyKind, u64); 1] = [(AnomalyKind::StaleAck, 1)];
const REORDERED: [(AnomalyKind, u64); 1] = [(AnomalyKind::Reordered, 1)];
const MISROUTED: [(AnomalyKind, u64); 1] = [(AnomalyKind::Misrouted, 1)];

fn from(offset: u64) -> Outcome {
    Outcome::Acked { offsets: Offsets::From(offset) }
}

fn untold() -> Outcome {
    Outcome::Acked { offsets: Offsets::Untold }
}

#[test]
fn each_message_of_a_batch_stands_where_the_ack_says() {
    let case = |outcome| Case::new(1, 1, 3).sends("P1#1", 3, (20, 21), outcome);
    case(from(0)).gets(1, "P1#1@0 P1#2@1 P1#3@2").finds(&[]);
    let titles = case(from(0)).gets(1, "P1#1@0 P1#2@5 P1#3@6").titles(&STALE);
    let title = "P1#2 (T1 number 2, producer_1.txt:2) was acked at offset 1 of T1, and it stands at \
                 offset 5";
    assert_eq!(titles, [title]);
    let each = || Outcome::Acked { offsets: Offsets::Each(vec![0, 4, 9]) };
    case(each()).gets(1, "P1#1@0 P1#2@4 P1#3@9").finds(&[]);
    case(each()).gets(1, "P1#1@0 P1#2@5 P1#3@9").finds(&STALE);
    // Where batches scatter, an ack with one offset speaks of the first message only.
    let mut scattered = case(from(0)).gets(1, "P1#1@0 P1#2@5 P1#3@6");
    scattered.history.scattered_batches = true;
    scattered.finds(&[]);
}

#[test]
fn what_is_reordered_within_a_batch_is_not_stale_as_well() {
    let case = || {
        let case = Case::new(1, 1, 3).sends("P1#1", 3, (20, 21), from(0));
        case.gets(1, "P1#1@0 P1#3@1 P1#2@2")
    };
    case().finds(&REORDERED);
    case().order(Order::PerProducer).finds(&REORDERED);
    case().order(Order::None).finds(&STALE);
}

#[test]
fn each_message_of_a_batch_is_due_by_its_own_offset() {
    for order in [Order::PerTopic, Order::PerProducer, Order::None] {
        let case = |start| {
            let case = Case::new(1, 1, 3).order(order).sends("P1#1", 3, (20, 27), from(3));
            case.subscribed(1, (24, 28), Some(start))
        };
        for (start, lost) in [(3, 3), (4, 2), (5, 1)] {
            case(start).finds(&[(AnomalyKind::Lost, lost)]);
        }
        assert_eq!(kinds(&judge(&case(6).plan, &case(6).history)), []);
    }
}

#[test]
fn an_offset_says_more_than_what_came_of_the_batch() {
    // P1#2 stands before the start, so it is not due because P1#1 came.
    for order in [Order::PerTopic, Order::PerProducer] {
        let mut case = Case::new(1, 1, 3)
            .order(order)
            .sends("P1#1", 3, (20, 27), from(2))
            .subscribed(1, (24, 28), Some(4))
            .gets(1, "P1#1 P1#3@4");
        case.finds(&MISROUTED);
        // It may be of another place in the log, which says as little.
        case.history.producers[0].sends[0].attempts = 2;
        case.finds(&[]);
        // Nor where the ack is wrong about what came: it still does not say that P1#2 is due.
        Case::new(1, 1, 2)
            .order(order)
            .sends("P1#1", 2, (20, 27), from(2))
            .subscribed(1, (24, 28), Some(4))
            .gets(1, "P1#1@5")
            .finds(&STALE);
    }
}

#[test]
fn a_batch_is_not_begun_by_what_came_from_before() {
    let case = |deliveries| {
        let case = Case::new(1, 1, 2).sends("P1#1", 2, (20, 27), untold());
        case.subscribed(1, (24, 28), Some(5)).gets(1, deliveries)
    };
    case("P1#1@1").finds(&MISROUTED);
    case("P1#1@5").finds(&[(AnomalyKind::Lost, 1)]);
}

#[test]
fn a_swap_within_a_batch_accuses_nobody_else() {
    // P2#1 overlaps with the batch, and stands between its messages.
    let case = Case::plain(2, 2, 2)
        .sends("P1#1", 2, (20, 29), untold())
        .acked("P2#1", (19, 30), None)
        .gets(1, "P1#2 P2#1 P1#1")
        .gets(2, "P1#1 P2#1 P1#2");
    case.finds(&REORDERED);
}
