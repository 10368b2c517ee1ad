//! The entries of `sandbox.*` about access and use: directories, links, SSH, signed URLs, metrics, ports.

use crate::catalogue::Operation;
use crate::catalogue::entry::operation;
use crate::client::sandbox;

pub(in crate::catalogue) const ENTRIES: &[Operation] = &[
    operation! {
        /// The user's home directory.
        "sandbox.home_dir", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Directory),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/user-home-dir",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::home_dir,
    },
    operation! {
        /// The directory that relative paths start from.
        "sandbox.work_dir", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Directory),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/work-dir",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::work_dir,
    },
    operation! {
        /// The link under which a port of the sandbox is reached from outside.
        "sandbox.preview_link", Sandbox, Guide, sandbox::Port,
        required: ["port"],
        result: Json(sandbox::PreviewLink),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/ports/{port}/preview-url",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::preview_link,
    },
    operation! {
        /// The address under which a port of the sandbox is reached by who has the address, without a header, for a time.
        "sandbox.signed_preview_link", Sandbox, Newer, sandbox::SignPreviewLink,
        required: ["port"],
        result: Json(sandbox::SignedPreviewLink),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/ports/{port}/signed-preview-url",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::signed_preview_link,
    },
    operation! {
        /// Ends a signed preview link before its time. A link that does not exist is a success.
        "sandbox.expire_signed_preview_link", Sandbox, Newer, sandbox::ExpireSignedPreviewLink,
        required: ["port", "token"],
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/ports/{port}/signed-preview-url/{token}/expire",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::expire_signed_preview_link,
    },
    operation! {
        /// Makes a token for SSH; `sshCommand` is the command that connects. An earlier token of the sandbox ends.
        ///
        /// Whether a gateway is reachable under that command is the deployment's matter.
        "sandbox.create_ssh_access", Sandbox, Newer, sandbox::CreateSshAccess,
        required: [],
        result: Json(sandbox::SshAccess),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/ssh-access",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::create_ssh_access,
    },
    operation! {
        /// Ends a token for SSH. One that does not exist is a success. The result is the sandbox.
        "sandbox.revoke_ssh_access", Sandbox, Newer, sandbox::SshToken,
        required: ["token"],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {api}/sandbox/{id}/ssh-access?token",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::revoke_ssh_access,
    },
    operation! {
        /// Whether a token for SSH is accepted, and which sandbox of the organization it leads to.
        ///
        /// A server before 0.205 answers its gateway alone: UNSUPPORTED.
        "sandbox.validate_ssh_access", Sandbox, Newer, sandbox::SshToken,
        required: ["token"],
        result: Json(sandbox::SshValidation),
        fails: [UNSUPPORTED],
        codes: [],
        endpoint: "GET {api}/sandbox/ssh-access/validate?token",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::validate_ssh_access,
    },
    operation! {
        /// A URL from which anybody can download one file of the sandbox (GET), without a credential, while the sandbox is
        /// started.
        ///
        /// It is signed here, with a key that is read from the server and kept for at most 15 s: after a rotation by another
        /// client URLs may be refused for that long.
        "sandbox.download_url", Sandbox, Newer, sandbox::FileUrl,
        required: ["path"],
        result: Json(sandbox::SignedUrl),
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/signing-key",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::download_url,
    },
    operation! {
        /// A URL to which anybody can upload one file of the sandbox (POST, the raw bytes or a form with the part `file`),
        /// without a credential, while the sandbox is started. Signed as that of sandbox.download_url.
        "sandbox.upload_url", Sandbox, Newer, sandbox::FileUrl,
        required: ["path"],
        result: Json(sandbox::SignedUrl),
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/signing-key",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::upload_url,
    },
    operation! {
        /// Makes a new key: every URL that was signed before ends.
        "sandbox.rotate_signing_key", Sandbox, Newer, sandbox::Nothing,
        required: [],
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/signing-key/rotate",
        cancel: "Drops the connection; the key may have been rotated.",
        timeout: Minute,
        call: sandbox::rotate_signing_key,
    },
    operation! {
        /// What the sandbox uses now: processors, memory, disk.
        "sandbox.metrics", Sandbox, Newer, sandbox::Nothing,
        required: [],
        result: Json(sandbox::SystemMetrics),
        fails: [UNSUPPORTED],
        codes: [],
        endpoint: "GET {sb}/system/metrics",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::metrics,
    },
    operation! {
        /// What the sandbox used over a time, sampled by the service.
        ///
        /// Asked of the analytics API where the deployment has one (client.config, `analyticsApiUrl`); the form is the same.
        "sandbox.metrics_history", Sandbox, Newer, sandbox::MetricsHistory,
        required: ["from", "to"],
        result: Json(sandbox::MetricsSeries),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/config, then GET {api}/sandbox/{id}/telemetry/metrics",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::metrics_history,
    },
    operation! {
        /// The ports from 3000 to 9999 on which processes of the sandbox listen.
        "sandbox.ports", Sandbox, Newer, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Ports),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/port",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::ports,
    },
    operation! {
        /// Whether a process of the sandbox listens on a port from 3000 to 9999.
        "sandbox.port_in_use", Sandbox, Newer, sandbox::Port,
        required: ["port"],
        result: Json(sandbox::PortUse),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/port/{port}/in-use",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::port_in_use,
    },
    operation! {
        /// The version of the daemon in the sandbox.
        "sandbox.daemon_version", Sandbox, Newer, sandbox::Nothing,
        required: [],
        result: Json(sandbox::DaemonVersion),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/version",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::daemon_version,
    },
];
