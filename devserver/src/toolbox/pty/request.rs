//! Requests about terminals, parsed and refused with the messages of Go's JSON decoder, as the daemon does.

use super::socket::offered;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const MAX_SIZE: u16 = 1000;
const DEFAULT_COLS: u16 = 80;
const DEFAULT_ROWS: u16 = 24;

const ENVS_SUBPROTOCOL: &str = "X-Daytona-Pty-Envs~";
/// The largest environment in a subprotocol, encoded.
const MAX_ENVS_BYTES: usize = 64 * 1024;

pub struct CreatePty {
    pub id: String,
    pub cols: u16,
    pub rows: u16,
    pub cwd: Option<String>,
    pub envs: BTreeMap<String, String>,
    pub lazy_start: bool,
}

impl CreatePty {
    /// POST /process/pty.
    pub fn of_body(body: &[u8]) -> Result<Self, String> {
        let fields = Fields::of("PTYCreateRequest", body)?;
        let request = Self {
            id: fields.text("id")?.unwrap_or_default(),
            cols: fields.size("cols")?,
            rows: fields.size("rows")?,
            cwd: fields.text("cwd")?.filter(|cwd| !cwd.is_empty()),
            envs: fields.texts("envs")?,
            lazy_start: fields.flag("lazyStart")?,
        };
        if request.id.is_empty() {
            return Err("session ID is required".into());
        }
        for (name, size) in [("cols", request.cols), ("rows", request.rows)] {
            if size > MAX_SIZE {
                return Err(format!("invalid value for {name} - must be less than 1000"));
            }
        }
        // The daemon takes 0 for absent.
        let or = |size, default| if size == 0 { default } else { size };
        Ok(Self { cols: or(request.cols, DEFAULT_COLS), rows: or(request.rows, DEFAULT_ROWS), ..request })
    }

    /// GET /process/pty/create-connect.
    pub fn of_query(query: &str, headers: &HeaderMap) -> Result<Self, String> {
        let query: BTreeMap<String, String> = serde_urlencoded::from_str(query).unwrap_or_default();
        let text = |name: &str| query.get(name).filter(|text| !text.is_empty()).cloned();
        let id = text("id").ok_or("session ID is required (query param 'id')")?;
        let size = |name: &str, default| match text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("invalid value for {name}: {text:?}")),
        };
        let (cols, rows) = (size("cols", DEFAULT_COLS)?, size("rows", DEFAULT_ROWS)?);
        if cols > MAX_SIZE || rows > MAX_SIZE {
            return Err("cols and rows must be less than 1000".into());
        }
        let envs = offered_envs(headers).map_err(|why| format!("invalid envs subprotocol: {why}"))?;
        Ok(Self { id, cols, rows, cwd: text("cwd"), envs, lazy_start: false })
    }
}

/// POST /process/pty/{id}/resize: columns and rows, which may be 0.
pub fn size_of_body(body: &[u8]) -> Result<(u16, u16), String> {
    let fields = Fields::of("PTYResizeRequest", body)?;
    let (cols, rows) = (fields.size("cols")?, fields.size("rows")?);
    for (name, size) in [("cols", cols), ("rows", rows)] {
        if size > MAX_SIZE {
            return Err(format!("{name} must be less than 1000"));
        }
    }
    Ok((cols, rows))
}

/// The environment that a client sends as a subprotocol.
fn offered_envs(headers: &HeaderMap) -> Result<BTreeMap<String, String>, String> {
    let Some(encoded) = offered(headers).find_map(|protocol| protocol.strip_prefix(ENVS_SUBPROTOCOL)) else {
        return Ok(BTreeMap::new());
    };
    if encoded.len() > MAX_ENVS_BYTES {
        let length = encoded.len();
        return Err(format!("PTY envs subprotocol too large ({length} bytes, max {MAX_ENVS_BYTES})"));
    }
    let json = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|error| format!("failed to decode PTY envs subprotocol: {error}"))?;
    let envs: BTreeMap<String, String> = serde_json::from_slice(&json)
        .map_err(|error| format!("failed to unmarshal PTY envs subprotocol: {error}"))?;
    for name in envs.keys() {
        if name.is_empty() {
            return Err("env var name must not be empty".into());
        }
        if name.contains(['=', '\0', '\n', '\r']) {
            return Err(format!("env var name {name:?} must not contain '=', NUL, or newline"));
        }
    }
    Ok(envs)
}

/// A JSON object whose fields are read with the types of a Go struct.
struct Fields {
    /// The Go struct's name, which is part of its error messages.
    name: &'static str,
    object: Map<String, Value>,
}

impl Fields {
    fn of(name: &'static str, body: &[u8]) -> Result<Self, String> {
        if body.trim_ascii().is_empty() {
            return Err("EOF".into());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { name, object }),
            Ok(Value::Null) => Ok(Self { name, object: Map::new() }),
            Ok(other) => {
                Err(format!("json: cannot unmarshal {} into Go value of type pty.{name}", kind(&other)))
            }
            Err(error) if error.is_eof() => Err("unexpected EOF".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, value: &str, wanted: &str) -> String {
        let name = self.name;
        format!("json: cannot unmarshal {value} into Go struct field {name}.{key} of type {wanted}")
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(key, kind(other), "string")),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, String> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(key, kind(other), "bool")),
        }
    }

    fn size(&self, key: &str) -> Result<u16, String> {
        match self.get(key) {
            None => Ok(0),
            Some(Value::Number(number)) => {
                let size = number.as_u64().and_then(|number| u16::try_from(number).ok());
                size.ok_or_else(|| self.wrong(key, &format!("number {number}"), "uint16"))
            }
            Some(other) => Err(self.wrong(key, kind(other), "uint16")),
        }
    }

    fn texts(&self, key: &str) -> Result<BTreeMap<String, String>, String> {
        let object = match self.get(key) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(object)) => object,
            Some(other) => return Err(self.wrong(key, kind(other), "map[string]string")),
        };
        let pairs = object.iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Null => Ok((name.clone(), String::new())),
            other => Err(self.wrong(key, kind(other), "string")),
        });
        pairs.collect()
    }
}

/// Go's name of a JSON value's kind.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn refusal(body: &str) -> String {
        CreatePty::of_body(body.as_bytes()).err().unwrap_or_else(|| panic!("{body} is accepted"))
    }

    fn offering(json: &str) -> HeaderMap {
        let protocols =
            format!("X-Daytona-Pty-Exit-Control, {ENVS_SUBPROTOCOL}{}", URL_SAFE_NO_PAD.encode(json));
        HeaderMap::from_iter([(
            "sec-websocket-protocol".parse().unwrap(),
            HeaderValue::try_from(protocols).unwrap(),
        )])
    }

    #[test]
    fn refusals_are_in_the_words_of_go() {
        assert_eq!(refusal(""), "EOF");
        assert_eq!(refusal("{\"id\":"), "unexpected EOF");
        assert_eq!(
            refusal(r#"{"id":"x","rows":1.5}"#),
            "json: cannot unmarshal number 1.5 into Go struct field PTYCreateRequest.rows of type uint16"
        );
        assert_eq!(
            refusal(r#"{"id":7}"#),
            "json: cannot unmarshal number into Go struct field PTYCreateRequest.id of type string"
        );
        assert!(refusal(r#"{"id":"x","envs":{"A":1}}"#).contains("PTYCreateRequest.envs of type string"));
    }

    #[test]
    fn the_query_has_defaults_and_limits() {
        let none = HeaderMap::new();
        let request = CreatePty::of_query("id=a%20b", &none).unwrap();
        assert_eq!((request.id.as_str(), request.cols, request.rows, request.cwd), ("a b", 80, 24, None));
        for wrong in ["", "id=", "id=x&cols=1001", "id=x&rows=-1", "id=x&rows=many"] {
            assert!(CreatePty::of_query(wrong, &none).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_environment_travels_as_a_subprotocol() {
        let request = CreatePty::of_query("id=x", &offering(r#"{"A":"ü\n\"","B":""}"#)).unwrap();
        assert_eq!(request.envs, BTreeMap::from([("A".into(), "ü\n\"".into()), ("B".into(), String::new())]));
        for wrong in ["", "[]", r#"{"A":1}"#, r#"{"":"x"}"#, r#"{"A=B":"x"}"#, r#"{"A\n":"x"}"#] {
            assert!(CreatePty::of_query("id=x", &offering(wrong)).is_err(), "{wrong}");
        }
        let long = format!(r#"{{"A":"{}"}}"#, "x".repeat(MAX_ENVS_BYTES));
        assert!(CreatePty::of_query("id=x", &offering(&long)).is_err());
    }
}
