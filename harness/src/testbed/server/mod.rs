//! How a server is started, known to be ready, watched, restarted, and ended: any server, for
//! [`Recipe`] says what is particular about one kind.
//!
//! - [`child`]: a process that cannot outlive the harness; `tail`: the last lines that it wrote.
//! - `readiness`: waits until a process that was started is a server that is ready.
//! - `restartable_process`: a child that is killed and started again on one port, which `claim`
//!   keeps free.
//! - [`ServerProcess`]: all of it together.

pub mod child;
mod claim;
mod readiness;
mod recipe;
mod restartable_process;
mod server_process;
mod tail;

pub use recipe::{Ending, NewRecipe, Ready, Recipe, Start, Wanted};
pub use server_process::ServerProcess;
