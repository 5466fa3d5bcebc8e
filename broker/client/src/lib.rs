//! Client library for the broker: what other people's programs use to send and to poll.
//!
//! - [`Producer`] sends to any number of topics, [`Consumer`] gets from any number. Both repeat
//!   what failed, as far as that is safe, and say of every message what can be known about it.
//! - [`TopicProducer`] and [`Subscription`] are what these are made of: one registration with one
//!   topic each.
//! - [`Client`] has one method per endpoint and repeats nothing; [`Error`] splits its failures by
//!   what may be concluded. [`Token`]: what a broker is shown that asks who somebody is.
//! - [`transport`]: the seam to the network. [`wire`]: the names, ids, codes and bodies that go
//!   over it; all that the broker imports.
//!
//! ```
//! use broker_client::{Client, Consumer, Error, Producer};
//! # use broker::store::{Epoch, Retain};
//! # use broker::store::memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # // A broker of our own, so that the example runs as it stands.
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let address = format!("http://{}", listener.local_addr()?);
//! # let store = std::sync::Arc::new(MemoryStore::new(Epoch::random(), Retain::Lag, None));
//! # tokio::spawn(broker::serve(listener, store, broker::Options::default(), std::future::pending()));
//! # let address = address.as_str();
//! let client = Client::new(address)?; // "http://127.0.0.1:5000"
//! let (orders, bills) = ("orders".parse()?, "bills".parse()?);
//! client.create_topic("orders").await?;
//! client.create_topic("bills").await?;
//!
//! // A subscription gets what is sent from now on.
//! let mut consumer = Consumer::new(&client);
//! consumer.subscribe(&orders).await?;
//! consumer.subscribe(&bills).await?;
//!
//! let producer = Producer::new(&client);
//! let offset = producer.send(&orders, "two lamps").await?;
//! assert_eq!(offset, 0);
//! producer.send_batch(&bills, &["bill 1", "bill 2"]).await?;
//!
//! let mut lines = Vec::new();
//! while lines.len() < 3 {
//!     let delivery = consumer.poll().await?;
//!     for message in delivery.iter() {
//!         lines.push(format!("{} {}", delivery.topic, message.payload));
//!     }
//! }
//! lines.sort();
//! assert_eq!(lines, ["bills bill 1", "bills bill 2", "orders two lamps"]);
//! consumer.unsubscribe().await?;
//!
//! // A failure says what may be concluded.
//! match producer.send(&orders, &"x".repeat(2 << 20)).await {
//!     Ok(offset) => println!("appended at {offset}"),
//!     Err(Error::Unknown(why)) => println!("perhaps appended: {why}"),
//!     Err(definite) => println!("not appended, and never will be: {definite}"),
//! }
//! # Ok(())
//! # }
//! ```

pub mod backoff;
pub mod client;
pub mod consumer;
pub mod error;
pub mod messages;
pub mod producer;
pub mod subscription;
pub mod token;
pub mod topic_producer;
pub mod transport;
pub mod wire;

pub use backoff::{Progress, Retry, Watch};
pub use client::{Client, LogPart};
pub use consumer::{Consumer, Delivered, Delivery};
pub use error::{Error, Refusal};
pub use messages::{Message, Messages};
pub use producer::Producer;
pub use subscription::Subscription;
pub use token::Token;
pub use topic_producer::{Sent, TopicProducer};
