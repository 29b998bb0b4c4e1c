//! When one backend is looked at again, and what is said about it in the log. Time is an argument.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::survey::{Survey, SurveyError};
use crate::cluster::ServerFacts;
use crate::config::{Address, BackendSettings};

/// Between two surveys of a server that cannot be reached, and at least between any two.
const SURVEY_AGAIN: Duration = Duration::from_secs(1);
/// Between two surveys of a server that answers, but does not let the monitor in.
const LOGIN_AGAIN: Duration = Duration::from_secs(30);
/// Between two resolutions of a name.
const RESOLVE_AGAIN: Duration = Duration::from_secs(30);

/// What a job is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Resolve the name only.
    Resolve,
    /// Resolve the name, and ask the server.
    Survey,
}

/// What a job found.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) job: Job,
    /// Empty for a Unix socket.
    pub(super) addresses: Result<Vec<SocketAddr>, String>,
    pub(super) survey: Option<Result<Survey, SurveyError>>,
}

/// What of it is news for the view.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) addresses: Option<Vec<SocketAddr>>,
    pub(super) facts: Option<ServerFacts>,
}

/// One backend's timetable.
#[derive(Debug)]
pub(super) struct Watch {
    settings: BackendSettings,
    /// `None`: known well enough.
    survey_due: Option<Instant>,
    /// `None`: an address needs no resolving.
    resolve_due: Option<Instant>,
    running: bool,
    /// A poke came while a job ran.
    poked: bool,
    last_survey: Option<Instant>,
    /// What was said last, so that nothing is said every second.
    last_complaint: String,
}

impl Watch {
    pub(super) fn new(settings: BackendSettings) -> Self {
        Self {
            settings,
            survey_due: None,
            resolve_due: None,
            running: false,
            poked: true,
            last_survey: None,
            last_complaint: String::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) const fn address(&self) -> &Address {
        &self.settings.address
    }

    /// The addresses that need no name service; empty for a name and for a Unix socket.
    pub(super) fn literal_addresses(&self) -> Vec<SocketAddr> {
        match &self.settings.address {
            Address::Tcp { host, port } => host
                .parse::<IpAddr>()
                .map(|ip| vec![SocketAddr::new(ip, *port)])
                .unwrap_or_default(),
            Address::Unix(_) => Vec::new(),
        }
    }

    fn has_name(&self) -> bool {
        matches!(&self.settings.address, Address::Tcp { .. }) && self.literal_addresses().is_empty()
    }

    /// Asks for a survey, a second after the last one at the earliest.
    pub(super) fn poke(&mut self, now: Instant) {
        if self.running {
            self.poked = true;
            return;
        }
        let earliest = self.last_survey.map_or(now, |last| last + SURVEY_AGAIN);
        let due = earliest.max(now);
        self.survey_due = Some(self.survey_due.map_or(due, |old| old.min(due)));
    }

    /// When something is to be done next; `None` while a job runs or nothing is.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.running {
            return None;
        }
        [self.survey_due, self.resolve_due].into_iter().flatten().min()
    }

    /// The job that is due, which the caller must start.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Job> {
        if self.running {
            return None;
        }
        if std::mem::take(&mut self.poked) {
            self.poke(now);
        }
        let job = if self.survey_due.is_some_and(|due| due <= now) {
            self.survey_due = None;
            self.last_survey = Some(now);
            Job::Survey
        } else if self.resolve_due.is_some_and(|due| due <= now) {
            Job::Resolve
        } else {
            return None;
        };
        self.resolve_due = None;
        self.running = true;
        Some(job)
    }

    pub(super) fn failed_to_start(&mut self, now: Instant) {
        self.running = false;
        self.survey_due = Some(now + SURVEY_AGAIN);
    }

    /// Takes in what a job found.
    pub(super) fn note(&mut self, outcome: Outcome, now: Instant) -> Found {
        self.running = false;
        if self.has_name() {
            self.resolve_due = Some(now + RESOLVE_AGAIN);
        }
        let mut found = Found::default();
        match outcome.addresses {
            Ok(addresses) => found.addresses = Some(addresses),
            Err(error) => {
                // The addresses known so far stay in force.
                self.complain(error);
                if outcome.job == Job::Survey {
                    self.survey_due = Some(now + SURVEY_AGAIN);
                }
                return found;
            }
        }
        match outcome.survey {
            None => {}
            Some(Err(error)) => {
                self.complain(error.to_string());
                self.survey_due = Some(now + SURVEY_AGAIN);
            }
            Some(Ok(survey)) => found.facts = Some(self.note_survey(survey, now)),
        }
        found
    }

    fn note_survey(&mut self, survey: Survey, now: Instant) -> ServerFacts {
        let facts = survey.facts;
        match survey.login_error {
            Some(error) => {
                self.survey_due = Some(now + LOGIN_AGAIN);
                self.complain(format!("surveyed by its greeting only: {error}"));
            }
            None => {
                let version = facts.version.escape_ascii().to_string();
                tracing::info!(backend = self.name(), version, uuid = facts.uuid, "surveyed");
                self.last_complaint.clear();
            }
        }
        let (wanted, limit) = (self.settings.max_connections, facts.max_connections);
        if limit > 0 && wanted > limit {
            tracing::warn!(
                backend = self.name(),
                "max-connections is {wanted}, but the server allows {limit} for all its clients"
            );
        }
        facts
    }

    fn complain(&mut self, complaint: String) {
        if complaint != self.last_complaint {
            tracing::warn!(backend = self.name(), "{complaint}");
            self.last_complaint = complaint;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Origin, Role};

    fn watch(host: &str) -> Watch {
        Watch::new(BackendSettings {
            name: "db".into(),
            address: Address::Tcp { host: host.into(), port: 3306 },
            role: Role::Primary,
            weight: 1,
            max_connections: 100,
            min_idle: 0,
            max_idle: 0,
            origin: Origin::default(),
        })
    }

    fn unreachable(job: Job) -> Outcome {
        let survey = (job == Job::Survey).then_some(Err(SurveyError::NoAddress));
        Outcome { job, addresses: Ok(Vec::new()), survey }
    }

    #[test]
    fn an_unreachable_server_is_surveyed_every_second() {
        let mut watch = watch("127.0.0.1");
        let now = Instant::now();
        assert_eq!(watch.take_due(now), Some(Job::Survey));
        assert_eq!(watch.take_due(now), None, "one job at a time");
        assert_eq!(watch.next_due(), None);
        assert_eq!(watch.note(unreachable(Job::Survey), now).facts, None);
        assert_eq!(watch.next_due(), Some(now + SURVEY_AGAIN));
        assert_eq!(watch.take_due(now), None);
        assert_eq!(watch.take_due(now + SURVEY_AGAIN), Some(Job::Survey));
    }

    #[test]
    fn a_known_server_is_left_alone_until_poked() {
        let mut watch = watch("127.0.0.1");
        let now = Instant::now();
        watch.take_due(now);
        let survey = Survey { facts: super::super::tests::facts(), login_error: None };
        let outcome =
            Outcome { job: Job::Survey, addresses: Ok(Vec::new()), survey: Some(Ok(survey)) };
        assert!(watch.note(outcome, now).facts.is_some());
        assert_eq!(watch.next_due(), None);
        watch.poke(now);
        assert_eq!(watch.next_due(), Some(now + SURVEY_AGAIN), "not at once again");
        assert_eq!(watch.take_due(now + SURVEY_AGAIN), Some(Job::Survey));
        watch.poke(now + SURVEY_AGAIN);
        watch.note(unreachable(Job::Survey), now + SURVEY_AGAIN);
        assert_eq!(watch.take_due(now + 2 * SURVEY_AGAIN), Some(Job::Survey));
    }

    #[test]
    fn a_name_is_resolved_again_and_an_address_is_not() {
        let mut named = watch("db.example");
        assert!(named.literal_addresses().is_empty());
        let now = Instant::now();
        named.take_due(now);
        let survey = Survey { facts: super::super::tests::facts(), login_error: None };
        let outcome =
            Outcome { job: Job::Survey, addresses: Ok(Vec::new()), survey: Some(Ok(survey)) };
        named.note(outcome, now);
        assert_eq!(named.next_due(), Some(now + RESOLVE_AGAIN));
        assert_eq!(named.take_due(now + RESOLVE_AGAIN), Some(Job::Resolve));
        named.note(unreachable(Job::Resolve), now + RESOLVE_AGAIN);
        assert_eq!(named.next_due(), Some(now + 2 * RESOLVE_AGAIN));
        assert_eq!(watch("::1").literal_addresses(), ["[::1]:3306".parse().unwrap()]);
    }
}
