//! The attacks on the memory of a broker. Each is bounded, and what it holds is let go when that is
//! dropped.

use std::sync::Arc;
use std::thread;

use crate::Failed;
use crate::client::{Connection, get, post};

/// An attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// Answers the connections that hold what was taken.
    pub(crate) carry_out: fn(u16) -> Result<Vec<Connection>, Failed>,
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "300,000 topics", carry_out: topics },
    Attack {
        name: "100,000 topics with long names, listed 40 times and not read",
        carry_out: lists,
    },
    Attack { name: "300,000 producers", carry_out: producers },
    Attack { name: "1,000 heads of 400,000 bytes, not finished", carry_out: large_heads },
    Attack { name: "1,000 heads of 60,000 bytes, not finished", carry_out: heads },
    Attack { name: "100 bodies that stall short of 16 MiB", carry_out: bodies },
    Attack { name: "200 answers of 8 MiB, not read", carry_out: answers },
    Attack { name: "1,000 batches of 15 MB on 4 connections", carry_out: batches },
];

/// On 8 connections at once, so many requests in all.
fn repeat(
    port: u16,
    count: usize,
    request: impl Fn(usize) -> Vec<u8> + Sync,
) -> Result<Vec<Connection>, Failed> {
    const THREADS: usize = 8;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                let request = &request;
                scope.spawn(move || -> Result<Connection, Failed> {
                    let mut connection = Connection::open(port)?;
                    for number in (first..count).step_by(THREADS) {
                        // A refusal is an answer too.
                        if connection.ask(&request(number)).is_err() {
                            connection = Connection::open(port)?;
                        }
                    }
                    Ok(connection)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread failed")?).collect()
    })
}

fn topics(port: u16) -> Result<Vec<Connection>, Failed> {
    repeat(port, 300_000, |number| post("/topics", &format!(r#"{{"topic":"T{number}"}}"#)))
}

fn lists(port: u16) -> Result<Vec<Connection>, Failed> {
    let name = "x".repeat(200);
    let mut held = repeat(port, 100_000, |number| {
        post("/topics", &format!(r#"{{"topic":"{name}{number}"}}"#))
    })?;
    for connection in unread(port, 40, &get("/topics"))? {
        held.push(connection);
    }
    Ok(held)
}

fn producers(port: u16) -> Result<Vec<Connection>, Failed> {
    repeat(port, 300_000, |_| post("/producer/register", r#"{"topic":"bad"}"#))
}

fn large_heads(port: u16) -> Result<Vec<Connection>, Failed> {
    heads_of(port, 400_000)
}

fn heads(port: u16) -> Result<Vec<Connection>, Failed> {
    heads_of(port, 60_000)
}

fn heads_of(port: u16, bytes: usize) -> Result<Vec<Connection>, Failed> {
    let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(bytes));
    unread(port, 1000, head.as_bytes())
}

fn bodies(port: u16) -> Result<Vec<Connection>, Failed> {
    let length = 16 << 20;
    let head = format!(
        "POST /producer/produce HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{\"topic\":\""
    );
    let body: Arc<[u8]> = [head.into_bytes(), vec![b'x'; length - 1000]].concat().into();
    (0..100)
        .map(|_| {
            let connection = Connection::open(port)?;
            let (mut sender, body) = (connection.twin()?, Arc::clone(&body));
            // What is not read yet blocks its sender, until the other one is dropped.
            thread::spawn(move || {
                let _ = sender.send(&body);
                let _ = sender.ask(b"");
            });
            Ok(connection)
        })
        .collect()
}

fn answers(port: u16) -> Result<Vec<Connection>, Failed> {
    let mut setup = Connection::open(port)?;
    setup.ask(&post("/producer/register", r#"{"topic":"bad"}"#))?;
    setup.ask(&post("/consumer/register", r#"{"topic":"bad"}"#))?;
    let messages = vec![format!("\"{}\"", "m".repeat(1000)); 9000].join(",");
    for producer in 0..2 {
        // The good client may be the first producer.
        let body = format!(r#"{{"topic":"bad","producer_id":{producer},"messages":[{messages}]}}"#);
        setup.ask(&post("/producer/produce", &body))?;
    }
    let poll = get("/consumer/consume?topic=bad&consumer_id=0&max=10000&offset=0");
    let mut held = unread(port, 200, &poll)?;
    held.push(setup);
    Ok(held)
}

fn batches(port: u16) -> Result<Vec<Connection>, Failed> {
    let messages = vec![format!("\"{}\"", "m".repeat(1500)); 10_000].join(",");
    let body = format!(r#"{{"topic":"good","producer_id":0,"messages":[{messages}]}}"#);
    let request = post("/producer/produce", &body);
    repeat(port, 1000, |_| request.clone())
}

/// So many connections that send a request and read nothing. Where the broker closes one, so be it.
fn unread(port: u16, count: usize, request: &[u8]) -> Result<Vec<Connection>, Failed> {
    (0..count)
        .map(|_| {
            let mut connection = Connection::open(port)?;
            let _ = connection.send(request);
            Ok(connection)
        })
        .collect()
}
