//! The configuration of a client: the JSON of `client.open`, over the environment.
//!
//! Explicit values win over the environment, key by key; a `.env` file is never read, because the
//! URL decides where the credential goes. Everything is checked here, before anything is sent, so
//! that the transport can trust what it gets.

use super::error::{Error, Result};
use super::status;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use url::Url;

/// The hosted service, used unless `apiUrl` or the environment names another.
pub const DEFAULT_API_URL: &str = "https://app.daytona.io/api";
const CONNECT_TIMEOUT_MS: u64 = 10_000;
const IDLE_TIMEOUT_MS: u64 = 60_000;
const RETRIES: u32 = 3;
/// The bound on one JSON result unless `maxResultBytes` gives another.
pub const DEFAULT_MAX_RESULT_BYTES: u64 = 256 << 20;

/// The configuration of a client, all optional; what is absent comes from the environment.
#[derive(Clone, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ClientConfig"))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// The API key. Environment: DAYTONA_API_KEY.
    pub api_key: Option<String>,
    /// A JWT instead of a key; needs `organizationId`. Environment: DAYTONA_JWT_TOKEN.
    pub jwt_token: Option<String>,
    /// The organization a JWT acts in. Environment: DAYTONA_ORGANIZATION_ID.
    pub organization_id: Option<String>,
    /// The API's address. Environment: DAYTONA_API_URL, or the old name DAYTONA_SERVER_URL.
    #[cfg_attr(feature = "schema", schemars(extend("default" = DEFAULT_API_URL)))]
    pub api_url: Option<String>,
    /// The region that new sandboxes go to. Environment: DAYTONA_TARGET.
    pub target: Option<String>,
    /// Milliseconds to make a connection, TLS and proxy included; 0 is no limit.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "ms", "endless" = 0, "default" = CONNECT_TIMEOUT_MS)))]
    pub connect_timeout_ms: Option<u64>,
    /// Milliseconds that a body or transfer may stand still; 0 is no limit.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "ms", "endless" = 0, "default" = IDLE_TIMEOUT_MS)))]
    pub idle_timeout_ms: Option<u64>,
    /// How often a request is tried again; 0 never.
    #[cfg_attr(feature = "schema", schemars(extend("default" = RETRIES)))]
    pub retries: Option<u32>,
    /// The proxy for everything: http://, https://, socks5:// or socks5h://, credentials in the URL.
    /// An empty text is no proxy. Environment: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY.
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy: names, .domains, addresses, networks, comma separated.
    /// Environment: NO_PROXY.
    pub no_proxy: Option<String>,
    /// Path of a PEM file of certificate authorities that are trusted beside the system's. Read when the
    /// client is opened: a file that cannot be read or holds no certificate is CONFIGURATION.
    pub ca_file: Option<String>,
    /// Headers added to every request to Daytona.
    pub headers: Option<BTreeMap<String, String>>,
    /// The most connections to one host at a time, in all: a request has one until its answer is read, a
    /// stream, a transfer and a WebSocket for as long as they are open. Default half of the process's limit
    /// on open files, at least 8 and at most 4096. Beyond it a request waits as long as its own limits
    /// allow; where open streams and transfers hold every connection it ends with TIMEOUT after
    /// `connectTimeoutMs`. At most as many WebSockets can be open, and then nothing else can be sent. A burst
    /// of requests begins with 64 connections; as long as those take longer than 5 ms, their number doubles
    /// every 5 ms.
    pub max_connections_per_host: Option<u32>,
    /// A W3C trace context, sent as the header `traceparent`.
    pub traceparent: Option<String>,
    /// Appended to the User-Agent.
    pub user_agent: Option<String>,
    /// The most bytes that one JSON answer, or the collected output of one `process.run` call, may have;
    /// beyond it the operation ends with PROTOCOL. 0 is no limit. Files and
    /// streams are not counted.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes", "default" = DEFAULT_MAX_RESULT_BYTES)))]
    pub max_result_bytes: Option<u64>,
    /// true: waits for a state have it from the event socket, which is opened by the first wait and closed 30 s
    /// after the last, and poll slowly beside it; where it cannot be had they poll as without it. `sandbox.events`
    /// opens it in any case.
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub events: Option<bool>,
}

/// A checked configuration.
pub struct Config {
    pub(crate) credential: Credential,
    pub(crate) organization: Option<String>,
    /// Without a trailing slash.
    pub(crate) api_url: String,
    pub(crate) api: Url,
    pub(crate) target: Option<String>,
    pub(crate) events: bool,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) retries: u32,
    pub(crate) proxies: Proxies,
    /// Trusted beside the system's, from `caFile`.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    pub(crate) headers: HeaderMap,
    pub(crate) max_connections_per_host: usize,
    pub(crate) user_agent: HeaderValue,
    /// `u64::MAX` where there is no limit.
    pub(crate) max_result_bytes: u64,
}

/// What authenticates, and whether the organization is named beside it.
pub(crate) enum Credential {
    Key(String),
    Jwt(String),
}

impl Credential {
    pub(crate) fn secret(&self) -> &str {
        let (Self::Key(secret) | Self::Jwt(secret)) = self;
        secret
    }
}

/// Which proxy serves which scheme; addresses are checked.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    pub(crate) except: String,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api_url", &self.api_url)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the JSON of `client.open` over the process's environment.
    pub fn read(json: &[u8]) -> Result<Self> {
        Self::over_environment(Options::parse(json)?)
    }

    /// Resolves options over the process's environment.
    pub fn over_environment(options: Options) -> Result<Self> {
        Self::resolve(options, &environment)
    }

    /// Resolves options over an environment, given as a look-up.
    pub fn resolve(options: Options, environment: &dyn Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let given = Given { environment };
        let (credential, organization) = given.credential(&options)?;
        let (api, api_url) = given.api_url(&options)?;
        Ok(Self {
            credential,
            organization,
            api_url,
            api,
            events: options.events == Some(true),
            target: given.text("target", &options.target, &["DAYTONA_TARGET"])?,
            connect_timeout: limit(options.connect_timeout_ms, CONNECT_TIMEOUT_MS),
            idle_timeout: limit(options.idle_timeout_ms, IDLE_TIMEOUT_MS),
            retries: options.retries.unwrap_or(RETRIES),
            proxies: given.proxies(&options)?,
            authorities: authorities(options.ca_file.as_deref())?,
            headers: headers(&options)?,
            max_connections_per_host: connections(options.max_connections_per_host)?,
            user_agent: user_agent(options.user_agent.as_deref())?,
            max_result_bytes: match options.max_result_bytes {
                None => DEFAULT_MAX_RESULT_BYTES,
                Some(0) => u64::MAX,
                Some(bytes) => bytes,
            },
        })
    }
}

impl Options {
    /// Parses the JSON; an error names the key.
    pub fn parse(json: &[u8]) -> Result<Self> {
        super::parse::parse_object("client.open", json)
    }
}

fn configuration(message: impl Into<String>) -> Error {
    Error::new(status::CONFIGURATION, message)
}

/// Absent is the default, 0 no limit, N a limit of N milliseconds.
fn limit(given_ms: Option<u64>, default_ms: u64) -> Option<Duration> {
    match given_ms.unwrap_or(default_ms) {
        0 => None,
        ms => Some(Duration::from_millis(ms)),
    }
}

fn environment(name: &str) -> Result<Option<String>> {
    match std::env::var_os(name) {
        None => Ok(None),
        Some(value) => value
            .into_string()
            .map(Some)
            .map_err(|_| configuration(format!("the environment variable {name} is not UTF-8"))),
    }
}

struct Given<'a> {
    environment: &'a dyn Fn(&str) -> Result<Option<String>>,
}

impl Given<'_> {
    /// The first variable that is set to something.
    fn variable(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if let Some(value) = (self.environment)(name)? {
                let value = value.trim();
                if !value.is_empty() {
                    return Ok(Some(value.to_owned()));
                }
            }
        }
        Ok(None)
    }

    /// An option that may not be empty when it is given, else the environment's.
    fn text(&self, key: &str, explicit: &Option<String>, names: &[&str]) -> Result<Option<String>> {
        match explicit {
            Some(text) if text.trim().is_empty() => Err(configuration(format!(
                "`{key}` is empty: leave it out to use {}, or give a value",
                names.first().unwrap_or(&"the default")
            ))),
            Some(text) => Ok(Some(text.trim().to_owned())),
            None => self.variable(names),
        }
    }

    fn credential(&self, options: &Options) -> Result<(Credential, Option<String>)> {
        let organization =
            self.text("organizationId", &options.organization_id, &["DAYTONA_ORGANIZATION_ID"])?;
        let key = self.text("apiKey", &options.api_key, &["DAYTONA_API_KEY"])?;
        let jwt = self.text("jwtToken", &options.jwt_token, &["DAYTONA_JWT_TOKEN"])?;
        let explicit_jwt = options.jwt_token.is_some() && options.api_key.is_none();
        let credential = match (key, jwt) {
            (Some(_), Some(jwt)) if explicit_jwt => Credential::Jwt(jwt),
            (Some(key), _) => Credential::Key(key),
            (None, Some(jwt)) => Credential::Jwt(jwt),
            (None, None) => {
                return Err(configuration(
                    "no API key: give `apiKey`, or set DAYTONA_API_KEY (keys are made in the dashboard)",
                ));
            }
        };
        if matches!(credential, Credential::Jwt(_)) && organization.is_none() {
            return Err(configuration(
                "a JWT without an organization: give `organizationId`, or set DAYTONA_ORGANIZATION_ID",
            ));
        }
        for (what, text) in
            [("the credential", Some(credential.secret())), ("`organizationId`", organization.as_deref())]
        {
            // The value stays out of the message: it may be a secret.
            if text.is_some_and(|text| HeaderValue::from_str(text).is_err()) {
                return Err(configuration(format!(
                    "{what} has a character that no header can carry (a line break?): check how it was read"
                )));
            }
        }
        Ok((credential, organization))
    }

    fn api_url(&self, options: &Options) -> Result<(Url, String)> {
        let text = self
            .text("apiUrl", &options.api_url, &["DAYTONA_API_URL", "DAYTONA_SERVER_URL"])?
            .unwrap_or_else(|| DEFAULT_API_URL.to_owned());
        let url = Url::parse(&text).map_err(|error| {
            configuration(format!("`apiUrl` is no URL ({error}): give it in full, such as {DEFAULT_API_URL}"))
        })?;
        let complaint = if !matches!(url.scheme(), "http" | "https") {
            Some(format!("has the scheme `{}`: only https and http are spoken", url.scheme()))
        } else if url.host_str().is_none_or(str::is_empty) {
            Some("has no host".to_owned())
        } else if !url.username().is_empty() || url.password().is_some() {
            Some("has credentials in it: give them as `apiKey`".to_owned())
        } else if url.query().is_some() || url.fragment().is_some() {
            Some("has a query or fragment: paths are appended to it, leave those out".to_owned())
        } else {
            None
        };
        if let Some(complaint) = complaint {
            return Err(configuration(format!("`apiUrl` {complaint}")));
        }
        let trimmed = url.as_str().trim_end_matches('/').to_owned();
        Ok((url, trimmed))
    }

    fn proxies(&self, options: &Options) -> Result<Proxies> {
        let except = match &options.no_proxy {
            Some(list) => list.clone(),
            None => self.variable(&["NO_PROXY", "no_proxy"])?.unwrap_or_default(),
        };
        let Some(except) = exceptions(&except) else { return Ok(Proxies::default()) };
        if let Some(explicit) = &options.proxy {
            let proxy = proxy("`proxy`", explicit.trim())?;
            return Ok(Proxies { http: proxy.clone(), https: proxy, except });
        }
        let from = |names: &[&str]| -> Result<Option<String>> {
            match self.variable(names)? {
                Some(text) => proxy(names[0], &text),
                None => Ok(None),
            }
        };
        // Under CGI, HTTP_PROXY is the request header `Proxy`, which any client can set.
        let cgi = (self.environment)("REQUEST_METHOD")?.is_some();
        let all = from(&["ALL_PROXY", "all_proxy"])?;
        let http = from(if cgi { &["http_proxy"] } else { &["HTTP_PROXY", "http_proxy"] })?;
        let https = from(&["HTTPS_PROXY", "https_proxy"])?;
        Ok(Proxies { http: http.or_else(|| all.clone()), https: https.or(all), except })
    }
}

/// Checks a proxy's address; none when it is empty. It may hold a password, so no message shows it.
fn proxy(from: &str, text: &str) -> Result<Option<String>> {
    if text.is_empty() {
        return Ok(None);
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let scheme = full.split("://").next().unwrap_or_default().to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https" | "socks5" | "socks5h") {
        return Err(configuration(format!(
            "{from}: proxies of the scheme `{scheme}` are not supported: use http, https, socks5 or socks5h"
        )));
    }
    match Url::parse(&full) {
        Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => {
            if !scheme.starts_with("socks") || url.port().is_some() {
                return Ok(Some(full));
            }
            let mut with_port = url;
            // A URL with a host can have a port.
            let _ = with_port.set_port(Some(1080));
            Ok(Some(with_port.to_string()))
        }
        _ => Err(configuration(format!(
            "{from} is no proxy address: give it in full, such as http://proxy.example:3128"
        ))),
    }
}

/// A NO_PROXY list in the syntax of hyper-util's matcher, which has no `*.name`, port or bracket. `None` for
/// `*`: no host takes the proxy.
fn exceptions(list: &str) -> Option<String> {
    let mut words = Vec::new();
    for entry in list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()) {
        if entry == "*" {
            return None;
        }
        let entry = entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry);
        let name = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            // More than one colon is an IPv6 address without brackets.
            None => match entry.split_once(':') {
                Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
                _ => entry,
            },
        };
        words.push(name);
    }
    Some(words.join(","))
}

/// The certificates of `caFile`. Read when the client is opened, so that a wrong file is an error there and
/// not at the first request.
fn authorities(path: Option<&str>) -> Result<Vec<CertificateDer<'static>>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let unusable = |why: String| configuration(format!("`caFile` {path} {why}"));
    let found = std::fs::metadata(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    if !found.is_file() {
        return Err(unusable("is not a file".to_owned()));
    }
    let pem = std::fs::read(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unusable(format!("is not valid PEM: {error}")))?;
    let (accepted, _) = RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if accepted == 0 {
        return Err(unusable("holds no certificate: give a PEM file of certificate authorities".to_owned()));
    }
    Ok(certificates)
}

/// The configured headers. Those that the library sets itself are refused, so that credential and protocol
/// version are always those of the configuration.
fn headers(options: &Options) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in options.headers.iter().flatten() {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| configuration(format!("`headers`: `{name}` is not a header name")))?;
        if owned(parsed.as_str()) {
            return Err(configuration(format!(
                "`headers`: `{name}` is set by the library and cannot be replaced{}",
                match parsed.as_str() {
                    "authorization" => ": give `apiKey` or `jwtToken`",
                    "user-agent" => ": `userAgent` is appended to it",
                    "x-daytona-organization-id" => ": give `organizationId`",
                    _ => "",
                }
            )));
        }
        let value = HeaderValue::from_str(value).map_err(|_| {
            configuration(format!("`headers`: the value of `{name}` has characters that no header can carry"))
        })?;
        map.insert(parsed, value);
    }
    if let Some(traceparent) = &options.traceparent {
        let value = HeaderValue::from_str(traceparent)
            .map_err(|_| configuration("`traceparent` has characters that no header can carry"))?;
        map.insert("traceparent", value);
    }
    Ok(map)
}

fn owned(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "user-agent"
            | "host"
            | "connection"
            | "upgrade"
            | "accept-encoding"
            | "content-length"
            | "content-type"
            | "transfer-encoding"
            | "te"
            | "trailer"
            | "expect"
    ) || name.starts_with("x-daytona-")
        || name.starts_with("sec-websocket-")
}

fn connections(given: Option<u32>) -> Result<usize> {
    match given {
        Some(0) => Err(configuration("`maxConnectionsPerHost` is 0: nothing could be sent; give 1 or more")),
        Some(count) => Ok(count as usize),
        None => Ok((file_limit() / 2).clamp(8, 4096)),
    }
}

fn file_limit() -> usize {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    {
        8192
    }
}

fn user_agent(suffix: Option<&str>) -> Result<HeaderValue> {
    let text = match suffix.map(str::trim).filter(|suffix| !suffix.is_empty()) {
        Some(suffix) => format!("libdaytona/{} {suffix}", crate::VERSION),
        None => format!("libdaytona/{}", crate::VERSION),
    };
    HeaderValue::from_str(&text)
        .map_err(|_| configuration("`userAgent` has characters that no header can carry"))
}

#[cfg(test)]
mod tests;
