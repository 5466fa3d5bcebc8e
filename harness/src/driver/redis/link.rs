//! One connection to a server at a time, for one actor on one topic; where it breaks, the next
//! request makes another.
//!
//! The client library's plain connection is used, which neither connects again nor repeats anything
//! by itself. Its own time-outs are off (half a second is less than a busy machine may take); here
//! an answer has ten seconds, as with our own broker.
//!
//! **Nothing of an earlier connection is carried out later.** A request without an answer may still
//! be on its way when the next connection is there: a server that was paused finds both, and may
//! take the later one first. So a connection has a name, and before the next one is used, the server
//! is told to end all others of that name. It works one command at a time, so what such a connection
//! had sent has happened by then or never will.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, PushInfo, PushKind, Value, cmd};
use tokio::time::timeout;

use super::error::Error;
use super::server::Server;
use super::value;
use crate::history::Class;

/// How long a connection may take to be made.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// How long an answer may take, beside the time that a read may wait.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// So many requests may stand in the queue to a connection: more than any producer has under way, so
/// that what is issued never waits for room, and stands there in the order in which it was issued.
const QUEUE: usize = 1 << 20;

/// The way of one actor to a server.
pub(super) struct Link {
    server: Arc<Server>,
    name: String,
    now: Option<Connection>,
    past: Past,
}

/// What may be left of earlier connections.
enum Past {
    Nothing,
    /// The last one, which the server calls so.
    Known(String),
    /// Those of an actor that remembers nothing: only their name is known.
    Forgotten,
}

/// A connection, shared with the requests that are under way on it.
#[derive(Clone)]
pub(super) struct Connection {
    requests: MultiplexedConnection,
    /// Whether it is of no more use.
    is_over: Arc<AtomicBool>,
}

impl Link {
    /// A way that is used for the first time under this name.
    pub(super) fn new(server: &Arc<Server>, name: String) -> Self {
        Self { server: Arc::clone(server), name, now: None, past: Past::Nothing }
    }

    /// One for an actor that comes back without a memory.
    pub(super) fn again(server: &Arc<Server>, name: String) -> Self {
        Self { past: Past::Forgotten, ..Self::new(server, name) }
    }

    /// The connection, and whether it is a new one.
    pub(super) async fn open(&mut self) -> Result<(Connection, bool), Error> {
        match &self.now {
            Some(now) if !now.is_over() => return Ok((now.clone(), false)),
            _ => self.now = None,
        }
        let connecting = self.connect();
        let made = timeout(CONNECTED_WITHIN, connecting).await;
        let (connection, id) = made.unwrap_or_else(|_| {
            let (at, within) = (&self.server.shown, CONNECTED_WITHIN);
            Err(Error::not_connected(format!(
                "cannot reach the broker at {at}: it did not answer within {within:?}"
            )))
        })?;
        self.past = Past::Known(id);
        self.now = Some(connection.clone());
        Ok((connection, true))
    }

    /// Ends the connection, if there is one.
    pub(super) fn close(&mut self) {
        self.now = None;
    }

    /// A new connection, and what the server calls it.
    async fn connect(&self) -> Result<(Connection, String), Error> {
        let at = &self.server.shown;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let noticed = move |info: PushInfo| {
            if info.kind == PushKind::Disconnection {
                over.store(true, Ordering::Release);
            }
            Ok::<_, ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE)
            .set_push_sender(noticed);
        let refused = |error| Error::of_connecting(&error, at);
        let client = Client::open(self.server.info.clone()).map_err(refused)?;
        let made = client.get_multiplexed_async_connection_with_config(&config).await;
        let requests = made.map_err(refused)?;
        let connection = Connection { requests, is_over };
        match self.begin(&connection).await {
            Ok(id) => Ok((connection, id)),
            // The request that is to be sent has not left.
            Err(error) => Err(Error { class: Class::NeverLeft, ..error }),
        }
    }

    /// Ends what is left of the past, takes the name, and says what the server calls the connection.
    async fn begin(&self, connection: &Connection) -> Result<String, Error> {
        let mut list = cmd("CLIENT").arg("LIST").to_owned();
        let has_past = match &self.past {
            Past::Nothing => false,
            Past::Known(id) => {
                list.arg("ID").arg(id);
                true
            }
            Past::Forgotten => true,
        };
        if has_past {
            let clients = connection.ask(&list).await?;
            // By name also where the id is known: after a start the server counts from 1 again.
            for id in ids_of(value::text(&clients).unwrap_or_default(), &self.name) {
                connection.ask(cmd("CLIENT").arg("KILL").arg("ID").arg(id)).await?;
            }
        }
        connection.ask(cmd("CLIENT").arg("SETNAME").arg(&self.name)).await?;
        match connection.ask(cmd("CLIENT").arg("ID")).await? {
            Value::Int(id) => Ok(id.to_string()),
            _ => Err(Error::not_understood("CLIENT ID")),
        }
    }
}

/// The clients of this name in the server's list of all.
fn ids_of<'a>(clients: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let word = format!("name={name}");
    clients.lines().filter_map(move |client| {
        let mut words = client.split(' ');
        let id = words.next()?.strip_prefix("id=")?;
        words.any(|own| own == word).then_some(id)
    })
}

impl Connection {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Has the next request be made on another connection.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Makes one request.
    pub(super) async fn ask(&self, request: &Cmd) -> Result<Value, Error> {
        let mut requests = self.requests.clone();
        let asking = requests.send_packed_command(request);
        let answer = timeout(ANSWERED_WITHIN, asking).await;
        self.judge(answer.map(|answer| answer.and_then(Value::extract_error)), ANSWERED_WITHIN)
    }

    /// Makes several requests at once, and says what became of each.
    pub(super) async fn ask_all(
        &self,
        all: &Pipeline,
        within: Duration,
    ) -> Result<Vec<Result<Value, Error>>, Error> {
        let mut requests = self.requests.clone();
        let asking = requests.send_packed_commands(all, 0, all.len());
        let answers = self.judge(timeout(within, asking).await, within)?;
        let each = answers.into_iter().map(|answer| self.judge(Ok(answer.extract_error()), within));
        Ok(each.collect())
    }

    /// What became of a request. After one without an answer the connection is over.
    fn judge<T>(
        &self,
        answer: Result<::redis::RedisResult<T>, tokio::time::error::Elapsed>,
        within: Duration,
    ) -> Result<T, Error> {
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Error::of(&error),
            Err(_) => Error::unknown(format!("no answer within {within:?}")),
        };
        if error.class == Class::Unknown {
            self.end();
        }
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::ids_of;

    #[test]
    fn only_clients_of_the_very_name_are_found() {
        let list = "id=3 addr=127.0.0.1:1 name=harness-a1-1-C1 age=2\n\
                    id=4 addr=127.0.0.1:2 name=harness-a1-1-C11 age=2\n\
                    id=5 addr=127.0.0.1:3 name= age=2\n\
                    id=16 addr=127.0.0.1:4 name=harness-a1-1-C1 age=0\n";
        assert_eq!(ids_of(list, "harness-a1-1-C1").collect::<Vec<_>>(), ["3", "16"]);
        assert_eq!(ids_of("", "harness-a1-1-C1").count(), 0);
    }
}
