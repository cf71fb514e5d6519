//! Metrics for Prometheus, read at the moment they are asked for (OpenMetrics text format).

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, EncodeMetric,
    NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::listen::Terms;
use crate::reload::Live;
use crate::site::Site;
use crate::tally::Tally;

/// What a process can tell of itself.
#[derive(Debug, Clone)]
pub(crate) struct Gauges {
    pub(crate) live: Arc<Live>,
    pub(crate) terms: Terms,
}

impl Gauges {
    /// All of it, as text.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("bailiwick_gateway");
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Gauges {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let site = self.live.site();
        requests(&mut to, &site)?;
        tokens(&mut to, &site)?;
        keys(&mut to, &site)?;
        let reloads = self.live.reloads();
        let outcomes =
            [([("outcome", "done")], reloads.done), ([("outcome", "refused")], reloads.refused)];
        counters(&mut to, "reloads", "Reloads of the configuration", outcomes)?;
        let is_refused = u64::from(reloads.error.is_some());
        let help = "Whether the last reload was refused, so that an older configuration is served";
        gauges(&mut to, "reload_refused", help, [([("", ""); 0], is_refused)])?;
        let draining = [([("", ""); 0], u64::from(self.live.is_draining()))];
        gauges(&mut to, "draining", "Whether the gateway is about to end", draining)?;
        let (open, most) = self.terms.open_connections();
        gauges(&mut to, "connections", "Client connections", [([("", ""); 0], open as u64)])?;
        let help = "The most client connections";
        gauges(&mut to, "connections_most", help, [([("", ""); 0], most as u64)])?;
        let lines = [("log", &site.log), ("records", &site.records)];
        let lost = lines
            .iter()
            .filter_map(|(what, lines)| Some(([("what", *what)], lines.as_ref()?.lost())));
        counters(&mut to, "lines_lost", "Lines that were not written, for want of time", lost)?;
        let lost = site.tracer.iter().map(|tracer| ([("", ""); 0], tracer.lost()));
        counters(&mut to, "spans_lost", "Spans of traces that did not reach the collector", lost)
    }
}

fn requests(to: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let tallies: Vec<(&str, &Tally)> = site.tallies().collect();
    let decisions = tallies.iter().flat_map(|(resource, tally)| {
        tally.decisions().into_iter().map(|((verdict, reason), count)| {
            ([("resource", *resource), ("verdict", verdict), ("reason", reason)], count)
        })
    });
    counters(to, "decisions", "Decisions, by resource, verdict and reason", decisions)?;
    let failures = tallies.iter().flat_map(|(resource, tally)| {
        let of_upstream = |(_, reason): &(&str, &str)| reason.contains("gateway");
        let failed = tally.decisions().into_iter().filter(move |(what, _)| of_upstream(what));
        failed.map(|((_, reason), count)| ([("resource", *resource), ("reason", reason)], count))
    });
    counters(to, "upstream_errors", "Requests that an upstream did not answer", failures)?;
    let answers = tallies.iter().flat_map(|(resource, tally)| {
        tally.classes().map(|(class, count)| ([("resource", *resource), ("class", class)], count))
    });
    counters(to, "answers", "Answers, by resource and class of status", answers)?;
    let help = "Time from the head of a request to that of its answer";
    let mut family = to.encode_descriptor("answer_seconds", help, None, MetricType::Histogram)?;
    for (resource, tally) in &tallies {
        let (sum, count, buckets) = tally.times();
        let labels = [("resource", *resource)];
        family
            .encode_family(&labels)?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}

fn tokens(to: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let counts: Vec<_> = site
        .resources()
        .map(|(resource, server)| (resource.identifier.as_str(), server.metrics()))
        .collect();
    let remembered =
        counts.iter().map(|(name, counts)| ([("resource", *name)], counts.remembered as u64));
    gauges(to, "tokens_remembered", "Genuine tokens that are remembered", remembered)?;
    let verified = counts.iter().flat_map(|(name, counts)| {
        [
            ([("resource", *name), ("memory", "hit")], counts.seen),
            ([("resource", *name), ("memory", "miss")], counts.unseen),
        ]
    });
    counters(to, "tokens", "Tokens, by whether they were remembered", verified)
}

fn keys(to: &mut DescriptorEncoder<'_>, site: &Site) -> fmt::Result {
    let issuers = site.issuers();
    let number = issuers.iter().map(|(name, keys)| ([("issuer", name)], keys.keys as u64));
    gauges(to, "keys", "Usable keys of an issuer; none when they are stale", number)?;
    let age = issuers.iter().filter_map(|(name, keys)| Some((name, keys.age?.as_secs_f64())));
    let age = age.map(|(name, age)| ([("issuer", name)], age));
    gauges(to, "key_age_seconds", "Time since an issuer's keys were fetched", age)
}

fn counters<L: EncodeLabelSet, V: EncodeCounterValue>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (L, V)>,
) -> fmt::Result
where
    ConstCounter<V>: EncodeMetric,
{
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (L, V)>,
) -> fmt::Result
where
    ConstGauge<V>: EncodeMetric,
{
    let mut family = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
