//! Plain HTTP over plain sockets: what clients cost shall not count.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tokio::time::{Duration, Instant};

use crate::Failed;

/// A connection with one request in flight.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Result<Self, Failed> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// The same connection for another thread. It is closed when one of the two is dropped.
    pub(crate) fn twin(&self) -> Result<Self, Failed> {
        Ok(Self { stream: self.stream.try_clone()?, buffer: self.buffer.clone() })
    }

    /// Sends, and leaves the answer unread.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<(), Failed> {
        Ok(self.stream.write_all(request)?)
    }

    /// Sends, and reads the answer; fails where that is not the whole of one.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, Failed> {
        self.send(request)?;
        let mut answer = Vec::new();
        loop {
            let count = self.stream.read(&mut self.buffer)?;
            if count == 0 {
                return Err("the connection was closed".into());
            }
            answer.extend_from_slice(&self.buffer[..count]);
            if let Some(length) = length(&answer)
                && answer.len() >= length
            {
                return Ok(answer);
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// How long an answer is with its head, once that is known.
fn length(answer: &[u8]) -> Option<usize> {
    const NAME: &str = "content-length: ";
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(&answer[..end]).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix(NAME))?;
    Some(end + length.parse::<usize>().ok()?)
}

pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

/// A good client: it sends one small message after the other on a topic of its own.
pub(crate) struct Good {
    over: Arc<AtomicBool>,
    task: JoinHandle<Served>,
}

/// What good clients got.
#[derive(Default)]
pub(crate) struct Served {
    /// Of the answers that were successes.
    pub(crate) latencies: Vec<Duration>,
    /// Requests that were refused or not answered.
    pub(crate) failed: usize,
    time: Duration,
}

impl Good {
    pub(crate) fn start(port: u16) -> Result<Self, Failed> {
        let mut connection = Connection::open(port)?;
        let answer = connection.ask(&post("/producer/register", r#"{"topic":"good"}"#))?;
        let answer = String::from_utf8(answer)?;
        let (_, id) = answer.split_once("\"producer_id\":").ok_or("no producer")?;
        let id: String = id.chars().take_while(char::is_ascii_digit).collect();
        let body = format!(r#"{{"topic":"good","producer_id":{id},"message":"a small message"}}"#);
        let request = post("/producer/produce", &body);
        let over = Arc::new(AtomicBool::new(false));
        let task = thread::spawn({
            let over = Arc::clone(&over);
            move || serve(port, connection, &request, &over)
        });
        Ok(Self { over, task })
    }

    pub(crate) fn stop(self) -> Served {
        self.over.store(true, Ordering::Relaxed);
        self.task.join().unwrap_or_default()
    }
}

fn serve(port: u16, mut connection: Connection, request: &[u8], over: &AtomicBool) -> Served {
    let began = Instant::now();
    let mut served = Served::default();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        match connection.ask(request) {
            Ok(answer) if answer.starts_with(b"HTTP/1.1 200") => {
                served.latencies.push(asked.elapsed());
            }
            Ok(_) => served.failed += 1,
            Err(_) => {
                served.failed += 1;
                if let Ok(another) = Connection::open(port) {
                    connection = another;
                }
            }
        }
    }
    served.time = began.elapsed();
    served
}

impl Served {
    /// Takes in another client that was served at the same time.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.failed += other.failed;
        self.time = self.time.max(other.time);
    }

    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// The latency that so many of a hundred answers do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let place = (sorted.len() * percent).div_ceil(100);
        sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Waits; the threads that measure go on.
pub(crate) fn pause(time: Duration) {
    thread::park_timeout(time);
}
