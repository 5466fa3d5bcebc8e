//! Delta debugging: the fewest items of a list with which a test still fails.

/// Takes items out, first many at once and then fewer, as long as what is left still `fails`; that
/// answers nothing where no more may be tried, which ends the reduction. Items keep their order. With
/// the list that is answered the test was last seen to fail, and, if it was not ended, taking out any
/// single item makes it pass (if the test is decided by its items alone).
pub fn reduce<T: Clone>(items: Vec<T>, fails: &mut dyn FnMut(&[T]) -> Option<bool>) -> Vec<T> {
    let mut items = items;
    let mut chunk = items.len();
    while chunk > 0 {
        let mut start = 0;
        let mut smaller = false;
        while start < items.len() {
            let end = (start + chunk).min(items.len());
            let rest: Vec<T> = items[..start].iter().chain(&items[end..]).cloned().collect();
            match fails(&rest) {
                Some(true) => {
                    items = rest;
                    smaller = true;
                }
                Some(false) => start = end,
                None => return items,
            }
        }
        // At single items, until none can be taken out any more.
        if chunk > 1 {
            chunk = chunk.div_ceil(2);
        } else if !smaller {
            break;
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::reduce;

    fn fewest(all: u32, fails: impl Fn(&[u32]) -> bool) -> (Vec<u32>, u32) {
        let mut tried = 0;
        let left = reduce((1..=all).collect(), &mut |items| {
            tried += 1;
            Some(fails(items))
        });
        (left, tried)
    }

    #[test]
    fn what_does_not_matter_is_taken_out() {
        let needs = |wanted: &'static [u32]| {
            move |items: &[u32]| wanted.iter().all(|item| items.contains(item))
        };
        assert_eq!(fewest(100, needs(&[17, 18, 90])).0, [17, 18, 90]);
        assert_eq!(fewest(100, needs(&[])).0, Vec::<u32>::new());
        assert_eq!(fewest(3, needs(&[1, 2, 3])).0, [1, 2, 3]);
        assert_eq!(fewest(0, needs(&[])).0, Vec::<u32>::new());
    }

    #[test]
    fn where_no_more_may_be_tried_it_ends_with_what_failed_last() {
        let mut tries = 4;
        let left = reduce((1..=1000).collect(), &mut |items| {
            tries -= 1;
            (tries > 0).then(|| items.contains(&1))
        });
        assert_eq!((left.len(), left[0]), (500, 1));
        assert_eq!(tries, 0, "it is not asked again");
    }

    #[test]
    fn it_takes_far_fewer_tries_than_there_are_subsets() {
        let (left, tried) = fewest(1000, |items| items.contains(&500));
        assert_eq!(left, [500]);
        assert!(tried < 40, "{tried}");
    }
}
