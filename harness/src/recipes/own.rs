//! A server of the user's own, started by the command that a file says.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::masked;
use private_database::{Folder, Invocation};
use rustix::process::Signal;

use crate::io_error::reason;
use crate::scenario::OwnServer;
use crate::server::{Data, Ending, Failure, Ready, Recipe, Start};

/// What the server is given of the temporary folder. All of it may be below a disk of the harness's own.
const GIVEN: &str = "server";

struct Own {
    server: OwnServer,
    folder: Folder,
}

/// A server by its command, whose data goes with it.
///
/// # Errors
/// Where its folder cannot be made. Whether there is such a program its start shows.
pub fn recipe(server: &OwnServer) -> Result<Arc<dyn Recipe>, Failure> {
    let folder = Folder::new("own").and_then(|folder| {
        let data = server.data.as_deref().unwrap_or(Path::new(""));
        fs::create_dir_all(folder.path().join(GIVEN).join(data)).map(|()| folder)
    });
    let folder = folder.map_err(|error| {
        Failure(format!("cannot make a folder for the broker: {}", reason(&error)))
    })?;
    Ok(Arc::new(Own { server: server.clone(), folder }))
}

impl Own {
    fn given(&self) -> PathBuf {
        self.folder.path().join(GIVEN)
    }
}

impl Recipe for Own {
    fn name(&self) -> &str {
        "the broker"
    }

    fn detail(&self) -> String {
        format!(" by `{}`", masked(&self.server.command.join(" ")))
    }

    fn folder(&self) -> Option<&Folder> {
        Some(&self.folder)
    }

    fn data(&self) -> Option<Data> {
        let data = self.server.data.as_ref()?;
        Some(Data { folder: self.given().join(data), noise: &[] })
    }

    fn start(&self, listen: SocketAddr) -> Result<Start, Failure> {
        let given = self.given();
        let command = self.server.command_at(listen, &given);
        let [program, arguments @ ..] = &command[..] else {
            return Err(Failure("the server has no command".to_owned()));
        };
        let mut run = Invocation::new(Path::new(program), arguments.iter().map(OsString::from));
        run.folder.clone_from(&self.server.folder);
        run.environment = vec![
            ("HARNESS_SERVER_HOST", listen.ip().to_string().into()),
            ("HARNESS_SERVER_PORT", listen.port().to_string().into()),
            ("HARNESS_SERVER_FOLDER", given.into()),
        ];
        let ready = match &self.server.ready {
            Some(text) => Ready::Line(text.clone().into()),
            None => Ready::Port,
        };
        Ok(Start { run, ready })
    }

    fn ready_within(&self) -> Duration {
        self.server.ready_within
    }

    fn late_cure(&self) -> Option<&str> {
        let cure = "it is to listen on `{port}`, or `ready:` names a text that it writes";
        self.server.ready.is_none().then_some(cure)
    }

    fn ending(&self) -> Ending {
        Ending { is_good, ..Ending::default() }
    }
}

/// Its own end with 0, or that by SIGTERM; a virtual machine tells that as a shell does.
fn is_good(status: &ExitStatus) -> bool {
    let term = Signal::TERM.as_raw();
    status.success() || status.signal() == Some(term) || status.code() == Some(128 + term)
}
