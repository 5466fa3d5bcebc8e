//! The network of a simulated run: how long things take on it, and what it loses.

use std::fmt;
use std::time::Duration;

use humantime::format_duration;

/// The network of a simulated run; a real run has the machine's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// The shortest way of a request or an answer.
    pub latency_min: Duration,
    /// The longest, at least as long; ways between the two are all as likely.
    pub latency_max: Duration,
    /// The share of requests that never arrive, from 0 to 1.
    pub lose_request: f64,
    /// The share of answers that never arrive, from 0 to 1.
    pub lose_response: f64,
}

impl Default for Network {
    /// 1 ms to 10 ms, and nothing is lost.
    fn default() -> Self {
        Self {
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(10),
            lose_request: 0.0,
            lose_response: 0.0,
        }
    }
}

impl Network {
    /// Each key that it has in a file, with its value; without shares that are none.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let [min, max] = [self.latency_min, self.latency_max].map(format_duration);
        let shares = [("lose_request", self.lose_request), ("lose_response", self.lose_response)];
        let shares = shares.into_iter().filter(|(_, share)| *share > 0.0);
        let shares = shares.map(|(key, share)| (key, format!("{}%", share * 100.0)));
        std::iter::once(("latency", format!("{min}..{max}"))).chain(shares).collect()
    }
}

/// `latency 1ms..20ms, lose_request 1%, lose_response 1%`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings().into_iter();
        let settings = settings.map(|(key, value)| format!("{key} {value}"));
        f.write_str(&settings.collect::<Vec<_>>().join(", "))
    }
}
