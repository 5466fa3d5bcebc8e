//! A connection to one broker of a cluster, with one request under way at a time.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::types::RDKafkaRespErr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::failure::refused;
use super::wire::{Reader, Writer};
use crate::driver::failure::Failure;

/// How long one request may go without an answer.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The longest answer that is read: what is fetched at once is much shorter.
const ANSWER_MAX: usize = 256 * 1024 * 1024;

/// A kind of request, in the version in which it is made: the last one before the format changed,
/// or an older one that says enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Api {
    key: i16,
    version: i16,
}

pub(super) const FETCH: Api = Api { key: 1, version: 4 };
pub(super) const LIST_OFFSETS: Api = Api { key: 2, version: 1 };
pub(super) const METADATA: Api = Api { key: 3, version: 4 };
pub(super) const OFFSET_COMMIT: Api = Api { key: 8, version: 2 };
pub(super) const OFFSET_FETCH: Api = Api { key: 9, version: 1 };
pub(super) const FIND_COORDINATOR: Api = Api { key: 10, version: 0 };
const SASL_HANDSHAKE: Api = Api { key: 17, version: 1 };
const SASL_AUTHENTICATE: Api = Api { key: 36, version: 0 };

pub(super) struct Connection {
    stream: TcpStream,
    at: String,
    client: String,
    /// The number of the last request.
    last: i32,
    /// A request was begun and its answer not taken: what comes next would be that.
    is_spoilt: bool,
}

impl Connection {
    /// Connects as this client, and logs in where there is a user.
    pub(super) async fn open(
        at: &str,
        client: &str,
        login: Option<&(String, String)>,
    ) -> Result<Self, Failure> {
        let failed = |why: &str| Failure::new(format!("cannot reach the broker at {at}: {why}"));
        let stream = match timeout(ANSWERED_WITHIN, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(failed(&error.to_string())),
            Err(_) => return Err(failed(&format!("no connection within {ANSWERED_WITHIN:?}"))),
        };
        // It makes small requests slow, and is not worth failing for.
        let _ = stream.set_nodelay(true);
        let (at, client) = (at.to_owned(), client.to_owned());
        let mut connection = Self { stream, at, client, last: 0, is_spoilt: false };
        if let Some(login) = login {
            connection.log_in(login).await?;
        }
        Ok(connection)
    }

    async fn log_in(&mut self, (user, password): &(String, String)) -> Result<(), Failure> {
        let doing = format!("logging in at {}", self.at);
        let mechanism = Writer::default().text("PLAIN");
        let answer = self.ask(&doing, SASL_HANDSHAKE, mechanism, Duration::ZERO).await?;
        check(&doing, understood(&doing, Reader(&answer).i16())?)?;
        let token = Writer::default().bytes(format!("\0{user}\0{password}").as_bytes());
        let answer = self.ask(&doing, SASL_AUTHENTICATE, token, Duration::ZERO).await?;
        check(&doing, understood(&doing, Reader(&answer).i16())?)
    }

    /// Whether a request that was given up left it of no use.
    pub(super) fn is_spoilt(&self) -> bool {
        self.is_spoilt
    }

    /// Makes a request, which the broker may keep for as long as `wait`, and gives the body of its
    /// answer. A connection that fails is of no use any more.
    pub(super) async fn ask(
        &mut self,
        doing: &str,
        api: Api,
        body: Writer,
        wait: Duration,
    ) -> Result<Vec<u8>, Failure> {
        // Also where this future is dropped.
        self.is_spoilt = true;
        let within = ANSWERED_WITHIN + wait;
        let answer = match timeout(within, self.exchange(api, &body.0)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::new(format!("{doing}: {error}"))),
            Err(_) => return Err(Failure::new(format!("{doing}: no answer within {within:?}"))),
        };
        let mut reader = Reader(&answer);
        if reader.i32() != Some(self.last) {
            return Err(Failure::new(format!("{doing}: the answer is that of another request")));
        }
        self.is_spoilt = false;
        Ok(reader.0.to_vec())
    }

    async fn exchange(&mut self, api: Api, body: &[u8]) -> std::io::Result<Vec<u8>> {
        self.last = self.last.wrapping_add(1);
        let head = Writer::default().i16(api.key).i16(api.version).i32(self.last);
        let head = head.text(&self.client);
        let request = Writer::default().bytes(&[&head.0[..], body].concat());
        self.stream.write_all(&request.0).await?;
        let length = usize::try_from(self.stream.read_i32().await?).unwrap_or(usize::MAX);
        if length > ANSWER_MAX {
            let why = format!("an answer of {length} bytes is none of Kafka's");
            return Err(std::io::Error::other(why));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

/// What was read of an answer.
pub(super) fn understood<T>(doing: &str, read: Option<T>) -> Result<T, Failure> {
    read.ok_or_else(|| Failure::new(format!("{doing}: the broker's answer is not understood")))
}

/// Fails where an answer's error code is one.
pub(super) fn check(doing: &str, code: i16) -> Result<(), Failure> {
    match code {
        0 => Ok(()),
        code => Err(refused(doing, error(code))),
    }
}

/// The error that a code stands for.
pub(super) fn error(code: i16) -> Code {
    RDKafkaRespErr::try_from(i32::from(code)).map_or(Code::Unknown, Code::from)
}
