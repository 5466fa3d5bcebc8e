//! The broker: named append-only logs over HTTP.
//!
//! From the outside in:
//! - `run`: [`Arguments`] to a store, a listener and a server, until a signal ends it; [`run()`].
//! - `server`: connections, their time-outs and the end of them; [`serve`].
//! - `http`: one handler per endpoint, over any store; [`router`] is all of it without a socket.
//! - `tokens`: who may do what, where the broker asks; `followed`: files that are read again when they change.
//! - [`store`]: the contract of a store, and the stores in memory and in a database.
//!
//! Nothing here keeps state but the store, and nothing here reads a clock but `tokio::time`, so
//! the same router serves a simulation.

mod arguments;
mod followed;
mod http;
mod io_error;
mod logs;
mod open_files;
mod run;
mod server;
mod signal;
pub mod store;
mod tokens;

pub use arguments::{Arguments, LogFormat, StoreKind};
pub use http::{Limits, audited_router, router};
pub use run::run;
pub use server::{Options, Tls, serve};
pub use signal::Signal;
pub use tokens::{NewToken, Scope, TokenArguments, Tokens};
