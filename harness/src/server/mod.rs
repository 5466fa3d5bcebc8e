//! How a server is started, known to be ready, watched, restarted, and ended: any server, for
//! [`Recipe`] says what is particular about one kind.
//!
//! - [`child`]: a process that cannot outlive the harness; `tail`: the last lines that it wrote.
//! - `launcher`: one start by a recipe, until the server is ready.
//! - [`ServerProcess`]: a server that is killed and started again on one port, which `claim` keeps
//!   free.
//! - [`Storage`]: the process that serves a file system below a server's data.

pub mod child;
mod claim;
mod failure;
mod launcher;
mod recipe;
mod server_process;
mod storage;
mod tail;
mod version;

pub(crate) use claim::Claim;
pub use failure::Failure;
pub use recipe::{Data, Ending, NewRecipe, Ready, Recipe, Start, Wanted};
pub use server_process::ServerProcess;
pub use storage::Storage;
pub use version::Version;
