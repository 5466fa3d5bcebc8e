//! The servers that the harness can start: each is one file here, and one row in [`RECIPES`]; but for
//! [`own`], which a user's own command starts.

pub mod broker;
mod installed;
pub mod mosquitto;
pub mod mysql;
pub mod nats;
pub mod own;
pub mod rabbitmq;
pub mod redis;
pub mod tansu;

pub use installed::Installed;

use crate::server::NewRecipe;

/// A server that can be started.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The word for it.
    pub word: &'static str,
    /// Makes its recipe.
    pub new: NewRecipe,
    /// What has to be installed; none for a server that has another way to be found.
    pub program: Option<Installed>,
}

/// All of them.
pub const RECIPES: &[Row] = &[
    Row { word: "broker", new: broker::recipe, program: None }, // ours
    Row { word: "mysql", new: mysql::recipe, program: None },
    Row { word: "redis", new: redis::redis, program: Some(redis::REDIS) },
    Row { word: "valkey", new: redis::valkey, program: Some(redis::VALKEY) },
    Row { word: "nats", new: nats::recipe, program: Some(nats::INSTALLED) },
    Row { word: "mosquitto", new: mosquitto::recipe, program: Some(mosquitto::INSTALLED) },
    Row { word: "tansu", new: tansu::recipe, program: Some(tansu::PROGRAM) },
    Row { word: "rabbitmq", new: rabbitmq::recipe, program: Some(rabbitmq::INSTALLED) },
];
