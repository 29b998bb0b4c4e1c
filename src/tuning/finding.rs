//! What was looked at, what was found, and the line that tells it.

use std::fmt;

/// One thing that `tuning.md` advises on, in the words of its table.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    /// A sysctl's name, or a few words.
    pub name: &'static str,
    /// The value advised, or the rule that gives it.
    pub advised: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// How it is changed, to last.
    pub mend: Mend,
}

/// How a value is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The sysctl that the item is named after gets this value.
    Sysctl(&'static str),
    /// These commands or settings.
    Text(&'static str),
}

/// What a look at an item came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As advised.
    Ok,
    /// Not as advised; Lanewire runs.
    Differs,
    /// Lanewire does not run like this, or not with these settings.
    Fails,
    /// This machine does not tell.
    Unknown,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Differs => "differs",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

/// An item as it is on this machine; its `Display` form is the line that is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub item: &'static Item,
    /// What that came to.
    pub verdict: Verdict,
    /// The value there is.
    pub found: String,
    /// The value that the item's rule gives here; `None`: the rule is the value.
    pub needed: Option<String>,
    /// How it is changed here; `None`: as the item says.
    pub mend: Option<String>,
}

impl Finding {
    pub(super) fn new(item: &'static Item, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { item, verdict, found: found.into(), needed: None, mend: None }
    }

    /// `Ok` where it `holds`, else `Differs`.
    pub(super) fn judged(item: &'static Item, holds: bool, found: impl Into<String>) -> Self {
        Self::new(item, if holds { Verdict::Ok } else { Verdict::Differs }, found)
    }

    pub(super) fn unknown(item: &'static Item, found: impl Into<String>) -> Self {
        Self::new(item, Verdict::Unknown, found)
    }

    pub(super) fn needing(self, needed: impl Into<String>) -> Self {
        Self { needed: Some(needed.into()), ..self }
    }

    pub(super) fn mended_by(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// The commands that set a sysctl now and at each start of the machine.
pub(super) fn sysctl_mend(name: &str, value: &str) -> String {
    format!(
        "sysctl -w '{name}={value}' && echo '{name} = {value}' >> /etc/sysctl.d/90-lanewire.conf"
    )
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { item, verdict, found, needed, mend } = self;
        write!(f, "{:<8} {:<34} {found}; advised: ", verdict.word(), item.name)?;
        match needed {
            Some(needed) => write!(f, "{needed} ({})", item.advised)?,
            None => f.write_str(item.advised)?,
        }
        match (verdict, mend, item.mend) {
            (Verdict::Ok, _, _) => Ok(()),
            (Verdict::Unknown, _, _) => write!(f, ". {}", item.why),
            (_, Some(mend), _) => write!(f, ". {}: {mend}", item.why),
            (_, None, Mend::Text(mend)) => write!(f, ". {}: {mend}", item.why),
            (_, None, Mend::Sysctl(value)) => {
                write!(f, ". {}: {}", item.why, sysctl_mend(item.name, value))
            }
        }
    }
}
