//! What has to be done so that one tree becomes like another. Works on what is known of both, touches neither.

use super::Skipped;
use super::exclude::Exclude;
use super::tree::{Kind, Tree};

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files.
    pub created: Vec<String>,
    pub updated: Vec<String>,
    /// Directories that do not exist.
    pub directories: Vec<String>,
    /// Directories end in a slash; what is in one goes with it.
    pub deleted: Vec<String>,
    pub unchanged: u64,
    pub skipped: Vec<Skipped>,
}

impl Plan {
    pub fn new(source: &Tree, target: &Tree, delete: bool, exclude: &Exclude) -> Self {
        let mut plan = Self::default();
        for (path, kind) in source.iter().filter(|(path, _)| !exclude.covers(path)) {
            plan.add(path, kind, target);
        }
        if delete {
            plan.remove(source, target, exclude);
        }
        plan
    }

    /// The files that are to be copied.
    pub fn files(&self) -> impl Iterator<Item = &String> {
        self.created.iter().chain(&self.updated)
    }

    fn add(&mut self, path: &str, kind: &Kind, target: &Tree) {
        match kind {
            Kind::Link => return self.skip(path, "a link"),
            Kind::Other(why) => return self.skip(path, why),
            Kind::Directory | Kind::File(_) => {}
        }
        let mut above = directories_above(path);
        if let Some(blocked) =
            above.find(|above| target.get(*above).is_some_and(|kind| *kind != Kind::Directory))
        {
            let reason = format!("\"{}\" is no directory on the other side", blocked.escape_debug());
            return self.skip(path, &reason);
        }
        match (kind, target.get(path)) {
            (Kind::Directory, None) => self.directories.push(path.to_owned()),
            (Kind::Directory, Some(Kind::Directory)) => {}
            (Kind::File(_), None) => self.created.push(path.to_owned()),
            (Kind::File(ours), Some(Kind::File(theirs))) => {
                if ours.is_some() && ours == theirs {
                    self.unchanged += 1;
                } else {
                    self.updated.push(path.to_owned());
                }
            }
            (_, Some(Kind::Link)) => self.skip(path, "a link on the other side"),
            _ => self.skip(path, "something else on the other side"),
        }
    }

    fn remove(&mut self, source: &Tree, target: &Tree, exclude: &Exclude) {
        // A directory may go as a whole if nothing in it stays: what is left alone on purpose, and all
        // that the source has.
        let stays = |path: &str| source.contains_key(path) || exclude.covers(path);
        let keeps = |directory: &str| {
            let prefix = format!("{directory}/");
            let below = target.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
            below.into_iter().any(|(path, _)| stays(path))
        };
        let mut gone: Option<String> = None;
        for (path, kind) in target.iter().filter(|(path, _)| !stays(path)) {
            if gone.as_ref().is_some_and(|gone| path.starts_with(gone)) {
                continue;
            }
            match kind {
                Kind::Directory if keeps(path) => {}
                Kind::Directory => {
                    let directory = format!("{path}/");
                    self.deleted.push(directory.clone());
                    gone = Some(directory);
                }
                Kind::File(_) => self.deleted.push(path.clone()),
                Kind::Link => self.skip(path, "a link on the other side, which is not deleted"),
                Kind::Other(why) => self.skip(path, &format!("{why}, on the other side")),
            }
        }
    }

    fn skip(&mut self, path: &str, reason: &str) {
        self.skipped.push(Skipped { path: path.to_owned(), reason: reason.to_owned() });
    }
}

fn directories_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, Kind)]) -> Tree {
        entries.iter().map(|(path, kind)| ((*path).to_owned(), kind.clone())).collect()
    }

    fn file(content: &str) -> Kind {
        Kind::File(Some(content.to_owned()))
    }

    fn plan(source: &Tree, target: &Tree, exclude: &[&str]) -> Plan {
        let exclude = exclude.iter().map(|pattern| (*pattern).to_owned()).collect();
        Plan::new(source, target, true, &Exclude::new(exclude).unwrap())
    }

    #[test]
    fn contents_decide() {
        let source = tree(&[("a", file("1")), ("b", file("2")), ("c", file("3")), ("d", Kind::Directory)]);
        let target = tree(&[("a", file("1")), ("b", file("x")), ("e", file("4"))]);
        let plan = plan(&source, &target, &[]);
        assert_eq!((plan.created, plan.updated, plan.unchanged), (vec!["c".into()], vec!["b".into()], 1));
        assert_eq!((plan.directories, plan.deleted), (vec!["d".to_owned()], vec!["e".to_owned()]));
        let unknown = tree(&[("a", Kind::File(None))]);
        assert_eq!(Plan::new(&unknown, &unknown, false, &Exclude::default()).updated, ["a"]);
    }

    #[test]
    fn nothing_goes_through_a_link() {
        let source = tree(&[("d", Kind::Directory), ("d/f", file("1")), ("g", file("1")), ("l", Kind::Link)]);
        let target = tree(&[("d", Kind::Link), ("g", Kind::Link), ("x", Kind::Link)]);
        let plan = plan(&source, &target, &[]);
        assert!(plan.created.is_empty() && plan.updated.is_empty() && plan.directories.is_empty());
        assert!(plan.deleted.is_empty());
        let skipped: Vec<_> = plan.skipped.iter().map(|skipped| skipped.path.as_str()).collect();
        assert_eq!(skipped, ["d", "d/f", "g", "l", "x"]);
    }

    #[test]
    fn a_directory_goes_as_a_whole_unless_something_in_it_stays() {
        let target = tree(&[
            ("gone", Kind::Directory),
            ("gone-not", file("1")),
            ("gone/a", file("1")),
            ("gone/b", Kind::Link),
            ("kept", Kind::Directory),
            ("kept/a", file("1")),
            ("kept/x.log", file("1")),
        ]);
        let plan = plan(&tree(&[("gone-not", file("1"))]), &target, &["*.log"]);
        assert_eq!(plan.deleted, ["gone/", "kept/a"]);
        assert!(plan.skipped.is_empty());
    }
}
