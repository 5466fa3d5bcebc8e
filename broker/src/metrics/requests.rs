//! Requests by route and by what became of them, and how long they took.

use std::sync::atomic::{AtomicU64, Ordering};

use broker_client::wire::Code;
use tokio::time::Duration;

use super::histogram::{Counted, Histogram};
use crate::http::Route;
use crate::striped::Striped;

/// In nanoseconds, from 100 µs to 60 s.
const BOUNDS: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    60_000_000_000,
];

const NANOSECONDS: f64 = 1e9;

/// What became of a request: success, a code, or one that is not in the list.
const OUTCOMES: usize = Code::COUNT + 2;
const SUCCESS: usize = Code::COUNT;
const OTHER: usize = Code::COUNT + 1;

/// Counts of requests: a fixed number of atomics, found by index.
#[derive(Debug)]
pub(crate) struct Requests {
    /// By route.
    routes: Striped<Vec<OfRoute>>,
}

#[derive(Debug)]
struct OfRoute {
    outcomes: [AtomicU64; OUTCOMES],
    times: Histogram,
}

impl Requests {
    pub(super) fn new() -> Self {
        let of_route = |_| OfRoute {
            outcomes: [const { AtomicU64::new(0) }; OUTCOMES],
            times: Histogram::new(BOUNDS),
        };
        Self { routes: Striped::new(|| Route::ALL.iter().map(of_route).collect()) }
    }

    /// Counts a request that was answered, with the code of its failure if it failed.
    pub(crate) fn note(&self, route: Route, code: Option<&Code>, took: Duration) {
        let of_route = &self.routes.own()[route as usize];
        let outcome = code.map_or(SUCCESS, |code| {
            Code::all().position(|(known, _)| known == code).unwrap_or(OTHER)
        });
        of_route.outcomes[outcome].fetch_add(1, Ordering::Relaxed);
        of_route.times.note(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many there were by route and outcome, without those that there were none of.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let texts = || Code::all().map(|(_, text)| text).chain(["success", "other"]);
        Route::ALL.iter().flat_map(move |&route| {
            let counts = texts().enumerate().map(move |(outcome, text)| {
                let count = self.of(route).map(|of| of.outcomes[outcome].load(Ordering::Relaxed));
                (route.label(), text, count.sum())
            });
            counts.filter(|&(.., count)| count > 0)
        })
    }

    /// How many seconds they took by route, without those that there were none of.
    pub(super) fn times(&self) -> impl Iterator<Item = (&'static str, Counted)> {
        let times = Route::ALL.iter().map(|&route| {
            let times = self.of(route).map(|of| of.times.counted(NANOSECONDS));
            (route.label(), times.reduce(Counted::and).unwrap_or_default())
        });
        times.filter(|(_, times)| times.count > 0)
    }

    fn of(&self, route: Route) -> impl Iterator<Item = &OfRoute> {
        self.routes.all().map(move |routes| &routes[route as usize])
    }
}
