//! What the kernel tells in `/proc` and `/sys`, asked for by path and read as numbers.

/// The files of a machine; the program's own reads them, a test's has them recorded.
pub trait System {
    /// The text of a file of `/proc` or `/sys`; `None` where it is missing or not readable.
    fn read(&self, path: &str) -> Option<String>;

    /// The names in a folder, in any order; none where it is missing.
    fn list(&self, path: &str) -> Vec<String>;
}

/// A file's text without the white space around it.
pub(super) fn text(system: &dyn System, path: &str) -> Option<String> {
    Some(system.read(path)?.trim().to_owned())
}

/// The number that a file holds.
pub(super) fn number(system: &dyn System, path: &str) -> Option<u64> {
    text(system, path)?.parse().ok()
}

/// A sysctl's value, several numbers parted by a blank each.
pub(super) fn sysctl(system: &dyn System, name: &str) -> Option<String> {
    let value = system.read(&format!("/proc/sys/{}", name.replace('.', "/")))?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The numbers of a text; other words are left out.
pub(super) fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The cores of a list such as `0-3,8`, as the kernel writes it; what is malformed is left out.
pub(super) fn core_list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
    };
    // The kernel's own limit keeps a nonsensical range from filling the memory.
    text.split(',').filter_map(range).flatten().filter(|core| *core < 8192).take(8192).collect()
}

/// The words of the line of `text` that begins with `name`, without it.
pub(super) fn line_of<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_lists_as_the_kernel_writes_them() {
        assert_eq!(core_list("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert_eq!(core_list("5"), [5]);
        assert!(core_list("\n").is_empty());
        assert!(core_list("a-b,3-,-").is_empty());
        assert!(core_list("0-18446744073709551615").len() <= 8192);
    }

    #[test]
    fn lines_by_their_names() {
        let limits = "Max open files            1024                 524288               files\n";
        assert_eq!(line_of(limits, "Max open files"), Some(vec!["1024", "524288", "files"]));
        assert_eq!(line_of(limits, "Max locked memory"), None);
    }
}
