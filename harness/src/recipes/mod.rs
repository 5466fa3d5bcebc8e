//! The servers that the harness can start: each is one file here, and one row in [`RECIPES`].

pub mod broker;
pub mod mysql;
pub mod tansu;

use std::path::Path;

use private_database::Program;

use crate::server::{NewRecipe, Version};

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

/// A program of somebody else's that is a server.
#[derive(Clone, Copy, Debug)]
pub struct Installed {
    /// Where it is looked for, and what to do where it is missing.
    pub program: Program,
    /// What it says of its version.
    pub version: fn(&Path) -> Option<Version>,
    /// The recipe is for this version and newer ones.
    pub lowest: Version,
}

/// All of them.
pub const RECIPES: &[Row] = &[
    Row { word: "broker", new: broker::recipe, program: None }, // ours
    Row { word: "mysql", new: mysql::recipe, program: None },
    Row { word: "tansu", new: tansu::recipe, program: Some(TANSU) },
];

const TANSU: Installed =
    Installed { program: tansu::PROGRAM, version: tansu::version, lowest: tansu::LOWEST };
