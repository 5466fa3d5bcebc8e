//! How a broker is reached: TCP, TLS where the URL asks for it, and CONNECT.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Login, Packet};
use rumqttc::tokio_rustls::TlsConnector;
use rumqttc::{TlsConfiguration, mqttbytes};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::failure::last;
use super::link::{Link, PACKET_MAX, Stream};
use crate::driver::address::Address;
use crate::driver::failure::{Failure, FailureKind};
use crate::io_error::reason;

/// How long a connection may take until the broker has taken the client in.
const ENTERED_WITHIN: Duration = Duration::from_secs(5);

/// After one and a half times this without a packet the broker ends a connection, in seconds. The link
/// asks for a sign of life far more often.
const KEEP_ALIVE: u16 = 60;

/// The way to one address.
pub(super) struct Way {
    authority: String,
    login: Option<Login>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A broker that took a client in.
pub(super) struct Entered {
    pub(super) link: Link,
    /// Whether it has the session of this client id.
    pub(super) knows_session: bool,
}

impl Way {
    /// The way to this address.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn new(address: &Address) -> Result<Self, Failure> {
        let Address::Listens { host, port, access } = address else {
            return Err(last("a broker of MQTT needs an address"));
        };
        let login = access.login.as_ref().map(|(user, password)| Login::new(user, password));
        let tls = access.tls.then(|| encryption(host)).transpose()?;
        Ok(Self { authority: format!("{host}:{port}"), login, tls })
    }

    /// Connects under a client id. A clean session has nothing from before and ends with the connection.
    pub(super) async fn enter(&self, id: &str, clean: bool) -> Result<Entered, Failure> {
        let entered =
            timeout(ENTERED_WITHIN, self.enter_patiently(id, clean)).await.unwrap_or_else(|_| {
                Err(Failure::new(format!("no answer within {} s", ENTERED_WITHIN.as_secs())))
            });
        entered.map_err(|failure| {
            let why = format!("connecting to {}: {failure}", self.authority);
            Failure { why, ..failure }
        })
    }

    async fn enter_patiently(&self, id: &str, clean: bool) -> Result<Entered, Failure> {
        let mut stream = self.stream().await.map_err(|error| Failure::new(reason(&error)))?;
        let mut connect = Connect::new(id);
        (connect.keep_alive, connect.clean_session) = (KEEP_ALIVE, clean);
        connect.login.clone_from(&self.login);
        let mut bytes = BytesMut::new();
        let written = Packet::Connect(connect).write(&mut bytes, PACKET_MAX);
        written.map_err(|error| last(error.to_string()))?;
        let answer = async {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            bytes.clear();
            loop {
                match Packet::read(&mut bytes, PACKET_MAX) {
                    Err(mqttbytes::Error::InsufficientBytes(_)) => {}
                    other => return other,
                }
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
        };
        match answer.await.map_err(|error| Failure::new(said(&error)))? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => {
                let knows_session = answer.session_present;
                Ok(Entered { link: Link::new(stream, bytes), knows_session })
            }
            Packet::ConnAck(answer) => Err(refused(answer.code)),
            other => Err(Failure::new(format!("it answered CONNECT by {other:?}"))),
        }
    }

    async fn stream(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }
}

/// With the certificates that the system trusts, or those of the file `SSL_CERT_FILE`.
fn encryption(host: &str) -> Result<(TlsConnector, ServerName<'static>), Failure> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| last(format!("{host} cannot be in a certificate: {error}")))?;
    match TlsConfiguration::default() {
        TlsConfiguration::Rustls(config) => Ok((config.into(), name)),
        TlsConfiguration::Simple { .. } => Err(last("rumqttc has no default for TLS any more")),
    }
}

fn said(error: &mqttbytes::Error) -> String {
    match error {
        mqttbytes::Error::Io(error) => reason(error),
        other => other.to_string(),
    }
}

fn refused(code: ConnectReturnCode) -> Failure {
    let (kind, why) = match code {
        ConnectReturnCode::ServiceUnavailable => (FailureKind::MayPass, "it is unavailable"),
        ConnectReturnCode::RefusedProtocolVersion => {
            (FailureKind::Final, "it does not speak MQTT 3.1.1")
        }
        ConnectReturnCode::BadClientId => (FailureKind::Final, "it does not take the client id"),
        ConnectReturnCode::BadUserNamePassword => {
            (FailureKind::Final, "it does not take the user and password; they stand in the URL")
        }
        ConnectReturnCode::NotAuthorized => (
            FailureKind::Final,
            "this client is not authorized; a user and a password may stand in the URL, \
             mqtt://USER:PASSWORD@HOST",
        ),
        ConnectReturnCode::Success => (FailureKind::MayPass, "it took the client in"),
    };
    Failure { why: why.to_owned(), kind, code: Some(format!("CONNACK {}", code as u8)) }
}
