//! The one range of a file that a request asks for.

/// What a `Range` header means for a file of this size.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No range, several (the whole is a legal answer to those), or an empty file.
    Whole,
    Part {
        start: u64,
        length: u64,
    },
    /// Malformed, or beyond the end.
    Unsatisfiable,
}

pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(header) = header.filter(|_| size > 0) else {
        return Wanted::Whole;
    };
    let Some(spec) = header.strip_prefix("bytes=") else {
        return Wanted::Unsatisfiable;
    };
    if spec.contains(',') {
        return Wanted::Whole;
    }
    match bounds(spec.trim(), size) {
        Some((start, end)) if start < size && start <= end => {
            Wanted::Part { start, length: end.min(size - 1) - start + 1 }
        }
        _ => Wanted::Unsatisfiable,
    }
}

fn bounds(spec: &str, size: u64) -> Option<(u64, u64)> {
    match spec.split_once('-')? {
        ("", last) => {
            let last: u64 = last.parse().ok().filter(|last| *last > 0)?;
            Some((size.saturating_sub(last), size - 1))
        }
        (start, "") => Some((start.parse().ok()?, size - 1)),
        (start, end) => Some((start.parse().ok()?, end.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_file() {
        let part = |start, length| Wanted::Part { start, length };
        for (header, expected) in [
            ("bytes=6-", part(6, 4)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-99", part(2, 8)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=5-4", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("lines=1-2", Wanted::Unsatisfiable),
            ("bytes=0-1,4-5", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Whole);
    }
}
