//! One producer on one topic. An ack is PUBACK at QoS 1 and PUBCOMP at QoS 2.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, PubRel, Publish};

use super::link::{Answer, Link, Stage};
use super::way::{Entered, Way};
use crate::driver::attempts::Attempts;
use crate::driver::client::{RetryPolicy, Session};
use crate::driver::contract::{Outgoing, Pending, Reply, Sender};
use crate::driver::failure::{Failure, FailureKind};
use crate::driver::tags::Tags;
use crate::driver::tries::Tries;
use crate::history::{Class, Offsets, Outcome};

pub(super) struct Producer {
    way: Arc<Way>,
    session: Session,
    id: String,
    topic: String,
    qos: QoS,
    tags: Arc<Tags>,
    retries: RetryPolicy,
    link: Option<Link>,
    /// Whether the broker still has the session from before the link: it then knows the packet ids that
    /// are open.
    knows_session: bool,
    last_packet: u16,
}

/// An attempt that came to nothing.
struct Failed {
    class: Class,
    failure: Failure,
}

impl Producer {
    pub(super) fn new(
        way: Arc<Way>,
        id: String,
        topic: String,
        qos: QoS,
        tags: Arc<Tags>,
        retries: RetryPolicy,
    ) -> Self {
        Self {
            way,
            session: Session { id: Some(id.clone()), epoch: None },
            id,
            topic,
            qos,
            tags,
            retries,
            link: None,
            knows_session: false,
            last_packet: 0,
        }
    }

    /// The same with its first connection.
    pub(super) fn on(mut self, entered: Entered) -> Self {
        self.link = Some(entered.link);
        self
    }

    fn publish(&mut self, message: &Outgoing<'_>) -> Publish {
        self.last_packet = self.last_packet.checked_add(1).unwrap_or(1);
        let payload = self.tags.put(message.message, message.payload);
        let mut publish = Publish::new(self.topic.as_str(), self.qos, payload);
        publish.pkid = self.last_packet;
        publish
    }

    /// Its connection, made anew where there is none.
    async fn linked(&mut self) -> Result<&Link, Failure> {
        if self.link.is_none() {
            let entered = self.way.enter(&self.id, self.qos != QoS::ExactlyOnce).await?;
            self.knows_session = entered.knows_session;
            self.link = Some(entered.link);
        }
        self.link.as_ref().ok_or_else(|| Failure::new("there is no connection"))
    }

    /// Has a message sent, if it can be.
    async fn begin(&mut self, message: &Outgoing<'_>) -> Result<Answer, Outcome> {
        let publish = self.publish(message);
        if self.link.as_ref().is_some_and(Link::has_ended) {
            self.link = None;
        }
        let refused = |why| outcome(Stage::Queued, why);
        let link = self.linked().await.map_err(|failure| refused(failure.why))?;
        let answer = link.request(publish.pkid, Packet::Publish(publish));
        answer.ok_or_else(|| refused(link.why()))
    }

    /// Tries once to have a message stored that is known to be so far.
    async fn attempt(&mut self, publish: &Publish, known: &mut Stage) -> Result<(), Failed> {
        let never_left = |failure| Failed { class: Class::NeverLeft, failure };
        self.linked().await.map_err(never_left)?;
        let packet = match known {
            Stage::Queued => Packet::Publish(publish.clone()),
            _ if !self.knows_session => {
                let why = "the broker has forgotten the session in which the message was sent";
                let kind = FailureKind::Final;
                return Err(never_left(Failure { kind, ..Failure::new(why) }));
            }
            Stage::Sent => Packet::Publish(Publish { dup: true, ..publish.clone() }),
            _ => Packet::PubRel(PubRel::new(publish.pkid)),
        };
        let Some(answer) = self.linked().await.map_err(never_left)?.request(publish.pkid, packet)
        else {
            let why = self.link.take().map(|link| link.why()).unwrap_or_default();
            return Err(never_left(Failure::new(why)));
        };
        answer.wait().await.map(drop).map_err(|lost| {
            self.link = None;
            *known = lost.at.max(*known);
            let class = if lost.at == Stage::Queued { Class::NeverLeft } else { Class::Unknown };
            Failed { class, failure: Failure::new(lost.why) }
        })
    }
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    /// What surely never left is sent again. What may have arrived is sent again at QoS 2 only, under
    /// its packet id and in the session that knows it: the broker then stores it once.
    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let [message] = messages else { return Reply::several(messages.len()) };
            let publish = self.publish(message);
            let mut tries = Tries::new(self.retries);
            let mut known = Stage::Queued;
            let mut made = 0;
            loop {
                attempts.begin();
                made += 1;
                let Err(Failed { class, failure }) = self.attempt(&publish, &mut known).await
                else {
                    return Reply::whole(1, acked(), made);
                };
                attempts.fail(class, failure.code.as_deref());
                let may_repeat = known == Stage::Queued || self.qos == QoS::ExactlyOnce;
                if !tries.again(may_repeat && failure.may_pass()).await {
                    return Reply::whole(1, outcome(known, failure.why), made);
                }
            }
        })
    }

    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        let [message] = messages else {
            return Box::pin(ready(Box::pin(ready(Reply::several(messages.len()))) as Pending));
        };
        Box::pin(self.begin(message).map(|begun| match begun {
            Ok(answer) => later(answer),
            Err(outcome) => Box::pin(ready(Reply::whole(1, outcome, 1))) as Pending,
        }))
    }

    fn is_over(&self) -> bool {
        false
    }
}

fn later(answer: Answer) -> Pending {
    Box::pin(async move {
        let outcome = match answer.wait().await {
            Ok(_) => acked(),
            Err(lost) => outcome(lost.at, lost.why),
        };
        Reply::whole(1, outcome, 1)
    })
}

fn acked() -> Outcome {
    Outcome::Acked { offsets: Offsets::Untold }
}

/// Of a message that came no further than this.
fn outcome(known: Stage, why: String) -> Outcome {
    match known {
        Stage::Queued => Outcome::Refused { why },
        _ => Outcome::Unknown { why },
    }
}
