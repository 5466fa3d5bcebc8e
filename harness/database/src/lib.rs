//! A MySQL or MariaDB server of one's own in a temporary folder: where its programs are, how its
//! data folder is set up, how it is run, and when it is ready. It is for runs and tests. Its folder
//! is readable by its owner alone, and over TCP it asks for a password.
//!
//! - [`Installed`]: the programs. [`Server`]: a data folder, and the commands that set it up and
//!   run it; a set-up is done once and copied from then on. [`Url`]: where a server is, with a password that is never shown.
//! - [`setting()`]: what a user says of it, as an argument.
//! - [`Watched`] runs a server for tests: it ends with the process that started it, in whatever way
//!   that ends. The harness runs its servers as children of its own.
//! - [`Cluster`], of which a server can be a [`Node`]; [`WatchedCluster`] runs one for tests.
//! - [`for_tests()`]: the server that the tests of this process share.
//! - [`Program`], [`Invocation`] and [`Folder`] are for servers of any kind.
//!
//! Nothing here is async, so that it fits any runtime.

mod chance;
mod cluster;
mod contents;
mod error;
mod folder;
mod for_tests;
mod installed;
mod invocation;
mod prepared;
mod program;
mod server;
mod setting;
mod url;
mod watched;
mod watched_cluster;

pub use cluster::{Cluster, Node, PROVIDER_VARIABLE, Ports};
pub use error::Error;
pub use folder::{DISK_MARK, FOLDER_MARK, Folder};
pub use for_tests::{WITHOUT, for_tests, has_cluster_for_tests};
pub use installed::{FOLDER_VARIABLE, Installed};
pub use invocation::Invocation;
pub use program::{Missing, Program};
pub use server::{Options, Server, is_greeting};
pub use setting::setting;
pub use url::{URL_VARIABLE, Url};
pub use watched::Watched;
pub use watched_cluster::WatchedCluster;
