//! A database server of one test alone, to be killed, stopped and filled.

use private_database::{Options, WITHOUT, Watched};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, MySqlConnection};
use tokio::time::{Duration, sleep};

/// The name of the database that brokers use on it.
const DATABASE: &str = "torture";

/// A server; it ends with this, stopped or not.
pub(crate) struct OwnServer(Watched);

impl OwnServer {
    /// Starts one; none where tests on MySQL are left out.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        if std::env::var(WITHOUT).is_ok_and(|value| value == "1") {
            return None;
        }
        let arguments = arguments.iter().map(Into::into).collect();
        let options = Options { arguments, ..Options::default() };
        Some(Self(Watched::start(options).unwrap_or_else(|error| panic!("{error}"))))
    }

    /// The URL of the database, by the server's socket.
    pub(crate) fn url(&self) -> String {
        self.0.url().of_database(DATABASE)
    }

    /// The URL of the database over TCP, at this port.
    pub(crate) fn url_at(&self, port: u16) -> String {
        let url = self.0.tcp_url().of_database(DATABASE);
        url.replace(&format!(":{}/", self.port()), &format!(":{port}/"))
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.0.process().unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    /// Ends it as a loss of power would, but for what the operating system has yet to write.
    pub(crate) async fn kill(&self) {
        self.signal(Signal::KILL);
        self.until_gone().await;
    }

    /// Ends it in good order.
    pub(crate) async fn end(&self) {
        self.signal(Signal::TERM);
        self.until_gone().await;
    }

    /// Waits until nobody listens at its socket.
    pub(crate) async fn until_gone(&self) {
        while std::os::unix::net::UnixStream::connect(self.0.server().socket()).is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts it again after it has ended.
    pub(crate) fn run_again(&mut self) {
        self.0.run_again().unwrap();
    }

    /// Starts it with other arguments, whether it has ended or not.
    pub(crate) async fn run_with(&mut self, arguments: &[&str]) {
        let process = Pid::from_raw(self.0.process().unwrap()).unwrap();
        // It may have ended by itself.
        let _ = kill_process(process, Signal::KILL);
        self.until_gone().await;
        self.0.run_again_with(arguments.iter().map(Into::into).collect()).unwrap();
    }

    /// A connection of somebody else, who may do everything.
    pub(crate) async fn sql(&self) -> MySqlConnection {
        let url = self.0.url().of_database("mysql");
        MySqlConnection::connect(&url).await.unwrap()
    }
}
