//! A server that runs until the process that started it ends: a shell watches over it.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::installed::Installed;
use crate::server::{Options, Server, is_greeting};
use crate::url::Url;

/// A start takes 0.2 s; on a machine that is very busy, some seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at the socket.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Starts on further ports, where one was taken before the server came to it.
const TRIES: u32 = 5;

/// So many bytes of what a program wrote last are shown.
const LAST_BYTES: usize = 2000;

/// A server that runs. It is killed, and its folder removed, when this is dropped and not later
/// than this process ends, also by `kill -9`.
#[derive(Debug)]
pub struct Watched {
    server: Server,
    port: u16,
}

impl Watched {
    /// Sets up a server, by a copy of one that was set up before where it can, starts it and waits
    /// until it greets: 0.3 s, and 0.9 s without a copy.
    ///
    /// # Errors
    /// Where none is installed, and where it does not come up, with what it wrote last.
    pub fn start(options: Options) -> Result<Self, Error> {
        let mut watched = Self::set_up(Installed::find()?, options)?;
        on_free_ports(|| {
            watched.port = free_port()?;
            watched.launch()?;
            watched.wait()
        })?;
        Ok(watched)
    }

    /// The same without a start.
    pub(crate) fn set_up(installed: Installed, options: Options) -> Result<Self, Error> {
        let server = Server::new(installed, options)?;
        if !server.copy_prepared(false)? {
            set_up(&server)?;
            server.keep_prepared();
        }
        Ok(Self { server, port: free_port()? })
    }

    /// Where it is, by its socket.
    pub fn url(&self) -> Url {
        self.server.url()
    }

    /// Where it is, by TCP.
    pub fn tcp_url(&self) -> Url {
        self.server.tcp_url(self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder and socket.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The id of its process, by which it can be stopped and killed.
    ///
    /// # Errors
    /// Where the server's own file of it cannot be read.
    pub fn process(&self) -> Result<i32, Error> {
        let file = self.server.pid_file();
        let text = fs::read_to_string(&file).map_err(Error::files("read its process id"))?;
        let number = text.trim().parse();
        number.map_err(|_| Error::Failed { what: "has no process id".to_owned(), output: text })
    }

    /// Runs it again, once its process has ended, and waits until it greets.
    ///
    /// # Errors
    /// Where it does not come up, with what it wrote last.
    pub fn run_again(&mut self) -> Result<(), Error> {
        self.launch_again()?;
        self.wait()
    }

    /// The same without waiting.
    pub(crate) fn launch_again(&mut self) -> Result<(), Error> {
        // The server that was killed has left it behind.
        let _ = fs::remove_file(self.server.pid_file());
        self.launch()
    }

    /// The same with other further arguments than those it was started with.
    pub fn run_again_with(&mut self, arguments: Vec<OsString>) -> Result<(), Error> {
        self.server.change_arguments(arguments);
        self.run_again()
    }

    /// Waits until it greets.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        wait_until_ready(&self.server)
    }

    pub(crate) fn launch(&mut self) -> Result<(), Error> {
        self.server.join()?;
        let run = self.server.run(self.port);
        let watched = self.server.folder_mut().watch(&run);
        watched.map_err(Error::files("start a shell that runs it"))
    }
}

fn set_up(server: &Server) -> Result<(), Error> {
    let set_up = server.set_up();
    let output = Command::new(&set_up.program)
        .args(&set_up.arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::files(format!("start {}", set_up.program.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let what = format!("cannot be set up: it ended with {}", output.status);
    let wrote = [output.stdout, output.stderr].concat();
    Err(Error::Failed { what, output: last(&String::from_utf8_lossy(&wrote)) })
}

/// Starts something on ports that it finds free, and once more where one was taken before a server came
/// to it.
pub(crate) fn on_free_ports<T>(mut start: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        match start() {
            Err(Error::Failed { output, .. })
                if attempt < TRIES && output.contains("ddress already in use") =>
            {
                attempt += 1;
            }
            done => return done,
        }
    }
}

pub(crate) fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::files("find a free port"))?.port())
}

fn wait_until_ready(server: &Server) -> Result<(), Error> {
    let log = server.folder().path().join("server.log");
    let log = || last(&fs::read_to_string(&log).unwrap_or_default());
    let looks = READY_WITHIN.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..looks {
        if greets(server) {
            return Ok(());
        }
        let wrote = log();
        if wrote.contains("[ERROR] Aborting") {
            return Err(Error::Failed { what: "does not start".to_owned(), output: wrote });
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is for tests without a simulated clock"
        )]
        thread::sleep(LOOK_EVERY);
    }
    let what = format!("does not greet within {} s", READY_WITHIN.as_secs());
    Err(Error::Failed { what, output: log() })
}

/// Whether a connection to the server's socket is greeted now.
fn greets(server: &Server) -> bool {
    let Ok(mut stream) = UnixStream::connect(server.socket()) else { return false };
    let mut head = [0; 5];
    stream.set_read_timeout(Some(READY_WITHIN)).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && is_greeting(&head)
}

/// The end of a text, in whole lines.
fn last(text: &str) -> String {
    let text = text.trim_end();
    let from = text.len().saturating_sub(LAST_BYTES);
    match text.char_indices().find(|(place, _)| *place >= from) {
        Some((0, _)) | None => text.to_owned(),
        Some((place, _)) => match text[place..].split_once('\n') {
            Some((_, whole)) => whole.to_owned(),
            None => text[place..].to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_was_taken_is_not_the_end() {
        let taken = || Error::Failed {
            what: "does not start".to_owned(),
            output: "Got error: 98: Address already in use".to_owned(),
        };
        let mut tries = 0;
        let started = on_free_ports(|| {
            tries += 1;
            if tries < TRIES { Err(taken()) } else { Ok(tries) }
        });
        assert_eq!(started.unwrap(), TRIES);
        assert!(on_free_ports(|| Err::<(), _>(taken())).is_err());
        tries = 0;
        let other = || Error::Failed { what: "does not start".to_owned(), output: "no".to_owned() };
        let failed = on_free_ports(|| {
            tries += 1;
            Err::<(), _>(other())
        });
        assert!(failed.is_err());
        assert_eq!(tries, 1, "another port would not help");
    }

    #[test]
    fn the_end_of_a_text_is_in_whole_lines() {
        assert_eq!(last("one\ntwo\n"), "one\ntwo");
        let long = format!("{}\né{}\nend\n", "x".repeat(3000), "y".repeat(100));
        assert_eq!(last(&long), format!("é{}\nend", "y".repeat(100)));
        assert_eq!(last(&"é".repeat(2000)).len(), LAST_BYTES);
    }
}
