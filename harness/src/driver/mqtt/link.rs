//! One connection: it writes what it is given in that order, says what became of each packet that has an
//! answer, and ends for good when anything goes wrong. Nothing is ever sent again on it, nor on
//! another in its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Packet, PubComp, PubRel, SubAck, SubscribeReasonCode};
use rumqttc::mqttbytes::{self, QoS};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::io_error::reason;

/// After so long a silence of the broker it is asked for a sign of life.
const ASKED_AFTER: Duration = Duration::from_secs(2);

/// How long it may take to give one. Where it gives none the connection is taken for dead. A Mosquitto that
/// saves its database after each packet is silent for 10 s and more when it has many to read.
const SIGN_WITHIN: Duration = Duration::from_secs(20);

/// How long a packet may be without its answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// How long the end of a connection may take.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// So much is written at once, where there is more.
const CHUNK: usize = 64 * 1024;

/// The longest packet: the protocol's own bound.
pub(super) const PACKET_MAX: usize = 268_435_455;

/// What a connection is made on, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection. Dropped, it is cut.
pub(super) struct Link {
    commands: mpsc::UnboundedSender<Command>,
    /// PUBLISH and PUBREL in the order in which they came.
    pub(super) deliveries: mpsc::UnboundedReceiver<Packet>,
    ended: Arc<OnceLock<String>>,
    task: JoinHandle<()>,
}

struct Command {
    packet: Packet,
    /// Under its packet id, where it has an answer.
    answer: Option<(u16, watch::Sender<Stage>)>,
}

/// How far a packet is that has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nothing of it was sent.
    Queued,
    /// It may have arrived.
    Sent,
    /// PUBREC came: the broker has it, and knows its packet id until it gets a PUBREL.
    Received,
    /// Its last answer came: PUBACK, PUBCOMP, UNSUBACK.
    Done,
    /// SUBACK came, and this is what was granted; nothing where the subscription was refused.
    Granted(Option<u8>),
}

/// What is going to become of a packet.
pub(super) struct Answer {
    stage: watch::Receiver<Stage>,
    ended: Arc<OnceLock<String>>,
}

/// No answer came, and none will.
pub(super) struct Lost {
    /// How far it had come.
    pub(super) at: Stage,
    pub(super) why: String,
}

type Open = Mutex<BTreeMap<u16, watch::Sender<Stage>>>;

impl Link {
    /// Takes over a stream on which the client was taken in; `bytes` came after that.
    pub(super) fn new(stream: Box<dyn Stream>, bytes: BytesMut) -> Self {
        let (commands, to_write) = mpsc::unbounded_channel();
        let (delivered, deliveries) = mpsc::unbounded_channel();
        let ended = Arc::new(OnceLock::new());
        let (own, told) = (commands.clone(), Arc::clone(&ended));
        let task = tokio::spawn(async move {
            let (reader, writer) = split(stream);
            let open = Open::default();
            let why = tokio::select! { biased;
                why = write(writer, to_write, &open) => why,
                why = read(reader, bytes, &open, &own, &delivered) => why,
            };
            // Before what waits hears of the end.
            let _ = told.set(why);
        });
        Self { commands, deliveries, ended, task }
    }

    /// Sends a packet that has no answer. It may be lost: whoever reads the deliveries notices.
    pub(super) fn send(&self, packet: Packet) {
        let _ = self.commands.send(Command { packet, answer: None });
    }

    /// Sends a packet that has an answer, under this packet id; none where the connection has ended
    /// already, so that it surely was not sent.
    pub(super) fn request(&self, id: u16, packet: Packet) -> Option<Answer> {
        let (sender, stage) = watch::channel(Stage::Queued);
        self.commands.send(Command { packet, answer: Some((id, sender)) }).ok()?;
        Some(Answer { stage, ended: Arc::clone(&self.ended) })
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.commands.is_closed()
    }

    /// Why it has ended.
    pub(super) fn why(&self) -> String {
        why(&self.ended)
    }

    /// Ends it in good order: what was given to it is written.
    pub(super) async fn close(mut self) {
        self.send(Packet::Disconnect);
        let ended = async { while self.deliveries.recv().await.is_some() {} };
        let _ = timeout(CLOSED_WITHIN, ended).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Answer {
    /// Waits for it.
    pub(super) async fn wait(mut self) -> Result<Stage, Lost> {
        let answer = timeout(ANSWERED_WITHIN, self.stage.wait_for(|stage| *stage >= Stage::Done));
        let answer = answer.await.map(|answer| answer.map(|stage| *stage));
        match answer {
            Ok(Ok(stage)) => Ok(stage),
            Ok(Err(_)) => Err(Lost { at: *self.stage.borrow(), why: why(&self.ended) }),
            Err(_) => Err(Lost {
                at: *self.stage.borrow(),
                why: format!("no answer within {} s", ANSWERED_WITHIN.as_secs()),
            }),
        }
    }
}

fn why(ended: &OnceLock<String>) -> String {
    ended.get().map_or("the connection was given up", String::as_str).to_owned()
}

fn lock(open: &Open) -> MutexGuard<'_, BTreeMap<u16, watch::Sender<Stage>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what comes until that fails, and says why.
async fn write(
    mut writer: WriteHalf<Box<dyn Stream>>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    open: &Open,
) -> String {
    let mut bytes = BytesMut::new();
    let mut next = commands.recv().await;
    let mut closes = false;
    while let Some(Command { packet, answer }) = next.take() {
        closes |= packet == Packet::Disconnect;
        if let Err(error) = packet.write(&mut bytes, PACKET_MAX) {
            return format!("a packet cannot be sent: {error}");
        }
        if let Some((id, stage)) = answer {
            stage.send_replace(Stage::Sent);
            lock(open).insert(id, stage);
        }
        if bytes.len() < CHUNK {
            next = commands.try_recv().ok();
        }
        if next.is_none() {
            let written = async {
                writer.write_all(&bytes).await?;
                writer.flush().await?;
                if closes { writer.shutdown().await } else { Ok(()) }
            };
            if let Err(error) = written.await {
                return reason(&error);
            }
            bytes.clear();
            next = commands.recv().await;
        }
    }
    "it was closed".to_owned()
}

/// Reads what comes until that fails, and says why.
async fn read(
    mut reader: ReadHalf<Box<dyn Stream>>,
    mut bytes: BytesMut,
    open: &Open,
    commands: &mpsc::UnboundedSender<Command>,
    deliveries: &mpsc::UnboundedSender<Packet>,
) -> String {
    let send = |packet| {
        let _ = commands.send(Command { packet, answer: None });
    };
    let mut is_asked = false;
    loop {
        loop {
            let packet = match Packet::read(&mut bytes, PACKET_MAX) {
                Ok(packet) => packet,
                Err(mqttbytes::Error::InsufficientBytes(_)) => break,
                Err(error) => return format!("what the broker sent is no MQTT: {error}"),
            };
            match packet {
                Packet::PubAck(answer) => end(open, answer.pkid, Stage::Done),
                Packet::PubComp(answer) => end(open, answer.pkid, Stage::Done),
                Packet::UnsubAck(answer) => end(open, answer.pkid, Stage::Done),
                Packet::SubAck(answer) => end(open, answer.pkid, granted(&answer)),
                Packet::PubRec(answer) => {
                    if let Some(stage) = lock(open).get(&answer.pkid) {
                        stage.send_replace(Stage::Received);
                    }
                    send(Packet::PubRel(PubRel::new(answer.pkid)));
                }
                Packet::Publish(_) => {
                    let _ = deliveries.send(packet);
                }
                Packet::PubRel(PubRel { pkid }) => {
                    let _ = deliveries.send(packet);
                    send(Packet::PubComp(PubComp::new(pkid)));
                }
                Packet::PingResp => {}
                other => return format!("the broker sent {other:?} to a client"),
            }
        }
        let within = if is_asked { SIGN_WITHIN } else { ASKED_AFTER };
        match timeout(within, reader.read_buf(&mut bytes)).await {
            Ok(Ok(0)) => return "the broker closed the connection".to_owned(),
            Ok(Ok(_)) => is_asked = false,
            Ok(Err(error)) => return reason(&error),
            Err(_) if is_asked => {
                return format!("no sign of life within {} s", SIGN_WITHIN.as_secs());
            }
            Err(_) => {
                is_asked = true;
                send(Packet::PingReq);
            }
        }
    }
}

/// Tells what waits for the last answer to a packet.
fn end(open: &Open, id: u16, stage: Stage) {
    if let Some(waiting) = lock(open).remove(&id) {
        waiting.send_replace(stage);
    }
}

fn granted(answer: &SubAck) -> Stage {
    Stage::Granted(match answer.return_codes.as_slice() {
        [SubscribeReasonCode::Success(qos)] => Some(*qos as u8),
        _ => None,
    })
}

/// Whether a subscription was granted as it was asked for.
pub(super) fn is_granted(stage: Stage, qos: QoS) -> bool {
    stage == Stage::Granted(Some(qos as u8))
}
