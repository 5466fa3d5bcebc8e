//! How much traffic a fault on a process met: the requests that were under way while it lasted.

use crate::fault::Fault;
use crate::history::{ConsumerHistory, Firing, ProducerHistory, Stamp};

/// Counts it, for the firings whose traffic the testbed does not count.
pub(crate) fn count(
    faults: &[Fault],
    firings: &mut [Firing],
    producers: &[ProducerHistory],
    consumers: &[ConsumerHistory],
) {
    let is_process = |firing: &Firing| faults[firing.fault as usize].action.target.is_process();
    if !firings.iter().any(is_process) {
        return;
    }
    let sends = producers.iter().flat_map(|producer| &producer.sends);
    let polls = consumers.iter().flat_map(|consumer| &consumer.polls);
    let sends = sends.map(|sent| (sent.invoked.stamp, sent.completed.stamp));
    let spans = sends.chain(polls.map(|poll| (poll.invoked.stamp, poll.completed.stamp)));
    let (mut invoked, mut completed): (Vec<Stamp>, Vec<Stamp>) = spans.unzip();
    invoked.sort_unstable();
    completed.sort_unstable();
    for firing in firings.iter_mut().filter(|firing| is_process(firing)) {
        // What left before the end, less what was over before the beginning.
        let left = invoked.partition_point(|stamp| *stamp < firing.ended.stamp);
        let over = completed.partition_point(|stamp| *stamp < firing.began.stamp);
        firing.met = left.saturating_sub(over) as u64;
    }
}
