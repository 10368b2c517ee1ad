//! Creating a sandbox: the request's body, and the look-up by name after an ambiguous failure.

use super::build;
use super::{Sandbox, wait};
use crate::client::Client;
use crate::client::api_version::{self, V0_205, V0_226};
use crate::client::error::{Error, Result};
use crate::client::image::{self, BuildInfo, ImageOrName};
use crate::client::operation::{Context, Progress};
use crate::client::remote_guard::may_have_acted;
use crate::client::stream::{Ended, ErrorContext, Io};
use crate::client::transport::{Json, segment};
use crate::client::unique::unique;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

crate::params! {
    stream
    #[derive(Default)]
    pub struct Create {
        /// The snapshot to start from, by name; absent, with no `image`: the server's default.
        pub snapshot: Option<String>,
        /// An image name, as "python:3.12", or an image object; the server builds a sandbox image from it. Local
        /// files of an image object are brought into the object store first, within the same time limit.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::image::ImageOrNameShape>"))]
        pub image: Option<ImageOrName>,
        /// A unique name; absent: one is made up, so that a create whose answer was lost can be found.
        pub name: Option<String>,
        /// What `process.code_run` runs.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = LANGUAGES)))]
        pub language: Option<String> = super::DEFAULT_LANGUAGE,
        /// The user that processes run as.
        pub user: Option<String>,
        /// Environment variables of every process.
        pub env: Option<BTreeMap<String, String>>,
        /// Labels to find it by.
        pub labels: Option<BTreeMap<String, String>>,
        /// true: preview links work without a token.
        pub public: Option<bool> = false,
        /// The region; absent: the client's `target`.
        pub target: Option<String>,
        /// `cpu` (vCPU), `memory` (GiB), `disk` (GiB), `gpu`, `gpuType`.
        pub resources: Option<Resources>,
        /// Minutes without activity until it stops; 0 never. The server takes 15 where it is not given, unless the
        /// sandbox pauses by itself.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = 0)))]
        pub auto_stop_interval: Option<i64>,
        /// Minutes stopped until it is archived; 0 never.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = 0)))]
        pub auto_archive_interval: Option<i64> = 10_080,
        /// Minutes stopped until it is deleted; -1 never, 0 at once.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = -1)))]
        pub auto_delete_interval: Option<i64> = -1,
        /// true: deleted as soon as it stops; the same as `autoDeleteInterval` 0, which it overrides.
        pub ephemeral: Option<bool> = false,
        /// Volumes to mount: `[{"volumeId":"...","mountPath":"/data","subpath":"..."}]`.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<VolumeMount>>"))]
        pub volumes: Option<Vec<Mount>>,
        /// true: no network at all.
        pub network_block_all: Option<bool> = false,
        /// Networks that may be reached, as "10.0.0.0/8,1.2.3.4/32".
        pub network_allow_list: Option<String>,
        /// Domains that may be reached, separated by commas.
        pub domain_allow_list: Option<String>,
        /// false returns as soon as the server has answered; true waits until it is started.
        pub wait_for_start: Option<bool> = true,
        /// Minutes without activity until it pauses; 0 never. The server takes 60 where its class can pause and neither
        /// this nor `autoStopInterval` is given. UNSUPPORTED before 0.205.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = 0)))]
        pub auto_pause_interval: Option<i64>,
        /// Minutes until it is destroyed, whatever it does; 0 never. Absent: the longest that the organization
        /// allows, if there is one. UNSUPPORTED before 0.205.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = 0)))]
        pub ttl_minutes: Option<i64>,
        /// Secrets as environment variables: `[{"ENV_NAME":"secret-name"}]`. UNSUPPORTED before 0.205.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<BTreeMap<String, String>>>"))]
        pub secrets: Option<Vec<Value>>,
        /// true: on spot capacity, which may be taken back. UNSUPPORTED before 0.205.
        pub spot: Option<bool> = false,
        /// Another sandbox to share a machine with.
        pub linked_sandbox: Option<String>,
        /// Minutes that it may wait for a free runner before it is given up, 1 or more; absent: no limit. The error is
        /// then SANDBOX_FAILED with the code QUEUE_TIMEOUT. UNSUPPORTED before 0.226.
        #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("unit" = "minutes")))]
        pub queue_timeout: Option<i64>,
        /// true: on a machine with KVM. UNSUPPORTED before 0.226.
        pub kvm: Option<bool> = false,
    }
}

/// The size of a sandbox. What is absent is the server's default or, in a resize, stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
    pub cpu: Option<u32>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub memory: Option<u32>,
    /// Disk space.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub disk: Option<u32>,
    /// How many GPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
    /// The kind of GPU: a name, or several to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<GpuTypes>"))]
    pub gpu_type: Option<Value>,
}

/// One kind of GPU, or several in the order of preference.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)] // A shape alone: the value goes to the server as it is.
enum GpuTypes {
    One(crate::client::known::GpuType),
    Several(Vec<crate::client::known::GpuType>),
}

/// A volume in a sandbox.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// The volume's id or name.
    pub volume_id: String,
    /// Where it appears in the sandbox.
    pub mount_path: String,
    /// The part of the volume that appears; absent: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
}

/// The same where it is asked for: the server would ignore what is unknown.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    volume_id: String,
    mount_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subpath: Option<String>,
}

/// The body of POST /sandbox; options that were not given are absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_info: Option<BuildInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<&'a BTreeMap<String, String>>,
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(flatten)]
    resources: Option<Resources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_stop_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_pause_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_archive_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_delete_interval: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_minutes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volumes: Option<&'a [Mount]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_block_all: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_allow_list: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_allow_list: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linked_sandbox: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_timeout: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kvm: Option<bool>,
}

async fn build_info(client: &Client, image: &ImageOrName, progress: Option<Progress>) -> Result<BuildInfo> {
    Ok(match image {
        ImageOrName::Name(name) => {
            BuildInfo { dockerfile_content: format!("FROM {name}\n"), context_hashes: Vec::new() }
        }
        ImageOrName::Object(image) => image::prepare(client, image, None, progress).await?.build_info,
    })
}

impl Resources {
    /// As a create has them: the kinds of GPU are always a list.
    pub(crate) fn for_create(mut self) -> Self {
        self.gpu_type = self.gpu_type.map(|kinds| match kinds {
            Value::Array(_) => kinds,
            one => Value::Array(vec![one]),
        });
        self
    }
}

const LANGUAGES: [&str; 3] = ["python", "typescript", "javascript"];
const LANGUAGE_LABEL: &str = "code-toolbox-language";

impl Create {
    /// Refuses, before anything is sent, what the server would refuse or silently misread.
    fn check(&self) -> Result<()> {
        let invalid = |text: String| Err(Error::invalid(format!("sandbox.create: {text}")));
        if let Some(language) = self.language.as_deref().filter(|it| !LANGUAGES.contains(it)) {
            return invalid(format!("`language` is {language:?}; it can be {}", LANGUAGES.join(", ")));
        }
        let intervals = [
            ("autoStopInterval", self.auto_stop_interval),
            ("autoPauseInterval", self.auto_pause_interval),
            ("autoArchiveInterval", self.auto_archive_interval),
            ("ttlMinutes", self.ttl_minutes),
        ];
        for (name, minutes) in intervals {
            if minutes.is_some_and(|minutes| minutes < 0) {
                return invalid(format!("`{name}` is negative; give minutes, 0 for never"));
            }
        }
        if self.queue_timeout.is_some_and(|minutes| minutes < 1) {
            return invalid("`queueTimeout` is less than 1; give minutes, 1 or more".into());
        }
        let set = |minutes: Option<i64>| minutes.is_some_and(|minutes| minutes != 0);
        if set(self.auto_stop_interval) && set(self.auto_pause_interval) {
            return invalid("`autoStopInterval` and `autoPauseInterval` exclude each other".into());
        }
        let deletes_at_once = self.ephemeral == Some(true) || self.auto_delete_interval == Some(0);
        if set(self.auto_pause_interval) && deletes_at_once {
            return invalid(
                "`autoPauseInterval` cannot go with `ephemeral` or `autoDeleteInterval` 0".into(),
            );
        }
        if self.snapshot.is_some() && self.image.is_some() {
            return invalid("`snapshot` and `image` exclude each other".into());
        }
        self.image.as_ref().map_or(Ok(()), |image| image.check("sandbox.create"))
    }

    /// Refuses what the server at hand is known to ignore. A value that asks for what happens without it passes.
    async fn check_version(&self, client: &Client) -> Result<()> {
        let set = |minutes: Option<i64>| minutes.is_some_and(|minutes| minutes != 0);
        let options = [
            ("autoPauseInterval", set(self.auto_pause_interval), V0_205),
            ("ttlMinutes", set(self.ttl_minutes), V0_205),
            ("secrets", self.secrets.as_ref().is_some_and(|secrets| !secrets.is_empty()), V0_205),
            ("spot", self.spot == Some(true), V0_205),
            ("queueTimeout", self.queue_timeout.is_some(), V0_226),
            ("kvm", self.kvm == Some(true), V0_226),
        ];
        api_version::requires(client, "sandbox.create", &options).await
    }

    fn body<'a>(&'a self, client: &'a Client, name: &'a str, build_info: Option<BuildInfo>) -> Body<'a> {
        let mut labels: BTreeMap<&str, &str> =
            self.labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if self.language.is_some() || !labels.contains_key(LANGUAGE_LABEL) {
            labels.insert(LANGUAGE_LABEL, self.language());
        }
        let resources = self.resources.clone().map(Resources::for_create);
        Body {
            name,
            snapshot: self.snapshot.as_deref(),
            build_info,
            user: self.user.as_deref(),
            env: self.env.as_ref(),
            labels,
            public: self.public,
            target: self.target.as_deref().or(client.target()),
            resources,
            auto_stop_interval: self.auto_stop_interval,
            auto_pause_interval: self.auto_pause_interval,
            auto_archive_interval: self.auto_archive_interval,
            auto_delete_interval: if self.ephemeral == Some(true) {
                Some(0)
            } else {
                self.auto_delete_interval
            },
            ttl_minutes: self.ttl_minutes,
            volumes: self.volumes.as_deref(),
            secrets: self.secrets.as_deref(),
            network_block_all: self.network_block_all,
            network_allow_list: self.network_allow_list.as_deref(),
            domain_allow_list: self.domain_allow_list.as_deref(),
            spot: self.spot,
            linked_sandbox: self.linked_sandbox.as_deref(),
            queue_timeout: self.queue_timeout,
            kvm: self.kvm,
        }
    }
}

/// A unique name, by which a sandbox is found if the create is not answered.
pub(super) fn unique_name() -> String {
    let mut random = fastrand::Rng::with_seed(unique());
    let letters: String = std::iter::repeat_with(|| random.lowercase()).take(16).collect();
    format!("sandbox-{letters}")
}

/// Sends the request. When the server may have acted on a failed one, looks the sandbox up by its name instead of
/// creating another.
async fn request(
    client: &Client,
    params: &Create,
    error_context: &ErrorContext,
    progress: Option<Progress>,
) -> Result<Sandbox> {
    params.check()?;
    params.check_version(client).await?;
    let build_info = match &params.image {
        Some(image) => Some(build_info(client, image, progress).await?),
        None => None,
    };
    let given = params.name.as_deref();
    let name = given.map_or_else(unique_name, str::to_owned);
    error_context.sandbox_name(&name);
    let answer = async {
        let request = client.request(Method::POST, "sandbox").json(&params.body(client, &name, build_info));
        Sandbox::read(client.clone(), request.send().await?.json().await?)
    };
    let sandbox = match answer.await {
        Err(error) if given.is_none() && may_have_acted(&error) => {
            match client.request(Method::GET, &format!("sandbox/{}", segment(&name)?)).send().await {
                Ok(found) => Sandbox::read(client.clone(), found.json().await?)?,
                Err(_) => return Err(error),
            }
        }
        answered => answered?,
    };
    error_context.sandbox_id(sandbox.id());
    Ok(sandbox)
}

pub async fn create(client: Client, params: Create, context: Context) -> Result<(Sandbox, Json)> {
    let sandbox = request(&client, &params, &context.error_context, context.progress.clone()).await?;
    if params.wait_for_start() {
        wait::until_started(&sandbox).await?;
    }
    let info = sandbox.info();
    Ok((sandbox, info))
}

/// The same with the build log as data.
pub async fn create_stream(client: Client, params: Create, io: Io) -> Result<Ended> {
    let sandbox = request(&client, &params, &io.error_context, None).await?;
    io.opened(sandbox.info().text);
    build::follow(&sandbox, &io).await;
    if params.wait_for_start() {
        wait::until_started(&sandbox).await?;
    }
    let json = sandbox.info().text;
    Ok(Ended { json, position: None, sandbox: Some(sandbox) })
}

#[cfg(test)]
mod tests {
    use super::unique_name;

    #[test]
    fn names_differ_also_where_the_clock_was_read_at_the_same_instant() {
        let named = || {
            fastrand::seed(1); // As another process may be.
            unique_name()
        };
        assert_ne!(named(), named());
    }
}
