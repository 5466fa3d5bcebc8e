//! `harness run FILE --on URL` where the broker asks who we are, and where it has to show who it is.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use broker::{NewToken, Scope, TokenArguments};
use harness::driver::TOKEN_VARIABLE;
use tokio::net::TcpListener;

use crate::external::folder;
use crate::support::{Broker, Ended, Folder, end};

/// A token for these, and the line that lets it in.
fn token(scope: &[Scope]) -> NewToken {
    let arguments = TokenArguments { scope: scope.to_vec(), name: Some("harness".to_owned()) };
    arguments.make().unwrap()
}

/// Runs 5p3c on a broker at a URL, with this token in the environment, and writes reports.
fn run(folder: &Folder, token: Option<&str>, arguments: &[&str]) -> Ended {
    let words = ["run", "5p3c.yaml", "--report-json", "r.json", "--report-html", "r.html"];
    let mut command = folder.harness(&[&words, arguments].concat());
    command.env("INSTA_UPDATE", "unseen").env_remove(TOKEN_VARIABLE);
    if let Some(token) = token {
        command.env(TOKEN_VARIABLE, token);
    }
    tokio::task::block_in_place(|| end(command))
}

/// Files of a folder, and of those in it, in which a text stands.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A run that came to this end said these words, and nowhere the token.
fn check(ended: &Ended, folder: &Folder, token: &str, code: i32, words: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    let shown = [&ended.stdout, &ended.stderr].iter().any(|text| text.contains(token));
    assert!(!shown, "{} {}", ended.stdout, ended.stderr);
    assert_eq!(holding(folder.path(), token), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_for_a_token_gets_it_from_the_environment() {
    let (ours, theirs) = (token(&[Scope::Produce, Scope::Consume]), token(&[Scope::Produce]));
    let lines = Folder::new();
    lines.write("tokens", &format!("{}\n{}\n", ours.line, theirs.line));
    let broker = Broker::start(&["--token-file", lines.join("tokens").to_str().unwrap()]);
    let on = ["--on", broker.address.as_str()];
    let folder = folder("detect");
    let passed = run(&folder, Some(&ours.token), &on);
    check(&passed, &folder, &ours.token, 0, "5p3c");
    let asks =
        "asks who we are: the token is not known here (unauthorized); HARNESS_BROKER_TOKEN names";
    check(&run(&folder, Some("0123456789"), &on), &folder, "0123456789", 3, asks);
    let none = run(&folder, None, &on);
    check(&none, &folder, &ours.token, 3, "a token is needed");
    let lacking = run(&folder, Some(&theirs.token), &on);
    check(&lacking, &folder, &theirs.token, 3, "harness has not got it (forbidden)");
    let spelt = run(&folder, Some("two words"), &on);
    check(&spelt, &folder, "two words", 2, "HARNESS_BROKER_TOKEN: a token is made of letters");
    let own = run(&folder, Some("two words"), &["--on", "memory"]);
    check(&own, &folder, "two words", 0, "5p3c");
    let typed = format!("http://{}@127.0.0.1:1", ours.token);
    let typed = run(&folder, None, &["--on", &typed]);
    check(&typed, &folder, &ours.token, 2, "http://***@127.0.0.1:1");
    assert!(typed.stderr.contains("a token goes into HARNESS_BROKER_TOKEN"), "{}", typed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_repeats_the_token_does_not_bring_it_into_reports() {
    let repeat = async |headers: HeaderMap| {
        let token = headers[AUTHORIZATION].to_str().unwrap().to_owned();
        let why = format!(r#"{{"status":"failure","message":"no entry with {token}"}}"#);
        (StatusCode::BAD_REQUEST, why)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = axum::serve(listener, Router::new().fallback(repeat));
    let serving = tokio::spawn(server.into_future());
    let folder = folder("original");
    let ended = run(&folder, Some("s3cret-token"), &["--on", &address]);
    check(&ended, &folder, "s3cret-token", 3, "no entry with Bearer ***");
    serving.abort();
}

#[cfg(not(feature = "tls"))]
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_tls_says_what_builds_it() {
    let folder = folder("detect");
    let ended = run(&folder, None, &["--on", "https://127.0.0.1:5000"]);
    check(&ended, &folder, "s3cret", 2, "the cargo feature `tls` has the harness built with it");
}

#[cfg(feature = "tls-tests")]
#[tokio::test(flavor = "multi_thread")]
async fn five_producers_and_three_consumers_pass_through_tls_with_a_token() {
    use crate::support::certificates::Authority;

    let ours = token(&[Scope::Produce, Scope::Consume, Scope::Admin]);
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let certified = authority.certify("127.0.0.1");
    let files = Folder::new();
    for (name, text) in [
        ("tokens", &ours.line),
        ("cert.pem", &certified.certificate),
        ("key.pem", &certified.key),
        ("ca.pem", &authority.pem()),
        ("other.pem", &other.pem()),
    ] {
        files.write(name, text);
    }
    let path = |name: &str| files.join(name).to_str().unwrap().to_owned();
    let broker = Broker::start(&[
        "--audit",
        "--token-file",
        &path("tokens"),
        "--tls-cert",
        &path("cert.pem"),
        "--tls-key",
        &path("key.pem"),
    ]);
    let on = ["--on".to_owned(), broker.address.replace("http://", "https://"), "--ca".to_owned()];
    let with = |ca: &str| [&on[..], &[path(ca)]].concat();
    let folder = folder("detect");
    let start = |ca: &str| {
        let words = with(ca);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(&folder, Some(&ours.token), &words)
    };
    check(&start("ca.pem"), &folder, &ours.token, 0, "5p3c");
    check(
        &start("other.pem"),
        &folder,
        &ours.token,
        3,
        "UnknownIssuer; name the CA that signed it",
    );
    check(&start("tokens"), &folder, &ours.token, 2, "--ca: there is no certificate in it");
    check(&start("none.pem"), &folder, &ours.token, 2, "none.pem: no such file or directory");
    let plain = run(&folder, Some(&ours.token), &["--on", &broker.address]);
    check(
        &plain,
        &folder,
        &ours.token,
        3,
        "TLS is spoken here: write https:// in place of http://",
    );
    let useless = run(&folder, None, &["--on", "memory", "--ca", &path("ca.pem")]);
    check(&useless, &folder, &ours.token, 2, "--ca is for a broker at an https:// URL");
}
