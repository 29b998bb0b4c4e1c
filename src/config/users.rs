//! `[[user]]` and `--user`.

use super::cli::Flags;
use super::document::{Entry, Kind, Report, Section};
use super::error::Origin;
use super::parse::{name, parse_password};
use super::settings::UserSettings;

/// Bytes of an account's name: MariaDB's limit, above MySQL's.
const USER_LEN_MAX: usize = 128;

/// The file's users, then the command line's; one of the command line takes the place of the
/// file's of the same name.
pub(super) fn read_users(root: &Section<'_>, flags: &Flags, report: &Report) -> Vec<UserSettings> {
    let mut users: Vec<(UserSettings, Origin)> = Vec::new();
    for section in root.tables("user", report) {
        let origin = section.origin.clone();
        let Some(user) = read_user(section, report) else { continue };
        if let Some((_, other)) = users.iter().find(|(other, _)| other.name == user.name) {
            let entry = Entry::absent(origin.clone(), "user.name").with_text(&user.name);
            report.add(entry.error(format!("another user has the same name ({other})")));
        }
        users.push((user, origin));
    }
    let mut users: Vec<_> = users.into_iter().map(|(user, _)| user).collect();
    for text in &flags.user {
        let Some(user) = read_flag(text, report) else { continue };
        users.retain(|other| other.name != user.name);
        users.push(user);
    }
    users
}

fn read_user(section: Section<'_>, report: &Report) -> Option<UserSettings> {
    let (name_entry, password_entry) = (section.get("name"), section.get("password"));
    for (entry, key, rule) in [
        (&name_entry, "user.name", "every [[user]] needs its name"),
        (
            &password_entry,
            "user.password",
            "every [[user]] needs its password or its *HASH; \"\" is no password",
        ),
    ] {
        if entry.is_none() {
            report.add(Entry::absent(section.origin.clone(), key).error(rule));
        }
    }
    let read_name = |entry: Entry| report.read(&entry, &[Kind::Text], name(USER_LEN_MAX));
    let user_name = name_entry.and_then(read_name);
    let secret = password_entry
        .and_then(|entry| report.read(&entry.secret(), &[Kind::Text], parse_password));
    let backend_user = section.get("backend-user").and_then(read_name);
    let backend_password =
        section.get("backend-password").and_then(|entry| report.text(&entry.secret()));
    section.finish(report);
    Some(UserSettings { name: user_name?, secret: secret?, backend_user, backend_password })
}

fn read_flag(text: &str, report: &Report) -> Option<UserSettings> {
    let Some((user_name, password)) = text.split_once(':') else {
        report.add(Entry::flag("user", text).error(
            "must be name:password or name:*HASH, an account of the clients (mysql-proxy's \
             --user, the account to run as, is User= in the systemd unit)",
        ));
        return None;
    };
    let entry = Entry::flag("user", user_name);
    let shown = Entry::flag("user", &format!("{user_name}:(hidden)"));
    let user_name = report.read(&entry, &[Kind::Text], name(USER_LEN_MAX));
    let secret = parse_password(password).map_err(|rule| report.add(shown.error(rule))).ok();
    Some(UserSettings {
        name: user_name?,
        secret: secret?,
        backend_user: None,
        backend_password: None,
    })
}
