//! The space-time diagram of a proof as SVG: a column an actor, time goes down, an arrow from where a
//! message is sent to each delivery of it. What the proof is about stands out, and faults lie across.

use std::collections::{BTreeMap, BTreeSet};

use super::charts::svg::{Anchor, Path, Svg};
use crate::check::Anomaly;
use crate::diagram::{Diagram, Event, EventKind};
use crate::plan::MessageId;
use crate::report::words::time;
use crate::scenario::AnomalyKind;

/// So many moments are drawn, and so many arrows.
const EVENTS_MAX: usize = 80;
const ARROWS_MAX: usize = 200;

/// So many characters of a text are shown beside a moment.
const TEXT_MAX: usize = 46;

/// In units of the picture, which are pixels where it has room.
const TIMES: f64 = 76.0;
const HEAD: f64 = 34.0;
const ROW: f64 = 26.0;
const LETTER: f64 = 6.7;
const NARROWEST: f64 = 110.0;

/// What is drawn, and where.
struct Picture<'a> {
    diagram: &'a Diagram,
    events: &'a [Event],
    /// Where the line of each actor is.
    lines: Vec<f64>,
    width: f64,
    height: f64,
    /// The messages that the proof is about, and the words that name them.
    about: BTreeSet<MessageId>,
    names: BTreeSet<&'a str>,
}

/// Draws a diagram; none where there is nothing on it.
pub(super) fn draw(diagram: &Diagram, anomaly: &Anomaly, kind: AnomalyKind) -> Option<String> {
    let events = &diagram.events[..diagram.events.len().min(EVENTS_MAX)];
    if events.is_empty() || diagram.columns.is_empty() {
        return None;
    }
    let picture = Picture::new(diagram, events, anomaly);
    let title = format!("What happened around it: {}", anomaly.title);
    let said: Vec<String> = events.iter().take(30).map(|event| said(diagram, event)).collect();
    let mut svg = Svg::new("st", (picture.width, picture.height), &title, &said.join("; "));
    picture.bands(&mut svg);
    picture.columns(&mut svg);
    picture.arrows(&mut svg);
    if kind == AnomalyKind::Lost {
        picture.missing(&mut svg, anomaly.consumer.as_deref());
    }
    for (row, event) in events.iter().enumerate() {
        picture.moment(&mut svg, row, event);
    }
    let more = diagram.events.len() - events.len();
    if more > 0 {
        let text = format!("… and {more} more moments");
        svg.text("st-time", (4.0, picture.height - 6.0), Anchor::Start, &text);
    }
    // As wide as it is drawn: text of another size would not be read.
    let width = picture.width.ceil();
    Some(format!("<div style=\"width:{width}px\">{}</div>", svg.finish()))
}

/// `12.0 ms: P1 P1#2 -> T1`, for those who cannot see it.
fn said(diagram: &Diagram, event: &Event) -> String {
    let at = time(std::time::Duration::from_nanos(event.at.at));
    let actor = event.column.and_then(|column| diagram.columns.get(column));
    match actor {
        Some(actor) => format!("{at}: {actor} {}", event.text),
        None => format!("{at}: {}", event.text),
    }
}

/// The middle of a row.
fn middle(row: usize) -> f64 {
    (row as f64 + 0.5).mul_add(ROW, HEAD)
}

impl<'a> Picture<'a> {
    fn new(diagram: &'a Diagram, events: &'a [Event], anomaly: &'a Anomaly) -> Self {
        let names: BTreeSet<&str> = anomaly.messages.iter().map(String::as_str).collect();
        let mut lines = Vec::new();
        let mut x = TIMES;
        for column in 0..diagram.columns.len() {
            lines.push(x + 10.0);
            let own = events.iter().filter(|event| event.column == Some(column));
            let longest = own.map(|event| event.text.chars().count().min(TEXT_MAX)).max();
            x += (longest.unwrap_or(0) as f64).mul_add(LETTER, 34.0).max(NARROWEST);
        }
        // Below the last moment is where a lost message did not come to.
        let more = if diagram.events.len() > events.len() { 2.0 * ROW } else { ROW };
        let height = (events.len() as f64).mul_add(ROW, HEAD) + more;
        let mut picture =
            Self { diagram, events, lines, width: x, height, about: BTreeSet::new(), names };
        // An event of one message that it names says which message that is.
        let single =
            events.iter().filter(|event| event.messages.len() == 1 && picture.is_named(event));
        picture.about = single.map(|event| event.messages[0]).collect();
        picture
    }

    /// Whether the text of an event names a message that the proof is about.
    fn is_named(&self, event: &Event) -> bool {
        let words = event.text.split(|c: char| c.is_whitespace() || c == ',');
        words.into_iter().any(|word| self.names.contains(word))
    }

    fn is_about(&self, event: &Event) -> bool {
        self.is_named(event) || event.messages.iter().any(|id| self.about.contains(id))
    }

    /// A fault lies across from where it begins to where it is over.
    fn bands(&self, svg: &mut Svg) {
        let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
        let mut band = |from: usize, to: usize| {
            let (top, bottom) = (middle(from) - ROW / 2.0, middle(to) + ROW / 2.0);
            svg.rect("st-band", (TIMES - 6.0, top), (self.width - TIMES + 6.0, bottom - top), "");
        };
        for (row, event) in self.events.iter().enumerate() {
            if event.kind != EventKind::Fault {
                continue;
            }
            match event.text.strip_suffix(" is over") {
                // One that began before what is shown.
                Some(what) => band(begun.remove(what).unwrap_or(0), row),
                None => {
                    begun.insert(&event.text, row);
                }
            }
        }
        for from in begun.into_values() {
            band(from, self.events.len() - 1);
        }
    }

    fn columns(&self, svg: &mut Svg) {
        let bottom = middle(self.events.len());
        for (x, name) in self.lines.iter().zip(&self.diagram.columns) {
            svg.line("st-line", (*x, HEAD - 6.0), (*x, bottom));
            svg.text_cut("st-name", (x - 4.0, 18.0), Anchor::Start, name, 14);
        }
    }

    /// From where each message is sent to where it is delivered; what the proof is about comes last, so
    /// that it lies on top.
    fn arrows(&self, svg: &mut Svg) {
        let mut sent: BTreeMap<MessageId, (f64, f64)> = BTreeMap::new();
        let mut arrows = Vec::new();
        for (row, event) in self.events.iter().enumerate() {
            let Some(x) = event.column.and_then(|column| self.lines.get(column)) else { continue };
            let here = (*x, middle(row));
            match event.kind {
                EventKind::Sent => {
                    sent.extend(event.messages.iter().map(|id| (*id, here)));
                }
                EventKind::Delivered => {
                    let from = event.messages.iter().filter_map(|id| Some((*id, *sent.get(id)?)));
                    arrows.extend(from.map(|(id, from)| (self.about.contains(&id), from, here)));
                }
                _ => {}
            }
        }
        arrows.truncate(ARROWS_MAX);
        arrows.sort_by_key(|(is_about, ..)| *is_about);
        for (is_about, from, to) in arrows {
            let class = if is_about { "st-arrow st-about" } else { "st-arrow" };
            arrow(svg, class, from, to);
        }
    }

    /// Where a lost message should have come to, and did not.
    fn missing(&self, svg: &mut Svg, consumer: Option<&str>) {
        let Some(column) =
            self.diagram.columns.iter().position(|name| Some(name.as_str()) == consumer)
        else {
            return;
        };
        let is_sent = |event: &&Event| event.kind == EventKind::Sent && self.is_about(event);
        let sent = self.events.iter().position(|event| is_sent(&event));
        let Some((row, from)) = sent.and_then(|row| Some((row, self.events[row].column?))) else {
            return;
        };
        let (x, y) = (self.lines[column], middle(self.events.len()) - 3.0);
        let mut path = Path::default();
        path.move_to(self.lines[from], middle(row));
        path.line_to(x, y);
        svg.path("st-arrow st-never", &path);
        let mut cross = Path::default();
        for (dx, dy) in [(-5.0, -5.0), (-5.0, 5.0)] {
            cross.move_to(x + dx, y + dy);
            cross.line_to(x - dx, y - dy);
        }
        svg.path_titled("st-cross", &cross, "it never came");
    }

    fn moment(&self, svg: &mut Svg, row: usize, event: &Event) {
        let y = middle(row);
        let at = time(std::time::Duration::from_nanos(event.at.at));
        svg.text("st-time", (TIMES - 12.0, y + 4.0), Anchor::End, &at);
        let Some(x) = event.column.and_then(|column| self.lines.get(column)) else {
            svg.text_cut("st-fault", (TIMES, y + 4.0), Anchor::Start, &event.text, 90);
            return;
        };
        let is_about = self.is_about(event);
        let dot = if is_about { "st-dot st-about" } else { "st-dot" };
        svg.rect(dot, (x - 3.5, y - 3.5), (7.0, 7.0), "");
        let class = match event.kind {
            _ if is_about => "st-text st-about",
            EventKind::Failed => "st-text st-failed",
            _ => "st-text",
        };
        svg.text_cut(class, (x + 9.0, y + 4.0), Anchor::Start, &event.text, TEXT_MAX);
    }
}

/// A line with a head at its end.
fn arrow(svg: &mut Svg, class: &str, from: (f64, f64), to: (f64, f64)) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    let mut path = Path::default();
    path.move_to(from.0, from.1);
    path.line_to(to.0, to.1);
    for side in [-1.0_f64, 1.0] {
        path.move_to(to.0, to.1);
        let back = |along: f64, across: f64| 3.5 * side.mul_add(across, -2.0 * along);
        path.line_to(to.0 + back(ux, -uy), to.1 + back(uy, ux));
    }
    svg.path(class, &path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Moment;

    fn event(
        at: u64,
        column: Option<usize>,
        text: &str,
        message: &[u32],
        kind: EventKind,
    ) -> Event {
        let at = Moment { stamp: at, at: at * 1_000_000 };
        let messages = message.iter().map(|id| MessageId(*id)).collect();
        Event { at, column, text: text.to_owned(), messages, kind }
    }

    fn drawn(events: Vec<Event>, kind: AnomalyKind) -> Option<String> {
        let columns = ["P1", "C1", "C2"].map(str::to_owned).to_vec();
        let (_folder, plan) =
            crate::fixture::plan(crate::fixture::SMALL, crate::fixture::SMALL_LOGS);
        let title = "C2 never got P1#2".to_owned();
        let (topic, consumer) = (crate::plan::TopicIndex(0), crate::plan::ConsumerIndex(1));
        let anomaly = Anomaly::new(&plan, topic, Some(consumer), &[MessageId(1)], title);
        draw(&Diagram { columns, events }, &anomaly, kind)
    }

    #[test]
    fn a_lost_message_has_an_arrow_to_nowhere_and_a_fault_lies_across() {
        let svg = drawn(
            vec![
                event(1, Some(0), "P1#2 -> T1", &[1], EventKind::Sent),
                event(2, None, "kill broker", &[], EventKind::Fault),
                event(3, None, "kill broker is over", &[], EventKind::Fault),
                event(4, Some(1), "got P1#2 at 3", &[1], EventKind::Delivered),
            ],
            AnomalyKind::Lost,
        )
        .unwrap();
        let count = |what: &str| svg.matches(what).count();
        assert_eq!(count("st-never"), 1, "C2 is where it did not come");
        assert_eq!(count("class=\"st-band\""), 1);
        assert_eq!(count("st-arrow st-about"), 1, "C1 got it");
        assert_eq!(count("st-dot st-about"), 2);
    }

    #[test]
    fn a_long_diagram_is_cut_and_one_without_moments_is_not_drawn() {
        let many = (0..500)
            .map(|at| event(at, Some(0), &"P1#2 <script>".repeat(9), &[1], EventKind::Sent));
        let svg = drawn(many.collect(), AnomalyKind::Duplicate).unwrap();
        assert!(svg.contains("and 420 more moments"), "{svg}");
        assert!(!svg.contains("<script"), "{svg}");
        assert_eq!(drawn(Vec::new(), AnomalyKind::Lost), None);
    }
}
