//! Work on all cores whose result does not depend on how many there are.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Below so many events a thread costs more than it saves.
const PAYS_FROM: usize = 100_000;

/// Of so many items with so many events, how many are worth a thread's turn, so that each thread has
/// one: for work that sums up many items, and whose sums cost something.
pub fn share(items: usize, events: usize) -> usize {
    if events < PAYS_FROM { items.max(1) } else { items.div_ceil(cores()).max(1) }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Applies `work` to each item and keeps the items' order; `events` is how much there is to do.
///
/// # Panics
/// With the words of `work`, where that panics.
pub fn map<T: Sync, R: Send>(items: &[T], events: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = cores().min(items.len());
    if threads < 2 || events < PAYS_FROM {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { return done };
            done.push((place, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::{PAYS_FROM, map};

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let squares = map(&items, PAYS_FROM, |item| item * item);
        assert_eq!(squares, map(&items, 0, |item| item * item));
        assert_eq!(squares[31], 961);
    }

    #[test]
    #[should_panic(expected = "item 7")]
    fn a_panic_keeps_its_words() {
        let items: Vec<usize> = (0..100).collect();
        map(&items, PAYS_FROM, |item| assert!(*item != 7, "item {item}"));
    }
}
