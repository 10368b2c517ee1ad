//! One stage: its configuration and, once a step needs files, a container of its own.

use super::context::Context;
use super::dockerfile::{Instruction, Verb, json_words};
use super::heredoc::Heredoc;
use super::tree::Found;
use super::words::{Variables, expand, split, word, words};
use super::worker::{self, PackRequest, RunRequest, UnpackRequest};
use super::{Image, ImageConfig, Log};
use crate::app_state::AppState;
use crate::host::{self, ToolboxHost};
use crate::isolation::{Container, HOME};
use crate::toolbox::{MachineConfig, Resources};
use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// The size of the container of a stage, beside its disk.
const CPUS: u64 = 2;
const MEMORY_GIB: u64 = 4;
/// Where archives wait that ADD unpacks.
const ARCHIVES: &str = "/run/daytona-build";
/// The images that a stage begins from have it; the machine's Debian has not.
const MAKE_PYTHON: &str = "command -v python || { found=$(command -v python3) && ln -s \"$found\" \
                           /usr/local/bin/python; }; true";
/// Runs a script that names its own interpreter.
const RUN_SCRIPT: &str = "file=$(mktemp) && printf %s \"$1\" > \"$file\" && chmod +x \"$file\" && \"$file\"; \
                          code=$?; rm -f \"$file\"; exit $code";

pub struct Stage {
    app: Arc<AppState>,
    log: Arc<Log>,
    pub name: String,
    base: Image,
    config: ImageConfig,
    has_own_cmd: bool,
    global: Variables,
    arguments: Variables,
    shell: Vec<String>,
    disk_gib: u64,
    running: Option<Running>,
}

struct Running {
    host: Arc<ToolboxHost>,
    container: Arc<Mutex<dyn Container>>,
}

impl Stage {
    pub fn new(
        app: &Arc<AppState>,
        log: &Arc<Log>,
        name: String,
        base: Image,
        global: Variables,
        disk_gib: u64,
    ) -> Self {
        Self {
            app: app.clone(),
            log: log.clone(),
            name,
            config: base.config.clone(),
            base,
            has_own_cmd: false,
            global,
            arguments: Variables::new(),
            shell: vec!["/bin/sh".into(), "-c".into()],
            disk_gib,
            running: None,
        }
    }

    /// What texts of instructions may refer to.
    fn variables(&self) -> Variables {
        let mut variables = self.arguments.clone();
        variables.insert("PATH".into(), std::env::var("PATH").unwrap_or_default());
        variables.extend(self.config.env.clone());
        variables
    }

    /// Every instruction but FROM, COPY and ADD.
    pub async fn step(&mut self, instruction: &Instruction) -> Result<(), String> {
        let variables = self.variables();
        let rest = instruction.rest.as_str();
        match instruction.verb {
            Verb::Run => return self.run(instruction).await,
            Verb::Env => {
                let pairs = pairs(rest, &variables)?;
                self.config.env.extend(pairs);
            }
            Verb::Arg => {
                for (name, value) in arguments(rest, &variables)? {
                    if let Some(value) = value.or_else(|| self.global.get(&name).cloned()) {
                        self.arguments.insert(name, value);
                    }
                }
            }
            Verb::Workdir => {
                let path = self.path(&word(rest, &variables)?);
                let path = if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path };
                if self.app.isolation.plan().is_some() {
                    self.make_directory(&path).await?;
                }
                self.config.work_dir = Some(path);
            }
            Verb::User => self.config.user = Some(word(rest, &variables)?),
            Verb::Shell => self.shell = json_words(rest).unwrap_or_default(),
            Verb::Entrypoint => {
                self.config.entrypoint = self.command(rest);
                if !self.has_own_cmd {
                    self.config.cmd.clear();
                }
            }
            Verb::Cmd => {
                self.config.cmd = self.command(rest);
                self.has_own_cmd = true;
            }
            Verb::Volume => {
                let paths = json_words(rest).map_or_else(|| words(rest, &variables), Ok)?;
                if self.app.isolation.plan().is_some() {
                    for path in paths.iter().filter(|path| path.starts_with('/')) {
                        self.make_directory(path).await?;
                    }
                }
            }
            Verb::Label => drop(pairs(rest, &variables)?),
            // Of no meaning for a sandbox.
            Verb::Expose | Verb::Healthcheck | Verb::StopSignal | Verb::Maintainer => {
                drop(words(rest, &variables)?);
            }
            Verb::From | Verb::Copy | Verb::Add | Verb::OnBuild => return Err("not a step".into()),
        }
        Ok(())
    }

    /// A command line in its JSON form, or as a line for the shell.
    fn command(&self, rest: &str) -> Vec<String> {
        match json_words(rest) {
            Some(words) => words,
            None if rest.is_empty() => Vec::new(),
            None => [self.shell.as_slice(), &[rest.to_owned()]].concat(),
        }
    }

    async fn run(&mut self, instruction: &Instruction) -> Result<(), String> {
        for (name, value) in &instruction.flags {
            let is_cache = value.split(',').any(|part| ["type=cache", "type=tmpfs"].contains(&part));
            match name.as_str() {
                "mount" if is_cache => self.log.line(&format!(" ---> --mount={value} has no effect here")),
                "network" | "security" => {}
                _ => return Err(format!("RUN --{name}={value} is not supported")),
            }
        }
        let (rest, heredocs) = (instruction.rest.as_str(), instruction.heredocs.as_slice());
        let argv = match heredocs {
            [] => self.command(rest),
            [script] if is_heredoc_alone(rest) && script.content.starts_with("#!") => {
                vec!["/bin/sh".into(), "-c".into(), RUN_SCRIPT.into(), "sh".into(), script.content.clone()]
            }
            [script] if is_heredoc_alone(rest) => {
                [self.shell.as_slice(), std::slice::from_ref(&script.content)].concat()
            }
            _ => {
                let documents = heredocs.iter().map(|it| format!("{}{}\n", it.content, it.name));
                let text = format!("{rest}\n{}", documents.collect::<String>());
                [self.shell.as_slice(), &[text]].concat()
            }
        };
        let said = if heredocs.is_empty() { argv.join(" ") } else { rest.to_owned() };
        match self.execute(argv, true).await? {
            0 => Ok(()),
            code => Err(format!("The command '{said}' returned a non-zero code: {code}")),
        }
    }

    /// Runs a command in the container, its output to the log; the exit code.
    async fn execute(&mut self, argv: Vec<String>, as_user: bool) -> Result<i32, String> {
        let mut env = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("PIP_BREAK_SYSTEM_PACKAGES".to_owned(), "1".to_owned()),
        ]);
        env.extend(self.arguments.clone());
        env.extend(self.config.env.clone());
        let request = RunRequest {
            argv,
            env,
            cwd: self.config.work_dir.clone().filter(|_| as_user).unwrap_or_else(|| "/".into()),
            user: self.config.user.clone().filter(|_| as_user),
        };
        let host = self.host("RUN").await?;
        let body = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
        let response = ask(&host, worker::RUN, None, Body::from(body)).await?;
        let mut body = response.into_body();
        let mut buffer = Vec::new();
        loop {
            while let Some((head, rest)) = buffer.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*head);
                if length == worker::END {
                    match rest.first_chunk::<4>() {
                        Some(code) => return Ok(i32::from_be_bytes(*code)),
                        None => break,
                    }
                }
                let length = length as usize;
                let Some(piece) = rest.get(..length) else { break };
                self.log.write(piece);
                buffer.drain(..length + 4);
            }
            match body.frame().await {
                Some(Ok(frame)) => buffer.extend_from_slice(&frame.into_data().unwrap_or_default()),
                _ => return Err("the build's container ended while the command ran".into()),
            }
        }
    }

    async fn make_directory(&mut self, path: &str) -> Result<(), String> {
        // An archive without entries: its two closing blocks.
        let empty = Body::from(vec![0; 1024]);
        self.unpack(&format!("{path}/"), false, (None, None), empty).await
    }

    /// COPY and ADD out of the context.
    pub async fn copy(&mut self, instruction: &Instruction, context: Option<&Context>) -> Result<(), String> {
        let (sources, destination, attributes) = self.operands(instruction)?;
        let mut documents = instruction.heredocs.iter();
        let (mut found, mut archives, mut written) = (Vec::new(), Vec::new(), Vec::new());
        for source in &sources {
            if source.starts_with("<<") {
                written.extend(documents.next());
                continue;
            }
            if source.contains("://") || source.starts_with("git@") {
                return Err(format!(
                    "{source} is a URL, and those are not fetched: download it in a RUN, or COPY it from the context"
                ));
            }
            let Some(context) = context else {
                return Err(format!("{source:?} is not there: the build has no context"));
            };
            for one in context.find(source)? {
                let is_archive = instruction.verb == Verb::Add
                    && !one.is_directory
                    && context.tree().start(&one, 512).is_ok_and(|start| is_archive(&start));
                if is_archive { archives.push(one) } else { found.push(one) }
            }
        }
        if found.len() + archives.len() + written.len() > 1 && !destination.ends_with('/') {
            return Err("when using COPY with more than one source file, \
                        the destination must be a directory and end with a /"
                .into());
        }
        for archive in archives {
            let tree = context.map(Context::tree).ok_or("no context")?;
            let inside = format!("{ARCHIVES}/archive");
            let body = worker::packed(tree, vec![archive.clone()]);
            self.unpack(&inside, true, (None, None), body).await?;
            self.make_directory(destination.trim_end_matches('/')).await?;
            let tar = ["tar", "-xf", &inside, "-C", &destination].map(str::to_owned).to_vec();
            if self.execute(tar, false).await? != 0 {
                return Err(format!("{} cannot be unpacked", archive.path.display()));
            }
            let clean = ["rm", "-rf", ARCHIVES].map(str::to_owned).to_vec();
            self.execute(clean, false).await?;
        }
        let variables = self.variables();
        for document in written {
            let body = Body::from(archive_of(document, &variables)?);
            self.unpack(&destination, true, attributes.clone(), body).await?;
        }
        if found.is_empty() {
            return Ok(());
        }
        let tree = context.map(Context::tree).ok_or("no context")?;
        let single_file = matches!(&found[..], [Found { is_directory: false, .. }]);
        self.unpack(&destination, single_file, attributes, worker::packed(tree, found)).await
    }

    /// COPY out of another stage.
    pub async fn copy_from(&mut self, instruction: &Instruction, other: &mut Stage) -> Result<(), String> {
        let (sources, destination, attributes) = self.operands(instruction)?;
        if sources.len() > 1 && !destination.ends_with('/') {
            return Err(
                "with more than one source the destination must be a directory and end with a /".into()
            );
        }
        let host = other.host("COPY").await?;
        let request = serde_json::to_vec(&PackRequest { sources }).map_err(|error| error.to_string())?;
        let response = ask(&host, worker::PACK, None, Body::from(request)).await?;
        let single_file = response.headers().get(worker::SINGLE_FILE).is_some_and(|value| value == "1");
        self.unpack(&destination, single_file, attributes, response.into_body()).await
    }

    /// Sources, destination, and the owner and mode that the files get.
    #[allow(clippy::type_complexity)]
    fn operands(
        &self,
        instruction: &Instruction,
    ) -> Result<(Vec<String>, String, (Option<String>, Option<u32>)), String> {
        let variables = self.variables();
        let (mut owner, mut mode) = (None, None);
        for (name, value) in &instruction.flags {
            let value = word(value, &variables)?;
            match name.as_str() {
                "from" | "link" => {}
                "chown" => owner = Some(value),
                "chmod" => {
                    let octal = u32::from_str_radix(&value, 8).ok().filter(|mode| *mode <= 0o7777);
                    mode = Some(octal.ok_or_else(|| format!("--chmod={value}: give an octal number"))?);
                }
                _ => return Err(format!("COPY --{name} is not supported")),
            }
        }
        let given = match json_words(&instruction.rest) {
            Some(given) => given.iter().map(|it| word(it, &variables)).collect::<Result<Vec<_>, _>>()?,
            None => split(&instruction.rest)
                .iter()
                .map(|part| if part.starts_with("<<") { Ok(part.clone()) } else { word(part, &variables) })
                .collect::<Result<Vec<_>, _>>()?,
        };
        let (destination, sources) = given.split_last().ok_or("no destination")?;
        Ok((sources.to_vec(), self.path(destination), (owner, mode)))
    }

    /// An absolute path; a slash at its end, which says that it is a directory, stays.
    fn path(&self, given: &str) -> String {
        let base = self.config.work_dir.as_deref().unwrap_or("/");
        let whole = if given.starts_with('/') { given.to_owned() } else { format!("{base}/{given}") };
        let mut parts: Vec<&str> = Vec::new();
        for part in whole.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let is_directory = ["/", "/.", "/.."].iter().any(|end| whole.ends_with(end)) || parts.is_empty();
        format!("/{}{}", parts.join("/"), if is_directory && !parts.is_empty() { "/" } else { "" })
    }

    async fn unpack(
        &mut self,
        destination: &str,
        single_file: bool,
        (owner, mode): (Option<String>, Option<u32>),
        body: Body,
    ) -> Result<(), String> {
        let host = self.host("COPY").await?;
        let request = UnpackRequest { destination: destination.to_owned(), single_file, owner, mode };
        let told = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
        ask(&host, worker::UNPACK, Some(&told), body).await.map(drop)
    }

    /// The daemon of the stage's container, which is started for the first step that needs it.
    async fn host(&mut self, verb: &str) -> Result<Arc<ToolboxHost>, String> {
        if let Some(running) = &self.running {
            return Ok(running.host.clone());
        }
        if self.app.isolation.plan().is_none() {
            return Err(format!(
                "{verb} needs a container of its own, and this server runs without isolation: {}",
                self.app.isolation.notes().join("; ")
            ));
        }
        let (app, base, disk_gib) = (self.app.clone(), self.base.layer.clone(), self.disk_gib);
        let started = tokio::task::spawn_blocking(move || {
            let id = format!("build-{}", Uuid::new_v4().simple());
            let resources = Resources { cpu: CPUS, memory_gib: MEMORY_GIB, disk_gib };
            let limits = host::limits(&resources);
            let container = app.isolation.container(&app.state_dir, &id, limits, disk_gib << 30);
            if let Some(base) = base {
                container.lock().fill(&base)?;
            }
            app.builds.watch(&container)?;
            let config = MachineConfig {
                sandbox_id: id,
                protocol: app.protocol,
                home: HOME.into(),
                work_dir: None,
                user: None,
                log_dir: "/run/daytona".into(),
                isolated: true,
                env: BTreeMap::new(),
                entrypoint: Vec::new(),
                resources,
                protected: Vec::new(),
            };
            let host = Arc::new(ToolboxHost::start(container.clone(), &config)?);
            Ok::<_, std::io::Error>(Running { host, container })
        });
        let started = started.await.map_err(|error| error.to_string())?;
        let running = started.map_err(|error| format!("the build's container cannot start: {error}"))?;
        let host = running.host.clone();
        self.running = Some(running);
        if self.base.layer.is_none() {
            let argv =
                vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("{{ {MAKE_PYTHON}; }} >/dev/null 2>&1")];
            Box::pin(self.execute(argv, false)).await?;
        }
        Ok(host)
    }

    /// The image that the steps so far make.
    pub async fn finish(&mut self) -> Result<Image, String> {
        let config = self.config.clone();
        let Some(running) = &self.running else {
            return Ok(Image { layer: self.base.layer.clone(), config });
        };
        let container = running.container.clone();
        let path = self.app.state_dir.join(format!("{}.layer", Uuid::new_v4().simple()));
        let saved = tokio::task::spawn_blocking(move || container.lock().save(&path)).await;
        let saved = saved.map_err(|error| error.to_string())?;
        let layer = saved.map_err(|error| format!("the built files cannot be saved: {error}"))?;
        Ok(Image { layer: Some(Arc::new(layer)), config })
    }
}

async fn ask(
    host: &ToolboxHost,
    path: &str,
    told: Option<&[u8]>,
    body: Body,
) -> Result<axum::http::Response<Body>, String> {
    let response = host.ask(path, told, body).await;
    let response = response.map_err(|error| format!("the build's container does not answer: {error}"))?;
    if response.status() != StatusCode::UNPROCESSABLE_ENTITY {
        return Ok(response);
    }
    let text = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Err(String::from_utf8_lossy(&text).into_owned())
}

/// `NAME[=VALUE]...`
pub fn arguments(rest: &str, variables: &Variables) -> Result<Vec<(String, Option<String>)>, String> {
    let words = words(rest, variables)?;
    Ok(words
        .into_iter()
        .map(|it| match it.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (it, None),
        })
        .collect())
}

/// `NAME=VALUE...`, or the old form `NAME VALUE`.
fn pairs(rest: &str, variables: &Variables) -> Result<Vec<(String, String)>, String> {
    let parts = split(rest);
    if !parts.first().is_some_and(|first| first.contains('=')) {
        let (name, value) = rest.split_once(char::is_whitespace).ok_or("a name has to have a value")?;
        return Ok(vec![(name.to_owned(), word(value.trim(), variables)?)]);
    }
    let pair = |part: &String| {
        let part = word(part, variables)?;
        let (name, value) =
            part.split_once('=').ok_or_else(|| format!("syntax error - can't find = in {part:?}"))?;
        if name.is_empty() {
            return Err(format!("a name is empty in {part:?}"));
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    parts.iter().map(pair).collect()
}

fn is_heredoc_alone(rest: &str) -> bool {
    rest.starts_with("<<") && split(rest).len() == 1
}

/// Whether a file begins like a tar archive, as it is or compressed.
fn is_archive(start: &[u8]) -> bool {
    const MAGIC: [&[u8]; 4] =
        [&[0x1f, 0x8b], b"BZh", &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0x28, 0xb5, 0x2f, 0xfd]];
    MAGIC.iter().any(|magic| start.starts_with(magic)) || start.get(257..262) == Some(b"ustar")
}

/// A document as an archive of one file.
fn archive_of(document: &Heredoc, variables: &Variables) -> Result<Vec<u8>, String> {
    let content =
        if document.expands { expand(&document.content, variables)? } else { document.content.clone() };
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_data(&mut header, &document.name, content.as_bytes())
        .and_then(|()| builder.into_inner())
        .map_err(|error| error.to_string())
}
