//! One consumer on one topic: a persistent session under a client id of its own. What a poll brought is
//! acknowledged when the next one begins, and not before.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, PubAck, PubRec, Publish, Subscribe, Unsubscribe};
use tokio::time::{Instant, timeout_at};

use super::failure::last;
use super::link::{Link, is_granted};
use super::way::Way;
use crate::driver::batch::{Batch, Delivered};
use crate::driver::client::Session;
use crate::driver::contract::Subscriber;
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::tags::Tags;
use crate::history::Offset;

/// The packet ids of SUBSCRIBE and UNSUBSCRIBE: a consumer sends nothing else that has one of its own.
const SUBSCRIBE: u16 = 1;
const UNSUBSCRIBE: u16 = 2;

pub(super) struct Consumer {
    way: Arc<Way>,
    session: Session,
    id: String,
    topic: String,
    qos: QoS,
    tags: Arc<Tags>,
    link: Option<Link>,
    /// The broker does not know the session any more; it may know one again that a CONNECT began.
    is_over: bool,
    /// What came on this link and was not handed out yet. Without an ack, it comes again on another one.
    queue: VecDeque<Publish>,
    /// What the last poll handed out: quality of service, packet id.
    handed_out: Vec<(QoS, u16)>,
    /// Packet ids of QoS 2 that were recorded, and that the broker has not released: a message that
    /// comes again under one of them is the same.
    recorded: BTreeSet<u16>,
}

impl Consumer {
    pub(super) fn new(way: Arc<Way>, id: String, topic: String, qos: QoS, tags: Arc<Tags>) -> Self {
        Self {
            way,
            session: Session { id: Some(id.clone()), epoch: None },
            id,
            topic,
            qos,
            tags,
            link: None,
            is_over: false,
            queue: VecDeque::new(),
            handed_out: Vec::new(),
            recorded: BTreeSet::new(),
        }
    }

    /// Connects and subscribes, and says whether the broker has the session from before. To subscribe
    /// again changes nothing in a session that goes on (MQTT-3.8.4-3), and clients do so because the
    /// answer that would have told them of a new session may have been lost.
    pub(super) async fn enter(&mut self) -> Result<bool, Failure> {
        self.queue.clear();
        let entered = self.way.enter(&self.id, false).await?;
        let mut subscribe = Subscribe::new(self.topic.as_str(), self.qos);
        subscribe.pkid = SUBSCRIBE;
        let Some(answer) = entered.link.request(SUBSCRIBE, Packet::Subscribe(subscribe)) else {
            return Err(Failure::new(format!("subscribing: {}", entered.link.why())));
        };
        let stage = answer.wait().await;
        let stage = stage.map_err(|lost| Failure::new(format!("subscribing: {}", lost.why)))?;
        if !is_granted(stage, self.qos) {
            let (topic, qos) = (&self.topic, self.qos as u8);
            return Err(last(format!("the broker does not grant {topic} at QoS {qos}: {stage:?}")));
        }
        self.link = Some(entered.link);
        Ok(entered.knows_session)
    }

    /// Connects in a session that the broker should know.
    ///
    /// # Errors
    /// Also where it does not.
    pub(super) async fn go_on(&mut self) -> Result<(), Failure> {
        if self.is_over || !self.enter().await? {
            self.is_over = true;
            self.link = None;
            let why = "the broker does not know the session any more";
            let kind = FailureKind::SessionOver { in_same_life: None };
            return Err(Failure { kind, ..Failure::new(why) });
        }
        Ok(())
    }

    /// Acknowledges what was handed out.
    fn acknowledge(&mut self) {
        for (qos, id) in self.handed_out.drain(..) {
            let ack = match qos {
                QoS::AtMostOnce => continue,
                QoS::AtLeastOnce => Packet::PubAck(PubAck::new(id)),
                QoS::ExactlyOnce => {
                    self.recorded.insert(id);
                    Packet::PubRec(PubRec::new(id))
                }
            };
            if let Some(link) = &self.link {
                link.send(ack);
            }
        }
    }

    /// Takes in what came.
    fn came(&mut self, packet: Packet) {
        match packet {
            Packet::PubRel(released) => {
                self.recorded.remove(&released.pkid);
            }
            Packet::Publish(publish)
                if publish.qos == QoS::ExactlyOnce && self.recorded.contains(&publish.pkid) =>
            {
                // The PUBREC was lost.
                if let Some(link) = &self.link {
                    link.send(Packet::PubRec(PubRec::new(publish.pkid)));
                }
            }
            Packet::Publish(publish) => self.queue.push_back(publish),
            _ => {}
        }
    }

    /// Waits until there is a message to hand out, or it is time; takes at most so many.
    async fn fetch(&mut self, max: usize, until: Instant) -> Result<(), Failure> {
        while self.queue.len() < max {
            let Some(link) = &mut self.link else {
                self.go_on().await?;
                continue;
            };
            let came = match link.deliveries.try_recv() {
                Ok(packet) => Some(packet),
                Err(_) if !self.queue.is_empty() => return Ok(()),
                Err(_) => match timeout_at(until, link.deliveries.recv()).await {
                    Ok(came) => came,
                    Err(_) => return Ok(()),
                },
            };
            match came {
                Some(packet) => self.came(packet),
                None => {
                    let why = link.why();
                    self.link = None;
                    return Err(Failure::new(why));
                }
            }
        }
        Ok(())
    }

    fn hand_out(&mut self, max: usize, batch: &mut Batch) {
        let count = self.queue.len().min(max);
        for publish in self.queue.drain(..count) {
            let text = String::from_utf8_lossy(&publish.payload);
            let (identity, tag) = self.tags.read(&text);
            let payload = &text[tag..];
            batch.push(Delivered { identity, offset: None, redelivered: publish.dup, payload });
            self.handed_out.push((publish.qos, publish.pkid));
        }
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        None
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            self.acknowledge();
            let max = max as usize;
            let fetched = self.fetch(max, Instant::now() + wait).await;
            fetched.map_err(|failure| {
                let why = format!("polling {}: {failure}", self.topic);
                Failure { why, ..failure }
            })?;
            self.hand_out(max, batch);
            Ok(())
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    /// What came is in the queue until it is handed out, and what was not acknowledged comes again.
    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            self.acknowledge();
            let Some(link) = self.link.take() else { return Ok(()) };
            let mut unsubscribe = Unsubscribe::new(self.topic.as_str());
            unsubscribe.pkid = UNSUBSCRIBE;
            let Some(answer) = link.request(UNSUBSCRIBE, Packet::Unsubscribe(unsubscribe)) else {
                return Err(Failure::new(format!("unsubscribing: {}", link.why())));
            };
            let answer = answer.wait().await;
            answer.map_err(|lost| Failure::new(format!("unsubscribing: {}", lost.why)))?;
            link.close().await;
            Ok(())
        })
    }
}
