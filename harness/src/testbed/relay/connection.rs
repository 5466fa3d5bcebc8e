//! One connection through a relay: two ways, each of which carries bytes as the link's mood allows.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until};

use super::held::Held;
use super::link::{Life, Way};
use super::requests::Requests;

/// The most bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// The connection is to be reset on both sides.
struct Broken;

/// Carries bytes both ways until both sides have ended, or the connection breaks.
pub(super) async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    life: &Life<'_>,
    reads_requests: bool,
) {
    // Small requests and answers go on at once. It fails only for a connection that has ended.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let requests = reads_requests.then(Mutex::<Requests>::default);
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = Direction::new(life, requests.as_ref(), Way::There);
        let back = Direction::new(life, requests.as_ref(), Way::Back);
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

/// One way of a connection.
struct Direction<'a> {
    life: &'a Life<'a>,
    requests: Option<&'a Mutex<Requests>>,
    way: Way,
    /// Where what is written now stands in `out`.
    ready: Range<usize>,
    out: Vec<u8>,
    held: Held,
    /// Whether more may come.
    open: bool,
    /// Whether something vanished: what follows makes no sense any more to the other side.
    lost: bool,
}

impl<'a> Direction<'a> {
    fn new(life: &'a Life<'a>, requests: Option<&'a Mutex<Requests>>, way: Way) -> Self {
        let (out, held) = (vec![0; CHUNK], Held::default());
        Self { life, requests, way, ready: 0..0, out, held, open: true, lost: false }
    }

    async fn carry(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Broken> {
        let wire = self.life.wire;
        let mut read = vec![0; CHUNK];
        let mut changed = std::pin::pin!(wire.changed());
        loop {
            // Before the look: what changes after it wakes this up.
            changed.as_mut().enable();
            self.settle()?;
            let writing = !self.ready.is_empty();
            let due = self.held.due().filter(|_| !writing);
            let reading = self.open && !writing && self.held.has_room();
            if !self.open && !writing && due.is_none() && !self.lost {
                // The other way may go on.
                return to.shutdown().await.map_err(|_| Broken);
            }
            let portion = if wire.mood().is_slow() { wire.portion(CHUNK) } else { CHUNK };
            tokio::select! { biased;
                () = &mut changed => changed.set(wire.changed()),
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

    /// Makes what is under way fit the link's mood.
    fn settle(&mut self) -> Result<(), Broken> {
        if self.life.is_broken() {
            return Err(Broken);
        }
        let mood = self.life.wire.mood();
        if mood.is_hole() {
            let on_its_way = !self.ready.is_empty() || !self.held.is_empty();
            if on_its_way || (!self.open && !self.lost) {
                self.vanish();
            }
            return Ok(());
        }
        if self.lost {
            return Err(Broken);
        }
        if !mood.is_slow() && self.ready.is_empty() {
            self.release();
        }
        Ok(())
    }

    /// Lets what was held up longest go on.
    fn release(&mut self) {
        if let Some(portion) = self.held.pop() {
            self.ready = 0..portion.len();
            self.out[..portion.len()].copy_from_slice(&portion);
        }
    }

    /// Takes in what was read, whose buffer it may exchange for another.
    fn came(&mut self, read: &mut Vec<u8>, bytes: usize) -> Result<(), Broken> {
        let wire = self.life.wire;
        let mood = wire.mood();
        if mood.is_hole() {
            self.vanish();
            return Ok(());
        }
        if let Some(requests) = self.requests {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            match self.way {
                Way::There => requests.sent(&read[..bytes]),
                Way::Back if requests.answered() && mood.drops_acks() && wire.drops_ack() => {
                    return Err(Broken);
                }
                Way::Back => {}
            }
        }
        if mood.is_slow() || !self.held.is_empty() {
            self.held.push(wire.hold(self.way, bytes), &read[..bytes]);
            return Ok(());
        }
        // Without a copy: what was written is the next to be read into.
        std::mem::swap(&mut self.out, read);
        self.ready = 0..bytes;
        Ok(())
    }

    fn vanish(&mut self) {
        self.ready = 0..0;
        self.held.clear();
        self.lost = true;
        self.life.wire.note_vanished();
    }
}
