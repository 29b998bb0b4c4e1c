//! Single values: text in, value out, or the rule that it breaks.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use super::settings::{Address, Listen, PasswordSetting};

/// The servers' own port, as in mysql-proxy where none is given.
const BACKEND_PORT: u16 = 3306;
/// Cores that a list may name: what one machine of today can have, and more.
const CORES_MAX: usize = 4096;
/// Longest path of a Unix socket, bytes: `sun_path` without its NUL.
const UNIX_PATH_MAX: usize = 107;

/// A whole number from `min` to `max`.
pub(super) fn number<T>(min: T, max: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| {
        let value = text.parse().ok().filter(|value| min <= *value && *value <= max);
        value.ok_or_else(|| format!("must be {min} to {max}"))
    }
}

/// One of some words.
pub(super) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("must be one of {}", words.join(", "))
        })
    }
}

/// A name of 1 to `len_max` bytes without control characters.
pub(super) fn name(len_max: usize) -> impl Fn(&str) -> Result<String, String> {
    move |text| {
        let sound = (1..=len_max).contains(&text.len()) && !text.contains(char::is_control);
        let rule = || format!("must be 1 to {len_max} bytes without control characters");
        sound.then(|| text.to_owned()).ok_or_else(rule)
    }
}

fn unix_path(text: &str) -> Option<Result<PathBuf, String>> {
    let path = text.strip_prefix("unix:").unwrap_or(text);
    if !path.starts_with('/') {
        let relative = text.starts_with("unix:");
        return relative.then(|| Err("a Unix socket needs its whole path, /…".to_owned()));
    }
    let fits = path.len() <= UNIX_PATH_MAX && !path.contains('\0');
    let rule = || format!("a Unix socket's path has at most {UNIX_PATH_MAX} bytes");
    Some(fits.then(|| PathBuf::from(path)).ok_or_else(rule))
}

/// Host and port, if any, apart: `host:port`, `[::1]:port`, `host`, `::1`, `:port`.
fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, None));
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

/// Where to listen: an IP address with a port, `:port` for every IPv4 address, `localhost`, or a
/// Unix socket's path.
pub(super) fn parse_listen(text: &str) -> Result<Listen, String> {
    match unix_path(text) {
        Some(path) => path.map(Listen::Unix),
        None => parse_socket_address(text).map(Listen::Tcp),
    }
}

/// An IP address with a port.
pub(super) fn parse_socket_address(text: &str) -> Result<SocketAddr, String> {
    let rule = || {
        "must be an IP address with a port: 127.0.0.1:4040, [::1]:4040, or :4040 for all".to_owned()
    };
    let (host, port) = host_and_port(text).ok_or_else(rule)?;
    let ip = match host {
        "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => host.parse().map_err(|_| rule())?,
    };
    let port = port.and_then(|port| port.parse().ok()).ok_or_else(rule)?;
    Ok(SocketAddr::new(ip, port))
}

/// Where a backend is: `host[:port]`, `[IPv6][:port]`, `/path` or `unix:/path`.
pub(super) fn parse_address(text: &str) -> Result<Address, String> {
    if let Some(path) = unix_path(text) {
        return path.map(Address::Unix);
    }
    let rule = || "must be host:port, [IPv6]:port or a Unix socket's path".to_owned();
    let (host, port) = host_and_port(text).ok_or_else(rule)?;
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(rule)?,
        None => BACKEND_PORT,
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let sound = host.parse::<IpAddr>().is_ok()
        || (!host.is_empty() && host.len() <= 253 && host.chars().all(named));
    sound.then(|| Address::Tcp { host: host.to_owned(), port }).ok_or_else(rule)
}

/// A list of cores and ranges of them, such as `2-5,8`: ascending, each once.
///
/// # Errors
/// The rule that the text breaks.
pub fn parse_cores(text: &str) -> Result<Vec<usize>, String> {
    let rule = || format!("must be cores and ranges such as 2-5,8, each below {CORES_MAX}");
    let core = |text: &str| {
        let digits = text.trim();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<usize>().ok().filter(|core| plain && *core < CORES_MAX).ok_or_else(rule)
    };
    let mut cores = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (core(first)?, core(last)?);
        if first > last {
            return Err(format!("the range {first}-{last} runs backwards"));
        }
        cores.extend(first..=last);
    }
    cores.sort_unstable();
    cores.dedup();
    Ok(cores)
}

/// A password, or `*` and 40 hexadecimal digits: its hash.
pub(super) fn parse_password(text: &str) -> Result<PasswordSetting, String> {
    let Some(digits) = text.strip_prefix('*').filter(|digits| digits.len() == 40) else {
        if text.contains('\0') {
            return Err("a password has no NUL in it".to_owned());
        }
        return Ok(PasswordSetting::Plain(text.to_owned()));
    };
    let mut hash = [0; 20];
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        let digit = |ascii: u8| char::from(ascii).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let both = digit(*high).zip(digit(*low));
        let (high, low) = both.ok_or(
            "41 characters with a * in front are a hash: 40 \
            hexadecimal digits, as SELECT PASSWORD('…') gives it",
        )?;
        *byte = high << 4 | low;
    }
    Ok(PasswordSetting::Hash(hash))
}

#[cfg(test)]
mod tests;
