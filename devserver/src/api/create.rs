//! POST /sandbox: what the service checks, and a sandbox that becomes real while the answer waits.

use super::Call;
use super::error::{Answer, Refusal, json_body};
use crate::sandbox::{DEFAULT_SNAPSHOT, Sandbox, defaults};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long the answer waits for a state that stays.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long each step of a build takes.
const STEP: Duration = Duration::from_millis(60);

/// Keys that are handed on as they come.
const PLAIN: [&str; 13] = [
    "user",
    "env",
    "labels",
    "public",
    "networkBlockAll",
    "networkAllowList",
    "domainAllowList",
    "target",
    "volumes",
    "gpuType",
    "spot",
    "linkedSandbox",
    "outboundProxyUrl",
];

pub async fn create(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    let Value::Object(wish) = body else { return Err(Refusal::bad_request("Expected an object")) };
    let record = record(call, &wish)?;
    let image = wish.get("buildInfo").and_then(|info| info["dockerfileContent"].as_str());
    let image = image.map(str::to_owned);
    let sandbox = {
        let mut sandboxes = call.world.sandboxes.write();
        let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
        if sandboxes.has_name(&call.organization.id, name) {
            return Err(Refusal::conflict(format!("Sandbox with name {name} already exists")));
        }
        let sandbox = Sandbox::new(call.world, record);
        sandboxes.insert(sandbox.clone());
        sandbox
    };
    let built = image.is_some();
    let making = tokio::spawn(become_real(sandbox.clone(), image));
    // A build answers at once: its client follows the log.
    if built {
        tokio::task::yield_now().await;
    } else {
        let _ = tokio::time::timeout(PATIENCE, making).await;
    }
    Ok(json_body(&sandbox.json()))
}

/// What a wish makes of the defaults, or why not.
fn record(call: &Call<'_>, wish: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let given = |key: &str| wish.get(key).filter(|value| !value.is_null());
    let mut record = defaults(call.world, &call.organization.id);
    for key in PLAIN {
        if let Some(value) = wish.get(key).filter(|value| !value.is_null()) {
            record.insert(key.into(), value.clone());
        }
    }
    let texts = ["name", "snapshot", "user", "target", "networkAllowList"];
    for key in texts {
        if wish.get(key).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(Refusal::bad_request(format!("{key} must be a string")));
        }
    }
    for key in ["env", "labels"] {
        let Some(value) = given(key) else { continue };
        let Some(pairs) = value.as_object() else {
            return Err(Refusal::bad_request(format!("{key} must be an object")));
        };
        if let Some((name, _)) = pairs.iter().find(|(_, value)| !value.is_string()) {
            return Err(Refusal::bad_request(format!("{key}.{name} must be a string")));
        }
    }
    for key in ["public", "networkBlockAll", "spot"] {
        if given(key).is_some_and(|value| !value.is_boolean()) {
            return Err(Refusal::bad_request(format!("{key} must be a boolean value")));
        }
    }
    let built = wish.get("buildInfo").is_some_and(|info| !info.is_null());
    if built && given("snapshot").is_some() {
        return Err(Refusal::bad_request("Cannot specify a snapshot when using a build info entry"));
    }
    if built && given("linkedSandbox").is_some() {
        return Err(Refusal::bad_request("Cannot link a sandbox when using a build info entry"));
    }
    for key in ["cpu", "gpu", "memory", "disk"] {
        let Some(value) = wish.get(key).filter(|value| !value.is_null()) else { continue };
        if !value.is_u64() && !value.is_i64() {
            return Err(Refusal::bad_request(format!("{key} must be an integer number")));
        }
        if value.as_i64().is_some_and(|number| number < i64::from(key != "gpu")) {
            return Err(Refusal::bad_request(format!("{key} must not be less than 1")));
        }
        record.insert(key.into(), value.clone());
    }
    let resources = ["cpu", "gpu", "memory", "disk", "gpuType"];
    if !built && resources.iter().any(|key| given(key).is_some()) {
        return Err(Refusal::bad_request("Cannot specify Sandbox resources when using a snapshot"));
    }
    intervals(wish, &mut record)?;
    if let Some(name) = wish.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        record.insert("name".into(), json!(name));
    } else {
        let id = record.get("id").cloned().unwrap_or_default();
        record.insert("name".into(), id);
    }
    match wish.get("snapshot").and_then(Value::as_str) {
        Some(snapshot) if snapshot != DEFAULT_SNAPSHOT && !super::stock::has_snapshot(call, snapshot) => {
            let advice = "Did you add it through the Daytona Dashboard?";
            return Err(Refusal::bad_request(format!("Snapshot {snapshot} not found. {advice}")));
        }
        Some(snapshot) => drop(record.insert("snapshot".into(), json!(snapshot))),
        None => {}
    }
    if built {
        let mut info = wish.get("buildInfo").cloned().unwrap_or_default();
        if info["dockerfileContent"].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(Refusal::bad_request("buildInfo.dockerfileContent should not be empty"));
        }
        info["createdAt"] = record.get("createdAt").cloned().unwrap_or_default();
        info["updatedAt"] = info["createdAt"].clone();
        info["snapshotRef"] = json!(build_id(&info));
        record.remove("snapshot");
        record.insert("buildInfo".into(), info);
        record.insert("state".into(), json!("pending_build"));
    }
    Ok(record)
}

/// The name of what a build makes: the same for the same text and the same contexts.
fn build_id(info: &Value) -> String {
    let mut hashes: Vec<&str> =
        info["contextHashes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    hashes.sort_unstable();
    let text = info["dockerfileContent"].as_str().unwrap_or_default();
    let sum = digest(&SHA256, format!("{text}{}", hashes.concat()).as_bytes());
    let hex: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("daytona-{hex}:daytona")
}

/// After how many minutes what happens by itself, and what excludes what.
fn intervals(wish: &Map<String, Value>, record: &mut Map<String, Value>) -> Result<(), Refusal> {
    let known = [
        ("autoStopInterval", "Auto-stop interval", 0),
        ("autoPauseInterval", "Auto-pause interval", 0),
        ("autoArchiveInterval", "Auto-archive interval", 0),
        ("ttlMinutes", "TTL", 0),
        ("autoDeleteInterval", "", i64::MIN),
    ];
    for (key, name, least) in known {
        let Some(value) = wish.get(key).filter(|value| !value.is_null()) else { continue };
        match value.as_i64() {
            Some(minutes) if minutes >= least => record.insert(key.into(), json!(minutes)),
            Some(_) => return Err(Refusal::bad_request(format!("{name} must be non-negative"))),
            None => return Err(Refusal::bad_request(format!("{key} must be an integer number"))),
        };
    }
    let asked = |key: &str| wish.get(key).and_then(Value::as_i64);
    if asked("autoPauseInterval").is_some_and(|minutes| minutes > 0) {
        if asked("autoStopInterval").is_some_and(|minutes| minutes > 0) {
            return Err(Refusal::bad_request(
                "At most one of autoStopInterval and autoPauseInterval may be non-zero",
            ));
        }
        if asked("autoDeleteInterval") == Some(0) {
            return Err(Refusal::bad_request("Auto-pause is not allowed for ephemeral sandboxes"));
        }
    }
    Ok(())
}

/// The two steps that fail here as they would anywhere: an image that cannot exist, and `RUN false`.
fn why_it_fails(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let instruction = words.next()?.to_ascii_uppercase();
    let mut words = words.skip_while(|word| word.starts_with("--"));
    match (instruction.as_str(), words.next()) {
        ("RUN", Some("false")) => Some("The command '/bin/sh -c false' returned a non-zero code: 1".into()),
        ("FROM", Some(image)) if !is_reference(image) => {
            Some(format!("failed to parse {image:?}: invalid reference format"))
        }
        ("FROM", None) => Some("FROM requires an image".into()),
        _ => None,
    }
}

/// `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, the path in lower case.
fn is_reference(image: &str) -> bool {
    let (image, digest) =
        image.split_once('@').map_or((image, None), |(image, digest)| (image, Some(digest)));
    let (image, tag) = match image.rsplit_once(':') {
        Some((image, tag)) if !tag.contains('/') => (image, Some(tag)),
        _ => (image, None),
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    };
    let mut parts = image.split('/');
    let host = if image.contains('/') { parts.next() } else { None };
    let host_is_fine = host.is_none_or(|host| host.split(':').all(is_word));
    let path_is_fine = parts.all(|part| is_word(part) && part.to_ascii_lowercase() == part);
    let digest_is_fine = digest.is_none_or(|digest| digest.split(':').all(is_word));
    host_is_fine && path_is_fine && digest_is_fine && tag.is_none_or(is_word)
}

/// Gives the sandbox its directory; an image is built first, line by line.
async fn become_real(sandbox: Arc<Sandbox>, dockerfile: Option<String>) {
    if let Some(dockerfile) = dockerfile {
        sleep(STEP).await;
        sandbox.set("state", "building_snapshot");
        let lines: Vec<&str> = dockerfile.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        for (number, line) in lines.iter().enumerate() {
            let step = format!("Step {}/{} : {line}\n ---> done\n", number + 1, lines.len());
            sandbox.build_log.lock().push_str(&step);
            sleep(STEP).await;
            if let Some(why) = why_it_fails(line) {
                sandbox.build_log.lock().push_str(&format!("{why}\n"));
                sandbox.set("errorReason", why);
                sandbox.set("desiredState", "build_failed");
                sandbox.set("state", "build_failed");
                return;
            }
        }
        sandbox.build_log.lock().push_str("Successfully built\n");
    }
    match sandbox.make_home() {
        // A delete that came first wins.
        Ok(()) if sandbox.text("desiredState") == "started" => {
            sandbox.set("state", "started");
            sandbox.sessions.start(&sandbox);
        }
        Ok(()) => {}
        Err(error) => {
            sandbox.set("errorReason", format!("no directory: {error}"));
            sandbox.set("desiredState", "error");
            sandbox.set("state", "error");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_image_has_fails_the_build() {
        for good in
            ["python:3.12", "debian", "ghcr.io/a/b_c:V1", "localhost:5000/x", "a/b@sha256:0f", "Host.io/x"]
        {
            assert_eq!(why_it_fails(&format!("FROM --platform=linux/amd64 {good} AS x")), None, "{good}");
        }
        for bad in ["Python", "a/B", "a:", "a//b", "a/b!"] {
            assert!(why_it_fails(&format!("FROM {bad}")).is_some(), "{bad}");
        }
        assert!(why_it_fails("FROM").is_some() && why_it_fails("run false").is_some());
        assert_eq!(why_it_fails("RUN falsetto"), None);
    }
}
