//! The form of a log by the version of the client, which it sends as a header, or as a subprotocol from a
//! browser, whose WebSockets have no headers.

use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One text without markers: no version, or below 0.27.
    Merged,
    /// One text with markers: below 0.167, and versions that do not parse.
    Marked,
    /// With markers, and additionally each channel by itself.
    Separate,
}

const SUBPROTOCOL: &str = "X-Daytona-SDK-Version~";

impl LogFormat {
    pub fn of(headers: &HeaderMap) -> Self {
        let header = headers.get("x-daytona-sdk-version").and_then(|value| value.to_str().ok());
        let protocol = subprotocol(headers);
        let named = protocol.as_deref().and_then(|protocol| protocol.strip_prefix(SUBPROTOCOL));
        match header.filter(|version| !version.is_empty()).or(named) {
            Some(version) => Self::of_version(version),
            None => Self::Merged,
        }
    }

    fn of_version(version: &str) -> Self {
        if version == "0.0.0-dev" {
            return Self::Separate;
        }
        match parse(version) {
            None => Self::Marked,
            Some(version) if version < (0, 27, 0, true) => Self::Merged,
            Some(version) if version < (0, 167, 0, true) => Self::Marked,
            Some(_) => Self::Separate,
        }
    }
}

/// The version subprotocol, as the client offered it.
pub fn subprotocol(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .find(|protocol| protocol.starts_with(SUBPROTOCOL))
        .map(str::to_owned)
}

/// Parses a semantic version, with or without `v`. The last element is false for a pre-release.
fn parse(version: &str) -> Option<(u64, u64, u64, bool)> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (numbers, before) = version.split_once('-').map_or((version, None), |(v, pre)| (v, Some(pre)));
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    let mut next = || numbers.next().unwrap_or(Some(0));
    let parsed = (next()?, next()?, next()?, before.is_none());
    numbers.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fall_into_three_groups() {
        for (version, format) in [
            ("0.20.0", LogFormat::Merged),
            ("0.26.9", LogFormat::Merged),
            ("0.27.0-rc.1", LogFormat::Merged),
            ("0.27.0", LogFormat::Marked),
            ("v0.166.0", LogFormat::Marked),
            ("0.167.0-alpha", LogFormat::Marked),
            ("junk", LogFormat::Marked),
            ("", LogFormat::Marked),
            ("0.167.0", LogFormat::Separate),
            ("v0.205.1", LogFormat::Separate),
            ("1.0.0", LogFormat::Separate),
            ("0.0.0-dev", LogFormat::Separate),
        ] {
            assert_eq!(LogFormat::of_version(version), format, "{version}");
        }
    }

    #[test]
    fn a_socket_says_it_in_a_subprotocol_and_the_header_comes_first() {
        let mut headers = HeaderMap::new();
        assert_eq!(LogFormat::of(&headers), LogFormat::Merged);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "other, X-Daytona-SDK-Version~0.30.0".parse().unwrap());
        assert_eq!(LogFormat::of(&headers), LogFormat::Marked);
        assert_eq!(subprotocol(&headers).as_deref(), Some("X-Daytona-SDK-Version~0.30.0"));
        headers.insert("x-daytona-sdk-version", "0.205.1".parse().unwrap());
        assert_eq!(LogFormat::of(&headers), LogFormat::Separate);
    }
}
