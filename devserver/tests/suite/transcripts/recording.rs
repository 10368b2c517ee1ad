//! The recordings in `tests/recordings`: one file per area, a list of exchanges. The
//! client's own test reads them through this file too.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Deserialize)]
pub struct Exchange {
    pub name: String,
    pub request: Request,
    pub response: Response,
    #[serde(default)]
    pub note: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub json: Option<Value>,
    pub body: Option<Value>,
    pub upgrade: Option<String>,
    #[serde(default)]
    pub protocols: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// A number, or `TimeoutError` where no answer ever came.
    pub status: Value,
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Value,
    #[serde(default)]
    pub frames: Vec<Frame>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Frame {
    #[serde(rename = "type")]
    pub kind: String,
    pub text: Option<String>,
    pub hex: Option<String>,
    pub json: Option<Value>,
    pub code: Option<u16>,
    pub reason: Option<String>,
}

impl Frame {
    /// What the client sent or the server said, as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match (&self.hex, &self.text) {
            (Some(hex), _) => from_hex(hex),
            (None, Some(text)) => text.clone().into_bytes(),
            (None, None) => Vec::new(),
        }
    }
}

pub fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The exchanges of an area, in the order in which they were recorded.
pub fn area(name: &str) -> Vec<Exchange> {
    // In the repository's own tests, whichever crate of it asks.
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|directory| directory.join("tests/recordings"))
        .find(|recordings| recordings.is_dir())
        .expect("the repository has tests/recordings");
    let path = recordings.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
