//! Counters that all threads write, each in a stripe of its own: one place for all of them would travel
//! between the caches of the processors, and cost a request more than the counting does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// As many as there are processors; threads beyond that share.
#[derive(Debug)]
pub(crate) struct Striped<T>(Box<[Stripe<T>]>);

/// In a cache line of its own, and on its neighbour, which processors fetch with it.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe<T>(T);

thread_local! {
    /// The place of a thread in the order in which they came to count.
    static PLACE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

impl<T> Striped<T> {
    pub(crate) fn new(make: impl Fn() -> T) -> Self {
        let count = available_parallelism().map_or(1, usize::from);
        Self((0..count).map(|_| Stripe(make())).collect())
    }

    /// The one of the thread that asks.
    pub(crate) fn own(&self) -> &T {
        &self.0[PLACE.with(|place| place % self.0.len())].0
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> + Clone {
        self.0.iter().map(|Stripe(value)| value)
    }
}

impl<T: Default> Default for Striped<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::thread;

    use super::*;

    #[test]
    fn what_many_threads_count_is_all_there() {
        let counts = Striped::<AtomicU64>::default();
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| counts.own().fetch_add(1, Ordering::Relaxed));
            }
        });
        let sum: u64 = counts.all().map(|count| count.load(Ordering::Relaxed)).sum();
        assert_eq!(sum, 50);
    }
}
