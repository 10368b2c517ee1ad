//! The parameters of a step, of which each argument and option takes its own.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Default)]
pub struct Parameters {
    pub values: Map<String, Value>,
    pub body: Vec<u8>,
}

type Read<T> = fn(Value) -> Result<T, String>;

impl Parameters {
    pub fn argument<T>(&mut self, read: Read<T>, name: &str) -> Result<T, String> {
        self.option(read, name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    pub fn option<T>(&mut self, read: Read<T>, name: &str) -> Result<Option<T>, String> {
        let Some(value) = self.values.remove(name) else { return Ok(None) };
        read(value).map(Some).map_err(|error| format!("`{name}`: {error}"))
    }

    pub fn body(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }

    /// All but the time limit, which the table takes after them.
    pub fn all(&mut self) -> Map<String, Value> {
        let limit = self.values.remove("timeoutMs");
        let all = std::mem::take(&mut self.values);
        self.values.extend(limit.map(|limit| ("timeoutMs".to_owned(), limit)));
        all
    }

    /// Whatever was not taken is no parameter.
    pub fn end(&mut self) -> Result<(), String> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("there is no parameter {name}")),
        }
    }

    pub fn json<T: DeserializeOwned>(value: Value) -> Result<T, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    pub fn seconds(value: Value) -> Result<Duration, String> {
        match value.as_u64() {
            Some(seconds) => Ok(Duration::from_secs(seconds)),
            None => Duration::try_from_secs_f64(Self::json(value)?).map_err(|error| error.to_string()),
        }
    }

    pub fn milliseconds(value: Value) -> Result<Duration, String> {
        match value.as_u64() {
            Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
            None => Duration::try_from_secs_f64(Self::json::<f64>(value)? / 1000.0)
                .map_err(|error| error.to_string()),
        }
    }
}
