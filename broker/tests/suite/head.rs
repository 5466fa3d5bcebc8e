//! Heads of requests that HTTP forbids or that name what there is not, over a real socket: each gets an
//! answer that says what is wrong, and nothing is done.

use tokio::io::AsyncWriteExt;

use crate::server::{Running, ask, patient, rest};

/// What a new connection hears in answer to this head with a body.
async fn answer(running: &Running, head: &str, body: &str) -> String {
    let mut stream = running.connect().await;
    let length = body.len();
    let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    // It ends when the broker closes.
    rest(stream).await
}

/// Whether no topic was made.
async fn has_done_nothing(running: &Running) -> bool {
    let head = "GET /topics HTTP/1.1\r\nHost: a\r\nConnection: close";
    answer(running, head, "").await.contains(r#""code":"no_topics""#)
}

#[tokio::test]
async fn a_request_names_one_host() {
    let running = Running::start(patient()).await;
    for (head, why) in [
        ("POST /topics HTTP/1.1", "the header Host is missing"),
        ("POST /topics HTTP/1.1\r\nHost: a\r\nHost: a", "the header Host is given twice"),
        ("POST /topics HTTP/1.0\r\nHost: a\r\nhost: b", "the header Host is given twice"),
    ] {
        let said = answer(&running, head, r#"{"topic_name":"T"}"#).await;
        assert!(said.contains(" 400 Bad Request\r\n"), "{head}: {said}");
        assert!(said.contains(why) && said.contains(r#""code":"bad_request""#), "{head}: {said}");
    }
    assert!(has_done_nothing(&running).await);
    // One of the old version need not name any.
    let said = answer(&running, "POST /topics HTTP/1.0", r#"{"topic_name":"T"}"#).await;
    assert!(said.contains(" 200 OK\r\n"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn what_a_request_expects_is_known_or_refused() {
    let running = Running::start(patient()).await;
    let close = "POST /topics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect:";
    for expects in ["tea", "100-continue, tea", "100-continue\r\nExpect: tea"] {
        let said = answer(&running, &format!("{close} {expects}"), r#"{"topic_name":"T"}"#).await;
        assert!(said.starts_with("HTTP/1.1 417 Expectation Failed\r\n"), "{expects}: {said}");
        assert!(said.contains("only 100-continue is known"), "{expects}: {said}");
    }
    assert!(has_done_nothing(&running).await);
    let said = answer(&running, &format!("{close} 100-Continue"), r#"{"topic_name":"T"}"#).await;
    assert!(said.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn the_broker_is_no_proxy() {
    let running = Running::start(patient()).await;
    let head = "CONNECT db.example:3306 HTTP/1.1\r\nHost: db.example:3306\r\nConnection: close";
    let said = answer(&running, head, "").await;
    assert!(said.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{said}");
    let why = "CONNECT to db.example:3306 was asked for: the broker is no proxy";
    assert!(said.contains(why), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn an_id_has_one_name() {
    let running = Running::with_topic(patient()).await;
    let mut stream = running.connect().await;
    for id in ["%2B0", "-0", "-00"] {
        let head = format!("GET /size?topic=A&consumer_id={id} HTTP/1.1\r\nHost: a\r\n\r\n");
        let said = ask(&mut stream, &head).await;
        assert!(said.contains("a whole number was expected"), "{id}: {said}");
    }
    for id in ["+0", "-0"] {
        let body = format!(r#"{{"topic":"A","producer_id":"{id}","message":"x"}}"#);
        let length = body.len();
        let head = format!(
            "POST /producer/produce HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let said = ask(&mut stream, &head).await;
        assert!(said.contains("producer_id: invalid value"), "{id}: {said}");
    }
    drop(stream);
    running.stop().await;
}
