//! The targets of `perf/targets.toml` and what a run says of them.

use super::figures::{Figures, median, number, range};
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;

const TARGETS: &str = include_str!("../../targets.toml");

#[derive(Debug, Deserialize)]
struct File {
    target: Vec<Target>,
}

/// A line of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Target {
    what: String,
    of: Option<Figure>,
    against: Option<Figure>,
    at_most: Option<f64>,
    at_least: Option<f64>,
    /// A figure that shows what the load alone can make: a value that misses the target where
    /// this one does too says nothing of Lanewire.
    limit: Option<Figure>,
    not_measurable: Option<String>,
}

/// `scenario subject figure`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Figure {
    scenario: String,
    subject: String,
    figure: String,
}

impl TryFrom<String> for Figure {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let [scenario, subject, figure] = words[..] else {
            return Err(format!("{text:?} is not a scenario, a subject and a figure"));
        };
        let [scenario, subject, figure] = [scenario, subject, figure].map(str::to_owned);
        Ok(Self { scenario, subject, figure })
    }
}

impl Figure {
    fn values<'a>(&self, figures: &'a Figures) -> &'a [f64] {
        figures.values(&self.scenario, &self.subject, &self.figure)
    }
}

/// What a run says of a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Verdict {
    pub(super) what: String,
    pub(super) target: String,
    /// The quotient of the medians, or the median.
    pub(super) value: Option<f64>,
    /// Of the rounds, one by one.
    pub(super) range: Option<(f64, f64)>,
    pub(super) verdict: &'static str,
    /// Why nothing can be said.
    pub(super) why: Option<String>,
}

/// The words of [`Verdict::verdict`].
pub(super) const MET: &str = "met";
pub(super) const MISSED: &str = "missed";
const NOT_MEASURABLE: &str = "not measurable";

/// The targets, in the order of their file.
///
/// # Errors
/// The file is wrong.
pub(super) fn load() -> Result<Vec<Target>, Box<dyn Error>> {
    let file: File = toml::from_str(TARGETS).map_err(|error| format!("targets.toml: {error}"))?;
    Ok(file.target)
}

impl Target {
    /// The scenario that gives the value; none for what no load can show.
    pub(super) fn scenario(&self) -> Option<&str> {
        self.of.as_ref().map(|figure| figure.scenario.as_str())
    }

    /// `absent`: why engines and scenarios have no figures.
    pub(super) fn judge(&self, figures: &Figures, absent: &BTreeMap<String, String>) -> Verdict {
        let (value, range) = self.value(figures);
        let why = match value {
            None => Some(self.not_measurable.clone().unwrap_or_else(|| self.why_absent(absent))),
            Some(value) if self.is_reached(value) => None,
            Some(_) => self.beyond_limit(figures),
        };
        let verdict = match (&why, value) {
            (None, Some(value)) if self.is_reached(value) => MET,
            (None, _) => MISSED,
            (Some(_), _) => NOT_MEASURABLE,
        };
        let bound = |sign: &str, bound: Option<f64>| bound.map(|at| format!("{sign} {at}"));
        let target = bound("≤", self.at_most).or(bound("≥", self.at_least)).unwrap_or_default();
        Verdict { what: self.what.clone(), target, value, range, verdict, why }
    }

    fn value(&self, figures: &Figures) -> (Option<f64>, Option<(f64, f64)>) {
        let Some(of) = &self.of else { return (None, None) };
        let over = of.values(figures);
        let Some(against) = &self.against else { return (median(over), range(over)) };
        let under = against.values(figures);
        let value = median(over).zip(median(under)).map(|(over, under)| over / under);
        let each: Vec<f64> = over.iter().zip(under).map(|(over, under)| over / under).collect();
        (value, range(&each))
    }

    fn is_reached(&self, value: f64) -> bool {
        self.at_most.is_none_or(|most| value <= most)
            && self.at_least.is_none_or(|least| value >= least)
    }

    fn beyond_limit(&self, figures: &Figures) -> Option<String> {
        let limit = self.limit.as_ref()?;
        let most = median(limit.values(figures)).filter(|most| !self.is_reached(*most))?;
        let Figure { subject, figure, .. } = limit;
        Some(format!("the {figure} of {subject} is {most:.0} here"))
    }

    fn why_absent(&self, absent: &BTreeMap<String, String>) -> String {
        let named = [&self.of, &self.against].into_iter().flatten();
        let names = named.flat_map(|one| [&one.scenario, &one.subject, &one.figure]);
        let why = names.filter_map(|name| absent.get(name)).next().cloned();
        why.unwrap_or_else(|| "it was not run".into())
    }
}

/// The table for people.
pub(super) fn table(verdicts: &[Verdict]) -> Table {
    let mut table = Table::new(&["target", "", "value", "rounds", "verdict"]);
    for one in verdicts {
        let rounds = one.range.map(|(least, most)| format!("{}–{}", number(least), number(most)));
        table.row(vec![
            one.what.clone(),
            one.target.clone(),
            one.value.map_or_else(|| "–".into(), number),
            rounds.unwrap_or_default(),
            one.verdict.into(),
        ]);
    }
    table
}

/// A line for each that nothing can be said of, with the reason.
pub(super) fn reasons(verdicts: &[Verdict]) -> String {
    let line = |one: &Verdict| Some(format!("- {}: {}\n", one.what, one.why.as_ref()?));
    verdicts.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, figures: &Figures) -> Verdict {
        let target: Target = toml::from_str(text).unwrap();
        target.judge(figures, &BTreeMap::from([("y".into(), "y is not installed".into())]))
    }

    #[test]
    fn the_file_is_right() {
        let targets = load().unwrap();
        for target in &targets {
            let bounds = target.at_most.is_some() || target.at_least.is_some();
            assert_ne!(bounds, target.not_measurable.is_some(), "{}", target.what);
            assert_eq!(bounds, target.of.is_some(), "{}", target.what);
            let known = super::super::SCENARIOS.iter().map(|(name, _)| *name);
            let scenario = target.scenario();
            assert!(
                scenario.is_none_or(|name| known.clone().any(|one| one == name)),
                "{scenario:?}"
            );
        }
    }

    #[test]
    fn verdicts() {
        let mut figures = Figures::default();
        for (ours, theirs) in [(8.0, 10.0), (9.0, 10.0), (8.5, 9.0)] {
            figures.add("s", "x", "cpu", ours);
            figures.add("s", "z", "cpu", theirs);
        }
        let text = "what='w'\nof='s x cpu'\nagainst='s z cpu'\n";
        let met = judge(&format!("{text}at-most=0.85"), &figures);
        assert_eq!((met.verdict, met.value, met.why), (MET, Some(0.85), None));
        assert_eq!(met.range, Some((0.8, 8.5 / 9.0)));
        assert_eq!(judge(&format!("{text}at-most=0.84"), &figures).verdict, MISSED);
        let absent = judge("what='w'\nof='s x cpu'\nagainst='s y cpu'\nat-most=1", &figures);
        assert_eq!(absent.why.as_deref(), Some("y is not installed"));
        let beyond = judge("what='w'\nof='s x cpu'\nat-least=99\nlimit='s z cpu'", &figures);
        assert_eq!(beyond.why.as_deref(), Some("the cpu of z is 10 here"));
    }
}
