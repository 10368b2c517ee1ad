//! The style of the Go SDK: lines without quoting, joined without a line break at the end.

use super::draft::{Draft, Kind};
use super::object::{Action, AddLocal, Beginning, PipInstall, Raw, Run};
use super::own;
use super::pyproject;
use super::quote;
use crate::client::error::{Error, Result};
use std::path::Path;

pub(super) fn begin(draft: &mut Draft, beginning: &Beginning<'_>) -> Result<()> {
    match beginning {
        Beginning::Base(image) => draft.text = format!("FROM {image}"),
        Beginning::DebianSlim(version) => {
            draft.text = format!("FROM python:{}-slim-bookworm", version.unwrap_or("3.12"));
        }
        Beginning::Dockerfile(text, None) => draft.text = (*text).to_owned(),
        Beginning::Dockerfile(_, Some(_)) => {
            return Err(Error::invalid(
                "`contextDir` does not go with the style `go`, whose SDK takes no files for a Dockerfile; leave \
                 `style` away",
            ));
        }
    }
    Ok(())
}

pub(super) fn step(draft: &mut Draft, action: &Action<'_>) -> Result<()> {
    match action {
        Action::AptGet([]) => {}
        Action::AptGet(packages) => line(
            draft,
            &format!(
                "RUN apt-get update && apt-get install -y {} && rm -rf /var/lib/apt/lists/*",
                packages.join(" ")
            ),
        ),
        Action::PipInstall(pip) => pip_install(draft, pip, &pip.packages),
        Action::Pyproject { path, groups, pip } => {
            pip_install(draft, pip, &pyproject::dependencies(Path::new(path), groups)?);
        }
        Action::AddLocalFile(added) => add_local(draft, added, Kind::Either),
        Action::AddLocalDir(added) => add_local(draft, added, Kind::Either),
        Action::Copy(files) => line(draft, &format!("COPY {} {}", files.source, files.destination)),
        Action::Add(files) => line(draft, &format!("ADD {} {}", files.source, files.destination)),
        Action::Run(Run::Shell(command)) => line(draft, &format!("RUN {command}")),
        Action::Workdir(path) => line(draft, &format!("WORKDIR {path}")),
        Action::User(name) => line(draft, &format!("USER {name}")),
        Action::Env(pairs) => {
            pairs.iter().for_each(|(name, value)| line(draft, &format!("ENV {name}={value}")))
        }
        Action::Label(pairs) => {
            pairs.iter().for_each(|(name, value)| line(draft, &format!("LABEL {name}=\"{value}\"")));
        }
        Action::Expose(ports) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            line(draft, &format!("EXPOSE {}", ports.join(" ")));
        }
        Action::Volume(paths) => line(draft, &format!("VOLUME [{}]", paths.join(" "))),
        Action::Entrypoint(None) => line(draft, "ENTRYPOINT null"),
        Action::Entrypoint(Some(words)) => {
            let words: Vec<String> = words.iter().map(|word| quote::go_json(word)).collect();
            line(draft, &format!("ENTRYPOINT [{}]", words.join(",")));
        }
        Action::Cmd(words) => line(draft, &format!("CMD [\"{}\"]", words.unwrap_or_default().join("\", \""))),
        Action::Raw(Raw { context_dir: Some(_), .. }) => {
            return Err(Error::invalid(
                "a `contextDir` does not go with the style `go`, whose SDK takes no files for Dockerfile lines; leave \
                 `style` away",
            ));
        }
        Action::Raw(raw) => raw.commands.iter().for_each(|command| line(draft, command)),
        // What this SDK has no builder for.
        other => {
            let mut lines = Draft::default();
            own::step(&mut lines, other)?;
            line(draft, lines.text.trim_end_matches('\n'));
            draft.contexts.append(&mut lines.contexts);
        }
    }
    Ok(())
}

fn line(draft: &mut Draft, line: &str) {
    draft.text.push('\n');
    draft.text.push_str(line);
}

fn pip_install(draft: &mut Draft, pip: &PipInstall, packages: &[String]) {
    if packages.is_empty() {
        return;
    }
    let mut words: Vec<&str> = vec!["RUN", "pip", "install"];
    for link in pip.find_links.iter().flatten() {
        words.extend(["--find-links", link]);
    }
    if let Some(url) = pip.index_url.as_deref().filter(|url| !url.is_empty()) {
        words.extend(["--index-url", url]);
    }
    for url in pip.extra_index_urls.iter().flatten() {
        words.extend(["--extra-index-url", url]);
    }
    if pip.pre == Some(true) {
        words.push("--pre");
    }
    words.extend(pip.extra_options.as_deref().filter(|extra| !extra.is_empty()));
    words.extend(packages.iter().map(String::as_str));
    let command = words.join(" ");
    line(draft, &command);
}

/// Missing files are found when they are uploaded, as that SDK does.
fn add_local(draft: &mut Draft, added: &AddLocal, kind: Kind) {
    line(draft, &format!("COPY {} {}", added.local_path, added.remote_path));
    draft.add(added.local_path.clone(), (&added.local_path).into(), kind);
}
