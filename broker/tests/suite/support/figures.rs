//! The answer to a scrape, read by a parser that is not ours.

use std::collections::BTreeMap;

use prometheus_parse::{Sample, Scrape, Value};

/// What a scrape got.
pub(crate) struct Figures(Vec<Sample>);

impl Figures {
    /// Reads a whole answer. The parser passes over what it does not understand; here that fails.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let read: usize = scrape.samples.iter().map(|sample| lines(&sample.value)).sum();
        let written = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(read, written, "a line was not understood: {text}");
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().unwrap();
            let is_told = scrape.docs.get(name).is_some_and(|help| help.ends_with('.'));
            assert!(is_told, "{name} has no text of help");
        }
        Self(scrape.samples)
    }

    /// The value of the one sample of this name with these labels.
    pub(crate) fn of(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let all = self.all(name);
        let wanted = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        all.get(&wanted.collect::<BTreeMap<_, _>>()).copied()
    }

    /// All samples of this name by their labels. For a histogram, how many came.
    pub(crate) fn all(&self, name: &str) -> BTreeMap<BTreeMap<String, String>, f64> {
        let of_name = self.0.iter().filter(|sample| sample.metric == name);
        let labels = |sample: &Sample| {
            let labels = sample.labels.iter();
            labels.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let samples: Vec<_> =
            of_name.map(|sample| (labels(sample), number(&sample.value))).collect();
        let by_labels: BTreeMap<_, _> = samples.iter().cloned().collect();
        assert_eq!(by_labels.len(), samples.len(), "{name} has the same labels twice");
        by_labels
    }

    /// The value of the one sample of this name, which has no labels.
    pub(crate) fn alone(&self, name: &str) -> f64 {
        self.of(name, &[]).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Every counter, and every bucket of a histogram, by name and labels.
    pub(crate) fn counters(&self) -> BTreeMap<String, f64> {
        let counters = self.0.iter().flat_map(|sample| {
            let name = format!("{}{{{}}}", sample.metric, sample.labels);
            match &sample.value {
                Value::Histogram(buckets) => buckets
                    .iter()
                    .map(|bucket| (format!("{name} {}", bucket.less_than), bucket.count))
                    .collect(),
                _ if sample.metric.ends_with("_total") => vec![(name, number(&sample.value))],
                _ => Vec::new(),
            }
        });
        counters.collect()
    }
}

/// How many lines a sample was read from.
fn lines(value: &Value) -> usize {
    match value {
        Value::Histogram(buckets) => buckets.len(),
        _ => 1,
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Counter(number) | Value::Gauge(number) | Value::Untyped(number) => *number,
        Value::Histogram(buckets) => buckets.last().map_or(0.0, |bucket| bucket.count),
        Value::Summary(_) => panic!("there are no summaries"),
    }
}
