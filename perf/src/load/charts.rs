//! Charts of latencies.

use super::percentile_name;
use crate::plot::{Axis, Chart, Series, Tick};
use hdrhistogram::Histogram;

/// Points of a percentile line for each halving of the distance to 100%.
const TICKS: u32 = 10;
const NS_PER_MS: f64 = 1e6;
/// The percentiles of a throughput/latency curve.
const CURVES: [f64; 3] = [50.0, 99.0, 99.9];

/// A rate that was tried.
#[derive(Debug, Clone)]
pub struct Step {
    /// Operations per second that were asked for.
    pub asked: f64,
    /// Operations per second that were answered in the measured time.
    pub achieved: f64,
    /// Their latencies in nanoseconds.
    pub latency_ns: Histogram<u64>,
}

/// Latency by percentile, a line for each named distribution of nanoseconds.
#[must_use]
pub fn percentile_chart(title: &str, subtitle: &str, lines: &[(String, Histogram<u64>)]) -> Chart {
    let most = lines.iter().map(|(_, histogram)| histogram.len()).max().unwrap_or(1);
    let series: Vec<Series> = lines
        .iter()
        .map(|(name, histogram)| Series {
            name: name.clone(),
            points: percentile_points(histogram),
            dots: false,
        })
        .collect();
    Chart {
        title: title.into(),
        subtitle: subtitle.into(),
        x: Axis::with_ticks("percentile of operations", nines(most)),
        y: latency_axis(&series),
        series,
    }
}

/// Latency percentiles by throughput, in the order of the steps.
#[must_use]
pub fn curve_chart(title: &str, subtitle: &str, steps: &[Step]) -> Chart {
    let series: Vec<Series> = CURVES
        .iter()
        .map(|percentile| Series {
            name: percentile_name(*percentile),
            points: steps
                .iter()
                .map(|step| (step.achieved, ms(step.latency_ns.value_at_percentile(*percentile))))
                .collect(),
            dots: true,
        })
        .collect();
    let most = steps.iter().map(|step| step.achieved).fold(0.0, f64::max);
    Chart {
        title: title.into(),
        subtitle: subtitle.into(),
        x: Axis::linear("throughput, operations per second", most),
        y: latency_axis(&series),
        series,
    }
}

fn latency_axis(series: &[Series]) -> Axis {
    let values = || series.iter().flat_map(|one| &one.points).map(|(_, y)| *y);
    let min = values().filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min);
    let min = if min.is_finite() { min } else { 0.1 };
    Axis::logarithmic("latency, ms", min, values().fold(0.0, f64::max))
}

/// Each point's x is the reciprocal of what lies above its percentile.
fn percentile_points(latency_ns: &Histogram<u64>) -> Vec<(f64, f64)> {
    let all = float(latency_ns.len());
    latency_ns
        .iter_quantiles(TICKS)
        .map(|step| {
            let above = (1.0 - step.quantile_iterated_to()).max(1.0 / all.max(1.0));
            (1.0 / above, ms(step.value_iterated_to()))
        })
        .collect()
}

/// 0%, 50%, 90%, 99% and on, until less than one of `count` lies above.
fn nines(count: u64) -> Vec<Tick> {
    let mut ticks = vec![
        Tick { at: 1.0, label: "0%".into() },
        Tick { at: 2.0, label: "50%".into() },
        Tick { at: 10.0, label: "90%".into() },
        Tick { at: 100.0, label: "99%".into() },
    ];
    let (mut at, mut label) = (1000.0, String::from("99.9"));
    while at / 10.0 < float(count) {
        ticks.push(Tick { at, label: format!("{label}%") });
        at *= 10.0;
        label.push('9');
    }
    ticks
}

fn ms(ns: u64) -> f64 {
    float(ns) / NS_PER_MS
}

#[expect(clippy::cast_precision_loss, reason = "an hour in ns is below 2^53")]
const fn float(ns: u64) -> f64 {
    ns as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::latencies;

    #[test]
    fn a_percentile_chart_reaches_as_many_nines_as_there_are_operations() {
        let mut histogram = latencies();
        (1..=20_000).for_each(|us| histogram.record(us * 1000).unwrap());
        let chart = percentile_chart("t", "s", &[("a".into(), histogram)]);
        let last = chart.x.ticks().last().unwrap();
        assert_eq!(last.label, "99.999%");
        let points = &chart.series[0].points;
        assert!((points.last().unwrap().1 - 20.0).abs() < 0.1);
        assert!(points.is_sorted_by_key(|point| point.0));
    }

    #[test]
    fn an_empty_distribution_makes_a_chart_too() {
        let chart = percentile_chart("t", "s", &[("a".into(), latencies())]);
        assert!(!chart.to_string().contains("NaN"));
        assert!(!curve_chart("t", "s", &[]).to_string().contains("NaN"));
    }
}
