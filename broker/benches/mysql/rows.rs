//! The rows of the table: what is measured, beside what, and how good is good enough.

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) ours: Ours,
    pub(crate) beside: Beside,
    /// Of the ratio, or of what is measured where it has nothing beside it.
    pub(crate) floor: f64,
    pub(crate) aim: f64,
    pub(crate) good: Good,
}

/// Which values are better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Good {
    More,
    Less,
}

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum Ours {
    /// Seconds of the whole command for 5p3c.
    Scenario { own_server: bool },
    /// Messages a second.
    Produce { connections: usize, batch: usize, sequence: bool },
    /// Deliveries a second.
    Consume { consumers: usize, batch: bool },
    /// Microseconds of an append at 5,000,000 messages.
    Append,
}

/// What it is compared with.
#[derive(Clone, Copy)]
pub(crate) enum Beside {
    /// As many appends as the scenario sends messages, on a connection for each producer.
    ScenarioLoop,
    /// The statement that ships, with so many rows.
    Loop { connections: usize, rows: u64 },
    /// The same broker at few messages.
    FewRows,
    /// Nothing: what is measured is the figure.
    Nothing,
}

impl Row {
    /// Whether an older state is measured in it, too.
    pub(crate) fn has_before(&self) -> bool {
        matches!(self.ours, Ours::Scenario { .. } | Ours::Produce { .. })
    }

    /// Which of its two bounds the value reaches.
    pub(crate) fn reached(&self, value: f64) -> &'static str {
        let reaches = |bound: f64| match self.good {
            Good::More => value >= bound,
            Good::Less => value <= bound,
        };
        match () {
            () if reaches(self.aim) => "aim",
            () if reaches(self.floor) => "floor",
            () => "**no**",
        }
    }
}

const fn more(name: &'static str, ours: Ours, beside: Beside, floor: f64, aim: f64) -> Row {
    Row { name, ours, beside, floor, aim, good: Good::More }
}

const fn less(name: &'static str, ours: Ours, beside: Beside, floor: f64, aim: f64) -> Row {
    Row { name, ours, beside, floor, aim, good: Good::Less }
}

const fn produce(connections: usize, batch: usize, sequence: bool) -> Ours {
    Ours::Produce { connections, batch, sequence }
}

const fn raw(connections: usize, rows: u64) -> Beside {
    Beside::Loop { connections, rows }
}

const WARM: Ours = Ours::Scenario { own_server: false };

pub(crate) const ROWS: [Row; 14] = [
    less(
        "5p3c on a warm server, beside a loop of its appends, s",
        WARM,
        Beside::ScenarioLoop,
        6.0,
        4.0,
    ),
    less("5p3c on a warm server, s", WARM, Beside::Nothing, 2.0, 1.0),
    less(
        "5p3c with a server of its own, s",
        Ours::Scenario { own_server: true },
        Beside::Nothing,
        2.5,
        1.5,
    ),
    more(
        "produce, 64 connections, beside 32 loops, a second",
        produce(64, 1, false),
        raw(32, 1),
        1.0,
        1.5,
    ),
    more(
        "produce with sequence, 64 connections, beside 32 loops",
        produce(64, 1, true),
        raw(32, 1),
        0.7,
        1.2,
    ),
    more("produce, 5 connections, beside 5 loops", produce(5, 1, false), raw(5, 1), 0.4, 0.75),
    more(
        "produce with sequence, 5 connections, beside 5 loops",
        produce(5, 1, true),
        raw(5, 1),
        0.3,
        0.6,
    ),
    more("produce, 1 connection, beside 1 loop", produce(1, 1, false), raw(1, 1), 0.6, 0.8),
    more(
        "produce with sequence, 1 connection, beside 1 loop",
        produce(1, 1, true),
        raw(1, 1),
        0.6,
        0.8,
    ),
    more(
        "produce, 4 connections, batches of 1,000, beside 1 loop of 1,000 rows",
        produce(4, 1000, false),
        raw(1, 1000),
        0.6,
        0.8,
    ),
    more(
        "produce, 1 connection, batches of 1,000, beside 1 loop of 1,000 rows",
        produce(1, 1000, false),
        raw(1, 1000),
        0.6,
        0.8,
    ),
    more(
        "consume at the head, 32 consumers, one message a request, a second",
        Ours::Consume { consumers: 32, batch: false },
        Beside::Nothing,
        5_000.0,
        10_000.0,
    ),
    more(
        "consume at the head, 32 consumers, max=100 with offset, a second",
        Ours::Consume { consumers: 32, batch: true },
        Beside::Nothing,
        200_000.0,
        400_000.0,
    ),
    less(
        "append at 5,000,000 messages, µs, beside 1,000 messages",
        Ours::Append,
        Beside::FewRows,
        1.25,
        1.1,
    ),
];
