//! Client and sandbox handles, and what closing a client does.

use crate::catalogue::TargetRef;
use crate::client::Client;
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::exports::guard::{Reply, export, null};
use crate::ffi::exports::text::{Out, options, store};
use crate::ffi::runtime::cancel::Cancel;
use crate::ffi::runtime::handle::Tag;
use crate::ffi::runtime::lock::Mutex;
use crate::ffi::runtime::process;
use slab::Slab;
use std::ffi::c_char;
use std::sync::Arc;

/// A client handle, typed so in C.
pub type daytona_client_t = u64;
/// A sandbox handle, typed so in C.
pub type daytona_sandbox_t = u64;

/// What a client handle stands for, with everything that runs on it.
pub struct ClientTarget {
    pub target: TargetRef,
    running: Mutex<RunningWork>,
}

#[derive(Default)]
struct RunningWork {
    closed: bool,
    cancels: Slab<Arc<Cancel>>,
}

/// What a sandbox handle stands for.
pub struct SandboxTarget {
    pub target: TargetRef,
    pub client: Arc<ClientTarget>,
}

/// Takes work off its client's list when it ends.
pub struct RegistrationGuard {
    client: Arc<ClientTarget>,
    key: usize,
}

impl Drop for RegistrationGuard {
    fn drop(&mut self) {
        self.client.running.lock().cancels.try_remove(self.key);
    }
}

impl ClientTarget {
    pub fn new(target: TargetRef) -> Self {
        Self { target, running: Mutex::default() }
    }

    /// Lists work that the client's close ends; CLOSED when it is closed already.
    pub fn register(self: &Arc<Self>, cancel: Arc<Cancel>) -> Result<RegistrationGuard> {
        let mut running = self.running.lock();
        if running.closed {
            return Err(closed());
        }
        Ok(RegistrationGuard { client: self.clone(), key: running.cancels.insert(cancel) })
    }

    /// Ends what runs, each with CLOSED. Returns at once.
    pub fn close(&self) {
        let ended: Vec<_> = {
            let mut running = self.running.lock();
            running.closed = true;
            running.cancels.drain().collect()
        };
        for cancel in ended {
            cancel.cancel(status::CLOSED);
        }
        if let TargetRef::Client(client) = &self.target {
            client.close();
        }
    }
}

fn closed() -> Error {
    Error::new(status::CLOSED, "the client is closed; open another")
}

/// What an operation acts on: the handle's target, and the client that it hangs on.
pub fn resolve(handle: u64) -> Result<(TargetRef, Arc<ClientTarget>)> {
    let process = process::current();
    match Tag::of(handle) {
        Some(Tag::Sandbox) => {
            let sandbox = process.sandboxes.get(handle)?;
            Ok((sandbox.target.clone(), sandbox.client.clone()))
        }
        _ => {
            let client = process.clients.get(handle)?;
            Ok((client.target.clone(), client))
        }
    }
}

fn open(target: Result<TargetRef>, place: *mut daytona_client_t) -> Result<Reply> {
    let target = Arc::new(ClientTarget::new(target?));
    store(place, process::current().clients.insert(|_| target)?);
    Ok(Reply::Nothing)
}

/// Opens a client: a configured way to Daytona. Reads the environment and `caFile` where given, opens no
/// connection, starts no thread.
///
/// `config`: a JSON object, or NULL for the environment alone. What stands in it wins over the
/// environment (DAYTONA_API_KEY, DAYTONA_JWT_TOKEN, DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL,
/// DAYTONA_TARGET). Keys, all optional:
/// `apiKey` text; `jwtToken` text, needs `organizationId` text; `apiUrl` text, default
/// https://app.daytona.io/api; `target` text, the region; `connectTimeoutMs` default 10000;
/// `idleTimeoutMs` silence after which a connection counts as lost; `retries` default 3, 0 never;
/// `proxy` URL (http, https, socks5), `noProxy` text, both else from HTTP_PROXY, HTTPS_PROXY,
/// NO_PROXY; `caFile` path of a PEM bundle to trust beside the system's; `headers` object, added to
/// every request; `maxConnectionsPerHost` requests, streams and sockets at a time, default half of the
/// process's limit on open files, 8 to 4096; `traceparent` text; `userAgent` text, appended to ours;
/// `maxResultBytes` of one JSON result, default 268435456 (256 MiB), 0 no limit, beyond it
/// DAYTONA_PROTOCOL; `events` false, or absent: `true`, the event socket, is not built yet.
///
/// `client`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT (NULL, an unknown or
/// wrong-typed key), DAYTONA_INVALID_JSON, DAYTONA_CONFIGURATION (no credential, a JWT without
/// organization, a URL that is none, a `caFile` without certificates), DAYTONA_UNSUPPORTED (`events`
/// true), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_open(
    config: *const c_char,
    client: *mut daytona_client_t,
    out: *mut *mut c_char,
) -> i32 {
    store(client, 0);
    export(Out::new(out, std::ptr::null_mut()), || {
        if client.is_null() {
            return Err(null("client"));
        }
        let config = options(config, "config")?.unwrap_or("{}");
        open(Client::open(config.as_bytes()).map(TargetRef::Client), client)
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
    #[derive(Default, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {}
    store(client, 0);
    export(Out::new(out, std::ptr::null_mut()), || {
        if client.is_null() {
            return Err(null("client"));
        }
        crate::ffi::calls::call::parse_options::<Config>("echo_open", options(config, "config")?)?;
        open(Ok(TargetRef::Echo), client)
    })
}
