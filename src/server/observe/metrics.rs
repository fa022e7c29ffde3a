//! What monitoring may know, read when it asks: counters stay where they are counted.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counters of one metric by the value of its one label.
pub type Labelled = Family<[(&'static str, &'static str); 1], Counter>;

/// The counters of `family` for these values of `label`, in their order. Found once: a look-up takes a lock, counting
/// does not. They are written from now on, at 0 too.
pub fn each(
    family: &Labelled,
    label: &'static str,
    values: impl IntoIterator<Item = &'static str>,
) -> Box<[Counter]> {
    values
        .into_iter()
        .map(|value| family.get_or_create_owned(&[(label, value)]))
        .collect()
}

/// Writes one metric: its name without `beadle_` in front, and what it is, in half a sentence. (A registry would end
/// that with a full stop, which dashboards do not know.) Errors: the encoder's.
pub fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// All metrics of the daemon.
pub struct Metrics(Registry);

impl Metrics {
    /// What `collectors` write, each metric named `beadle_…`.
    pub fn new(collectors: Vec<Box<dyn Collector>>) -> Metrics {
        let mut registry = Registry::with_prefix("beadle");
        for collector in collectors {
            registry.register_collector(collector);
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

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::gauge::ConstGauge;

    #[derive(Debug)]
    struct Two(Labelled);

    impl Collector for Two {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let entries = ConstGauge::new(7_u64);
            write(&mut encoder, "entries", "entries in the index", &entries)?;
            write(&mut encoder, "logins", "log-ins by outcome", &self.0)
        }
    }

    #[test]
    fn figures_are_written_with_and_without_a_label() {
        let logins = Labelled::default();
        let counters = each(&logins, "outcome", ["accepted", "refused"]);
        counters[1].inc_by(4);
        let text = Metrics::new(vec![Box::new(Two(logins))]).text();
        for line in [
            "# HELP beadle_entries entries in the index\n# TYPE beadle_entries gauge\nbeadle_entries 7\n",
            "# HELP beadle_logins log-ins by outcome\n# TYPE beadle_logins counter\n",
            "beadle_logins_total{outcome=\"accepted\"} 0\n",
            "beadle_logins_total{outcome=\"refused\"} 4\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
