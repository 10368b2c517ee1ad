//! The text form of a rule.

use axum::http::StatusCode;
use std::str::FromStr;
use std::time::Duration;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    Cut,
    CutAfter,
    CutBody(usize),
    Stall,
    StallBody(usize),
    Delay(Duration),
    Status(StatusCode),
    Html(StatusCode),
    Empty(StatusCode),
    Garbage,
    CloseIdle(Duration),
    Split,
    WsDrop(u32),
    WsClose(u16),
    WsSilent(u32),
}

/// A fault, the requests it applies to, and how often.
#[derive(Clone, Debug)]
pub struct Rule {
    pub kind: FaultKind,
    pub path: String,
    pub left: Option<u32>,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a fault: write KIND[=VALUE]@PATH[*COUNT]");
        let (kind, rest) = text.split_once('@').ok_or_else(wrong)?;
        let (path, left) = match rest.rsplit_once('*') {
            Some((path, count)) => (path, Some(count.parse().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        let (name, value) = kind.split_once('=').unwrap_or((kind, ""));
        let number = || value.parse::<u32>().map_err(|_| wrong());
        let status = || value.parse().map_err(|_| wrong());
        let milliseconds = || number().map(|number| Duration::from_millis(number.into()));
        let kind = match name {
            "cut" => FaultKind::Cut,
            "cut-after" => FaultKind::CutAfter,
            "cut-body" => FaultKind::CutBody(number()? as usize),
            "stall" => FaultKind::Stall,
            "stall-body" => FaultKind::StallBody(number()? as usize),
            "delay" => FaultKind::Delay(milliseconds()?),
            "status" => FaultKind::Status(status()?),
            "html" => FaultKind::Html(status()?),
            "empty" => FaultKind::Empty(status()?),
            "garbage" => FaultKind::Garbage,
            "close-idle" => FaultKind::CloseIdle(milliseconds()?),
            "split" => FaultKind::Split,
            "ws-drop" => FaultKind::WsDrop(number()?),
            "ws-close" => FaultKind::WsClose(u16::try_from(number()?).map_err(|_| wrong())?),
            "ws-silent" => FaultKind::WsSilent(number()?),
            _ => return Err(wrong()),
        };
        Ok(Self { kind, path: path.to_owned(), left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_kind_value_path_and_count() {
        let rule: Rule = "status=502@/process/execute*2".parse().unwrap();
        assert_eq!(rule.kind, FaultKind::Status(StatusCode::BAD_GATEWAY));
        assert_eq!((rule.path.as_str(), rule.left), ("/process/execute", Some(2)));
        assert_eq!("stall@/files".parse::<Rule>().unwrap().left, None);
        for wrong in ["", "cut", "cut-body@/", "status=9@/", "explode@/", "cut@/*x"] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong:?}");
        }
    }
}
