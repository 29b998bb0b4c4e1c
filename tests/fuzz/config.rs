//! Spoilt settings: an error with its place, or settings, and never a panic.

use std::path::Path;

use lanewire::config::load;

use crate::run::fuzz;

const SOUND: &str = r#"
[proxy]
listen = [":4040", "[::1]:4040", "/run/lanewire.sock"]
shards = 2
drain-timeout = "5s"

[timeouts]
connect = "200ms"
login = 2.5

[[backend]]
address = "db1:3306"
name = "one"
role = "primary"

[[backend]]
address = "[fd00::2]:3307"
role = "replica"
weight = 10

[[user]]
name = "app"
password = "pw"
"#;

#[test]
fn the_text_is_sound_to_begin_with() {
    let settings = load(Path::new("f"), SOUND).expect("sound");
    assert_eq!((settings.backends.len(), settings.users.len()), (2, 1));
}

#[test]
fn spoilt_settings() {
    fuzz("spoilt_settings", |random| {
        let mut lines: Vec<_> = SOUND.lines().map(str::to_owned).collect();
        for _ in 0..=random.below(3) {
            let at = random.below(lines.len());
            match random.below(4) {
                0 => drop(lines.remove(at)),
                1 => {
                    lines.insert(at, random.pick(&["weight = -3", "[[user]]", "x = 1"]).to_owned())
                }
                2 => {
                    let mut bytes = std::mem::take(&mut lines[at]).into_bytes();
                    random.spoil(&mut bytes);
                    lines[at] = String::from_utf8_lossy(&bytes).into_owned();
                }
                _ => {
                    let other = random.below(lines.len());
                    lines.swap(at, other);
                }
            }
        }
        let text = lines.join("\n");
        let count = text.lines().count() + 1;
        let Err(errors) = load(Path::new("lanewire.toml"), &text) else { return };
        assert!(!errors.is_empty(), "{text}");
        for error in errors {
            assert!(error.to_string().starts_with("lanewire.toml"), "{error}");
            assert!(!error.rule.is_empty(), "{text}");
            assert!(
                error.line.is_none_or(|line| (1..=count).contains(&line)),
                "{error} of {count}"
            );
        }
    });
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    fuzz("an_unknown_key_is_named_with_its_line", |random| {
        let lines: Vec<_> = SOUND.lines().collect();
        let keyed: Vec<_> = (0..lines.len()).filter(|at| lines[*at].contains(" = ")).collect();
        let at = random.pick(&keyed);
        let mut spoilt = lines.clone();
        spoilt.insert(at, "no-such-key = 1");
        let errors = load(Path::new("f"), &spoilt.join("\n")).expect_err("no such key");
        let found = errors
            .iter()
            .any(|error| error.key.ends_with("no-such-key") && error.line == Some(at + 1));
        assert!(found, "{errors:?}");
    });
}
