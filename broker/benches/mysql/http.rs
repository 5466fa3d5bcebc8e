//! A client as cheap as they come, so that what is measured is the broker: one connection, fixed
//! heads, and answers of which only the length is understood.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failed;

/// One kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self, Failed> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), input: Vec::new() })
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Result<&str, Failed> {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: b\r\ncontent-length: {length}\r\n\r\n");
        self.ask(&head, body).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<&str, Failed> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: b\r\n\r\n"), "").await
    }

    /// The answer's body; anything but success is an error.
    async fn ask(&mut self, head: &str, body: &str) -> Result<&str, Failed> {
        self.out.clear();
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.out).await?;
        self.input.clear();
        let start = loop {
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err("the broker closed the connection".into());
            }
            if let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = std::str::from_utf8(&self.input[..start])?.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let end = start + length.ok_or("an answer without a length")?.parse::<usize>()?;
        while self.input.len() < end {
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err("the broker closed the connection".into());
            }
        }
        let body = std::str::from_utf8(&self.input[start..end])?;
        if head.starts_with("http/1.1 200") { Ok(body) } else { Err(body.to_owned().into()) }
    }
}

/// A number in an answer, by its key.
pub(crate) fn number(answer: &str, key: &str) -> Result<u64, Failed> {
    let key = format!("\"{key}\":");
    let from = answer.find(&key).ok_or_else(|| format!("no {key} in {answer}"))? + key.len();
    let digits: String = answer[from..].chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}
