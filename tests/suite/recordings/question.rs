//! Which operation with which arguments makes the client send a recorded request. Where none does, [`ordinary`] asks
//! for the same answer with other arguments.
//!
//! [`ordinary`]: super::ordinary

use super::recording::Exchange;
use serde_json::{Map, Value, json};

pub struct Question {
    pub operation: &'static str,
    pub params: Value,
    pub body: &'static [u8],
}

/// The sandbox of all questions; recordings write `<name>`.
pub const SANDBOX: &str = "sb-1";

/// The operation for this exchange, or why none asks it.
pub fn of(area: &str, exchange: &Exchange) -> Result<Question, &'static str> {
    let request = &exchange.request;
    let sent = match (&request.json, &request.body) {
        (Some(Value::Object(fields)), _) => fields.clone(),
        (None, None) => Map::new(),
        (None, Some(_)) if request.path.starts_with("/files/upload") => Map::new(),
        _ => return Err("a body that this library never sends"),
    };
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let asked = RecordedRequest { method: &request.method, segments: &segments, query: &query, sent };
    if area == "sandbox" { asked.of_the_api() } else { asked.of_the_toolbox() }
}

pub fn decoded(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(format!("x={escaped}").as_bytes()).next().unwrap().1.into_owned()
}

struct RecordedRequest<'a> {
    method: &'a str,
    segments: &'a [&'a str],
    query: &'a [(String, String)],
    sent: Map<String, Value>,
}

type Answer = Result<Question, &'static str>;

const NONE: &str = "no operation of this library asks that";

fn question(operation: &'static str, params: Value) -> Answer {
    Ok(Question { operation, params, body: b"" })
}

impl RecordedRequest<'_> {
    fn of_the_api(&self) -> Answer {
        match (self.method, self.segments) {
            ("POST", ["sandbox"]) => {
                let mut params = self.sent.clone();
                let sizes: Map<_, _> =
                    ["cpu", "memory", "disk"].iter().filter_map(|key| params.remove_entry(*key)).collect();
                if !sizes.is_empty() {
                    params.insert("resources".to_owned(), sizes.into());
                }
                params.insert("waitForStart".to_owned(), json!(false));
                question("sandbox.create", params.into())
            }
            ("GET", ["sandbox"]) => self.list(),
            ("GET", ["sandbox", "paginated"]) => self.list(),
            ("GET", ["sandbox", name]) => {
                question("sandbox.get", json!({"idOrName": name.replace("<name>", SANDBOX)}))
            }
            ("DELETE", ["sandbox", _]) => question("sandbox.delete", json!({})),
            ("PUT", ["sandbox", _, "labels"]) => question("sandbox.set_labels", self.sent.clone().into()),
            ("POST", ["sandbox", _, "autostop", minutes]) => minutes_of("sandbox.set_auto_stop", minutes),
            ("POST", ["sandbox", _, "autoarchive", minutes]) => {
                minutes_of("sandbox.set_auto_archive", minutes)
            }
            ("POST", ["sandbox", _, "autodelete", minutes]) => minutes_of("sandbox.set_auto_delete", minutes),
            ("GET", ["sandbox", _, "ports", port, "preview-url"]) => {
                question("sandbox.preview_link", json!({"port": port.parse::<i32>().unwrap()}))
            }
            ("POST", ["sandbox", _, "resize"]) => question("sandbox.resize", json!({"resources": self.sent})),
            ("POST", ["sandbox", _, "start"]) => question("sandbox.start", json!({})),
            ("POST", ["sandbox", _, "stop"]) => question("sandbox.stop", json!({})),
            ("POST", ["sandbox", _, "archive"]) => question("sandbox.archive", json!({})),
            ("GET", ["config"]) => question("client.config", json!({})),
            _ => Err(NONE),
        }
    }

    fn list(&self) -> Answer {
        let mut params = Map::new();
        for (key, value) in self.query {
            let value = match key.as_str() {
                "limit" | "page" => json!(value.parse::<u32>().unwrap()),
                "labels" => serde_json::from_str(&value.replace("<name>", SANDBOX)).map_err(|_| NONE)?,
                _ => json!(value),
            };
            params.insert(key.clone(), value);
        }
        question("sandbox.list", params.into())
    }

    fn of_the_toolbox(&self) -> Answer {
        match (self.method, self.segments) {
            ("POST", ["process", "execute"]) => {
                self.fields("process.execute", &["command", "cwd", "envs", "timeout"])
            }
            ("POST", ["process", "code-run"]) => {
                self.fields("process.code_run", &["code", "language", "argv", "envs", "timeout"])
            }
            ("GET", ["process", "session"]) => question("session.list", json!({})),
            ("POST", ["process", "session"]) => self.fields("session.create", &["sessionId"]),
            ("GET", ["process", "session", "entrypoint"]) => question("session.entrypoint", json!({})),
            ("GET", ["process", "session", "entrypoint", "logs"]) => {
                question("session.entrypoint_logs", json!({}))
            }
            ("GET", ["process", "session", id]) => question("session.get", json!({"id": id})),
            ("DELETE", ["process", "session", id]) => question("session.delete", json!({"id": id})),
            ("POST", ["process", "session", id, "exec"]) => {
                let asked = self.fields("session.execute", &["command", "runAsync", "suppressInputEcho"])?;
                self.with(asked, &[("id", id)])
            }
            ("GET", ["process", "session", id, "command", command]) => {
                question("session.command", json!({"id": id, "commandId": command}))
            }
            ("GET", ["process", "session", id, "command", command, "logs"]) if self.query.is_empty() => {
                question("session.logs", json!({"id": id, "commandId": command}))
            }
            ("POST", ["process", "session", id, "command", command, "input"]) => {
                let asked = self.fields("session.input", &["data"])?;
                self.with(asked, &[("id", id), ("commandId", command)])
            }
            ("GET", ["process", "pty"]) => question("pty.list", json!({})),
            ("POST", ["process", "pty"]) => {
                self.fields("pty.create", &["id", "cols", "rows", "envs", "cwd", "lazyStart"])
            }
            ("GET", ["process", "pty", "create-connect"]) => Err(NONE),
            ("GET", ["process", "pty", id]) => question("pty.info", json!({"id": id})),
            ("DELETE", ["process", "pty", id]) => question("pty.kill", json!({"id": id})),
            ("POST", ["process", "pty", id, "resize"]) => {
                let asked = self.fields("pty.resize", &["cols", "rows"])?;
                self.with(asked, &[("id", id)])
            }
            ("GET", ["user-home-dir"]) => question("sandbox.home_dir", json!({})),
            ("GET", ["work-dir"]) => question("sandbox.work_dir", json!({})),
            (_, ["files", ..]) => self.of_files(),
            (_, ["git", ..]) => self.of_git(),
            (_, ["computeruse", ..]) => self.of_computer(),
            (_, ["lsp", ..]) => self.of_lsp(),
            ("GET", ["process", "interpreter", "context"]) => {
                question("interpreter.list_contexts", json!({}))
            }
            ("POST", ["process", "interpreter", "context"]) => {
                self.fields("interpreter.create_context", &["cwd", "language"])
            }
            ("DELETE", ["process", "interpreter", "context", id]) => {
                question("interpreter.delete_context", json!({"id": id}))
            }
            _ => Err(NONE),
        }
    }

    fn of_lsp(&self) -> Answer {
        let operation = match (self.method, self.segments[1]) {
            ("POST", "start") => "lsp.start",
            ("POST", "stop") => "lsp.stop",
            ("POST", "did-open") => "lsp.did_open",
            ("POST", "did-close") => "lsp.did_close",
            ("POST", "completions") => "lsp.completions",
            ("GET", "document-symbols") => "lsp.document_symbols",
            ("GET", "workspacesymbols") => "lsp.workspace_symbols",
            _ => return Err(NONE),
        };
        let mut params = Map::new();
        let queried = self.query.iter().map(|(key, value)| (key.clone(), json!(value)));
        for (key, value) in self.sent.clone().into_iter().chain(queried) {
            match key.as_str() {
                "languageId" => _ = params.insert("language".to_owned(), value),
                // The client sends no relative one; recordings write `<home>`.
                "pathToProject" if !value.as_str().is_some_and(|path| path.starts_with('/')) => {
                    return Err(NONE);
                }
                "pathToProject" => _ = params.insert("projectPath".to_owned(), value),
                "uri" => _ = params.insert("path".to_owned(), value),
                "position" => params.extend(value.as_object().unwrap().clone()),
                _ => _ = params.insert(key, value),
            }
        }
        question(operation, params.into())
    }

    fn of_computer(&self) -> Answer {
        match (self.method, &self.segments[1..]) {
            ("POST", ["start"]) => question("computer.start", json!({})),
            ("POST", ["stop"]) => question("computer.stop", json!({})),
            ("GET", ["status"]) => question("computer.system_status", json!({})),
            ("GET", ["process-status"]) => question("computer.status", json!({})),
            ("GET", ["process", name, "status"]) => {
                question("computer.process_status", json!({"name": name}))
            }
            ("GET", ["process", name, "logs"]) => question("computer.process_logs", json!({"name": name})),
            ("GET", ["process", name, "errors"]) => {
                question("computer.process_errors", json!({"name": name}))
            }
            ("POST", ["process", name, "restart"]) => {
                question("computer.process_restart", json!({"name": name}))
            }
            ("GET", ["display", "info"]) => question("computer.display_info", json!({})),
            ("GET", ["display", "windows"]) => question("computer.windows", json!({})),
            ("GET", ["screenshot", ..]) => self.screenshot(),
            ("GET", ["mouse", "position"]) => question("computer.mouse_position", json!({})),
            ("POST", ["mouse", "move"]) => self.fields("computer.mouse_move", &["x", "y"]),
            ("POST", ["mouse", "click"]) => {
                self.fields("computer.mouse_click", &["x", "y", "button", "double"])
            }
            ("POST", ["mouse", "drag"]) => {
                self.fields("computer.mouse_drag", &["startX", "startY", "endX", "endY", "button"])
            }
            ("POST", ["mouse", "scroll"]) => {
                self.fields("computer.mouse_scroll", &["x", "y", "direction", "amount"])
            }
            ("POST", ["keyboard", "type"]) => self.fields("computer.key_type", &["text", "delay"]),
            ("POST", ["keyboard", "key"]) => self.fields("computer.key_press", &["key", "modifiers"]),
            ("POST", ["keyboard", "hotkey"]) => self.fields("computer.key_hotkey", &["keys"]),
            ("GET", ["a11y", "tree"]) => {
                let scope = self.query.iter().find(|(key, _)| key == "scope").map(|(_, value)| value);
                question("computer.a11y_tree", json!({"scope": scope, "maxDepth": 1}))
            }
            ("POST", ["a11y", "find"]) => self.fields("computer.a11y_find", &["scope", "role", "limit"]),
            ("POST", ["a11y", "node", "invoke"]) => self.fields("computer.a11y_invoke", &["id"]),
            ("GET", ["recordings"]) => question("computer.recording_list", json!({})),
            ("POST", ["recordings", "start"]) => self.fields("computer.recording_start", &["label"]),
            ("POST", ["recordings", "stop"]) => self.fields("computer.recording_stop", &["id"]),
            ("GET", ["recordings", id]) => question("computer.recording_get", json!({"id": id})),
            ("DELETE", ["recordings", id]) => question("computer.recording_delete", json!({"id": id})),
            ("GET", ["recordings", id, "download"]) => {
                let local = std::env::temp_dir().join("never-downloaded.mp4");
                question("computer.recording_download", json!({"id": id, "localPath": local}))
            }
            _ => Err(NONE),
        }
    }

    fn screenshot(&self) -> Answer {
        let mut params = Map::new();
        let mut region = Map::new();
        for (key, value) in self.query {
            match key.as_str() {
                "x" | "y" | "width" | "height" => {
                    region.insert(key.clone(), json!(value.parse::<i32>().unwrap()))
                }
                "showCursor" => params.insert(key.clone(), json!(value == "true")),
                "quality" => params.insert(key.clone(), json!(value.parse::<i32>().unwrap())),
                "scale" => params.insert(key.clone(), json!(value.parse::<f64>().unwrap())),
                _ => params.insert(key.clone(), json!(value)),
            };
        }
        match region.len() {
            0 => {}
            4 => _ = params.insert("region".to_owned(), region.into()),
            _ => return Err("a region without a size is refused before it is sent"),
        }
        question("computer.screenshot", params.into())
    }

    fn of_git(&self) -> Answer {
        match (self.method, &self.segments[1..]) {
            ("POST", ["clone"]) => {
                self.fields("git.clone", &["url", "path", "branch", "commit_id", "username", "password"])
            }
            ("GET", ["status"]) => self.queried("git.status", &["path"]),
            ("GET", ["history"]) => self.queried("git.history", &["path"]),
            ("GET", ["branches"]) => self.queried("git.branches", &["path"]),
            ("POST", ["branches"]) => self.fields("git.create_branch", &["path", "name"]),
            ("DELETE", ["branches"]) => self.fields("git.delete_branch", &["path", "name"]),
            ("POST", ["checkout"]) => self.fields("git.checkout", &["path", "branch"]),
            ("POST", ["add"]) => self.fields("git.add", &["path", "files"]),
            ("POST", ["commit"]) => {
                self.fields("git.commit", &["path", "message", "author", "email", "allow_empty"])
            }
            ("POST", ["pull"]) => self.fields("git.pull", &["path"]),
            ("POST", ["push"]) => self.fields("git.push", &["path"]),
            _ => Err("a route of 0.205"),
        }
    }

    fn of_files(&self) -> Answer {
        match (self.method, &self.segments[1..]) {
            ("GET", []) if self.query.iter().any(|(key, _)| key == "depth") => {
                Err("a daemon that ignores `depth` is too old for it")
            }
            ("GET", []) => self.queried("files.list", &["path"]),
            ("DELETE", []) => self.queried("files.delete", &["path", "recursive"]),
            ("GET", ["info"]) => self.queried("files.info", &["path"]),
            ("POST", ["folder"]) if self.query.iter().any(|(key, _)| key == "mode") => {
                self.queried("files.mkdir", &["path", "mode"])
            }
            ("POST", ["folder"]) => Err("the client always sends `mode`"),
            ("POST", ["move"]) => self.queried("files.move", &["source", "destination"]),
            ("POST", ["permissions"]) => {
                self.queried("files.set_permissions", &["path", "mode", "owner", "group"])
            }
            ("GET", ["search"]) => self.queried("files.search", &["path", "pattern"]),
            ("GET", ["find"]) => self.queried("files.find", &["path", "pattern"]),
            ("GET", ["download"]) => self.queried("files.read", &["path"]),
            ("POST", ["replace"]) => self.fields("files.replace", &["files", "pattern", "newValue"]),
            ("POST", ["upload"]) => {
                let asked = self.queried("files.write", &["path"])?;
                Ok(Question { body: b"hello world", ..asked })
            }
            _ => Err(NONE),
        }
    }

    /// The fields of the request's body under the names of our options.
    fn fields(&self, operation: &'static str, known: &[&str]) -> Answer {
        let mut params = Map::new();
        for (key, value) in &self.sent {
            if !known.contains(&key.as_str()) {
                return Err("a field that this library never sends");
            }
            let ours = match key.as_str() {
                "envs" => "env",
                "sessionId" => "id",
                "commit_id" => "commitId",
                "allow_empty" => "allowEmpty",
                other => other,
            };
            params.insert(ours.to_owned(), value.clone());
        }
        question(operation, params.into())
    }

    fn queried(&self, operation: &'static str, known: &[&str]) -> Answer {
        let mut params = Map::new();
        for (key, value) in self.query {
            assert!(known.contains(&key.as_str()), "{operation} {key}");
            let value = match key.as_str() {
                "recursive" => json!(value == "true"),
                _ => json!(value),
            };
            params.insert(key.clone(), value);
        }
        question(operation, params.into())
    }

    fn with(&self, mut asked: Question, ids: &[(&str, &str)]) -> Answer {
        for (key, value) in ids {
            asked.params[*key] = json!(value);
        }
        Ok(asked)
    }
}

fn minutes_of(operation: &'static str, minutes: &str) -> Answer {
    question(operation, json!({"minutes": minutes.parse::<i32>().unwrap()}))
}
