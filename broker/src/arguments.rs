//! The broker's arguments: flags, and the environment where a flag is not given.

mod check;
mod parse;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Duration;
use tracing_subscriber::filter::Targets;

use self::parse::{
    address, count, duration, duration_or_none, log_level, memory_size, retain, some_size, threads,
};
use crate::http::Limits;
use crate::open_files::most_connections;
use crate::server::Options;
use crate::store::memory::MemoryStore;
use crate::store::mysql::{self, Address, MysqlStore};
use crate::store::{Epoch, Retain, Store};

/// How to run a broker.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", env = "BROKER_LISTEN", default_value = "127.0.0.1:5000",
          value_parser = address)]
    pub listen: SocketAddr,

    /// Write the port that is listened on to this file, once connections are accepted
    #[arg(long, value_name = "FILE", env = "BROKER_PORT_FILE")]
    pub port_file: Option<PathBuf>,

    /// Let in who has a token of this file, whose lines `broker token` makes; it is read again when it
    /// changes
    #[arg(long, value_name = "FILE", env = "BROKER_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,

    /// Let everybody in who reaches the address, also from other machines
    #[arg(long, value_name = "BOOL", env = "BROKER_ALLOW_ANONYMOUS", action = clap::ArgAction::Set, num_args = 0..=1,
          default_value = "false", default_missing_value = "true", hide_default_value = true,
          value_parser = clap::builder::BoolishValueParser::new())]
    pub allow_anonymous: bool,

    /// Speak TLS with the certificate of this file, in PEM, with those between it and its CA behind it;
    /// it is read again when it changes
    #[arg(long, value_name = "FILE", env = "BROKER_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", env = "BROKER_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Address to serve /metrics, /stats and /audit on, and there alone; port 0 takes a free one
    /// [default: that of --listen]
    #[arg(long, value_name = "HOST:PORT", env = "BROKER_ADMIN_LISTEN", value_parser = address)]
    pub admin_listen: Option<SocketAddr>,

    /// Where messages are kept: `memory`, or a database as mysql://user:password@host:3306/name;
    /// a password is safer in the variable than on the command line, which other users can read
    #[arg(long, value_name = "STORE", env = "BROKER_STORE", hide_env_values = true,
          default_value = "memory", value_parser = store)]
    pub store: StoreKind,

    /// Time within which every request ends when the database is slow or away
    #[arg(long, value_name = "TIME", env = "BROKER_STORE_TIMEOUT", default_value = "5s",
          value_parser = duration)]
    pub store_timeout: Duration,

    /// Most connections to the database, at least 2
    #[arg(long, value_name = "COUNT", env = "BROKER_STORE_CONNECTIONS", default_value = "16",
          value_parser = count)]
    pub store_connections: NonZeroUsize,

    /// Most bytes of messages that are kept in memory in front of the database
    #[arg(long, value_name = "SIZE", env = "BROKER_STORE_CACHE", default_value = "64MiB",
          value_parser = memory_size)]
    pub store_cache: NonZeroUsize,

    /// Which messages are kept: `lag`, those that a subscription has yet to get; `all`; those of the
    /// last so many hours, as 24h; or, in memory, the latest so many bytes, as 512MiB [default: lag in
    /// memory, all in a database]
    #[arg(long, value_name = "WHICH", env = "BROKER_RETAIN", value_parser = retain)]
    pub retain: Option<Retain>,

    /// Serve GET /audit, which reads the logs themselves, and keep all messages for it
    #[arg(long, value_name = "BOOL", env = "BROKER_AUDIT", action = clap::ArgAction::Set, num_args = 0..=1,
          default_value = "false", default_missing_value = "true", hide_default_value = true,
          value_parser = clap::builder::BoolishValueParser::new())]
    pub audit: bool,

    /// Most bytes of messages kept in memory, with 8 to 48 bytes a message beside the payload; past it
    /// produce is refused with code `full` until consumers have caught up
    #[arg(long, value_name = "SIZE", env = "BROKER_MAX_MEMORY", default_value = "1GiB",
          value_parser = some_size)]
    pub max_memory: u64,

    /// Most bytes of all bodies and answers over 64 KiB that are in flight; what finds no room within
    /// 5 s is refused with code `unavailable` [default: a quarter of --max-memory, at least one body
    /// and one answer]
    #[arg(long, value_name = "SIZE", env = "BROKER_MAX_IN_FLIGHT", value_parser = memory_size)]
    pub max_in_flight: Option<NonZeroUsize>,

    /// Most connections; past it a poll that waits is answered, or a connection closed that is idle or
    /// does not send its request, for each new one [default: the limit of open files less 64, and at most --max-memory
    /// divided by 128 KiB]
    #[arg(long, value_name = "COUNT", env = "BROKER_MAX_CONNECTIONS", value_parser = count)]
    pub max_connections: Option<NonZeroUsize>,

    /// Most topics
    #[arg(long, value_name = "COUNT", env = "BROKER_MAX_TOPICS", default_value = "100000",
          value_parser = count)]
    pub max_topics: NonZeroUsize,

    /// Most producers, and most subscriptions, in memory; past it a database is asked for those it has, and
    /// without one no more are registered
    #[arg(long, value_name = "COUNT", env = "BROKER_MAX_REGISTRATIONS", default_value = "1000000",
          value_parser = count)]
    pub max_registrations: NonZeroUsize,

    /// End producers that sent nothing for so long [default: never]
    #[arg(long, value_name = "TIME", env = "BROKER_PRODUCER_IDLE", value_parser = duration)]
    pub producer_idle: Option<Duration>,

    /// End subscriptions that nobody polled for so long [default: never]
    #[arg(long, value_name = "TIME", env = "BROKER_SUBSCRIPTION_IDLE", value_parser = duration)]
    pub subscription_idle: Option<Duration>,

    /// Most bytes of one message
    #[arg(long, value_name = "SIZE", env = "BROKER_MAX_MESSAGE", default_value = "1MiB",
          value_parser = memory_size)]
    pub max_message: NonZeroUsize,

    /// Most bytes of a request's body
    #[arg(long, value_name = "SIZE", env = "BROKER_MAX_BODY", default_value = "16MiB",
          value_parser = memory_size)]
    pub max_body: NonZeroUsize,

    /// Most messages in one produce or consume
    #[arg(long, value_name = "COUNT", env = "BROKER_MAX_BATCH", default_value = "10000",
          value_parser = count)]
    pub max_batch: NonZeroUsize,

    /// Bytes at which the answer to a consume stops growing; one message is always answered
    #[arg(long, value_name = "SIZE", env = "BROKER_MAX_ANSWER", default_value = "8MiB",
          value_parser = memory_size)]
    pub max_answer: NonZeroUsize,

    /// Longest wait of a consume; one that asks for more is answered after this
    #[arg(long, value_name = "TIME", env = "BROKER_MAX_WAIT", default_value = "60s",
          value_parser = duration)]
    pub max_wait: Duration,

    /// Least time between the coming of a consume that has to wait and its answer, to gather
    /// several messages on a busy topic; 0ms answers at once
    #[arg(long, value_name = "TIME", env = "BROKER_GATHER", default_value = "1ms",
          value_parser = duration_or_none)]
    pub gather: Duration,

    /// Time for a request's head to arrive
    #[arg(long, value_name = "TIME", env = "BROKER_HEADER_TIMEOUT", default_value = "10s",
          value_parser = duration)]
    pub header_timeout: Duration,

    /// Time for a request's body to arrive
    #[arg(long, value_name = "TIME", env = "BROKER_BODY_TIMEOUT", default_value = "30s",
          value_parser = duration)]
    pub body_timeout: Duration,

    /// Time that a client may leave an answer unread
    #[arg(long, value_name = "TIME", env = "BROKER_WRITE_TIMEOUT", default_value = "30s",
          value_parser = duration)]
    pub write_timeout: Duration,

    /// Time after which a connection without requests is closed
    #[arg(long, value_name = "TIME", env = "BROKER_IDLE_TIMEOUT", default_value = "5min",
          value_parser = duration)]
    pub idle_timeout: Duration,

    /// Time for requests in flight to finish after SIGTERM, SIGINT or SIGHUP
    #[arg(long, value_name = "TIME", env = "BROKER_GRACE", default_value = "10s",
          value_parser = duration)]
    pub grace: Duration,

    /// Worker threads [default: one per processor]
    #[arg(long, value_name = "COUNT", env = "BROKER_THREADS", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,

    /// Form of the log on stderr
    #[arg(long, value_enum, env = "BROKER_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace or off; or directives, which name modules
    /// too, like `warn,broker=debug`
    #[arg(long, value_name = "LEVEL", env = "BROKER_LOG_LEVEL", default_value = "info",
          value_parser = log_level)]
    pub log_level: Targets,
}

/// The stores there are.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreKind {
    /// In memory: quick, and gone with the process.
    Memory,
    /// In a MySQL or MariaDB database: durable, and shared by several brokers.
    Mysql(Box<Address>),
    /// None of them, and why. Found out by [`Arguments::check`]: what clap itself refuses it
    /// quotes, and there may be a password in it.
    Unusable(String),
}

/// The forms of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Arguments {
    /// Opens the store that they ask for. What is retained where they do not say depends on it:
    /// memory holds no more than it must.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(match &self.store {
            StoreKind::Memory => {
                let usual = if self.audit { Retain::All } else { Retain::Lag };
                let retain = self.retain.unwrap_or(usual);
                let store = MemoryStore::new(Epoch::random(), retain, Some(self.max_memory));
                let store = store.with_most_topics(self.max_topics.get());
                Arc::new(store.with_most_registrations(self.max_registrations.get()))
            }
            StoreKind::Mysql(address) => Arc::new(MysqlStore::open(address, &self.mysql()).await?),
            StoreKind::Unusable(why) => anyhow::bail!("{why}"),
        })
    }

    fn mysql(&self) -> mysql::Options {
        mysql::Options {
            timeout: self.store_timeout,
            connections: self.store_connections.get(),
            cache: self.store_cache.get(),
            message: self.max_message.get(),
            retain: self.retain.unwrap_or(Retain::All),
            topics: self.max_topics.get(),
            registrations: self.max_registrations.get(),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            message_bytes: self.max_message.get(),
            body_bytes: self.max_body.get(),
            batch_messages: self.max_batch.get(),
            answer_bytes: self.max_answer,
            wait: self.max_wait,
            gather: self.gather,
            body_read: self.body_timeout,
            in_flight_bytes: self.max_in_flight.map_or_else(
                || usize::try_from(self.max_memory / 4).unwrap_or(usize::MAX),
                NonZeroUsize::get,
            ),
            ..Limits::default()
        }
    }

    /// How the server is to run, with as many open files as there may be now.
    ///
    /// # Errors
    /// When a file that they name cannot be used.
    pub(crate) fn options(&self) -> Result<Options, String> {
        let tls = self.tls()?;
        let connections = self.max_connections.or_else(|| {
            // Beside a head, TLS has what it reads and what it has yet to write, as much again each.
            let memory = if tls.is_some() { self.max_memory / 3 } else { self.max_memory };
            let most = usize::try_from(most_connections(memory)).unwrap_or(usize::MAX);
            NonZeroUsize::new(most)
        });
        Ok(Options {
            limits: self.limits(),
            connections: connections.unwrap_or(NonZeroUsize::MIN),
            header_read: self.header_timeout,
            idle: self.idle_timeout,
            write_stall: self.write_timeout,
            grace: self.grace,
            subscription_idle: self.subscription_idle,
            producer_idle: self.producer_idle,
            audit: self.audit,
            tokens: self.tokens()?,
            tls,
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form that clap wants")]
pub(crate) fn store(text: &str) -> Result<StoreKind, String> {
    const EXPECTED: &str = "expected `memory` or mysql://user:password@host:3306/database";
    Ok(match text {
        "memory" => StoreKind::Memory,
        _ if text.contains("://") => text
            .parse()
            .map_or_else(StoreKind::Unusable, |address| StoreKind::Mysql(Box::new(address))),
        _ => StoreKind::Unusable(EXPECTED.to_owned()),
    })
}
