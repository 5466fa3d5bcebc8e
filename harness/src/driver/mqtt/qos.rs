//! The quality of service, which is a setting of a run's topics: `topic_config: { qos: 2 }`.

use rumqttc::mqttbytes::QoS;

use super::failure::last;
use crate::driver::failure::Failure;
use crate::scenario::Broker;

/// What a topic can be told.
const KEY: &str = "qos";

/// That of all topics; at least once where nothing is said.
///
/// # Errors
/// Where a topic is told something else.
pub(super) fn of(broker: &Broker) -> Result<QoS, Failure> {
    let settings = &broker.options.topic_config;
    if let Some(other) = settings.keys().find(|key| *key != KEY) {
        return Err(last(format!(
            "a topic of MQTT has no setting `{other}`: there is only `{KEY}`"
        )));
    }
    match settings.get(KEY).map(String::as_str) {
        None | Some("1") => Ok(QoS::AtLeastOnce),
        Some("2") => Ok(QoS::ExactlyOnce),
        Some(other) => Err(last(format!(
            "`{KEY}: {other}` cannot be judged: it is 1 (at least once, the default) or 2 (exactly \
             once); nothing is acknowledged at QoS 0"
        ))),
    }
}
