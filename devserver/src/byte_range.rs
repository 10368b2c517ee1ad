//! The byte range in a download request.

/// The meaning of a `Range` header for a file of a given size.
#[derive(Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// No range, several ranges (which may be answered with the whole file), or an empty file.
    Whole,
    Part {
        start: u64,
        length: u64,
    },
    /// Malformed, or beyond the end.
    Unsatisfiable,
}

pub fn parse(header: Option<&str>, size: u64) -> ByteRange {
    let Some(header) = header.filter(|_| size > 0) else {
        return ByteRange::Whole;
    };
    let Some(spec) = header.strip_prefix("bytes=") else {
        return ByteRange::Unsatisfiable;
    };
    if spec.contains(',') {
        return ByteRange::Whole;
    }
    match bounds(spec.trim(), size) {
        Some((start, end)) if start < size && start <= end => {
            ByteRange::Part { start, length: end.min(size - 1) - start + 1 }
        }
        _ => ByteRange::Unsatisfiable,
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
        let part = |start, length| ByteRange::Part { start, length };
        for (header, expected) in [
            ("bytes=6-", part(6, 4)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-99", part(2, 8)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=10-", ByteRange::Unsatisfiable),
            ("bytes=5-4", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
            ("lines=1-2", ByteRange::Unsatisfiable),
            ("bytes=0-1,4-5", ByteRange::Whole),
        ] {
            assert_eq!(parse(Some(header), 10), expected, "{header}");
        }
        assert_eq!(parse(None, 10), ByteRange::Whole);
        assert_eq!(parse(Some("bytes=0-"), 0), ByteRange::Whole);
    }
}
