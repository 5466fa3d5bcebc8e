//! A private MySQL or MariaDB server, as a guarded child.

use std::net::SocketAddr;
use std::sync::Arc;

use private_database::{Folder, Installed, Invocation, Options, Server, is_greeting};

use crate::server::Failure;
use crate::server::{Ready, Recipe, Start, Wanted};
use futures_util::future::BoxFuture;

/// The server's folder, with its programs and settings.
#[derive(Debug)]
pub struct MySql(pub Server);

/// A server of the usual settings, whose data goes with it.
///
/// # Errors
/// Where none is installed, or its folder cannot be made.
pub fn recipe(wanted: &Wanted<'_>) -> Result<Arc<dyn Recipe>, Failure> {
    let installed = Installed::find().map_err(|error| Failure(error.to_string()))?;
    let options = Options { arguments: wanted.arguments.to_vec(), ..Options::default() };
    Ok(Arc::new(MySql::new(installed, options)?))
}

impl MySql {
    /// Makes the folder.
    pub fn new(installed: Installed, options: Options) -> Result<Self, Failure> {
        Server::new(installed, options).map(Self).map_err(|error| Failure(error.to_string()))
    }
}

impl Recipe for MySql {
    fn name(&self) -> &str {
        "the private MySQL server"
    }

    fn folder(&self) -> Option<&Folder> {
        Some(self.0.folder())
    }

    fn preparation(&self) -> Vec<Invocation> {
        vec![self.0.set_up()]
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        Ok(Start { run: self.0.run(listen.port()), ready: Ready::Greeting(is_greeting) })
    }

    fn check_persistence(&self, _listens: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        let tables = self.0.data().join("ibdata1");
        let kept = if tables.is_file() {
            Ok(())
        } else {
            Err(format!("there is no {}", tables.display()))
        };
        Box::pin(std::future::ready(kept))
    }
}
