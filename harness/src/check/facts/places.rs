//! Each message's place among all that are planned on its topic.

use std::ops::Range;

use super::requests::Request;
use crate::plan::{MessageId, Plan, StreamIndex, TopicIndex};

pub(in crate::check) struct Places<'a> {
    plan: &'a Plan,
    /// By [`StreamIndex`]: what to add to a message's id to get its place on its topic.
    shift: Vec<u32>,
    /// By [`TopicIndex`]: how many messages are planned on it.
    topic_sizes: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let mut shift = vec![0; plan.streams.len()];
        let mut topic_sizes = vec![0; plan.topics.len()];
        for (topic, size) in plan.topics.iter().zip(&mut topic_sizes) {
            for stream in &topic.streams {
                let planned = &plan.streams[stream.place()];
                let base = u32::try_from(*size).expect("loading bounds messages by u32::MAX");
                shift[stream.place()] = base.wrapping_sub(planned.first.0);
                *size += planned.count as usize;
            }
        }
        Self { plan, shift, topic_sizes }
    }

    /// A message's place among all that are planned on its topic.
    pub(in crate::check) fn of_stream(&self, stream: StreamIndex, message: MessageId) -> usize {
        message.0.wrapping_add(self.shift[stream.place()]) as usize
    }

    /// The same where the stream is not known yet.
    pub(in crate::check) fn of(&self, message: MessageId) -> usize {
        self.of_stream(self.plan.messages.stream(message), message)
    }

    /// The places of a request's messages.
    pub(in crate::check) fn of_request(&self, request: &Request) -> Range<usize> {
        let first = self.of_stream(request.stream, request.first);
        first..first + request.count as usize
    }

    /// How many messages are planned on a topic.
    pub(in crate::check) fn count(&self, topic: TopicIndex) -> usize {
        self.topic_sizes[topic.place()]
    }
}
