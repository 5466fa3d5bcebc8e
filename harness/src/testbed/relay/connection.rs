//! One connection through a relay: two ways, each of which carries bytes as the active faults let it.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until};

use super::delay_queue::DelayQueue;
use super::link::Connection;
use crate::capability::{NewRequests, Requests};
use crate::fault::Way;

const CHUNK: usize = 16 * 1024;

/// The connection is to be reset on both sides.
struct Broken;

/// Carries bytes both ways until both sides have ended, or the connection breaks.
pub(super) async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    connection: &Connection<'_>,
    requests: Option<NewRequests>,
) {
    // Small requests and answers go on at once. It fails only for a connection that has ended.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let requests = requests.map(|new| Mutex::new(new()));
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = Direction::new(connection, requests.as_ref(), Way::There);
        let back = Direction::new(connection, requests.as_ref(), Way::Back);
        tokio::try_join!(there.carry(from_client, to_server), back.carry(from_server, to_client))
    };
    if let Err(Broken) = ended {
        reset(&client);
        reset(&server);
    }
}

/// Makes the end of a connection a reset (RST): once it is dropped, what it has not sent yet is
/// thrown away.
pub(super) fn reset(stream: &TcpStream) {
    // It fails only for a connection that has ended.
    let _ = stream.set_zero_linger();
}

struct Direction<'a> {
    connection: &'a Connection<'a>,
    requests: Option<&'a Mutex<Box<dyn Requests>>>,
    way: Way,
    /// Where what is written now stands in `out`.
    ready: Range<usize>,
    out: Vec<u8>,
    held_up: DelayQueue,
    /// Whether more may come.
    open: bool,
    /// Whether something vanished: what follows makes no sense any more to the other side.
    lost: bool,
}

impl<'a> Direction<'a> {
    fn new(
        connection: &'a Connection<'a>,
        requests: Option<&'a Mutex<Box<dyn Requests>>>,
        way: Way,
    ) -> Self {
        let (out, held_up) = (vec![0; CHUNK], DelayQueue::default());
        Self { connection, requests, way, ready: 0..0, out, held_up, open: true, lost: false }
    }

    async fn carry(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Broken> {
        let link = self.connection.link;
        let mut read = vec![0; CHUNK];
        let mut changed = std::pin::pin!(link.changed());
        loop {
            // Before the look: what changes after it wakes this up.
            changed.as_mut().enable();
            self.settle()?;
            let writing = !self.ready.is_empty();
            let due = self.held_up.due().filter(|_| !writing);
            let reading = self.open && !writing && self.held_up.has_room();
            if !self.open && !writing && due.is_none() && !self.lost {
                // The other way may go on.
                return to.shutdown().await.map_err(|_| Broken);
            }
            let portion = if link.delays() { link.portion(CHUNK) } else { CHUNK };
            tokio::select! { biased;
                () = &mut changed => changed.set(link.changed()),
                wrote = to.write(&self.out[self.ready.clone()]), if writing => {
                    self.ready.start += wrote.map_err(|_| Broken)?;
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.release();
                }
                got = from.read(&mut read[..portion]), if reading => {
                    match got.map_err(|_| Broken)? {
                        0 => self.open = false,
                        bytes => self.came(&mut read, bytes)?,
                    }
                }
            }
        }
    }

    /// Does to what is under way what the active faults do.
    fn settle(&mut self) -> Result<(), Broken> {
        if self.connection.is_broken() {
            return Err(Broken);
        }
        let link = self.connection.link;
        if link.is_hole() {
            let on_its_way = !self.ready.is_empty() || !self.held_up.is_empty();
            if on_its_way || (!self.open && !self.lost) {
                self.vanish();
            }
            return Ok(());
        }
        if self.lost {
            return Err(Broken);
        }
        if !link.delays() && self.ready.is_empty() {
            self.release();
        }
        Ok(())
    }

    /// Lets what was held up longest go on.
    fn release(&mut self) {
        if let Some(portion) = self.held_up.pop() {
            self.ready = 0..portion.len();
            self.out[..portion.len()].copy_from_slice(&portion);
        }
    }

    /// Takes in what was read, whose buffer it may exchange for another.
    fn came(&mut self, read: &mut Vec<u8>, bytes: usize) -> Result<(), Broken> {
        let link = self.connection.link;
        if link.is_hole() {
            self.vanish();
            return Ok(());
        }
        if let Some(requests) = self.requests {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            match self.way {
                Way::There => requests.sent(&read[..bytes]),
                Way::Back if requests.answered() && link.loses_answer() => {
                    return Err(Broken);
                }
                Way::Back => {}
            }
        }
        if link.delays() || !self.held_up.is_empty() {
            self.held_up.push(link.due(self.way, bytes), &read[..bytes]);
            return Ok(());
        }
        // Without a copy: what was written is the next to be read into.
        std::mem::swap(&mut self.out, read);
        self.ready = 0..bytes;
        Ok(())
    }

    fn vanish(&mut self) {
        self.ready = 0..0;
        self.held_up.clear();
        self.lost = true;
        self.connection.link.note_vanished();
    }
}
