//! The broker's promises as tests. This is all that a crate of your own needs.

use harness::exit::Exit;
use judge_your_broker::{Bug, broken, router};

const ORDERS: &str = "scenarios/orders.yaml";

#[test]
fn keeps_its_promises() -> Result<(), harness::Failed> {
    let passed =
        harness::Run::new(ORDERS).serve(|listener| axum::serve(listener, router())).run()?;
    println!("{passed}");
    Ok(())
}

/// A broker that runs elsewhere is named by its URL. Here it shares the test's own runtime, so the run is
/// awaited.
#[tokio::test]
async fn keeps_its_promises_where_it_runs_already() -> Result<(), harness::Failed> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router()).into_future());
    harness::Run::new(ORDERS).on(url).run_async().await?;
    Ok(())
}

/// The scenario itself, on the harness's own broker.
#[test]
fn the_scenario_is_one_that_can_be_passed() -> Result<(), harness::Failed> {
    harness::run(ORDERS)?;
    Ok(())
}

/// What a bug looks like: the proof is in the text, and in the failure as data.
#[test]
fn what_is_forgotten_and_what_is_out_of_order_is_proven() {
    for (bug, kind, words) in [
        (Bug::Forgets, "lost", "deliveries of acknowledged messages never came"),
        (Bug::Reverses, "reordered", "out of order"),
    ] {
        let run = harness::Run::new(ORDERS)
            .serve(move |listener| axum::serve(listener, broken(bug)))
            .out(env!("CARGO_TARGET_TMPDIR"));
        let failed = run.run().unwrap_err();
        assert_eq!(failed.exit(), Exit::Failed, "{failed}");
        assert!(failed.to_string().contains(words), "{failed}");
        let found = &failed.entry().judgement.as_ref().unwrap().violations;
        assert!(found.iter().any(|finding| finding.kind.as_str() == kind), "{failed}");
    }
}
