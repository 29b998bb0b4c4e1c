//! Durations as people write them.

use std::time::Duration;

const RULE: &str = "must be a duration such as 200ms, 5s, 10m, 1h or 1d, or a number of seconds";
/// Ten years; more is a typing error, and sums of two still fit every clock.
const SECONDS_MAX: f64 = 10.0 * 365.0 * 86_400.0;

/// A duration: a number and a unit (`ms`, `s`, `m`, `min`, `h`, `d`), or a number of seconds.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let number_len = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let unit_seconds = match unit.trim_start() {
        "ms" => 0.001,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(RULE.to_owned()),
    };
    let seconds = number.parse::<f64>().map_err(|_| RULE.to_owned())? * unit_seconds;
    if seconds > SECONDS_MAX {
        return Err("must be at most 10 years".to_owned());
    }
    // Whole milliseconds, so that 0.2s is 200ms and not a nanosecond beside it.
    Duration::try_from_secs_f64((seconds * 1000.0).round() / 1000.0).map_err(|_| RULE.to_owned())
}

/// A duration above 0.
pub(super) fn parse_timeout(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err("must be above 0".to_owned()) } else { Ok(duration) }
}

/// A duration; 0 or `off`: no limit.
pub(super) fn parse_limit(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let duration = parse_duration(text).map_err(|rule| format!("{rule}; 0 or off: no limit"))?;
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, millis) in [
            ("200ms", 200),
            ("5s", 5000),
            ("5", 5000),
            ("5.0", 5000),
            ("0.2", 200),
            ("1.5 s", 1500),
            ("10m", 600_000),
            ("10min", 600_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn nonsense() {
        for text in ["", "s", "-1s", "5 parsecs", "1h30m", "1..2", "1e3", "NaN", "inf"] {
            assert_eq!(parse_duration(text), Err(RULE.to_owned()), "{text}");
        }
        assert_eq!(parse_duration("99999d"), Err("must be at most 10 years".to_owned()));
        assert_eq!(parse_timeout("0ms"), Err("must be above 0".to_owned()));
    }

    #[test]
    fn limits_can_be_off() {
        assert_eq!(parse_limit("0"), Ok(None));
        assert_eq!(parse_limit("off"), Ok(None));
        assert_eq!(parse_limit("1s"), Ok(Some(Duration::from_secs(1))));
    }
}
