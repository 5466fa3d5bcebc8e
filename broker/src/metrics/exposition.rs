//! All figures as the text that Prometheus reads (OpenMetrics). They are read anew for each scrape, so a
//! topic that is gone leaves nothing behind. docs/broker.md has a table of them.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Registry, Unit};

use super::family::{Families, Family, Labels, Samples};
use super::{Metrics, process};
use crate::store::{DatabaseObserved, Epoch, Lag, Observed, Traffic};
use crate::version::{COMMIT, VERSION};

/// What a broker and its store have counted, as text.
pub(crate) fn exposition(metrics: &Metrics, epoch: &Epoch, observed: &Observed) -> String {
    let mut families = of_process(metrics, epoch);
    families.extend(of_server(metrics));
    families.extend(of_topics(observed));
    families.extend(of_lag(observed.lag.as_ref()));
    families.extend(of_memory(observed));
    families.extend(observed.database.iter().flat_map(of_database));
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a text takes all that is written to it");
    text
}

fn of_process(metrics: &Metrics, epoch: &Epoch) -> Vec<Family> {
    let build = vec![
        ("version", VERSION.to_owned()),
        ("commit", COMMIT.unwrap_or("not known").to_owned()),
        ("epoch", epoch.to_string()),
    ];
    let uptime = metrics.started.elapsed().as_secs();
    let alone =
        |value: Option<u64>| value.map(|value| (Labels::new(), value)).into_iter().collect();
    vec![
        Family {
            name: "broker_build",
            help: "Version and commit of the broker, and the epoch of its store.",
            unit: None,
            samples: Samples::Info(build),
        },
        gauge("broker_uptime", "Time since the broker started.", uptime).in_unit(Unit::Seconds),
        Family {
            name: "process_resident_memory",
            help: "Resident memory of the process.",
            unit: Some(Unit::Bytes),
            samples: Samples::Gauge(alone(process::resident_bytes())),
        },
        Family {
            name: "process_open_fds",
            help: "Open files of the process, connections among them.",
            unit: None,
            samples: Samples::Gauge(alone(process::open_files())),
        },
        Family {
            name: "process_max_fds",
            help: "The most files that the process may have open.",
            unit: None,
            samples: Samples::Gauge(alone(process::most_files())),
        },
    ]
}

fn of_server(metrics: &Metrics) -> Vec<Family> {
    let Metrics { requests, connections, .. } = metrics;
    let counts = requests.counts().map(|(route, code, count)| {
        (vec![("route", route.to_owned()), ("code", code.to_owned())], count)
    });
    let times = requests.times().map(|(route, times)| (vec![("route", route.to_owned())], times));
    vec![
        Family {
            name: "broker_requests",
            help: "Requests that were answered, by route and by code of the failure.",
            unit: None,
            samples: Samples::Counter(counts.collect()),
        },
        Family {
            name: "broker_request_duration",
            help: "Time from the head of a request to its answer, by route.",
            unit: Some(Unit::Seconds),
            samples: Samples::Histogram(times.collect()),
        },
        gauge("broker_connections", "Connections of clients that are open.", connections.open()),
        counter(
            "broker_connections_accepted",
            "Connections of clients that were accepted.",
            connections.accepted(),
        ),
    ]
}

fn of_topics(observed: &Observed) -> Vec<Family> {
    let Traffic { messages, bytes, delivered } = observed.traffic;
    let by_topic = |figure: fn(&Traffic) -> u64| {
        let samples = observed.busiest.iter().map(|(topic, traffic)| {
            let labels = vec![("topic", topic.to_string())];
            (labels, figure(traffic))
        });
        Samples::Counter(samples.collect())
    };
    vec![
        gauge("broker_topics", "Topics that the broker knows.", as_count(observed.topics)),
        gauge(
            "broker_known_producers",
            "Producers that the broker has in memory.",
            as_count(observed.producers),
        ),
        gauge(
            "broker_known_subscriptions",
            "Subscriptions that the broker has in memory.",
            as_count(observed.subscriptions),
        ),
        counter("broker_appended_messages", "Messages appended to all topics.", messages),
        counter("broker_appended", "Payloads appended to all topics.", bytes).in_unit(Unit::Bytes),
        counter("broker_delivered_messages", "Messages handed out of all topics.", delivered),
        Family {
            name: "broker_topic_appended_messages",
            help: "Messages appended, of the topics with most of them.",
            unit: None,
            samples: by_topic(|traffic| traffic.messages),
        },
        Family {
            name: "broker_topic_appended",
            help: "Payloads appended, of the topics with most messages.",
            unit: Some(Unit::Bytes),
            samples: by_topic(|traffic| traffic.bytes),
        },
        Family {
            name: "broker_topic_delivered_messages",
            help: "Messages handed out, of the topics with most messages appended.",
            unit: None,
            samples: by_topic(|traffic| traffic.delivered),
        },
    ]
}

fn of_lag(lag: Option<&Lag>) -> Vec<Family> {
    let is_current = lag.is_some_and(|lag| lag.is_current);
    let current = gauge(
        "broker_lag_is_current",
        "1 where the figures of lag are of now, 0 where they are the last that could be had.",
        is_current.into(),
    );
    let Some(lag) = lag else { return vec![current] };
    let largest = lag.largest.iter().map(|one| {
        let labels = vec![("topic", one.topic.to_string()), ("consumer", one.consumer.to_string())];
        (labels, one.messages)
    });
    vec![
        current,
        gauge("broker_subscriptions", "Subscriptions of the store.", lag.subscriptions),
        gauge("broker_lag_messages", "Messages that subscriptions have yet to get.", lag.messages),
        Family {
            name: "broker_subscription_lag_messages",
            help: "Messages that a consumer has yet to get, of those that are furthest behind.",
            unit: None,
            samples: Samples::Gauge(largest.collect()),
        },
    ]
}

fn of_memory(observed: &Observed) -> Vec<Family> {
    let label = |name: &str| vec![("budget", name.to_owned())];
    let budgets = &observed.budgets;
    let used = budgets.iter().map(|budget| (label(budget.name), budget.used));
    let limits = budgets.iter().filter_map(|budget| Some((label(budget.name), budget.limit?)));
    vec![
        Family {
            name: "broker_memory",
            help: "Memory in use, by what it is for.",
            unit: Some(Unit::Bytes),
            samples: Samples::Gauge(used.collect()),
        },
        Family {
            name: "broker_memory_limit",
            help: "The most memory that may be in use, by what it is for.",
            unit: Some(Unit::Bytes),
            samples: Samples::Gauge(limits.collect()),
        },
    ]
}

fn of_database(of: &DatabaseObserved) -> Vec<Family> {
    let label = |name: &str| vec![("work", name.to_owned())];
    let commits = of.work.iter().map(|(name, work)| (label(name), work.commits));
    let retries = of.work.iter().map(|(name, work)| (label(name), work.retries));
    let groups = of.work.iter().map(|(name, work)| (label(name), work.groups.clone()));
    vec![
        gauge(
            "broker_store_up",
            "1 where the database can be read and written, as /readyz tries it.",
            of.is_up.into(),
        ),
        Family {
            name: "broker_store_commits",
            help: "Transactions that were carried out, by what they were for.",
            unit: None,
            samples: Samples::Counter(commits.collect()),
        },
        Family {
            name: "broker_store_group_requests",
            help: "Requests that shared a transaction, by what it was for.",
            unit: None,
            samples: Samples::Histogram(groups.collect()),
        },
        Family {
            name: "broker_store_retries",
            help: "Transactions that failed for a passing reason and were tried again.",
            unit: None,
            samples: Samples::Counter(retries.collect()),
        },
        gauge(
            "broker_store_connections",
            "Connections to the database in use.",
            as_count(of.connections),
        ),
        gauge(
            "broker_store_connections_limit",
            "The most connections to the database.",
            as_count(of.most_connections),
        ),
        counter(
            "broker_store_connections_lost",
            "Connections to the database that were lost or could not be opened.",
            of.lost_connections,
        ),
    ]
}

/// A gauge without labels.
fn gauge(name: &'static str, help: &'static str, value: u64) -> Family {
    Family { name, help, unit: None, samples: Samples::Gauge(vec![(Labels::new(), value)]) }
}

/// A counter without labels.
fn counter(name: &'static str, help: &'static str, value: u64) -> Family {
    Family { name, help, unit: None, samples: Samples::Counter(vec![(Labels::new(), value)]) }
}

fn as_count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
