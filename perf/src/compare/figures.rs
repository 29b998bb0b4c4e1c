//! What was measured: by scenario, subject and figure, a value for each round.

use serde::Serialize;
use std::collections::BTreeMap;

/// The values of one figure, in the order of the rounds.
pub(super) type Values = Vec<f64>;

/// All figures of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Figures(BTreeMap<String, BTreeMap<String, BTreeMap<String, Values>>>);

impl Figures {
    pub(super) fn add(&mut self, scenario: &str, subject: &str, figure: &str, value: f64) {
        // Four decimals are more than any of these figures is worth.
        let value = (value * 1e4).round() / 1e4;
        let subjects = self.0.entry(scenario.into()).or_default();
        let figures = subjects.entry(subject.into()).or_default();
        figures.entry(figure.into()).or_default().push(value);
    }

    /// The values of `"scenario subject figure"`; empty where there are none.
    pub(super) fn values(&self, scenario: &str, subject: &str, figure: &str) -> &[f64] {
        let subjects = self.0.get(scenario);
        let figures = subjects.and_then(|subjects| subjects.get(subject));
        figures.and_then(|figures| figures.get(figure)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn median(&self, scenario: &str, subject: &str, figure: &str) -> Option<f64> {
        median(self.values(scenario, subject, figure))
    }

    /// The subjects of a scenario, by name.
    pub(super) fn subjects(&self, scenario: &str) -> Vec<String> {
        self.0.get(scenario).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    /// Whether any subject of a scenario has a figure.
    pub(super) fn has(&self, scenario: &str, figure: &str) -> bool {
        let subjects = self.0.get(scenario);
        subjects.is_some_and(|all| all.values().any(|figures| figures.contains_key(figure)))
    }
}

/// The middle value; of an even number the mean of the two in the middle.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The least and the most.
pub(super) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    Some((least, most))
}

/// A number with three significant figures or all its digits before the point.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        at if at >= 100.0 => format!("{value:.0}"),
        at if at >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median with its range: `8.57 (8.31–8.90)`; `–` where nothing was measured.
pub(super) fn summary(values: &[f64]) -> String {
    match (median(values), range(values)) {
        (Some(middle), Some((least, most))) if values.len() > 1 => {
            format!("{} ({}–{})", number(middle), number(least), number(most))
        }
        (Some(middle), _) => number(middle),
        (None, _) => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ranges() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(summary(&[8.0, 9.5, 8.25]), "8.25 (8.00–9.50)");
        assert_eq!(summary(&[123.4]), "123");
        assert_eq!(summary(&[]), "–");
    }

    #[test]
    fn figures_are_found_where_they_were_put() {
        let mut figures = Figures::default();
        figures.add("a", "b", "cpu", 1.0);
        figures.add("a", "b", "cpu", 3.0);
        assert_eq!(figures.median("a", "b", "cpu"), Some(2.0));
        assert_eq!(figures.values("a", "x", "cpu"), [0.0; 0]);
        assert!(figures.has("a", "cpu") && !figures.has("a", "rss"));
    }
}
