//! The servers that the harness can start: each is one file here, and one row in [`RECIPES`].

pub mod broker;
pub mod mysql;

use crate::server::NewRecipe;

/// A server that can be started.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The word for it.
    pub word: &'static str,
    /// Makes its recipe.
    pub new: NewRecipe,
}

/// All of them.
pub const RECIPES: &[Row] = &[
    Row { word: "broker", new: broker::recipe }, // ours
    Row { word: "mysql", new: mysql::recipe },
];
