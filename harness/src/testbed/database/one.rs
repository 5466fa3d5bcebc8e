//! One private server that runs, which may be a node of a cluster.

use std::sync::Arc;

use crate::recipes::mysql::MySql;
use crate::server::ServerProcess;

/// Its process, and what it was started by.
#[derive(Debug)]
pub(super) struct One {
    pub(super) process: ServerProcess,
    pub(super) recipe: Arc<MySql>,
}
