//! Whom TLS trusts: the system's authorities (or those of `SSL_CERT_FILE`) and the configured file's.
//! Read when the first encrypted connection is made, never before.

use crate::client::error::{Error, Result};
use crate::client::status;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::sync::OnceCell;

pub(super) struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    made: OnceCell<Made>,
}

struct Made {
    requests: Arc<ClientConfig>,
    upgrades: Arc<ClientConfig>,
}

impl Trust {
    pub(super) fn new(authorities: Vec<CertificateDer<'static>>) -> Self {
        Self { authorities, made: OnceCell::new() }
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
                let authorities = self.authorities.clone();
                // Milliseconds of reading and parsing, during which whoever drives the runtime goes on.
                let roots = tokio::task::spawn_blocking(move || roots(authorities)).await;
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

fn roots(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let failure = system.errors.first().map(ToString::to_string);
    roots.add_parsable_certificates(system.certs);
    roots.add_parsable_certificates(authorities);
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
