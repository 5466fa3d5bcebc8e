//! The HTML report in a real browser: what a person would stumble over in it, on a desk and on a
//! phone, in the light and in the dark, on paper, by the keyboard and without scripts.
//!
//! `rules` are what is looked for, and `broken` proves each by a page that breaks it and no other;
//! `pages` are the pages of real runs, one of each kind.

mod broken;
mod driver;
mod pages;
mod rules;
