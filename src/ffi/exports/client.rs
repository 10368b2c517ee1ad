//! The exports that open clients.

use super::guard::{Reply, export};
use super::text::{Out, Place, options, text};
use crate::catalogue::TargetRef;
use crate::client::Client;
use crate::client::error::Result;
use crate::client::parse::parse_object;
use crate::ffi::calls::target::{ClientTarget, daytona_client_t};
use crate::ffi::runtime::process::Process;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Arc;

fn open(process: &Process, target: TargetRef, place: Place<daytona_client_t>) -> Result<Reply> {
    let client = Arc::new(ClientTarget::new(target));
    place.store(process.clients.insert(|_| client)?.0);
    Ok(Reply::Nothing)
}

/// Opens a client: a configured way to Daytona. Reads the environment and `caFile` where given, opens no
/// connection, starts no thread.
///
/// `config`: a JSON object, or NULL for the environment alone. What stands in it wins over the
/// environment (DAYTONA_API_KEY, DAYTONA_JWT_TOKEN, DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL,
/// DAYTONA_TARGET). Keys, all optional:
/// `apiKey` text; `jwtToken` text, needs `organizationId` text; `apiUrl` text, default
/// `https://app.daytona.io/api`; `target` text, the region; `connectTimeoutMs` default 10000;
/// `idleTimeoutMs` silence after which a connection counts as lost; `retries` default 3, 0 never;
/// `proxy` URL (http, https, socks5), `noProxy` text, both else from HTTP_PROXY, HTTPS_PROXY,
/// NO_PROXY; `caFile` path of a PEM bundle to trust beside the system's; `headers` object, added to
/// every request; `maxConnectionsPerHost` requests, streams and sockets at a time, default half of the
/// process's limit on open files, 8 to 4096; `traceparent` text; `userAgent` text, appended to ours;
/// `maxResultBytes` of one JSON result, default 268435456 (256 MiB), 0 no limit, beyond it
/// DAYTONA_PROTOCOL; `events` default false: true waits for states by the event socket first, with a
/// slow poll behind.
///
/// `client`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT (NULL, an unknown or
/// wrong-typed key), DAYTONA_INVALID_JSON, DAYTONA_CONFIGURATION (no credential, a JWT without
/// organization, a URL that is none, a `caFile` without certificates), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_open(
    config: *const c_char,
    client: *mut daytona_client_t,
    out: *mut *mut c_char,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (config, client, out) = unsafe { (text(config), Place::new(client), Out::new(out, null_mut())) };
    client.store(0);
    export(out, |process| {
        let client = client.required("client")?;
        let opened = match options(config, "config")? {
            Some(config) => Client::open(config.as_bytes())?,
            None => Client::from_env()?,
        };
        open(process, TargetRef::Client(opened), client)
    })
}

/// Opens an echo target: a client that talks to nobody, with which every binding can test its
/// marshalling. It takes `daytona_call`, `daytona_submit` and `daytona_stream_open` with
/// `echo.value` (gives its parameters back), `echo.bytes` (gives the body back), `echo.error`
/// {status, message, ...} (fails so), `echo.delay` {ms}, `echo.handle` (a new sandbox handle of the
/// echo target), `echo.panic`, and the stream `echo.stream` {chunks, size, channel, delayMs, echo}.
///
/// `config`: a JSON object without keys, or NULL.
/// `client`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON,
/// DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_echo_open(
    config: *const c_char,
    client: *mut daytona_client_t,
    out: *mut *mut c_char,
) -> i32 {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {}
    // SAFETY: as the documentation demands of the caller.
    let (config, client, out) = unsafe { (text(config), Place::new(client), Out::new(out, null_mut())) };
    client.store(0);
    export(out, |process| {
        let client = client.required("client")?;
        if let Some(config) = options(config, "config")? {
            let Config {} = parse_object("echo.open", config.as_bytes())?;
        }
        open(process, TargetRef::Echo, client)
    })
}
