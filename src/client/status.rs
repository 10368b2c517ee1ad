//! Every status number, once. 0 is success; 1 to 99 happened on this side; 400 to 599 is what
//! the HTTP server answered. Numbers are never reused.

macro_rules! statuses {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: i32 = $number;)+
        /// Number, name and meaning, in the order of the numbers.
        pub const ALL: &[(i32, &str, &str)] = &[$(($number, stringify!($name), concat!($($doc, "\n"),+)),)+];
        const NUL_TERMINATED: &[&str] = &[$(concat!(stringify!($name), "\0"),)+];
    };
}

statuses! {
    /// Success.
    OK = 0;
    /// An argument or option is wrong; nothing was sent.
    INVALID_ARGUMENT = 1;
    /// The handle is stale, of another type, or was never one.
    INVALID_HANDLE = 2;
    /// A text that must be JSON is not.
    INVALID_JSON = 3;
    /// This side's time limit passed.
    TIMEOUT = 4;
    /// The caller cancelled.
    CANCELLED = 5;
    /// The connection could not be made, or was lost.
    CONNECTION = 6;
    /// The TLS handshake or the certificate failed.
    TLS = 7;
    /// The server answered something that the protocol does not allow.
    PROTOCOL = 8;
    /// The client, stream or queue is closed.
    CLOSED = 9;
    /// The reader fell too far behind and the server cut it.
    SLOW_CONSUMER = 10;
    /// A local file could not be read or written.
    IO = 11;
    /// The handle was made before a fork.
    FORKED = 12;
    /// The library panicked; the process goes on.
    PANIC = 13;
    /// The server at hand, or this operation, cannot do that.
    UNSUPPORTED = 14;
    /// Another thread is in a call that excludes this one, or a callback may not call this.
    BUSY = 15;
    /// The queue has no slot left for another call.
    QUEUE_FULL = 16;
    /// There is no room now: try again later. A callback that returns it holds the event back.
    WOULD_BLOCK = 17;
    /// The stream ended well and everything was read.
    END_OF_STREAM = 18;
    /// Nothing was found.
    NO_MATCH = 19;
    /// The sandbox is in an error state, was evicted, or its queue time ran out; or a volume is in an error state.
    SANDBOX_FAILED = 20;
    /// The configuration is incomplete or contradicts itself.
    CONFIGURATION = 21;
    /// The server refused the request as malformed.
    HTTP_BAD_REQUEST = 400;
    /// The credential is missing or wrong.
    HTTP_AUTHENTICATION = 401;
    /// The credential does not allow this, or the user in the sandbox may not do it.
    HTTP_FORBIDDEN = 403;
    /// The server does not know that thing.
    HTTP_NOT_FOUND = 404;
    /// The server's own time limit passed: a command was killed at its `timeout`.
    HTTP_REQUEST_TIMEOUT = 408;
    /// The thing is in another state, or exists already.
    HTTP_CONFLICT = 409;
    /// The thing existed and has ended.
    HTTP_GONE = 410;
    /// The server understood the request and cannot do it.
    HTTP_UNPROCESSABLE_ENTITY = 422;
    /// Too many requests; `retryAfterMs` says when to come back, where the server does.
    HTTP_RATE_LIMIT = 429;
    /// The server failed.
    HTTP_INTERNAL_SERVER = 500;
    /// A proxy could not reach the sandbox.
    HTTP_BAD_GATEWAY = 502;
    /// The service is unavailable for now.
    HTTP_SERVICE_UNAVAILABLE = 503;
    /// A proxy waited in vain.
    HTTP_GATEWAY_TIMEOUT = 504;
}

/// The name without its prefix: `NOT_FOUND` for 404, `HTTP` for an unnamed 4xx or 5xx, `UNKNOWN` else.
pub fn name(status: i32) -> &'static str {
    name_nul_terminated(status).trim_end_matches('\0')
}

/// The same, followed by a NUL.
pub fn name_nul_terminated(status: i32) -> &'static str {
    match ALL.binary_search_by_key(&status, |entry| entry.0) {
        Ok(at) => NUL_TERMINATED[at].trim_start_matches("HTTP_"),
        Err(_) if (400..600).contains(&status) => "HTTP\0",
        Err(_) => "UNKNOWN\0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_status_has_a_name_of_its_own() {
        let names: HashSet<_> = ALL.iter().map(|(number, ..)| name(*number)).collect();
        assert_eq!(names.len(), ALL.len());
        assert_eq!((name(TIMEOUT), name(HTTP_REQUEST_TIMEOUT)), ("TIMEOUT", "REQUEST_TIMEOUT"));
    }
}
