//! What an error of an answered request tells of the answer, kept beside what was read of it: whether a body is what
//! was promised is found out after the response is gone.

use super::error_response;
use super::send::PreparedRequest;
use super::{Answer, Transport};
use crate::client::error::Error;
use http::HeaderMap;
use std::fmt;
use std::sync::Arc;

/// The head of an answer, and the request that it belongs to.
#[derive(Clone)]
pub(crate) struct AnswerHead(Arc<Known>);

struct Known {
    /// Holds the credential, which no error may show.
    transport: Transport,
    attempts: u32,
    sandbox: Option<Box<str>>,
    code: u16,
    headers: HeaderMap,
}

impl AnswerHead {
    pub(super) fn new(request: &PreparedRequest, answer: &Answer) -> Self {
        Self::with(request, answer, answer.headers().clone())
    }

    /// The same without a copy of the headers: of an answer that is read to its end.
    pub(super) fn taken(request: &PreparedRequest, answer: &mut Answer) -> Self {
        let headers = std::mem::take(answer.headers_mut());
        Self::with(request, answer, headers)
    }

    fn with(request: &PreparedRequest, answer: &Answer, headers: HeaderMap) -> Self {
        Self(Arc::new(Known {
            transport: request.transport.clone(),
            attempts: request.attempts,
            sandbox: request.sandbox.clone(),
            code: answer.status().as_u16(),
            headers,
        }))
    }

    /// The error with the answer's status, headers and request id, the attempts and the sandbox.
    pub(crate) fn complete(&self, error: Error) -> Error {
        let known = &*self.0;
        let error = error_response::of_answer(error, known.code, &known.headers);
        error_response::of_request(error, known.attempts, known.sandbox.as_deref(), &known.transport)
    }
}

impl fmt::Debug for AnswerHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnswerHead").field(&self.0.code).finish()
    }
}
