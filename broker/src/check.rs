//! `broker --check URL`: asks a broker whether it is ready, for the health checks of containers, whose
//! images have no other client.

use std::fmt;
use std::io::{self, Write as _};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use broker_client::wire::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::{Duration, timeout};
use url::Url;

use crate::io_error;

/// Within which the answer has to be there; a broker that has lost its database takes 2 s for it, or
/// twice that where others ask too.
const WITHIN: Duration = Duration::from_secs(5);

/// The most bytes of an answer. What answers may be anything.
const ANSWER: usize = 64 << 10;

/// The broker that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host and port, as a connection and the header `Host` have them.
    authority: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected http://HOST:PORT, such as http://127.0.0.1:5000";
        let url = Url::parse(text).map_err(|_| EXPECTED.to_owned())?;
        if url.scheme() == "https" {
            return Err(format!(
                "{EXPECTED}: where TLS is spoken, this is answered without it too"
            ));
        }
        let is_plain = url.scheme() == "http"
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if is_plain => {
                Ok(Self { authority: format!("{host}:{port}") })
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl Target {
    /// Asks whether it is ready, and prints that it is.
    ///
    /// Must not be called inside an async runtime, for it builds its own.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self) -> anyhow::Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let asked = runtime.block_on(async { timeout(WITHIN, ask(self)).await });
        let late = |_| Err(anyhow!("there is no answer within {} s", WITHIN.as_secs()));
        asked.unwrap_or_else(late).with_context(|| format!("{self} is not ready"))?;
        writeln!(io::stdout(), "{self} is ready").context("it is ready, and that cannot be printed")
    }
}

async fn ask(target: &Target) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&target.authority).await;
    let stream = stream.map_err(|error| anyhow!("{}", io_error::text(&error)))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the runtime; what goes wrong on it the request hears too.
    tokio::spawn(connection);
    let request = Request::get("/readyz").header(HOST, &target.authority);
    let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await;
    let answer = answer.map_err(|error| match error.is_parse() {
        true => anyhow!("what answers there is no broker: it does not speak HTTP"),
        false => anyhow!("{error}"),
    })?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER).collect().await;
    let body = body.map_err(|error| anyhow!("its answer broke off: {error}"))?.to_bytes();
    let said: Option<Failure> = serde_json::from_slice(&body).ok();
    match said {
        Some(_) if status == StatusCode::OK => Ok(()),
        Some(failure) => bail!("{}", failure.message),
        None => bail!("what answers there is no broker: {status}"),
    }
}
