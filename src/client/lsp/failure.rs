//! A daemon of 0.190 refuses with a status alone: the possible causes are added here.

use crate::client::error::Error;
use crate::client::status;
use crate::client::transport::NO_BODY;

/// The status that a daemon refuses with, and what that can mean.
pub(super) type Cause = (i32, &'static str);

pub(super) const START: Cause = (
    status::HTTP_INTERNAL_SERVER,
    "the language server could not be started: are typescript-language-server and typescript installed in the sandbox, \
     which a daemon of 0.190 uses for Python as well?",
);
pub(super) const STOP: Cause = (
    status::HTTP_INTERNAL_SERVER,
    "the language server could not be stopped: was it started for this language and project?",
);
pub(super) const USE: Cause = (
    status::HTTP_BAD_REQUEST,
    "the daemon does not say why: the language server was not started for this language and project, the file does \
     not exist or was not opened, or the language server refused; a daemon of 0.190 also refuses completions in line 0 \
     or at character 0",
);

/// Tells the cause where the daemon did not.
pub(super) fn cannot((status, cause): Cause) -> impl FnOnce(Error) -> Error {
    move |mut error| {
        if error.status() == status {
            let message = &mut error.detail_mut().message;
            if let Some((_, after)) = message.split_once(NO_BODY) {
                *message = format!("{cause}{after}");
            }
        }
        error
    }
}
