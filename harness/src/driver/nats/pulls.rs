//! The requests for messages of one consumer, and what comes of them. Each waits for its first message
//! and then brings all that there are, at most so many as it asks for; so nothing is on its way when it
//! is over, unless it was given up.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

/// How long after its end a request may still be without an answer.
const LATE: Duration = Duration::from_secs(2);

/// The shortest time that a request is open. One without a time has no answer where a consumer has as
/// much under way as it may.
const SHORTEST: Duration = Duration::from_millis(20);

/// A connection of a consumer, with the subject that its messages come to.
pub(super) struct Pulls {
    pub(super) context: Context,
    /// `$JS.API.CONSUMER.MSG.NEXT.` and so on.
    subject: String,
    inbox: String,
    messages: Subscriber,
    /// Numbers the requests.
    asked: u64,
    /// The last one, while it is not over.
    open: Option<Open>,
}

struct Open {
    /// So many messages it may still bring.
    left: u32,
    /// When it is over at the latest.
    until: Instant,
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It brought what it asked for, or there is no more for now.
    Over,
    /// In another way, and the connection is of use.
    Refused(String),
    /// The connection has ended, or carries nothing.
    Broken(String),
}

impl Pulls {
    pub(super) async fn new(
        context: Context,
        stream: &str,
        consumer: &str,
    ) -> Result<Self, String> {
        let client = context.client();
        let inbox = client.new_inbox();
        let subscribed = client.subscribe(format!("{inbox}.*")).await;
        let messages = subscribed.map_err(|error| error.to_string())?;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}");
        Ok(Self { context, subject, inbox, messages, asked: 0, open: None })
    }

    /// Asks for at most so many messages, or goes on with a request that was given up before it was
    /// over, and adds what comes to `messages`. May be dropped without losing any.
    pub(super) async fn gather(
        &mut self,
        most: u32,
        wait: Duration,
        messages: &mut Vec<Message>,
    ) -> End {
        // One that was given up may go on for longer than this one is to take.
        if (self.open.is_none() || wait.is_zero())
            && let Err(end) = self.ask(most, wait).await
        {
            return end;
        }
        while let Some(open) = &mut self.open {
            let came = match timeout_at(open.until + LATE, self.messages.next()).await {
                Ok(Some(came)) => came,
                Ok(None) => return End::Broken("the connection has ended".to_owned()),
                Err(_) => return End::Broken("a request for messages has no answer".to_owned()),
            };
            if came.status.is_none() {
                open.left = open.left.saturating_sub(1);
                let is_over = open.left == 0;
                messages.push(came);
                if is_over {
                    self.open = None;
                }
            } else if came.subject.as_str() == self.reply() {
                self.open = None;
                return end(&came);
            }
        }
        End::Over
    }

    async fn ask(&mut self, most: u32, wait: Duration) -> Result<(), End> {
        self.asked += 1;
        let wait = wait.max(SHORTEST);
        // With `no_wait` it is over as soon as it brought something and there is no more.
        let expires = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let request = json!({ "batch": most, "no_wait": true, "expires": expires });
        let (subject, reply) = (self.subject.clone(), self.reply());
        let client = self.context.client();
        let published = client.publish_with_reply(subject, reply, request.to_string().into()).await;
        published.map_err(|error| End::Broken(error.to_string()))?;
        self.open = Some(Open { left: most, until: Instant::now() + wait });
        Ok(())
    }

    /// Where the server says how the last request ended.
    fn reply(&self) -> String {
        format!("{}.{}", self.inbox, self.asked)
    }
}

/// What the status says that ends a request.
fn end(status: &Message) -> End {
    let said = status.description.as_deref().unwrap_or_default();
    let code = status.status.map_or(0, |status| status.as_u16());
    match code {
        // There is something, and it comes by an earlier request.
        408 if said == "Requests Pending" => End::Refused(said.to_owned()),
        404 | 408 => End::Over,
        _ => End::Refused(format!("status {code}: {said}")),
    }
}
