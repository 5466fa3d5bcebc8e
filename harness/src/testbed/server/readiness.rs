//! Waits until a process that was started is a server that is ready.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::child::Child;
use super::recipe::Ready;
use crate::testbed::Failure;

/// Between two looks: far below what a quick start takes, and cheap during a slow one.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// Waits until the child is ready, and says where it listens. Does not notice its end.
pub(super) async fn wait(
    child: &Child,
    ready: &Ready,
    listen: SocketAddr,
) -> Result<SocketAddr, Failure> {
    let began = Instant::now();
    let (least, most) = LOOK_EVERY;
    loop {
        if let Some(address) = look(child, ready, listen).await? {
            return Ok(address);
        }
        sleep((began.elapsed() / 20).clamp(least, most)).await;
    }
}

/// Where it listens, if it is ready.
async fn look(
    child: &Child,
    ready: &Ready,
    listen: SocketAddr,
) -> Result<Option<SocketAddr>, Failure> {
    let is_ready = match ready {
        Ready::Port => TcpStream::connect(listen).await.is_ok(),
        Ready::Greeting(is_greeting) => match greeting(listen).await {
            Some(head) => is_greeting(&head),
            None => false,
        },
        Ready::Line(text) => child.has_written(text),
        Ready::PortFile(folder, name) => {
            let port = read_port(&folder.path().join(name))?;
            return Ok(port.map(|port| SocketAddr::new(listen.ip(), port)));
        }
    };
    Ok(is_ready.then_some(listen))
}

/// The first bytes that a connection brings.
async fn greeting(address: SocketAddr) -> Option<[u8; 5]> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.ok()?;
    Some(head)
}

/// The port in the file: none while there is no whole line in it.
fn read_port(file: &Path) -> Result<Option<u16>, Failure> {
    let failure = |why: String| Failure(format!("port file {}: {why}", file.display()));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(error.to_string())),
    };
    let Some(line) = text.strip_suffix('\n') else { return Ok(None) };
    line.parse().map(Some).map_err(|_| failure(format!("{line:?} is no port")))
}
