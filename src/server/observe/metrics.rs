//! What monitoring may know, gathered when it asks: counters stay where they are counted.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Whether a figure only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// It counts since the start.
    Counter,
    /// It is how things stand.
    Gauge,
}

/// One metric with its values by the values of one label.
pub struct Family {
    /// Its name without `beadle_` in front, such as `radius_dropped`.
    pub name: &'static str,
    /// What it is, in half a sentence.
    pub help: &'static str,
    /// Counter or gauge.
    pub figure: Figure,
    /// The label's name; empty: one value without a label.
    pub label: &'static str,
    /// Label values and figures.
    pub values: Vec<(&'static str, u64)>,
}

impl Family {
    /// A metric of one value.
    pub fn single(name: &'static str, help: &'static str, figure: Figure, value: u64) -> Family {
        Family {
            name,
            help,
            figure,
            label: "",
            values: vec![("", value)],
        }
    }
}

/// Where figures are read when they are asked for.
pub type Source = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

/// All metrics of the daemon.
pub struct Metrics(Registry);

impl Metrics {
    /// Metrics read from `sources`, each named `beadle_…`.
    pub fn new(sources: Vec<Source>) -> Metrics {
        let mut registry = Registry::with_prefix("beadle");
        for source in sources {
            registry.register_collector(Box::new(Reader(source)));
        }
        Metrics(registry)
    }

    /// The OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Invariant: writing into a String fails only if a metric refuses, and these are plain numbers.
        if prometheus_client::encoding::text::encode(&mut text, &self.0).is_err() {
            tracing::error!("metrics: could not be written");
        }
        text
    }
}

struct Reader(Source);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Collector for Reader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        (self.0)()
            .iter()
            .try_for_each(|family| encode(family, &mut encoder))
    }
}

fn encode(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let kind = match family.figure {
        Figure::Counter => MetricType::Counter,
        Figure::Gauge => MetricType::Gauge,
    };
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    for (label, value) in &family.values {
        let labels = [(family.label, *label)];
        let labelled = if family.label.is_empty() {
            &labels[..0]
        } else {
            &labels[..]
        };
        match (family.figure, labelled) {
            (Figure::Counter, []) => return ConstCounter::new(*value).encode(metric),
            (Figure::Gauge, []) => return ConstGauge::new(*value as i64).encode(metric),
            (Figure::Counter, labels) => ConstCounter::new(*value).encode(metric.encode_family(&labels)?)?,
            (Figure::Gauge, labels) => {
                ConstGauge::new(*value as i64).encode(metric.encode_family(&labels)?)?
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_with_and_without_a_label() {
        let metrics = Metrics::new(vec![Box::new(|| {
            vec![
                Family::single("entries", "entries in the index", Figure::Gauge, 7),
                Family {
                    name: "logins",
                    help: "log-ins by outcome",
                    figure: Figure::Counter,
                    label: "outcome",
                    values: vec![("accepted", 3), ("refused", 4)],
                },
            ]
        })]);
        let text = metrics.text();
        for line in [
            "beadle_entries 7",
            "beadle_logins_total{outcome=\"accepted\"} 3",
            "beadle_logins_total{outcome=\"refused\"} 4",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
