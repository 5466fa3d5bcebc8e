//! One connection to RabbitMQ with its one channel. An actor has its own on each topic, as a program
//! has, so that what is done to its connections is done to no other's.

use std::time::Duration;

use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, Error, ErrorKind, ExchangeKind};
use tokio::time::timeout;

use crate::driver::address::{Access, Address};
use crate::driver::failure::{Failure, FailureKind};

/// How long making a connection may take, and each exchange over one beside.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// In seconds. RabbitMQ advises 5 to 20 s; with its default of 60 s, a connection that carries
/// nothing any more is noticed after two minutes, and its consumer keeps others out until then.
const HEARTBEAT: u16 = 5;

/// AMQP's codes for what is not there, and for who may not come in.
const NOT_FOUND: u16 = 404;
const ACCESS_REFUSED: u16 = 403;

/// A connection and its channel.
pub(super) struct Link {
    pub(super) channel: Channel,
    // Closed when it goes.
    _connection: Connection,
}

impl Link {
    pub(super) async fn open(address: &Address) -> Result<Self, Failure> {
        let uri = uri(address)?;
        let opening = async {
            // Neither repeats nor a recovery behind our back, which are lapin's defaults, said here
            // because what is judged stands on it: it would send again what may have been stored.
            let properties = ConnectionProperties::default()
                .with_connection_name("harness".into())
                .configure_backoff(|backoff| backoff.with_max_times(0));
            let connection = Connection::connect_uri(uri, properties).await?;
            let channel = connection.create_channel().await?;
            Ok(Self { channel, _connection: connection })
        };
        answered(opening).await.map_err(|failure| Failure {
            why: format!("cannot connect to RabbitMQ at {address}: {failure}"),
            ..failure
        })
    }

    /// Whether it can be used, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        self.channel.status().connected()
    }

    /// Has each message confirmed.
    pub(super) async fn confirm(&self) -> Result<(), Failure> {
        answered(self.channel.confirm_select(ConfirmSelectOptions::default())).await
    }

    /// Makes sure that a topic's exchange is there, which hands each message to every queue.
    pub(super) async fn declare_exchange(&self, name: &str, durable: bool) -> Result<(), Failure> {
        let options = ExchangeDeclareOptions { durable, ..ExchangeDeclareOptions::default() };
        let (name, arguments) = (ShortString::from(name), FieldTable::default());
        answered(self.channel.exchange_declare(name, ExchangeKind::Fanout, options, arguments))
            .await
    }
}

/// What comes of a call that has to be answered in time.
pub(super) async fn answered<T>(
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    match timeout(ANSWERED_WITHIN, call).await {
        Ok(result) => result.map_err(|error| failed(&error)),
        Err(_) => Err(Failure::new(format!("no answer within {ANSWERED_WITHIN:?}"))),
    }
}

fn failed(error: &Error) -> Failure {
    let kind = match code(error) {
        Some(ACCESS_REFUSED) => FailureKind::Final,
        _ => FailureKind::MayPass,
    };
    Failure { kind, ..Failure::new(error.to_string()) }
}

/// A failure of a call to a queue: where RabbitMQ has forgotten it, so has the subscription ended.
pub(super) fn failed_on_queue(error: &Error) -> Failure {
    let failure = failed(error);
    // The same code says that a queue is there and cannot be had now: "home node is down".
    let is_gone = code(error) == Some(NOT_FOUND) && failure.why.contains("no queue '");
    if is_gone {
        return Failure { kind: FailureKind::SessionOver { in_same_life: None }, ..failure };
    }
    failure
}

/// The code of an error that RabbitMQ answered with.
pub(super) fn code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

fn uri(address: &Address) -> Result<AMQPUri, Failure> {
    let Address::Listens { host, port, access } = address else {
        return Err(Failure::new("RabbitMQ is reached at an address"));
    };
    let Access { login, tls, path, .. } = access;
    // The account that every new installation has, for connections from the machine itself.
    let guest = || ("guest".to_owned(), "guest".to_owned());
    let (username, password) = login.clone().unwrap_or_else(guest);
    Ok(AMQPUri {
        scheme: if *tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username, password },
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: *port,
        },
        vhost: if path.is_empty() { "/".to_owned() } else { path.clone() },
        query: AMQPQueryString { heartbeat: Some(HEARTBEAT), ..AMQPQueryString::default() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_uri_with_the_usual_account_and_host() {
        let plain = uri(&Address::new("[::1]", 5672)).unwrap();
        assert_eq!((plain.authority.host.as_str(), plain.vhost.as_str()), ("::1", "/"));
        assert_eq!(plain.authority.userinfo.username, "guest");
        let login = Some(("me".to_owned(), "se/cret".to_owned()));
        let access = Access { login, tls: true, path: "mine".to_owned(), ..Access::default() };
        let own = uri(&Address::Listens { host: "broker".to_owned(), port: 5671, access }).unwrap();
        assert_eq!((own.scheme, own.vhost.as_str()), (AMQPScheme::AMQPS, "mine"));
        assert_eq!(own.authority.userinfo.password, "se/cret");
    }
}
