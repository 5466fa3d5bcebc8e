//! Tokens over real sockets: who is let in where, and what becomes of a file that changes.

use std::fs;
use std::path::Path;
use std::process::Command;

use broker_client::transport::Options;
use broker_client::wire::Code;
use broker_client::{Client, Error, Producer, Retry, Subscription};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::process::Process;

/// A token, and its line in a file.
struct Made {
    token: String,
    line: String,
}

/// What `broker token` prints.
fn token(scope: &str, name: &str) -> Made {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    let made = command.args(["token", "--scope", scope, "--name", name]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let said = String::from_utf8(made.stderr).unwrap();
    let token = said.strip_prefix("the token, which is shown this once: ").unwrap().trim();
    Made { token: token.to_owned(), line: String::from_utf8(made.stdout).unwrap() }
}

/// Puts a file in place of another in one step.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// A broker that asks for a token of a file with these lines.
fn guarded(lines: &str) -> (TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, lines).unwrap();
    let process = Process::start("memory", &["--audit", "--token-file", file.to_str().unwrap()]);
    (folder, process)
}

fn client(process: &Process, token: Option<&str>) -> Client {
    let token = token.map(|token| token.parse().unwrap());
    Client::with_options(&process.address(), Options { token, ..Options::default() }).unwrap()
}

/// A request with these lines in its head beside the usual ones, and the whole answer.
async fn ask(process: &Process, request: &str, head: &str, body: &str) -> String {
    let address = process.address();
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).await.unwrap();
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The code of a refusal, `success`, or the status where there is neither.
fn outcome(answer: &str) -> String {
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let word = body["code"].as_str().or(body["status"].as_str());
    word.map_or_else(|| answer.lines().next().unwrap_or_default().to_owned(), str::to_owned)
}

/// The code with which somebody who asks for the topics is refused.
async fn code(process: &Process, made: &Made) -> Option<String> {
    let topics = client(process, Some(&made.token)).topics().await;
    topics.err().map(|error| error.code().unwrap().to_string())
}

#[tokio::test]
async fn each_route_asks_for_its_scope() {
    let made: Vec<Made> =
        ["produce", "consume", "admin"].iter().map(|scope| token(scope, scope)).collect();
    let lines: String = made.iter().map(|made| made.line.as_str()).collect();
    let (_folder, process) = guarded(&lines);
    let (no, yes, topic) = ("forbidden", "success", r#"{"topic":"A"}"#);
    let produce = r#"{"topic":"A","producer_id":0,"message":"m"}"#;
    let of = |route: &str| format!("GET {route}?topic=A&consumer_id=0");
    // What comes of each with a token to produce, to consume and to administer.
    for (request, body, outcomes) in [
        ("POST /topics".to_owned(), r#"{"topic_name":"A"}"#, [yes, no, no]),
        ("GET /topics".to_owned(), "", [yes, yes, yes]),
        ("POST /producer/register".to_owned(), topic, [yes, no, no]),
        ("POST /producer/produce".to_owned(), produce, [yes, no, no]),
        ("POST /consumer/register".to_owned(), topic, [no, yes, no]),
        (of("/size"), "", [no, yes, no]),
        (of("/consumer/consume") + "&max=9", "", [no, yes, no]),
        ("DELETE /consumer?topic=A&consumer_id=0".to_owned(), "", [no, yes, no]),
        ("GET /audit?topic=A".to_owned(), "", [no, no, yes]),
        ("GET /metrics".to_owned(), "", [no, no, "HTTP/1.1 200 OK"]),
        ("GET /stats".to_owned(), "", [no, no, yes]),
        ("DELETE /topics/A".to_owned(), "", [no, no, yes]),
        ("DELETE /nowhere".to_owned(), "", [no, no, "not_found"]),
        ("GET /producer/produce".to_owned(), "", ["method_not_allowed", no, no]),
        ("PUT /topics".to_owned(), "", ["method_not_allowed"; 3]),
    ] {
        let unknown = "Authorization: Bearer 0123\r\n".to_owned();
        let basic = format!("Authorization: Basic {}\r\n", made[0].token);
        let twice = format!("Authorization: Bearer {0}\r\nAuthorization: x\r\n", made[0].token);
        for head in ["", &unknown, &basic, &twice] {
            let answer = ask(&process, &request, head, body).await;
            assert_eq!(outcome(&answer), "unauthorized", "{request}: {answer}");
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            assert!(answer.contains("\r\nwww-authenticate: Bearer\r\n"), "{answer}");
        }
        for (Made { token, .. }, expected) in made.iter().zip(outcomes) {
            let head = format!("authorization: bearer  {token}\r\n");
            let answer = ask(&process, &request, &head, body).await;
            assert_eq!(outcome(&answer), expected, "{request}: {answer}");
            assert!(!answer.contains(token.as_str()), "{answer}");
            if expected == no {
                assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
                assert!(answer.contains("\r\nwww-authenticate: Bearer error="), "{answer}");
            }
        }
    }
    for open in ["GET /healthz", "GET /readyz", "GET /openapi.json"] {
        let answer = ask(&process, open, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{open}: {answer}");
    }
    let said = process.said();
    assert!(made.iter().all(|made| !said.contains(&made.token)), "{said}");
}

#[tokio::test]
async fn a_client_shows_its_token_and_keeps_it_to_itself() {
    let (send, poll) = (token("produce", "send"), token("consume", "poll"));
    let (_folder, process) = guarded(&format!("{}{}", send.line, poll.line));
    let topic = "A".parse().unwrap();
    let sender = client(&process, Some(&send.token));
    let producer = Producer::new(&sender);
    assert_eq!(producer.send(&topic, "before").await, Ok(0));
    let reader = client(&process, Some(&poll.token));
    let mut subscription = Subscription::subscribe(&reader, &topic, &Retry::never()).await.unwrap();
    assert_eq!(producer.send(&topic, "after").await, Ok(1));
    let polled = subscription.poll(9, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(
        polled.iter().map(|message| message.payload.to_string()).collect::<Vec<_>>(),
        ["after"]
    );
    let refused = |error: Error, code: Code| {
        assert_eq!(error.code(), Some(&code), "{error}");
        assert!(!error.may_pass() && error.is_definite(), "{error}");
        error.to_string()
    };
    let lacking = refused(reader.create_topic("B").await.unwrap_err(), Code::Forbidden);
    let expected = "POST /topics needs the scope produce, and poll has not got it (forbidden)";
    assert_eq!(lacking, expected);
    let none = client(&process, None).topics().await.unwrap_err();
    let none = refused(none, Code::Unauthorized);
    assert!(none.contains("a token is needed"), "{none}");
    let wrong = client(&process, Some("0123")).topics().await.unwrap_err();
    assert_eq!(refused(wrong, Code::Unauthorized), "the token is not known here (unauthorized)");
    assert!(!format!("{sender:?} {producer:?}").contains(&send.token));
}

/// More than a connection takes that nobody reads from.
#[tokio::test]
async fn a_client_without_a_token_hears_so_for_a_large_body_too() {
    let (_folder, process) = guarded(&token("produce", "ann").line);
    let body = "x".repeat(8 << 20);
    let answer = ask(&process, "POST /producer/produce", "", &body).await;
    assert!(answer.contains("a token is needed"), "{answer}");
}

#[tokio::test]
async fn a_file_that_changes_is_read_again_and_a_broken_one_leaves_the_tokens() {
    let (old, new) = (token("admin", "old"), token("admin", "new"));
    let (folder, process) = guarded(&old.line);
    let file = folder.path().join("tokens");
    let code = async |made: &Made| code(&process, made).await;
    assert_eq!(code(&old).await, None);
    assert_eq!(code(&new).await.unwrap(), "unauthorized");
    replace(&file, &new.line);
    while code(&new).await.is_some() {}
    assert_eq!(code(&old).await.unwrap(), "unauthorized");
    replace(&file, &format!("{}old admn sha256:00", new.line));
    let why = "tokens:2: there is no scope `admn`";
    while !process.said().contains(why) {
        tokio::task::yield_now().await;
    }
    assert_eq!(code(&new).await, None, "{}", process.said());
    assert_eq!(code(&old).await.unwrap(), "unauthorized");
    fs::remove_file(&file).unwrap();
    while !process.said().contains("no such file or directory") {
        tokio::task::yield_now().await;
    }
    assert_eq!(code(&new).await, None);
    fs::write(&file, &old.line).unwrap();
    while code(&old).await.is_some() {}
    assert_eq!(code(&new).await.unwrap(), "unauthorized");
}

#[tokio::test]
async fn a_file_that_is_half_written_leaves_the_tokens_until_it_is_whole() {
    let (old, new, other) = (token("admin", "old"), token("admin", "new"), token("admin", "other"));
    let (folder, process) = guarded(&old.line);
    let file = folder.path().join("tokens");
    let text = format!("{}{}", new.line, other.line);
    // In place, as a copy does it that comes to a halt.
    for (end, why) in [
        (0, "there is no token in it"),
        ("new adm".len(), "tokens:1: expected `name scopes sha256:HEX`"),
        (new.line.len() - 2, "tokens:1: behind `sha256:` 64 hexadecimal digits are expected"),
        (text.len() - 2, "tokens:2: behind `sha256:` 64 hexadecimal digits are expected"),
    ] {
        fs::write(&file, &text[..end]).unwrap();
        let line = loop {
            // It is read by another thread.
            let said = process.said();
            if let Some(line) = said.lines().find(|line| line.contains(why)) {
                break line.to_owned();
            }
            tokio::task::yield_now().await;
        };
        assert!(line.contains("the tokens stay as they were"), "{line}");
        assert_eq!(code(&process, &old).await, None, "{end}");
        assert_eq!(code(&process, &new).await.unwrap(), "unauthorized", "{end}");
    }
    fs::write(&file, &text).unwrap();
    while code(&process, &other).await.is_some() {}
    assert_eq!(code(&process, &new).await, None);
    assert_eq!(code(&process, &old).await.unwrap(), "unauthorized");
}

#[test]
fn a_token_is_another_each_time_and_its_line_does_not_show_it() {
    let (one, other) = (token("consume,produce,consume", "a"), token("admin", "b"));
    assert_ne!(one.token, other.token);
    assert_eq!(one.token.len(), 64);
    assert!(one.line.starts_with("a produce,consume sha256:"), "{}", one.line);
    assert!(!one.line.contains(&one.token));
}

#[test]
fn whoever_is_let_in_is_said_before_others_can_reach_the_broker() {
    let fails = |arguments: &[&str], expected: &str| {
        let (code, said) = Process::fails("memory", arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:5000"] {
        fails(&["--listen", address], "can be reached from other machines");
        fails(&["--listen", address], "--allow-anonymous where everybody who reaches it may do");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let path = file.to_str().unwrap();
    let missing = format!("--token-file: cannot read {path}: no such file or directory");
    fails(&["--token-file", path], &missing);
    fs::write(&file, "").unwrap();
    fails(&["--token-file", path], &format!("--token-file: {path}: there is no token in it"));
    fs::write(&file, "# nobody\na produce sha256:12\n").unwrap();
    fails(&["--token-file", path], "tokens:2: behind `sha256:` 64 hexadecimal digits");
    fails(&["--token-file", path, "--allow-anonymous"], "leave one of them out");
    if !cfg!(feature = "tls") {
        let both = ["--tls-cert", path, "--tls-key", path];
        fails(&both, "built without TLS: `cargo build --package broker --features tls` builds one");
    }
}
