//! TLS: trusts the system's authorities (or those of `SSL_CERT_FILE`) and the configured file's. The
//! system's are read before the first encrypted connection, never at the opening of a client.

use super::connection_kind::ConnectionKind;
use crate::client::blocking;
use crate::client::error::{Error, Result};
use crate::client::status;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;

pub(super) struct TlsConfig {
    authorities: Vec<CertificateDer<'static>>,
    verifier: Arc<LateVerifier>,
    loaded: OnceCell<()>,
    /// Made once: successive reqwest clients share the sessions that can be resumed.
    made: OnceLock<ClientConfig>,
}

impl TlsConfig {
    pub(super) fn new(authorities: Vec<CertificateDer<'static>>) -> Self {
        let verifier = Arc::new(LateVerifier {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            loaded: OnceLock::new(),
        });
        Self { authorities, verifier, loaded: OnceCell::new(), made: OnceLock::new() }
    }

    /// Reads the authorities, once: milliseconds of reading and parsing, for which the blocking pool is there.
    pub(super) async fn load(&self) -> Result<()> {
        let load = || async {
            let authorities = self.authorities.clone();
            let verifier = self.verifier.clone();
            blocking::run(move || verifier.load(authorities)).await
        };
        self.loaded.get_or_try_init(load).await.copied()
    }

    /// What a reqwest client of that kind is built with.
    pub(super) fn client_config(&self, kind: ConnectionKind) -> Result<ClientConfig> {
        let mut config = match self.made.get() {
            Some(made) => made.clone(),
            None => {
                let made = self.make()?;
                self.made.get_or_init(|| made).clone()
            }
        };
        let offered: &[&[u8]] = match kind {
            ConnectionKind::Requests => &[b"h2", b"http/1.1"],
            ConnectionKind::Upgrade => &[b"http/1.1"],
        };
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    fn make(&self) -> Result<ClientConfig> {
        Ok(ClientConfig::builder_with_provider(self.verifier.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(status::TLS, format!("TLS could not be set up: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier.clone())
            .with_no_client_auth())
    }
}

/// rustls's own verifier, whose roots are read later than the TLS configuration is made.
#[derive(Debug)]
struct LateVerifier {
    provider: Arc<CryptoProvider>,
    loaded: OnceLock<Arc<WebPkiServerVerifier>>,
}

impl LateVerifier {
    fn load(&self, authorities: Vec<CertificateDer<'static>>) -> Result<()> {
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots(authorities)?, self.provider.clone())
                .build()
                .map_err(|error| Error::new(status::TLS, format!("TLS could not be set up: {error}")))?;
        self.loaded.get_or_init(|| verifier);
        Ok(())
    }
}

impl ServerCertVerifier for LateVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        // Each request to an https URL waits for `TlsConfig::load`, so this is a defect if it happens.
        let Some(verifier) = self.loaded.get() else {
            return Err(rustls::Error::General("the certificate authorities are not loaded".to_owned()));
        };
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
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
