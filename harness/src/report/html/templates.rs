//! The page's templates, and how what they print is made harmless: payloads, names and a broker's
//! answers can be anything.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter,
};

use super::charts::svg::turns_direction;

const TEMPLATES: &[(&str, &str)] = &[
    ("macros.html", include_str!("templates/macros.html")),
    ("page.html", include_str!("templates/page.html")),
    ("brokers.html", include_str!("templates/brokers.html")),
    ("environment.html", include_str!("templates/environment.html")),
    ("section.html", include_str!("templates/section.html")),
    ("facts.html", include_str!("templates/facts.html")),
    ("faults.html", include_str!("templates/faults.html")),
    ("findings.html", include_str!("templates/findings.html")),
    ("golden.html", include_str!("templates/golden.html")),
    ("lines.html", include_str!("templates/lines.html")),
    ("resolved.html", include_str!("templates/resolved.html")),
    ("shares.html", include_str!("templates/shares.html")),
    ("sweep.html", include_str!("templates/sweep.html")),
    ("thresholds.html", include_str!("templates/thresholds.html")),
];

/// What a template is filled in with: names, each with anything that can be serialised.
macro_rules! values {
    ($($name:ident => $value:expr),* $(,)?) => {
        minijinja::context! { $($name => minijinja::value::Value::from(minijinja::value::Serde(&$value))),* }
    };
}
pub(super) use values;

/// The page's look, and what it does when a button is pressed.
pub(super) const STYLE: &str = include_str!("templates/page.css");
pub(super) const SCRIPT: &str = include_str!("templates/page.js");

/// The templates, ready for use.
pub(super) struct Templates(Environment<'static>);

impl Templates {
    pub(super) fn new() -> Result<Self, Error> {
        let mut all = Environment::new();
        // A misspelt name is an error and no gap on the page.
        all.set_undefined_behavior(UndefinedBehavior::Strict);
        all.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        all.set_formatter(print);
        for (name, text) in TEMPLATES {
            all.add_template(name, text)?;
        }
        Ok(Self(all))
    }

    /// Fills in a template.
    pub(super) fn render(&self, name: &str, values: Value) -> Result<String, Error> {
        self.0.get_template(name)?.render(values)
    }
}

/// Marks what is HTML or SVG already, so that it is not escaped.
pub(super) fn html(text: String) -> Value {
    Value::from_safe_string(text)
}

/// Prints a value, escaped unless it is marked as HTML.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        let text = "a value that is not there is printed";
        return Err(Error::new(ErrorKind::InvalidOperation, text));
    }
    match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => escape_formatter(out, state, &Value::from(visible(text))),
        None => escape_formatter(out, state, value),
    }
}

/// A text in which nothing breaks the document or turns the direction of what follows; such
/// characters are shown as `U+FFFD`.
fn visible(text: &str) -> String {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || turns_direction(c);
    text.chars().map(|c| if bad(c) { '\u{fffd}' } else { c }).collect()
}
