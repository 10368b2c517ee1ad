//! Computes the changes that make one tree like another. Reads and writes no files.

use super::Skipped;
use super::exclude::Exclude;
use super::tree::{Kind, Tree};
use std::collections::HashSet;

#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files that do not exist yet.
    pub created: Vec<String>,
    pub updated: Vec<String>,
    /// Directories to be made, each after the one above it.
    pub directories: Vec<String>,
    /// Paths of directories end in a slash, and include everything below. No path is below another one.
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
        // Excluded entries and those of the source stay, and with them every directory above them.
        let stays = |path: &str| source.contains_key(path) || exclude.covers(path);
        let kept: HashSet<&str> =
            target.keys().filter(|path| stays(path)).flat_map(|path| directories_above(path)).collect();
        // A set, because a sibling such as `build-old` sorts between `build` and `build/x`.
        let mut gone = HashSet::new();
        for (path, kind) in target.iter().filter(|(path, _)| !stays(path)) {
            if directories_above(path).any(|above| gone.contains(above)) {
                continue;
            }
            match kind {
                Kind::Directory if kept.contains(path.as_str()) => {}
                Kind::Directory => {
                    self.deleted.push(format!("{path}/"));
                    gone.insert(path.as_str());
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

    #[test]
    fn nothing_below_a_deleted_directory_is_deleted_again() {
        let target = tree(&[
            ("build", Kind::Directory),
            ("build-old", Kind::Directory),
            ("build-old/a", file("1")),
            ("build.txt", file("1")),
            ("build/a", file("1")),
            ("build/b", Kind::Directory),
            ("build/b/c", file("1")),
        ]);
        let plan = plan(&Tree::new(), &target, &[]);
        assert_eq!(plan.deleted, ["build/", "build-old/", "build.txt"]);
    }

    /// Names that sort before, between and after a directory and its children.
    const NAMES: [&str; 6] = ["a", "a-b", "a.b", "a0", "b", "x.log"];

    fn random_tree(random: &mut fastrand::Rng) -> Tree {
        let mut tree = Tree::new();
        let mut directories = vec![String::new()];
        for _ in 0..random.usize(..14) {
            let above = random.choice(&directories).unwrap().clone();
            let name = random.choice(NAMES).unwrap();
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
            if tree.contains_key(&path) {
                continue;
            }
            let kind = match random.u8(..10) {
                0..4 => Kind::Directory,
                4..8 => file(if random.bool() { "1" } else { "2" }),
                8 => Kind::Link,
                _ => Kind::Other("a pipe"),
            };
            if kind == Kind::Directory {
                directories.push(path.clone());
            }
            tree.insert(path, kind);
        }
        tree
    }

    /// Does what the plan says, in the order of a sync, and fails where a file system would.
    fn carried_out(plan: &Plan, source: &Tree, target: &Tree) -> Tree {
        let mut result = target.clone();
        let is_directory = |tree: &Tree, path: &str| {
            directories_above(path).all(|above| tree.get(above) == Some(&Kind::Directory))
        };
        for directory in &plan.directories {
            assert!(is_directory(&result, directory), "{directory}: {plan:?}");
            assert_eq!(result.insert(directory.clone(), Kind::Directory), None, "{plan:?}");
        }
        for path in plan.files() {
            assert!(is_directory(&result, path), "{path}: {plan:?}");
            let before = result.insert(path.clone(), source[path].clone());
            assert!(
                !matches!(before, Some(Kind::Directory | Kind::Link | Kind::Other(_))),
                "{path}: {plan:?}"
            );
        }
        for gone in &plan.deleted {
            let path = gone.trim_end_matches('/');
            let kind = result.remove(path).unwrap_or_else(|| panic!("{gone} is gone already: {plan:?}"));
            assert_eq!(kind == Kind::Directory, gone.ends_with('/'), "{gone}: {plan:?}");
            result.retain(|below, _| !below.starts_with(&format!("{path}/")));
        }
        result
    }

    #[test]
    fn a_plan_of_any_two_trees_can_be_carried_out_and_leaves_what_it_promises() {
        for seed in 0..20_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (source, target) = (random_tree(&mut random), random_tree(&mut random));
            let exclude = Exclude::new(vec!["*.log".to_owned()]).unwrap();
            let delete = random.bool();
            let plan = Plan::new(&source, &target, delete, &exclude);
            let result = carried_out(&plan, &source, &target);

            let skipped = |path: &str| plan.skipped.iter().any(|skipped| skipped.path == path);
            for (path, kind) in source.iter().filter(|(path, _)| !exclude.covers(path) && !skipped(path)) {
                assert_eq!(result.get(path), Some(kind), "{seed} {path}: {plan:?}");
            }
            for (path, kind) in &target {
                let kept = exclude.covers(path) || source.contains_key(path) && !plan.updated.contains(path);
                if kept || !delete && !source.contains_key(path) {
                    assert_eq!(result.get(path), Some(kind), "{seed} {path}: {plan:?}");
                }
            }
            if delete {
                let left = result.keys().filter(|path| {
                    let below = format!("{path}/");
                    !source.contains_key(*path)
                        && !exclude.covers(path)
                        && !skipped(path)
                        && !result.keys().any(|other| other.starts_with(&below))
                });
                assert_eq!(left.count(), 0, "{seed}: {plan:?}");
            }
            // Repeated, it finds nothing left to do.
            let again = Plan::new(&source, &result, delete, &exclude);
            assert!(again.created.is_empty() && again.directories.is_empty(), "{seed}: {again:?}");
            assert!(again.deleted.is_empty() && again.updated.is_empty(), "{seed}: {again:?}");
        }
    }
}
