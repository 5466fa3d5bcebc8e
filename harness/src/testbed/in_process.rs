//! Our own broker in this very process, for a program that is not the harness and cannot start the
//! harness's own. No fault can reach its process, which is the program's.

use std::future::pending;
use std::sync::Arc;

use broker::store::memory::MemoryStore;
use broker::store::{Epoch, Retain};
use broker::{Options, serve as serve_store};
use tokio::net::TcpListener;

/// Serves a broker that is empty, and in memory, until this is dropped.
pub async fn serve(listener: TcpListener) {
    let store = MemoryStore::new(Epoch::random(), Retain::Lag, None);
    serve_store(listener, Arc::new(store), Options::default(), pending()).await;
}
