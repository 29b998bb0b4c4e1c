//! Axes: a range, where its ticks are, and what they say.

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where.
    pub at: f64,
    /// Its label.
    pub label: String,
}

/// An axis from its first tick to its last.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is shown, with its unit.
    pub label: String,
    logarithmic: bool,
    ticks: Vec<Tick>,
}

impl Axis {
    /// From 0 to `max` or a little more, in round steps.
    #[must_use]
    pub fn linear(label: &str, max: f64) -> Self {
        let max = if max > 0.0 { max } else { 1.0 };
        let rough = max / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let ticks = (0..)
            .map(|number| f64::from(number) * step)
            .take_while(|at| *at < max + step)
            .map(|at| Tick { at, label: number(at) })
            .collect();
        Self { label: label.into(), logarithmic: false, ticks }
    }

    /// From `min` to `max` or a little beyond, with ticks at 1, 2 and 5 of each decade.
    #[must_use]
    pub fn logarithmic(label: &str, min: f64, max: f64) -> Self {
        let min = if min > 0.0 { min } else { 1.0 };
        let max = max.max(min * 2.0);
        let first = min.log10().floor();
        let all: Vec<f64> = (0..20)
            .flat_map(|decade| {
                [1.0, 2.0, 5.0].map(|one| one * 10_f64.powf(first + f64::from(decade)))
            })
            .collect();
        let from = all.iter().rposition(|at| *at <= min).unwrap_or(0);
        let to = all.iter().position(|at| *at >= max).unwrap_or(all.len() - 1);
        let ticks = all[from..=to].iter().map(|at| Tick { at: *at, label: number(*at) }).collect();
        Self { label: label.into(), logarithmic: true, ticks }
    }

    /// Logarithmic with these ticks, two at least, in rising order and above 0.
    #[must_use]
    pub fn with_ticks(label: &str, ticks: Vec<Tick>) -> Self {
        Self { label: label.into(), logarithmic: true, ticks }
    }

    /// The ticks.
    #[must_use]
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Where `value` lies, from 0 at the first tick to 1 at the last; outside it is held there.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let [first, .., last] = &self.ticks[..] else { return 0.0 };
        let scale = |at: f64| if self.logarithmic { at.max(f64::MIN_POSITIVE).ln() } else { at };
        let (low, high) = (scale(first.at), scale(last.at));
        ((scale(value) - low) / (high - low)).clamp(0.0, 1.0)
    }
}

/// A number for people: thousands apart, no needless decimals.
fn number(value: f64) -> String {
    let text = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let decimals = decimals.trim_end_matches('0');
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !decimals.is_empty() {
        out.push('.');
        out.push_str(decimals);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_reach_around_the_data() {
        let axis = Axis::linear("x", 87_000.0);
        assert_eq!(labels(&axis), ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]);
        assert_eq!(labels(&Axis::linear("x", 0.0)).first(), Some(&"0"));
        let axis = Axis::logarithmic("y", 0.07, 3.0);
        assert_eq!(labels(&axis), ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
        assert!((axis.place(0.5) - 0.5).abs() < 1e-9);
        assert_eq!((axis.place(0.001), axis.place(100.0)), (0.0, 1.0));
        assert!(labels(&Axis::logarithmic("y", 0.0, 0.0)).len() >= 2);
    }
}
