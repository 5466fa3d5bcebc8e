//! SVG as text, for inline use in a page: elements one behind the other, coordinates to a tenth, texts
//! escaped.
//!
//! [`Svg::new`] opens a picture that scales with its box and has a name for screen readers. What is
//! drawn says what it is by its class; colours, lines and fonts are the stylesheet's. [`Path`] writes
//! the shortest commands, so that thousands of marks stay small. No element has an id, so that any
//! number of pictures stand on one page.

use std::fmt::Write;

/// Where a text stands from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report::html) enum Anchor {
    /// To the right of it.
    Start,
    /// Around it.
    Middle,
    /// To the left of it.
    End,
}

/// A picture that is being drawn.
#[derive(Debug)]
pub(in crate::report::html) struct Svg {
    text: String,
}

impl Svg {
    /// A picture of this size, in units of its own, that fills the width of its box. The title is its
    /// name; the description says in words what is in it, and may be empty.
    pub(in crate::report::html) fn new(
        class: &str,
        (width, height): (f64, f64),
        title: &str,
        description: &str,
    ) -> Self {
        let size = format!("{} {}", number(width), number(height));
        let mut text = format!("<svg class=\"{class}\" viewBox=\"0 0 {size}\" role=\"img\">");
        let _ = write!(text, "<title>{}</title>", escape(title));
        if !description.is_empty() {
            let _ = write!(text, "<desc>{}</desc>", escape(description));
        }
        Self { text }
    }

    /// The whole text.
    pub(in crate::report::html) fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    /// Opens a group; [`Svg::end`] ends it.
    pub(in crate::report::html) fn group(&mut self, class: &str) {
        let _ = write!(self.text, "<g class=\"{class}\">");
    }

    /// Ends the group that was opened last.
    pub(in crate::report::html) fn end(&mut self) {
        self.text.push_str("</g>");
    }

    /// A line from one point to another.
    pub(in crate::report::html) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let mut path = Path::default();
        path.move_to(from.0, from.1);
        path.line_to(to.0, to.1);
        self.path(class, &path);
    }

    /// A line or an area; nothing where the path is empty.
    pub(in crate::report::html) fn path(&mut self, class: &str, path: &Path) {
        if !path.text.is_empty() {
            let _ = write!(self.text, "<path class=\"{class}\" d=\"{}\"/>", path.text);
        }
    }

    /// The same with a text that is shown by the pointer.
    pub(in crate::report::html) fn path_titled(&mut self, class: &str, path: &Path, title: &str) {
        if !path.text.is_empty() {
            let (d, title) = (&path.text, escape(title));
            let _ = write!(
                self.text,
                "<path class=\"{class}\" d=\"{d}\"><title>{title}</title></path>"
            );
        }
    }

    /// A rectangle from its upper left corner; the title, shown by the pointer, may be empty.
    pub(in crate::report::html) fn rect(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        title: &str,
    ) {
        let (x, y, width, height) =
            (number(x), number(y), number(width.max(0.0)), number(height.max(0.0)));
        let _ = write!(
            self.text,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
        );
        if title.is_empty() {
            self.text.push_str("/>");
        } else {
            let _ = write!(self.text, "><title>{}</title></rect>", escape(title));
        }
    }

    /// A text whose baseline is at this point.
    pub(in crate::report::html) fn text(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        anchor: Anchor,
        text: &str,
    ) {
        self.open_text(class, (x, y), anchor);
        let _ = write!(self.text, "{}</text>", escape(text));
    }

    /// A text of at most so many characters; a longer one is cut, and the pointer shows it whole.
    pub(in crate::report::html) fn text_cut(
        &mut self,
        class: &str,
        at: (f64, f64),
        anchor: Anchor,
        text: &str,
        longest: usize,
    ) {
        if text.chars().count() <= longest {
            return self.text(class, at, anchor, text);
        }
        self.open_text(class, at, anchor);
        let (cut, title) = (escape(&cut(text, longest)), escape(text));
        let _ = write!(self.text, "{cut}<title>{title}</title></text>");
    }

    /// Anything else, already as SVG.
    pub(in crate::report::html) fn raw(&mut self, svg: &str) {
        self.text.push_str(svg);
    }

    fn open_text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor) {
        let (x, y) = (number(x), number(y));
        let _ = write!(self.text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"");
        self.text.push_str(match anchor {
            Anchor::Start => ">",
            Anchor::Middle => " text-anchor=\"middle\">",
            Anchor::End => " text-anchor=\"end\">",
        });
    }
}

/// What a `<path>` draws: the commands of its `d`, each from where the one before it ended, which is
/// shorter than saying where that is. A line of no length is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::report::html) struct Path {
    text: String,
    /// Where the pen is, in tenths.
    at: (i64, i64),
    /// Where it was put down.
    start: (i64, i64),
}

impl Path {
    /// Lifts the pen and goes to a point.
    pub(in crate::report::html) fn move_to(&mut self, x: f64, y: f64) {
        self.text.push('m');
        self.go((x, y));
        self.start = self.at;
    }

    /// Draws a line to a point.
    pub(in crate::report::html) fn line_to(&mut self, x: f64, y: f64) {
        let to = (tenths(x), tenths(y));
        if to == self.at {
            return;
        }
        let (command, by) = match (to.0 - self.at.0, to.1 - self.at.1) {
            (across, 0) => ('h', short(across)),
            (0, down) => ('v', short(down)),
            (across, down) => ('l', pair(across, down)),
        };
        self.text.push(command);
        self.text.push_str(&by);
        self.at = to;
    }

    /// Draws a level line to there.
    pub(in crate::report::html) fn across_to(&mut self, x: f64) {
        self.line_to(x, self.at.1 as f64 / 10.0);
    }

    /// Draws an upright line to there.
    pub(in crate::report::html) fn up_or_down_to(&mut self, y: f64) {
        self.line_to(self.at.0 as f64 / 10.0, y);
    }

    /// Draws a curve to a point, pulled towards two others.
    pub(in crate::report::html) fn curve_to(
        &mut self,
        first: (f64, f64),
        second: (f64, f64),
        to: (f64, f64),
    ) {
        let begin = self.at;
        self.text.push('c');
        for point in [first, second] {
            self.go(point);
            self.text.push(' ');
            self.at = begin;
        }
        self.go(to);
    }

    /// Draws a line back to where the pen was put down.
    pub(in crate::report::html) fn close(&mut self) {
        self.text.push('z');
        self.at = self.start;
    }

    fn go(&mut self, (x, y): (f64, f64)) {
        let to = (tenths(x), tenths(y));
        self.text.push_str(&pair(to.0 - self.at.0, to.1 - self.at.1));
        self.at = to;
    }
}

/// What is no number is at 0.
#[expect(clippy::cast_possible_truncation, reason = "it saturates, and no picture is that large")]
fn tenths(value: f64) -> i64 {
    debug_assert!(value.is_finite(), "a coordinate is {value}");
    (value * 10.0).round() as i64
}

/// `12`, `12.3`, `-.5`.
fn short(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    match (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10) {
        (0, 0) => "0".to_owned(),
        (0, tenth) => format!("{sign}.{tenth}"),
        (whole, 0) => format!("{sign}{whole}"),
        (whole, tenth) => format!("{sign}{whole}.{tenth}"),
    }
}

fn pair(x: i64, y: i64) -> String {
    let between = if y < 0 { "" } else { " " };
    format!("{}{between}{}", short(x), short(y))
}

/// A coordinate to a tenth: `12`, `12.3`, `-.5`. What is no number is drawn at 0.
pub(in crate::report::html) fn number(value: f64) -> String {
    short(tenths(value))
}

/// A text for an element or an attribute. What would break the document, or turn the direction of what
/// follows, is shown as `U+FFFD`.
pub(in crate::report::html) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(' '),
            c if c.is_control() || turns_direction(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A text of at most so many characters, with `…` where it was cut.
pub(in crate::report::html) fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Whether a character changes the direction of the text behind it.
pub(in crate::report::html) const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        let all = [0.0, -0.04, -0.5, 12.0, 12.34, -7.25, 1_234.56].map(number);
        assert_eq!(all, ["0", "0", "-.5", "12", "12.3", "-7.3", "1234.6"]);
    }

    #[test]
    fn a_path_says_how_far_and_never_drifts() {
        let mut path = Path::default();
        path.move_to(10.0, 5.0);
        path.line_to(10.0, 5.0);
        path.across_to(12.55);
        path.line_to(12.0, 4.75);
        path.up_or_down_to(0.0);
        path.close();
        path.move_to(10.0, 6.0);
        path.curve_to((10.0, 7.0), (11.0, 7.0), (11.0, 6.0));
        assert_eq!(path.text, "m10 5h2.6l-.6-.2v-4.8zm0 1c0 1 1 1 1 0");
        let mut path = Path::default();
        path.move_to(0.0, 0.0);
        for step in 1..=100 {
            path.across_to(f64::from(step) * 6.84);
        }
        assert_eq!(path.at.0, 6_840);
    }

    #[test]
    fn texts_can_be_anything() {
        assert_eq!(
            escape("<b a=\"1\">&\u{202e}\0\n"),
            "&lt;b a=&quot;1&quot;&gt;&amp;\u{fffd}\u{fffd} "
        );
        assert_eq!(cut("orders of today", 9), "orders o…");
        assert_eq!(cut("orders", 6), "orders");
    }

    #[test]
    fn a_picture_has_a_name_and_nothing_empty() {
        let mut svg = Svg::new("x", (10.0, 5.5), "A <name>", "");
        svg.path("none", &Path::default());
        svg.rect("r", (1.0, 2.0), (-3.0, 1.25), "");
        svg.text_cut("t", (0.0, 1.0), Anchor::End, "abcdef", 4);
        assert_eq!(
            svg.finish(),
            "<svg class=\"x\" viewBox=\"0 0 10 5.5\" role=\"img\"><title>A &lt;name&gt;</title>\
             <rect class=\"r\" x=\"1\" y=\"2\" width=\"0\" height=\"1.3\"/>\
             <text class=\"t\" x=\"0\" y=\"1\" text-anchor=\"end\">abc…<title>abcdef</title></text></svg>"
        );
    }
}
