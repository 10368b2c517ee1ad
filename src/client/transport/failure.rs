//! What went wrong below HTTP, in words that name the host: no such name, refused, a certificate,
//! a lost connection. Also says whether the server can have seen the request, which decides what
//! may be repeated.

use super::connector::{RESPONSE_HEAD_MAX_BYTES, RESPONSE_HEADERS_MAX};
use crate::client::codes::CONNECT_TIMEOUT;
use crate::client::error::Error;
use crate::client::status;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// How far a failed request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendState {
    /// No byte of it left: repeat any method.
    NotSent,
    /// The server may have acted on it: repeat idempotent methods.
    Sent,
    /// Repeating cannot help.
    NotRetryable,
}

/// The way to a host, for messages.
pub(super) struct Route<'a> {
    pub(super) host: &'a str,
    pub(super) proxy: Option<&'a str>,
    /// The status with which the proxy refused a tunnel, as `403 Forbidden`.
    pub(super) refusal: Option<&'a str>,
}

/// Whether the proxy refused a tunnel with a status that the error does not tell.
pub(super) fn is_refused_tunnel(error: &reqwest::Error) -> bool {
    error.is_connect() && Causes::of(error).text.contains("tunnel error: unsuccessful")
}

/// Explains a failure to get an answer's head.
pub(super) fn explain(
    error: reqwest::Error,
    route: &Route<'_>,
    connect_limit: Option<Duration>,
) -> (Error, SendState) {
    let (mut explained, state) = explained(&error, route, connect_limit);
    explained.detail_mut().never_sent = state == SendState::NotSent;
    (explained.caused_by(error.without_url()), state)
}

fn explained(
    error: &reqwest::Error,
    route: &Route<'_>,
    connect_limit: Option<Duration>,
) -> (Error, SendState) {
    let host = route.host;
    let causes = Causes::of(error);
    if let Some(own) = causes.own {
        return (own.clone(), SendState::NotRetryable);
    }
    if let Some(tls) = causes.tls {
        // The peer's alert can also end an established connection; the reader learns of it here.
        return (certificate(tls, host), SendState::NotRetryable);
    }
    if causes.connecting {
        return connecting(&causes, route, connect_limit);
    }
    if causes.timed_out {
        let message = format!("the connection to {host} timed out: nothing of it was acknowledged any more");
        return (with_retry(Error::new(status::CONNECTION, message), true), SendState::Sent);
    }
    // hyper's words: it tells these only so.
    if causes.innermost == "runtime dropped the dispatch task" {
        let message = format!("the runtime that drove the connection to {host} has ended");
        return (Error::new(status::CLOSED, message), SendState::NotRetryable);
    }
    if causes.hyper.is_some_and(hyper::Error::is_user) {
        // The usual cause is a request body whose source failed.
        let message = format!("the request to {host} could not be sent to its end: {}", causes.innermost);
        return (Error::new(status::IO, message), SendState::NotRetryable);
    }
    let reach = if causes.never_written() { SendState::NotSent } else { SendState::Sent };
    let message = match reach {
        SendState::NotSent => format!("{host} closed the connection before the request was sent"),
        _ if causes.too_large() => {
            let message = format!(
                "{host} answered with more than {RESPONSE_HEADERS_MAX} headers, or with more than {} KiB of \
                 them: those are the limits",
                RESPONSE_HEAD_MAX_BYTES >> 10
            );
            return (with_retry(Error::new(status::PROTOCOL, message), false), SendState::NotRetryable);
        }
        _ if causes.breaks_http2() => {
            let message = format!(
                "{host} answered with more than {} KiB of headers, which is the limit, or with something that \
                 is not HTTP/2: {}",
                RESPONSE_HEAD_MAX_BYTES >> 10,
                causes.innermost
            );
            return (with_retry(Error::new(status::PROTOCOL, message), false), SendState::NotRetryable);
        }
        _ if causes.hyper.is_some_and(hyper::Error::is_parse) => {
            let message = format!("{host} answered something that is not HTTP: {}", causes.innermost);
            return (with_retry(Error::new(status::PROTOCOL, message), false), SendState::NotRetryable);
        }
        _ => format!("the connection to {host} was lost before the answer came: {}", causes.innermost),
    };
    (with_retry(Error::new(status::CONNECTION, message), true), reach)
}

/// Explains a body that ended early, or whose framing is broken.
pub(super) fn truncated(error: reqwest::Error, host: &str, received: u64) -> Error {
    // A URL may be signed.
    truncation(&error, host, received).caused_by(error.without_url())
}

fn truncation(error: &reqwest::Error, host: &str, received: u64) -> Error {
    let causes = Causes::of(error);
    if matches!(causes.io, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)) {
        let message = format!(
            "{host} answered something that is not HTTP, after {received} bytes of the body: {}",
            causes.innermost
        );
        return with_retry(Error::new(status::PROTOCOL, message), false);
    }
    let message = format!(
        "the connection to {host} was lost in the middle of the answer, after {received} bytes: {}",
        causes.innermost
    );
    with_retry(Error::new(status::CONNECTION, message), true)
}

/// The text of the last cause, which says what the outer ones only introduce.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    Causes::of(error).innermost
}

fn connecting(causes: &Causes<'_>, route: &Route<'_>, limit: Option<Duration>) -> (Error, SendState) {
    let host = &match route.proxy {
        Some(proxy) => format!("{} by the proxy {proxy}", route.host),
        None => route.host.to_owned(),
    };
    let innermost = &causes.innermost;
    if causes.timed_out {
        let limit = limit.map(|limit| format!(" within {} ms", limit.as_millis())).unwrap_or_default();
        let mut late = Error::new(
            status::TIMEOUT,
            format!(
                "no connection to {host}{limit}: is it up and reachable? `connectTimeoutMs` is the limit"
            ),
        );
        late.detail_mut().code = Some(CONNECT_TIMEOUT.to_owned());
        return (with_retry(late, true), SendState::NotSent);
    }
    if causes.text.contains("dns error") || causes.text.contains("error resolving for socks proxy") {
        let message = format!("the name of {host} could not be resolved ({innermost}): check the URL");
        return (with_retry(Error::new(status::CONNECTION, message), true), SendState::NotSent);
    }
    if causes.text.contains("tunnel error") || causes.text.contains("SOCKS error") {
        if let Some(refusal) = route.refusal {
            let message =
                format!("the proxy made no connection to {host}: it answered CONNECT with {refusal}");
            let refused =
                refusal.starts_with('4') && !refusal.starts_with("408") && !refusal.starts_with("429");
            let reach = if refused { SendState::NotRetryable } else { SendState::NotSent };
            return (with_retry(Error::new(status::CONNECTION, message), !refused), reach);
        }
        let refused = causes.text.contains("authorization required");
        let message = if refused {
            format!(
                "the proxy made no connection to {host}: it answered CONNECT with 407, which asks for \
                 credentials: give them in the URL of `proxy`"
            )
        } else {
            format!("the proxy made no connection to {host}: {innermost}")
        };
        let reach = if refused { SendState::NotRetryable } else { SendState::NotSent };
        return (with_retry(Error::new(status::CONNECTION, message), !refused), reach);
    }
    let message = match causes.io {
        Some(io::ErrorKind::ConnectionRefused) => {
            format!(
                "connection to {host} refused: nothing listens there; is the server up, and the port right?"
            )
        }
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            format!("no route to {host}: {innermost}")
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe) => {
            format!("{host} closed the connection while it was being made: {innermost}")
        }
        _ => format!("no connection to {host}: {innermost}"),
    };
    (with_retry(Error::new(status::CONNECTION, message), true), SendState::NotSent)
}

fn certificate(error: &rustls::Error, host: &str) -> Error {
    use rustls::{CertificateError as Bad, Error as Tls};
    let message = match error {
        Tls::InvalidCertificate(bad) => {
            let what = match bad {
                Bad::UnknownIssuer | Bad::BadSignature => {
                    "is signed by an authority that is not trusted here: for a private one give its \
                     certificate as `caFile` or in SSL_CERT_FILE"
                        .to_owned()
                }
                Bad::Expired | Bad::ExpiredContext { .. } => {
                    "has expired: renew it, and check this machine's clock".to_owned()
                }
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    "is not valid yet: check this machine's clock".to_owned()
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                    "is for another name: check the URL's host".to_owned()
                }
                Bad::Revoked => "was revoked".to_owned(),
                other => format!("cannot be accepted ({other})"),
            };
            format!("the certificate of {host} {what}")
        }
        Tls::InvalidMessage(_) => {
            format!("{host} does not speak TLS: is the URL's scheme or port wrong?")
        }
        other => format!("the TLS handshake with {host} failed: {other}"),
    };
    with_retry(Error::new(status::TLS, message), false)
}

fn with_retry(mut error: Error, retryable: bool) -> Error {
    error.detail_mut().retryable = retryable;
    error
}

/// What an error's chain of causes holds.
#[derive(Default)]
struct Causes<'a> {
    /// An error of this library that came back through reqwest, as from a request body.
    own: Option<&'a Error>,
    tls: Option<&'a rustls::Error>,
    hyper: Option<&'a hyper::Error>,
    io: Option<io::ErrorKind>,
    /// There was no connection yet.
    connecting: bool,
    timed_out: bool,
    innermost: String,
    text: String,
}

impl<'a> Causes<'a> {
    fn of(error: &'a (dyn StdError + 'static)) -> Self {
        let mut found = Self::default();
        let mut next = Some(error);
        while let Some(cause) = next {
            found.innermost = cause.to_string();
            found.text.push_str(&found.innermost);
            found.text.push('\n');
            if let Some(own) = cause.downcast_ref::<Error>() {
                found.own = Some(own);
            }
            if let Some(client) = cause.downcast_ref::<reqwest::Error>() {
                found.connecting |= client.is_connect();
                found.timed_out |= client.is_timeout();
            }
            if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
                found.hyper = Some(hyper);
                found.timed_out |= hyper.is_timeout();
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                found.tls = Some(tls);
            }
            next = match cause.downcast_ref::<io::Error>() {
                Some(io) => {
                    found.io = Some(io.kind());
                    found.timed_out |= io.kind() == io::ErrorKind::TimedOut;
                    // An io::Error's source() skips the error it wraps.
                    io.get_ref().map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| io.source())
                }
                None => cause.source(),
            };
        }
        found
    }

    /// More headers, or more bytes of them, than are taken. hyper tells it to servers only.
    fn too_large(&self) -> bool {
        self.text.contains("message head is too large")
    }

    /// Found by h2 on this side: it does not tell a head that is too large from other breaches.
    fn breaks_http2(&self) -> bool {
        self.text.contains("error detected: unspecific protocol error detected")
    }

    /// hyper gives a request back that it had not begun to write; HTTP/2 servers say so themselves.
    fn never_written(&self) -> bool {
        self.hyper.is_some_and(hyper::Error::is_canceled)
            || self.text.contains("refused stream before processing any application logic")
            || self.text.contains("connection error received: not a result of an error")
    }
}
