//! What a client of a version gets to see of a log. It says which it is in a header; a browser, which
//! cannot set one on a socket, in a subprotocol.

use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Both outputs in one, without markers: no version, or below 0.27.
    Merged,
    /// With markers: below 0.167, and versions that are none.
    Marked,
    /// With markers, and each output by itself.
    Apart,
}

const SUBPROTOCOL: &str = "X-Daytona-SDK-Version~";

impl Level {
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
            return Self::Apart;
        }
        match parse(version) {
            None => Self::Marked,
            Some(version) if version < (0, 27, 0, true) => Self::Merged,
            Some(version) if version < (0, 167, 0, true) => Self::Marked,
            Some(_) => Self::Apart,
        }
    }
}

/// The subprotocol to select, as it was offered.
pub fn subprotocol(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .find(|protocol| protocol.starts_with(SUBPROTOCOL))
        .map(str::to_owned)
}

/// Semantic versions, with or without a `v`; a release is later than what came before it.
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
        for (version, level) in [
            ("0.20.0", Level::Merged),
            ("0.26.9", Level::Merged),
            ("0.27.0-rc.1", Level::Merged),
            ("0.27.0", Level::Marked),
            ("v0.166.0", Level::Marked),
            ("0.167.0-alpha", Level::Marked),
            ("junk", Level::Marked),
            ("", Level::Marked),
            ("0.167.0", Level::Apart),
            ("v0.205.1", Level::Apart),
            ("1.0.0", Level::Apart),
            ("0.0.0-dev", Level::Apart),
        ] {
            assert_eq!(Level::of_version(version), level, "{version}");
        }
    }

    #[test]
    fn a_socket_says_it_in_a_subprotocol_and_the_header_comes_first() {
        let mut headers = HeaderMap::new();
        assert_eq!(Level::of(&headers), Level::Merged);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "other, X-Daytona-SDK-Version~0.30.0".parse().unwrap());
        assert_eq!(Level::of(&headers), Level::Marked);
        assert_eq!(subprotocol(&headers).as_deref(), Some("X-Daytona-SDK-Version~0.30.0"));
        headers.insert("x-daytona-sdk-version", "0.205.1".parse().unwrap());
        assert_eq!(Level::of(&headers), Level::Apart);
    }
}
