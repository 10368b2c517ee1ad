//! What a sandbox may reach. The settings are checked and kept; the network of a sandbox is this machine's, so they
//! do not act here.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use axum::extract::Path;
use serde_json::{Map, Value};
use std::net::Ipv4Addr;

/// The most entries of a list.
const MAX_ENTRIES: usize = 10;

pub async fn settings(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let request = call.json()?;
    let (networks, domains) = match request.as_object() {
        Some(request) => lists(request)?,
        None => (None, None),
    };
    let block = match request.get("networkBlockAll").filter(|value| !value.is_null()) {
        None => None,
        Some(value) => Some(
            value
                .as_bool()
                .ok_or_else(|| ApiError::bad_request("networkBlockAll must be a boolean value"))?,
        ),
    };
    if block.is_none() && networks.is_none() && domains.is_none() {
        return Err(ApiError::bad_request(
            "At least one of networkBlockAll, networkAllowList or domainAllowList must be provided",
        ));
    }
    if let Some(domains) = domains {
        sandbox.set_or_remove("domainAllowList", domains);
    }
    if let Some(block) = block {
        sandbox.set("networkBlockAll", block);
        sandbox.set_or_remove("networkAllowList", String::new());
    }
    if let Some(networks) = networks {
        // An allow list and a block of everything exclude each other.
        if !networks.is_empty() {
            sandbox.set("networkBlockAll", false);
        }
        sandbox.set_or_remove("networkAllowList", networks);
    }
    Ok(json_body(&sandbox.json()))
}

/// The networks and the domains of a request, checked.
pub fn lists(request: &Map<String, Value>) -> Result<(Option<String>, Option<String>), ApiError> {
    let text = |key: &str| match request.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(_) => Err(ApiError::bad_request(format!("{key} must be a string"))),
    };
    let (networks, domains) = (text("networkAllowList")?, text("domainAllowList")?);
    check_networks(networks.as_deref().unwrap_or_default())?;
    check_domains(domains.as_deref().unwrap_or_default())?;
    Ok((networks, domains))
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn check_networks(list: &str) -> Result<(), ApiError> {
    for network in entries(list) {
        let (address, prefix) = network.split_once('/').unwrap_or((network, ""));
        if address.parse::<Ipv4Addr>().is_err() {
            let advice = "Must be a valid IPv4 address";
            let message = format!("Invalid IP address: \"{address}\" in network \"{network}\". {advice}");
            return Err(ApiError::bad_request(message));
        }
        if prefix.is_empty() {
            let advice = "Missing CIDR prefix length (e.g., /24)";
            return Err(ApiError::bad_request(format!("Invalid network format: \"{network}\". {advice}")));
        }
        if !prefix.parse().is_ok_and(|bits: u8| bits <= 32) {
            let advice = "Prefix must be between 0 and 32";
            return Err(ApiError::bad_request(format!("Invalid CIDR prefix length: {network}. {advice}")));
        }
    }
    match entries(list).count() {
        0..=MAX_ENTRIES => Ok(()),
        _ => Err(ApiError::bad_request("Network allow list cannot contain more than 10 networks")),
    }
}

fn check_domains(list: &str) -> Result<(), ApiError> {
    for domain in entries(list) {
        let labels: Vec<&str> = domain.strip_prefix("*.").unwrap_or(domain).split('.').collect();
        let is_label = |label: &&str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let top = labels.last().copied().unwrap_or_default();
        let has_top = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        if labels.len() < 2 || !has_top || !labels.iter().all(is_label) {
            let message = format!("Invalid domain: \"{domain}\". Must be a valid domain name");
            return Err(ApiError::bad_request(message));
        }
    }
    match entries(list).count() {
        0..=MAX_ENTRIES => Ok(()),
        _ => Err(ApiError::bad_request("Domain allow list cannot contain more than 10 domains")),
    }
}
