//! What each attempt of a request came to, in whole runs: a broker that refuses without a reason is
//! not excused by any fault, and a new life of a broker is met by new registrations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use harness::check::Verdict;
use harness::history::{Class, Outcome};
use harness::plan::Plan;
use harness::scenario::{self, AnomalyKind};
use harness::trial::{Simulation, Trial, simulate};

use crate::support::original::serve;
use crate::support::{Ended, Folder, end};

/// Our broker, which refuses every second produce with this code.
async fn refusing(status: StatusCode, code: &'static str) -> String {
    let store = MemoryStore::new(Epoch::random(), Retain::Lag, None);
    let limits = broker::Limits::default();
    let router = broker::router(Arc::new(store), limits, broker::Signal::default());
    let state = Arc::new((AtomicU64::new(0), status, code));
    serve(Router::new().fallback_service(router).layer(from_fn_with_state(state, refuse))).await
}

async fn refuse(
    State(state): State<Arc<(AtomicU64, StatusCode, &'static str)>>,
    request: Request,
    next: Next,
) -> Response {
    let (asked, status, code) = &*state;
    let produces = request.uri().path() == "/producer/produce";
    if produces && asked.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
        let body = format!("{{\"status\":\"failure\",\"message\":\"no\",\"code\":\"{code}\"}}");
        return (*status, body).into_response();
    }
    next.run(request).await
}

/// A run of these faults on it, with producers that never try again.
async fn run(address: &str, faults: &str) -> Ended {
    let folder = Folder::new();
    folder.write(
        "x.yaml",
        &format!(
            "topics:\n  T1: P1 -> C1 C2\n\
             producers: {{ all: {{ generate: {{ messages: 60 }}, pace: 300/s, retry: false }} }}\n\
             golden: none\nfaults:\n  - {faults}\n"
        ),
    );
    let command = folder.harness(&["run", "x.yaml", "--on", address]);
    tokio::task::block_in_place(|| end(command))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_on_a_consumer_does_not_excuse_a_broker_that_is_full() {
    for (status, code) in [(400, "full"), (400, "bad_request"), (500, "unavailable")] {
        let address = refusing(StatusCode::from_u16(status).unwrap(), code).await;
        for faults in ["{ at: 0s, slow: C1, latency: 1ms }", "{ at: 0s, slow: P1, latency: 1ms }"] {
            let ended = run(&address, faults).await;
            assert_eq!(ended.code, Some(3), "{}", ended.stderr);
            let words = "30 planned messages were refused: P1#2, P1#4, P1#6, ";
            let why = format!("and 20 more, with `{code}`, which no fault explains (the first: no");
            assert!(ended.stderr.contains(&why), "{why}: {}", ended.stderr);
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
    }
}

fn simulated(yaml: &str) -> Trial {
    let folder = Folder::new();
    folder.write("x.yaml", yaml);
    let scenario = scenario::load(&folder.join("x.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let plan = Arc::new(Plan::new(scenario).unwrap_or_else(|error| panic!("{error}")));
    simulate(&plan, &Simulation::default()).unwrap_or_else(|failure| panic!("{failure}")).0
}

/// Two producers and a broker in memory that is ended, with everything that it had.
fn restarted(driver: &str, retry: bool, fault: &str) -> Trial {
    simulated(&format!(
        "topics:\n  T1: P1 P2 -> C1\n  T2: P2 -> C1\n\
         producers: {{ all: {{ generate: {{ messages: 100 }}, pace: 100/s, retry: {retry} }} }}\n\
         broker: {{ driver: {driver} }}\ngolden: none\n\
         expect: {{ anomalies: [lost] }}\n\
         drain: {{ idle: 1s, deadline: 30s }}\nfaults:\n  - {fault}\n"
    ))
}

#[test]
fn a_producer_registers_anew_with_a_broker_that_forgot_it() {
    for driver in ["detect", "original"] {
        for retry in [true, false] {
            for fault in ["kill", "stop"] {
                let fault = format!("{{ at: 400ms, {fault}: broker, for: 100ms }}");
                let trial = restarted(driver, retry, &fault);
                let context = format!("{driver}, retry {retry}, {fault}: {:#?}", trial.judgement);
                assert_eq!(trial.judgement.verdict, Verdict::Pass, "{context}");
                for part in &trial.history.producers {
                    let last = part.sends.last().unwrap();
                    assert!(matches!(last.outcome, Outcome::Acked { .. }), "{context}");
                    for session in &part.sessions {
                        let own = part.sessions.iter().filter(|own| own.stream == session.stream);
                        assert_eq!(own.count(), 2, "one for each life: {context}");
                    }
                }
                let kinds = trial.judgement.allowed.iter().map(|finding| finding.kind);
                assert_eq!(kinds.collect::<Vec<_>>(), [AnomalyKind::Lost], "{context}");
            }
        }
    }
}

#[test]
fn a_request_has_its_attempts_where_the_first_was_not_acked() {
    let faults = "{ at: 400ms, kill: broker, for: 100ms }\n  - { at: 100ms, drop_ack: P1 }";
    let trial = restarted("detect", true, faults);
    let sends = trial.history.producers.iter().flat_map(|part| &part.sends);
    let mut classes = Vec::new();
    for sent in sends {
        let is_acked = matches!(sent.outcome, Outcome::Acked { .. });
        if sent.attempts == 1 && is_acked {
            assert_eq!(sent.tries, []);
            continue;
        }
        assert_eq!(sent.tries.len(), sent.attempts as usize, "{sent:?}");
        assert_eq!(sent.tries.last().unwrap().class == Class::Acked, is_acked, "{sent:?}");
        assert!(sent.tries.windows(2).all(|pair| pair[0].ended < pair[1].began), "{sent:?}");
        let first = sent.tries[0].began >= sent.invoked;
        assert!(first && sent.tries.iter().all(|own| own.ended <= sent.completed), "{sent:?}");
        classes.extend(sent.tries.iter().map(|own| (own.class, own.code.clone())));
    }
    classes.sort_by_key(|(class, code)| (*class as u8, code.clone()));
    classes.dedup();
    let forgotten = (Class::Refused, Some("wrong_epoch".to_owned()));
    let away = (Class::NeverLeft, None);
    for expected in [(Class::Acked, None), forgotten, away, (Class::Unknown, None)] {
        assert!(classes.contains(&expected), "{expected:?}: {classes:?}");
    }
}

#[test]
fn attempts_say_which_broker_they_went_to() {
    let trial = simulated(
        "topics:\n  T1: P1 P2 -> C1\n  T2: P1 -> C1\n\
         producers: { all: { generate: { messages: 100 }, pace: 100/s } }\n\
         broker: { on: mysql, count: 2, spread: true }\ngolden: none\n\
         drain: { idle: 1s, deadline: 30s }\nfaults:\n  - { at: 400ms, kill: broker 2, for: 100ms }\n",
    );
    assert_eq!(trial.judgement.verdict, Verdict::Pass, "{:#?}", trial.judgement);
    let brokers = trial.history.producers.iter().flat_map(|part| &part.sessions);
    let brokers: Vec<_> = brokers.map(|own| (own.stream.0, own.broker)).collect();
    assert_eq!(brokers, [(0, 1), (1, 2), (2, 2)]);
    let tries = trial.history.producers.iter().flat_map(|part| &part.sends);
    let mut away: Vec<_> = tries
        .flat_map(|sent| &sent.tries)
        .filter(|own| own.class == Class::NeverLeft)
        .map(|own| own.broker)
        .collect();
    away.dedup();
    assert_eq!(away, [2]);
}
