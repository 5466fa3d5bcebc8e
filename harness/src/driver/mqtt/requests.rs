//! Enough of MQTT to know, from the bytes that a client sends, which of its packets has an answer, and
//! which of these publish a message. What it sees is the type and the length of each packet; where
//! that makes no sense it stops looking.

use std::collections::VecDeque;

use crate::capability;

/// The packet types of a client that have an answer.
const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const PINGREQ: u8 = 12;

/// The packets of one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    state: State,
    /// Those that were sent whole and have no answer yet, in order: whether each publishes a message.
    awaited: VecDeque<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The first byte of a packet is to come: its type and flags.
    #[default]
    Begin,
    /// The next byte of its length is to come, seven bits each, the lowest first.
    Length { head: u8, bits: u32, length: usize },
    /// So much is to come.
    Body { head: u8, left: usize },
    /// It is no MQTT.
    Lost,
}

impl capability::Requests for Requests {
    fn sent(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            self.state = match self.state {
                State::Lost => return,
                State::Begin => State::Length { head: *byte, bits: 0, length: 0 },
                State::Length { bits: 28.., .. } => State::Lost,
                State::Length { head, bits, length } => {
                    let length = length | usize::from(byte & 0x7f) << bits;
                    match byte & 0x80 {
                        0 => State::Body { head, left: length },
                        _ => State::Length { head, bits: bits + 7, length },
                    }
                }
                State::Body { head, left } => {
                    let taken = left.min(bytes.len());
                    bytes = &bytes[taken..];
                    self.took(head, left - taken);
                    continue;
                }
            };
            bytes = rest;
            if let State::Body { head, left: 0 } = self.state {
                self.took(head, 0);
            }
        }
    }

    /// The broker answers in order, so it is the answer to the oldest packet.
    fn answered(&mut self) -> bool {
        self.awaited.pop_front().unwrap_or(false)
    }
}

impl Requests {
    /// A packet lacks so much of its body.
    fn took(&mut self, head: u8, left: usize) {
        if left > 0 {
            self.state = State::Body { head, left };
            return;
        }
        self.state = State::Begin;
        // Nobody answers a message of QoS 0.
        let is_acked = head & 0b0110 != 0;
        match head >> 4 {
            PUBLISH if is_acked => self.awaited.push_back(true),
            CONNECT | PUBREL | SUBSCRIBE | UNSUBSCRIBE | PINGREQ => self.awaited.push_back(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use rumqttc::mqttbytes::QoS;
    use rumqttc::mqttbytes::v4::{Connect, Packet, PubAck, PubRel, Publish, Subscribe};

    use super::*;
    use crate::capability::Requests as _;

    fn bytes(packet: &Packet) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        bytes.to_vec()
    }

    fn publish(qos: QoS, size: usize) -> Packet {
        let mut publish = Publish::new("a/b", qos, vec![b'x'; size]);
        publish.pkid = 7;
        Packet::Publish(publish)
    }

    /// Each packet is sent in pieces of so many bytes, and answered where it has an answer.
    fn check(packets: &[(Packet, bool)], piece: usize) {
        let mut seen = Requests::default();
        for (packet, publishes) in packets {
            let whole = bytes(packet);
            for piece in whole.chunks(piece) {
                assert!(!seen.answered(), "nothing is whole yet: {packet:?}");
                seen.sent(piece);
            }
            assert_eq!(seen.answered(), *publishes, "{packet:?} in pieces of {piece}");
            assert!(!seen.answered(), "it was the answer already: {packet:?}");
        }
    }

    #[test]
    fn a_message_is_known_in_whatever_pieces_it_comes() {
        let mut subscribe = Subscribe::new("a/b", QoS::AtLeastOnce);
        subscribe.pkid = 1;
        let packets = [
            (Packet::Connect(Connect::new("me")), false),
            (publish(QoS::AtLeastOnce, 0), true),
            (publish(QoS::AtMostOnce, 5), false),
            (publish(QoS::AtLeastOnce, 100), true),
            (Packet::PingReq, false),
            (publish(QoS::ExactlyOnce, 200), true),
            (Packet::PubRel(PubRel::new(7)), false),
            (Packet::PubAck(PubAck::new(7)), false),
            (Packet::Subscribe(subscribe), false),
            (publish(QoS::AtLeastOnce, 20_000), true),
        ];
        let longest = packets.iter().map(|(packet, _)| bytes(packet).len()).max().unwrap();
        for piece in (1..300).chain([longest - 1, longest]) {
            check(&packets, piece);
        }
    }

    #[test]
    fn several_messages_at_once_are_answered_one_after_the_other() {
        let mut seen = Requests::default();
        let one = bytes(&publish(QoS::AtLeastOnce, 3));
        seen.sent(&[one.clone(), one].concat());
        assert_eq!([seen.answered(), seen.answered(), seen.answered()], [true, true, false]);
    }

    #[test]
    fn what_is_no_mqtt_is_never_an_ack() {
        let mut seen = Requests::default();
        seen.sent(&[0x32, 0xff, 0xff, 0xff, 0xff, 0x01]);
        seen.sent(&bytes(&publish(QoS::AtLeastOnce, 3)));
        assert!(!seen.answered());
    }
}
