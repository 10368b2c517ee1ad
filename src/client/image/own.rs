//! The library's own style: each value is quoted so that it arrives in the image as it was given.

use super::dockerfile::{self, Part};
use super::draft::{Context, Draft, Kind, Source, check_exists};
use super::local_path::{base_name, resolve};
use super::object::{Action, AddLocal, Beginning, CopyFiles, PipInstall, Raw, Run};
use super::pyproject;
use super::quote;
use crate::client::error::{Error, Result};
use std::path::{Path, PathBuf};

pub(super) fn begin(draft: &mut Draft, beginning: &Beginning<'_>) -> Result<()> {
    match beginning {
        Beginning::Base(image) => line(draft, "base", &format!("FROM {}", one_word("base", image)?)),
        Beginning::DebianSlim(version) => {
            let version = one_word("debianSlim", version.unwrap_or("3.12"))?;
            line(draft, "debianSlim", &format!("FROM python:{version}-slim-bookworm"))
        }
        Beginning::Dockerfile(text, context_dir) => {
            dockerfile::parse(text, Part::Whole)?;
            draft.text.push_str(text);
            if let Some(directory) = context_dir {
                collect(draft, directory, text, Part::Whole);
            }
            Ok(())
        }
    }
}

pub(super) fn step(draft: &mut Draft, action: &Action<'_>) -> Result<()> {
    end_last_line(draft);
    match action {
        Action::AptGet([]) => Ok(()),
        Action::AptGet(packages) => {
            let packages = words(packages);
            line(
                draft,
                "aptGet",
                &format!(
                    "RUN apt-get update && apt-get install -y {packages} && rm -rf /var/lib/apt/lists/*"
                ),
            )
        }
        Action::PipInstall(pip) => pip_install(draft, pip, &pip.packages),
        Action::Requirements { path, pip } => {
            let name = add(draft, path, Kind::File)?;
            line(draft, "requirements", &format!("COPY {}", sources(&[&name], "/.requirements.txt")))?;
            let options = pip_options(pip)?;
            line(draft, "requirements", &format!("RUN python -m pip install -r /.requirements.txt{options}"))
        }
        Action::Pyproject { path, groups, pip } => {
            pip_install(draft, pip, &pyproject::dependencies(Path::new(path), groups)?)
        }
        Action::AddLocalFile(added) => add_local(draft, "addLocalFile", added, Kind::File),
        Action::AddLocalDir(added) => add_local(draft, "addLocalDir", added, Kind::Directory),
        Action::Copy(files) => copy(draft, "COPY", files),
        Action::Add(files) => copy(draft, "ADD", files),
        Action::Run(command) => run(draft, command),
        Action::Workdir(path) => {
            line(draft, "workdir", &format!("WORKDIR {}", quote::dockerfile(given("workdir", path)?)))
        }
        Action::User(name) => {
            line(draft, "user", &format!("USER {}", quote::dockerfile(given("user", name)?)))
        }
        Action::Env(pairs) => pairs.iter().try_for_each(|(name, value)| {
            if name.is_empty()
                || name.contains(['=', '"', '\'', '\\', '$'])
                || name.contains(char::is_whitespace)
            {
                return Err(Error::invalid(format!("`env` of the image has the impossible name {name:?}")));
            }
            line(draft, &format!("env` {name} `"), &format!("ENV {name}={}", quote::dockerfile(value)))
        }),
        Action::Label(pairs) => pairs.iter().try_for_each(|(name, value)| {
            let label =
                format!("LABEL {}={}", quote::dockerfile(given("label", name)?), quote::dockerfile(value));
            line(draft, "label", &label)
        }),
        Action::Expose([]) | Action::Volume([]) => Ok(()),
        Action::Expose(ports) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            line(draft, "expose", &format!("EXPOSE {}", ports.join(" ")))
        }
        Action::Volume(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| quote::path_word(path)).collect();
            line(draft, "volume", &format!("VOLUME {}", quote::json_array(paths.iter().map(String::as_str))))
        }
        Action::Entrypoint(words) => exec(draft, "ENTRYPOINT", words.unwrap_or_default()),
        Action::Cmd(words) => exec(draft, "CMD", words.unwrap_or_default()),
        Action::Raw(Raw { commands, context_dir }) => {
            let text = commands.join("\n");
            dockerfile::parse(&text, Part::Lines)?;
            draft.line(&text);
            if let Some(directory) = context_dir {
                collect(draft, directory, &text, Part::Lines);
            }
            Ok(())
        }
    }
}

/// A text of the user's ends without a line break where it likes.
fn end_last_line(draft: &mut Draft) {
    if !draft.text.is_empty() && !draft.text.ends_with('\n') {
        draft.text.push('\n');
    }
}

/// An instruction of one line; no value in it can hold a line break.
fn line(draft: &mut Draft, what: &str, line: &str) -> Result<()> {
    if line.contains(['\n', '\r', '\0']) {
        return Err(Error::invalid(format!(
            "`{what}` of the image has a line break, which this instruction of a Dockerfile cannot hold"
        )));
    }
    draft.line(line);
    Ok(())
}

/// The name of an image, a version: one word.
fn one_word<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    let text = text.trim();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Error::invalid(format!("`{what}` of the image has to be one word, and is {text:?}")));
    }
    Ok(text)
}

fn given<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    if text.is_empty() {
        return Err(Error::invalid(format!("`{what}` of the image has an empty text")));
    }
    Ok(text)
}

fn words(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote::shell(word)).collect();
    words.join(" ")
}

fn pip_install(draft: &mut Draft, pip: &PipInstall, packages: &[String]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let command = format!("RUN python -m pip install {}{}", words(packages), pip_options(pip)?);
    line(draft, "pipInstall", &command)
}

fn pip_options(pip: &PipInstall) -> Result<String> {
    let mut options = String::new();
    let mut option = |name: &str, value: &str| options.push_str(&format!(" {name} {}", quote::shell(value)));
    pip.find_links.iter().flatten().for_each(|link| option("--find-links", link));
    pip.index_url.iter().for_each(|url| option("--index-url", url));
    pip.extra_index_urls.iter().flatten().for_each(|url| option("--extra-index-url", url));
    if pip.pre == Some(true) {
        options.push_str(" --pre");
    }
    let extra = pip.extra_options.as_deref().unwrap_or_default().trim();
    if extra.ends_with('\\') {
        return Err(Error::invalid(
            "`extraOptions` of the image ends in a backslash, which would take in the next line",
        ));
    }
    if !extra.is_empty() {
        options.push(' ');
        options.push_str(extra);
    }
    Ok(options)
}

/// Puts a local path into the context under its last name; where two have the same, the later is in a directory
/// with its number.
fn add(draft: &mut Draft, path: &str, kind: Kind) -> Result<String> {
    check_exists(Path::new(path), kind)?;
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(resolve(path)));
    let name = match base_name(&real.to_string_lossy()) {
        "" => "root".to_owned(),
        name => name.to_owned(),
    };
    let same = |context: &Context| matches!(&context.source, Source::Path { path, .. } if *path == real);
    if let Some(known) = draft.contexts.iter().find(|context| same(context)) {
        return Ok(known.archive.clone());
    }
    let taken = |archive: &str| draft.contexts.iter().any(|context| context.archive == archive);
    let prefix = draft.local_prefix;
    let numbered = (2..).map(|number| format!("{prefix}{number}/{name}"));
    let archive = std::iter::once(format!("{prefix}{name}")).chain(numbered).find(|archive| !taken(archive));
    let archive = archive.unwrap_or(name);
    draft.add(archive.clone(), real, kind);
    Ok(archive)
}

fn add_local(draft: &mut Draft, what: &str, added: &AddLocal, kind: Kind) -> Result<()> {
    let archive = add(draft, given(what, &added.local_path)?, kind)?;
    let mut remote = given(what, &added.remote_path)?.to_owned();
    if kind == Kind::File && remote.ends_with('/') {
        remote.push_str(base_name(&added.local_path));
    }
    line(draft, what, &format!("COPY {}", sources(&[&archive], &remote)))
}

/// The words of a COPY whose sources stand for themselves: plain where nothing in them is special.
fn sources(sources: &[&str], destination: &str) -> String {
    let mut words: Vec<String> = sources.iter().map(|source| quote::literal_source(source)).collect();
    words.push(quote::path_word(destination));
    copy_words(&words)
}

fn copy_words(words: &[String]) -> String {
    let plain = |word: &String| {
        !word.is_empty()
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "_@%+:,./-=*?[]{}~&".contains(c))
    };
    let flag = |word: &String| word.starts_with("--") || word.starts_with('[');
    if words.iter().all(plain) && !words.first().is_some_and(flag) {
        words.join(" ")
    } else {
        quote::json_array(words.iter().map(String::as_str))
    }
}

/// Here the source is a pattern of the user's.
fn copy(draft: &mut Draft, instruction: &str, files: &CopyFiles) -> Result<()> {
    let what = instruction.to_ascii_lowercase();
    let words =
        [quote::path_word(given(&what, &files.source)?), quote::path_word(given(&what, &files.destination)?)];
    line(draft, &what, &format!("{instruction} {}", copy_words(&words)))
}

/// A command of several lines, or one that a Dockerfile would read in another way, is handed to the shell as one
/// argument.
fn run(draft: &mut Draft, command: &Run) -> Result<()> {
    match command {
        Run::Program(words) if words.is_empty() => {
            Err(Error::invalid("`run` of the image is an empty array"))
        }
        Run::Program(words) => {
            line(draft, "run", &format!("RUN {}", quote::json_array(words.iter().map(String::as_str))))
        }
        Run::Shell(command) => {
            let command = command.trim();
            if command.is_empty() {
                return Err(Error::invalid("`run` of the image is empty"));
            }
            let plain = !command.contains(['\n', '\r', '\0']) && !command.contains("<<");
            if plain && !command.ends_with('\\') && !command.starts_with('[') {
                return line(draft, "run", &format!("RUN {command}"));
            }
            line(draft, "run", &format!("RUN {}", quote::json_array(["/bin/sh", "-c", command])))
        }
    }
}

fn exec(draft: &mut Draft, instruction: &str, words: &[String]) -> Result<()> {
    let array = quote::json_array(words.iter().map(String::as_str));
    line(draft, &instruction.to_ascii_lowercase(), &format!("{instruction} {array}"))
}

fn collect(draft: &mut Draft, directory: &str, text: &str, part: Part) {
    let source = Source::Instructions { root: directory.into(), text: text.to_owned(), part };
    draft.contexts.push(Context { archive: String::new(), source });
}
