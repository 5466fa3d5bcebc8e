//! Where runs on MySQL get their databases: from a server that runs already, or from a private one
//! that is started with the first run that needs it and is gone with the harness.

mod find;
mod private;
mod run_database;
mod server;

pub use find::{NotFound, find};
pub use run_database::Database;
pub use server::Server;
