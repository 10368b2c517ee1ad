//! Whom TLS trusts: the system's authorities (or those of `SSL_CERT_FILE`) and the configured file's.
//! Read when the first encrypted connection is made, never before.

use crate::client::error::{Error, Result};
use crate::client::status;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::OnceCell;

pub(super) struct Trust {
    ca_file: Option<PathBuf>,
    made: OnceCell<Made>,
}

struct Made {
    requests: Arc<ClientConfig>,
    upgrades: Arc<ClientConfig>,
}

impl Trust {
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, made: OnceCell::new() }
    }

    /// Offers HTTP/2.
    pub(super) async fn requests(&self) -> Result<Arc<ClientConfig>> {
        Ok(self.made().await?.requests.clone())
    }

    /// Speaks HTTP/1.1 only.
    pub(super) async fn upgrades(&self) -> Result<Arc<ClientConfig>> {
        Ok(self.made().await?.upgrades.clone())
    }

    async fn made(&self) -> Result<&Made> {
        self.made
            .get_or_try_init(|| async {
                let ca_file = self.ca_file.clone();
                // Milliseconds of reading and parsing, during which whoever drives the runtime goes on.
                let roots = tokio::task::spawn_blocking(move || roots(ca_file.as_deref())).await;
                let roots = roots.map_err(|_| {
                    Error::new(status::TLS, "reading the certificate authorities was interrupted")
                })??;
                let requests = config(roots.clone(), &[b"h2", b"http/1.1"])?;
                Ok(Made { requests, upgrades: config(roots, &[b"http/1.1"])? })
            })
            .await
    }
}

fn config(roots: Arc<RootCertStore>, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(status::TLS, format!("TLS could not be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

fn roots(ca_file: Option<&Path>) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let failure = system.errors.first().map(ToString::to_string);
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_file {
        let unreadable =
            |what: String| Error::new(status::CONFIGURATION, format!("`caFile` {}: {what}", path.display()));
        let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(format!("cannot be read as PEM: {error}")))?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(unreadable("holds no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(Error::new(
            status::TLS,
            format!(
                "no certificate authorities were found{}: install the system's, or point SSL_CERT_FILE or \
                 `caFile` at a PEM file",
                failure.map(|failure| format!(" ({failure})")).unwrap_or_default()
            ),
        ));
    }
    Ok(Arc::new(roots))
}
