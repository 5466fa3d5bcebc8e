//! A scenario that passes and some that do not, on brokers of both kinds, from tests of both kinds.

use std::fs;
use std::path::PathBuf;

use axum::Router;
use axum::http::StatusCode;
use tempfile::TempDir;

use super::Run;
use crate::exit::Exit;
use crate::testbed::in_process;

const SMALL: &str = "topics: { T1: P1 P2 -> C1 C2 }
producers: { all: { generate: { messages: 20 } } }
golden: none
";

fn scenario(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.yaml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

/// What a run that does not pass says.
fn refused(run: Run, exit: Exit, words: &str) {
    let failed = run.run().unwrap_err();
    assert_eq!(failed.exit(), exit, "{failed}");
    assert!(failed.to_string().contains(words), "{words:?} is not in\n{failed}");
    assert_eq!(format!("{failed:?}"), format!("\n{failed}"));
}

#[test]
fn a_scenario_passes_on_our_own_broker_and_leaves_its_logs_where_it_is_told_to() {
    let (folder, file) = scenario(SMALL);
    let passed = Run::new(&file).out(folder.path().join("out")).seed(7).run().unwrap();
    assert_eq!(passed.entry().seed, Some(7));
    assert!(passed.to_string().contains("sent 40  delivered 80"), "{passed}");
    let log = fs::read_to_string(folder.path().join("out/small/consumer_1.txt")).unwrap();
    assert_eq!(log.lines().count(), 40);
}

#[tokio::test]
async fn a_runtime_that_serves_the_broker_goes_on_meanwhile() {
    let (_folder, file) = scenario(SMALL);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(in_process::serve(listener));
    let passed = Run::new(&file).on(url).run_async().await.unwrap();
    assert_eq!(passed.entry().exit(), Exit::Passed);
    server.abort();
}

#[test]
fn a_broker_that_answers_nonsense_does_not_pass_and_its_logs_are_kept() {
    let (_folder, file) = scenario(SMALL);
    let broken = Router::new().fallback(|| async { StatusCode::IM_A_TEAPOT });
    let run = Run::new(&file).serve(|listener| axum::serve(listener, broken));
    refused(run, Exit::NoVerdict, "418");
    let ended = Run::new(&file).serve(|listener| async move { drop(listener) });
    refused(ended, Exit::NoVerdict, "what serves the broker came to an end meanwhile");
}

#[test]
fn what_only_the_program_can_do_is_refused_with_what_to_do_instead() {
    let (_folder, file) = scenario(SMALL);
    refused(Run::new(&file).on("redis"), Exit::Usage, "redis is no URL");
    let (_folder, file) = scenario(&format!("{SMALL}broker: {{ on: mysql }}\n"));
    refused(Run::new(&file), Exit::Usage, "its broker is mysql, which only the program `harness`");
    let faults = "faults: [{ at: 10ms, kill: broker, for: 10ms }]\n";
    let (_folder, file) = scenario(&format!("{SMALL}{faults}"));
    refused(Run::new(&file), Exit::Usage, "small.yaml:4");
    let (folder, file) = scenario("topics: {}\n");
    refused(Run::new(&file), Exit::Usage, "small.yaml");
    refused(Run::new(folder.path().join("none.yaml")), Exit::Usage, "none.yaml");
}
