//! What the Dockerfiles of the Python, TypeScript and Ruby SDKs have in common. Their differences are a
//! [`Dialect`] each.

use super::dockerfile::Part;
use super::draft::{Context, Draft, Kind, Source, check_exists};
use super::object::{Action, AddLocal, Beginning, PipInstall, Raw, Run};
use super::own;
use super::pyproject;
use crate::client::error::{Error, Result};
use std::path::Path;

/// The differences between the SDKs that share this form.
pub(super) trait Dialect {
    /// A word for a shell.
    fn quote(&self, word: &str) -> String;
    /// The full Python version for a series, or for the default.
    fn python_version(&self, asked: Option<&str>) -> Result<String>;
    /// The order of packages in a command.
    fn sort(&self, packages: &mut [String]) {
        packages.sort_unstable();
    }
    /// A program with its arguments after RUN.
    fn program(&self, words: &[String]) -> String;
    /// The array after ENTRYPOINT and CMD.
    fn exec_form(&self, words: &[String]) -> String {
        match words {
            [] => "[]".to_owned(),
            words => format!("[\"{}\"]", words.join("\", \"")),
        }
    }
    /// The options of pip behind the packages, each with a space before it.
    fn pip_options(&self, pip: &PipInstall) -> String {
        let mut options = String::new();
        let mut option =
            |name: &str, value: &str| options.push_str(&format!(" {name} {}", self.quote(value)));
        for link in pip.find_links.iter().flatten() {
            option("--find-links", link);
        }
        if let Some(url) = pip.index_url.as_deref().filter(|url| self.has_index(url)) {
            option("--index-url", url);
        }
        for url in pip.extra_index_urls.iter().flatten() {
            option("--extra-index-url", url);
        }
        if pip.pre == Some(true) {
            options.push_str(" --pre");
        }
        if let Some(extra) = &pip.extra_options {
            options.push_str(&self.extra_options(extra));
        }
        options
    }
    /// Whether an index URL counts as given.
    fn has_index(&self, url: &str) -> bool {
        !url.is_empty()
    }
    /// The shell text behind all options, with the space before it.
    fn extra_options(&self, extra: &str) -> String;
    /// Where a local path is on this machine.
    fn local(&self, path: &str) -> String;
    /// The name of a local path in the context, from what [`Dialect::local`] gave.
    fn archive(&self, local: &str) -> String;
    /// The path of a file in the image, whose given path ends in a slash.
    fn remote_of_directory(&self, remote: &str, local: &str) -> String;
    /// Whether local files are looked for when they are added.
    fn checks_files(&self) -> bool {
        true
    }
    /// What stands before the names of the files that `raw` takes from a context directory.
    fn prefix_of_raw(&self, _context_dir: &str) -> &'static str {
        ""
    }
}

pub(super) fn begin(dialect: &dyn Dialect, draft: &mut Draft, beginning: &Beginning<'_>) -> Result<()> {
    match beginning {
        Beginning::Base(image) => draft.line(&format!("FROM {image}")),
        Beginning::DebianSlim(version) => {
            let version = dialect.python_version(*version)?;
            for line in [
                format!("FROM python:{version}-slim-bookworm").as_str(),
                "RUN apt-get update",
                "RUN apt-get install -y gcc gfortran build-essential",
                "RUN pip install --upgrade pip",
                "RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections",
            ] {
                draft.line(line);
            }
        }
        Beginning::Dockerfile(text, context_dir) => {
            draft.text.push_str(text);
            if let Some(directory) = context_dir {
                collect(draft, "", dialect.local(directory), text, Part::Whole);
            }
        }
    }
    Ok(())
}

pub(super) fn step(dialect: &dyn Dialect, draft: &mut Draft, action: &Action<'_>) -> Result<()> {
    match action {
        Action::PipInstall(pip) => pip_install(dialect, draft, pip.clone()),
        Action::Requirements { path, pip } => {
            let local = dialect.local(path);
            check_exists(Path::new(&local), Kind::File)?;
            let archive = dialect.archive(&local);
            draft.line(&format!("COPY {archive} /.requirements.txt"));
            draft.line(&format!(
                "RUN python -m pip install -r /.requirements.txt{}",
                dialect.pip_options(pip)
            ));
            draft.add(archive, local.into(), Kind::File);
        }
        Action::Pyproject { path, groups, pip } => {
            let packages = pyproject::dependencies(Path::new(&dialect.local(path)), groups)?;
            pip_install(dialect, draft, PipInstall { packages, ..pip.clone() });
        }
        Action::AddLocalFile(added) => {
            let remote = match added.remote_path.ends_with('/') {
                true => dialect.remote_of_directory(&added.remote_path, &added.local_path),
                false => added.remote_path.clone(),
            };
            add_local(dialect, draft, added, &remote, Kind::File)?;
        }
        Action::AddLocalDir(added) => add_local(dialect, draft, added, &added.remote_path, Kind::Directory)?,
        Action::Run(Run::Shell(command)) => draft.line(&format!("RUN {command}")),
        Action::Run(Run::Program(words)) => draft.line(&format!("RUN {}", dialect.program(words))),
        Action::Env(pairs) => {
            for (name, value) in *pairs {
                draft.line(&format!("ENV {name}={}", dialect.quote(value)));
            }
        }
        Action::Workdir(path) => draft.line(&format!("WORKDIR {}", dialect.quote(path))),
        Action::Entrypoint(words) => {
            draft.line(&format!("ENTRYPOINT {}", dialect.exec_form(words.unwrap_or_default())));
        }
        Action::Cmd(words) => draft.line(&format!("CMD {}", dialect.exec_form(words.unwrap_or_default()))),
        Action::Raw(Raw { commands, context_dir }) => {
            let text = commands.join("\n");
            draft.line(&text);
            let prefix = context_dir.as_deref().map_or("", |directory| dialect.prefix_of_raw(directory));
            let root = context_dir.as_deref().map_or_else(String::new, |directory| dialect.local(directory));
            collect(draft, prefix, root, &text, Part::Lines);
        }
        // What these SDKs have no builder for.
        other => own::step(draft, other)?,
    }
    Ok(())
}

fn pip_install(dialect: &dyn Dialect, draft: &mut Draft, mut pip: PipInstall) {
    if pip.packages.is_empty() {
        return;
    }
    dialect.sort(&mut pip.packages);
    let packages: Vec<String> = pip.packages.iter().map(|package| dialect.quote(package)).collect();
    draft.line(&format!("RUN python -m pip install {}{}", packages.join(" "), dialect.pip_options(&pip)));
}

fn add_local(
    dialect: &dyn Dialect,
    draft: &mut Draft,
    added: &AddLocal,
    remote: &str,
    kind: Kind,
) -> Result<()> {
    let local = dialect.local(&added.local_path);
    if dialect.checks_files() {
        check_exists(Path::new(&local), kind)?;
    }
    let archive = dialect.archive(&local);
    draft.line(&format!("COPY {archive} {remote}"));
    draft.add(archive, local.into(), kind);
    Ok(())
}

/// Notes the directory that the COPY instructions of a text take their files from; they are looked for when the
/// contexts are needed.
fn collect(draft: &mut Draft, prefix: &str, root: String, text: &str, part: Part) {
    let source = Source::Instructions { root: root.into(), text: text.to_owned(), part };
    draft.contexts.push(Context { archive: prefix.to_owned(), source });
}

/// The Python series that the SDKs know, with the newest version of each.
const SERIES: [(&str, &str); 5] =
    [("3.9", "3.9.22"), ("3.10", "3.10.17"), ("3.11", "3.11.12"), ("3.12", "3.12.10"), ("3.13", "3.13.3")];

/// The newest version of a series.
pub(super) fn newest_of(series: &str) -> Result<String> {
    let known = SERIES.iter().find(|(known, _)| *known == series);
    known.map(|(_, version)| (*version).to_owned()).ok_or_else(|| {
        let all: Vec<&str> = SERIES.iter().map(|(series, _)| *series).collect();
        Error::invalid(format!("`debianSlim` is {series:?}; it can be {}", all.join(", ")))
    })
}

/// The series that is the default where an SDK has no other.
pub(super) const NEWEST_SERIES: &str = "3.13";
