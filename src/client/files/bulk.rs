//! What transfers of many files have in common: the list of files and the outcome of each. The failure of a file
//! does not end the others; the failure of a connection or of the sandbox does.

use super::failure::is_refused_by_the_sandbox;
use super::{path, transfer};
use crate::client::error::{Error, Result};
use crate::client::operation::Progress;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One file: here and there.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FilePair"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pair {
    /// Its local path, name included.
    pub local_path: String,
    /// Its path in the sandbox, name included.
    pub remote_path: String,
}

/// What became of one file, in the order in which they were given.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FileTransfer"))]
#[serde(rename_all = "camelCase")]
pub struct Moved<'a> {
    /// As it was given.
    pub local_path: &'a str,
    /// As it was given.
    pub remote_path: &'a str,
    /// Its length; absent where it was not moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: Option<u64>,
    /// The error JSON; absent where it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::error::ErrorDetail>"))]
    pub error: Option<Box<RawValue>>,
}

/// The files of a call, and the outcome of each as far as it is known.
pub(super) struct BatchReport {
    operation: &'static str,
    sandbox: String,
    pub pairs: Vec<Pair>,
    outcomes: Vec<Option<Result<u64>>>,
    pub progress: Option<Progress>,
    /// Bytes of the files that are done.
    pub moved: u64,
}

impl BatchReport {
    pub fn new(
        operation: &'static str,
        sandbox: &Sandbox,
        pairs: Vec<Pair>,
        progress: Option<Progress>,
    ) -> Result<Self> {
        for pair in &pairs {
            transfer::local_path(&pair.local_path)?;
            path("remotePath", &pair.remote_path)?;
        }
        let outcomes = pairs.iter().map(|_| None).collect();
        Ok(Self { operation, sandbox: sandbox.id().to_owned(), pairs, outcomes, progress, moved: 0 })
    }

    pub fn is_pending(&self, index: usize) -> bool {
        self.outcomes[index].is_none()
    }

    pub fn pending(&self) -> Vec<usize> {
        (0..self.pairs.len()).filter(|index| self.is_pending(*index)).collect()
    }

    pub fn done(&mut self, index: usize, bytes: u64) {
        self.outcomes[index] = Some(Ok(bytes));
        self.moved += bytes;
    }

    pub fn failed(&mut self, index: usize, mut error: Error) {
        let detail = error.detail_mut();
        detail.operation = Some(self.operation);
        detail.sandbox_id.get_or_insert_with(|| self.sandbox.clone());
        // The response headers would be repeated in the error of every file.
        detail.headers = None;
        self.outcomes[index] = Some(Err(error));
    }

    /// Fails all pending files with this error; the call itself if no file has an outcome yet.
    pub fn fail_pending(&mut self, error: Error) -> Result<()> {
        if self.outcomes.iter().all(Option::is_none) {
            return Err(error);
        }
        for index in self.pending() {
            self.failed(index, error.clone());
        }
        Ok(())
    }

    pub fn report_progress(&self, of_current: u64, total: Option<u64>) {
        if let Some(progress) = &self.progress {
            progress(self.moved + of_current, total);
        }
    }

    /// The bytes of all files, or the first error.
    pub fn into_total_bytes(self) -> Result<u64> {
        self.report_progress(0, Some(self.moved));
        match self.outcomes.into_iter().flatten().find_map(Result::err) {
            Some(error) => Err(error),
            None => Ok(self.moved),
        }
    }

    pub fn json(self) -> Result<Json> {
        self.report_progress(0, Some(self.moved));
        let moved = self.pairs.iter().zip(self.outcomes).map(|(pair, outcome)| {
            let (bytes, error) = match outcome {
                Some(Ok(bytes)) => (Some(bytes), None),
                Some(Err(error)) => (None, Some(error)),
                None => (
                    None,
                    Some(Error::new(status::PROTOCOL, "the transfer ended without an outcome for this file")),
                ),
            };
            let error =
                error.and_then(|error| RawValue::from_string(String::from_utf8(error.json()).ok()?).ok());
            Moved { local_path: &pair.local_path, remote_path: &pair.remote_path, bytes, error }
        });
        let moved: Vec<_> = moved.collect();
        serde_json::to_vec(&moved).map(Json::from).map_err(|error| Error::invalid(error.to_string()))
    }
}

/// Does the error concern this file alone, and not the connection or the sandbox?
pub(super) fn is_about_the_file(error: &Error) -> bool {
    error.status() == status::IO || is_refused_by_the_sandbox(error)
}
