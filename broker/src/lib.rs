//! The broker: named append-only logs over HTTP.
//!
//! From the outside in:
//! - `command_line`: that of the standalone program, which also makes tokens, migrates a database and
//!   asks another broker whether it is ready; [`CommandLine`].
//! - `run`: [`Arguments`] to a store, a listener and a server, until a signal ends it; [`run()`].
//! - `server`: connections, their time-outs and the end of them; [`serve`].
//! - `http`: one handler per endpoint, over any store; [`router`] is all of it without a socket.
//! - `metrics`: what it counts of itself, and `striped`, where all threads count.
//! - `tokens`: who may do what, where the broker asks; `followed`: files that are read again when they change.
//! - [`store`]: the contract of a store, and the stores in memory and in a database.
//!
//! Nothing here keeps state but the store, and nothing here reads a clock but `tokio::time`, so
//! the same router serves a simulation.

mod arguments;
mod check;
mod command_line;
mod followed;
mod http;
mod io_error;
mod logs;
mod metrics;
mod migrate;
mod open_files;
mod run;
mod server;
mod signal;
pub mod store;
mod striped;
mod tokens;
mod version;

pub use arguments::{Arguments, LogFormat, StoreKind};
pub use check::Target;
pub use command_line::{Command, CommandLine};
pub use http::{Limits, audited_router, router};
pub use migrate::MigrateArguments;
pub use run::run;
pub use server::{Options, Tls, keep_tidy, serve, serve_with_administration};
pub use signal::Signal;
pub use tokens::{NewToken, Scope, TokenArguments, Tokens};
pub use version::{COMMIT, VERSION};
