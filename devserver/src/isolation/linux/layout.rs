//! Which directories of the machine a sandbox sees, and which are private to it.

use super::spec::Spec;
use super::tree::{make, make_all};
use crate::isolation::failure::{During, Step};
use std::fs;
use std::path::{Path, PathBuf};

/// Private in every sandbox, with permissions: path, mode.
const ALWAYS: [(&str, u32); 8] = [
    ("/home", 0o755),
    ("/root", 0o700),
    ("/tmp", 0o1777),
    ("/var/tmp", 0o1777),
    ("/run", 0o755),
    ("/mnt", 0o755),
    ("/media", 0o755),
    ("/srv", 0o755),
];

pub fn is_always_private(path: &Path) -> bool {
    ALWAYS.iter().any(|(always, _)| path == Path::new(always))
}

/// The private directories of one sandbox.
pub struct Private {
    hidden: Vec<(PathBuf, u32)>,
    exposed: Vec<PathBuf>,
}

impl Private {
    pub fn of(spec: &Spec) -> Self {
        let mut hidden: Vec<(PathBuf, u32)> =
            ALWAYS.iter().map(|(path, mode)| (PathBuf::from(path), *mode)).collect();
        for path in &spec.hidden {
            if !hidden.iter().any(|(other, _)| path.starts_with(other)) {
                hidden.push((path.clone(), 0o755));
            }
        }
        Self { hidden, exposed: spec.exposed.clone() }
    }

    fn covers(&self, path: &Path) -> bool {
        self.hidden.iter().any(|(hidden, _)| path.starts_with(hidden))
    }

    /// Each path with the name of its directory in the layer.
    pub fn shown_at(&self) -> impl Iterator<Item = (PathBuf, PathBuf)> {
        // An outer one first: it would cover the inner.
        let mut sorted: Vec<&PathBuf> = self.hidden.iter().map(|(path, _)| path).collect();
        sorted.sort();
        sorted.into_iter().map(|path| (path.clone(), name(path))).collect::<Vec<_>>().into_iter()
    }

    /// The directories in the layer, with what has to be in them.
    pub fn make(&self, layer: &Path) -> Step<()> {
        for (path, mode) in &self.hidden {
            make(&layer.join(name(path)), *mode)?;
        }
        make(&layer.join("home/daytona"), 0o755)?;
        make(&layer.join("run/lock"), 0o1777)?;
        for path in &self.exposed {
            let holder = self.hidden.iter().filter(|(hidden, _)| path.starts_with(hidden));
            if let Some((hidden, _)) = holder.max_by_key(|(hidden, _)| hidden.as_os_str().len()) {
                make_all(&layer.join(name(hidden)).join(path.strip_prefix(hidden).unwrap_or(path)))?;
            }
        }
        Ok(())
    }
}

fn name(path: &Path) -> PathBuf {
    path.to_string_lossy().trim_start_matches('/').replace('/', "+").into()
}

/// A file system of the machine beside its root.
pub struct HostMount {
    pub at: PathBuf,
    kind: String,
}

/// What the kernel makes up, or what belongs to other machines.
const NOT_SHOWN: [&str; 16] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "cgroup",
    "cgroup2",
    "mqueue",
    "hugetlbfs",
    "debugfs",
    "tracefs",
    "securityfs",
    "pstore",
    "bpf",
    "autofs",
    "binfmt_misc",
    "nsfs",
];
const NOT_BELOW: [&str; 7] =
    ["/proc", "/sys", "/dev", "/var/lib/docker", "/var/lib/containers", "/var/lib/kubelet", "/boot"];

impl HostMount {
    pub fn is_shown(&self, private: &Private) -> bool {
        let is_fuse = self.kind.starts_with("fuse") && self.kind != "fuseblk";
        self.at != Path::new("/")
            && !NOT_SHOWN.contains(&self.kind.as_str())
            && !is_fuse
            && !NOT_BELOW.iter().any(|path| self.at.starts_with(path))
            && !private.covers(&self.at)
    }
}

/// Every mount of the machine, outer ones first.
pub fn host_mounts() -> Step<Vec<HostMount>> {
    let text = fs::read_to_string("/proc/self/mountinfo").during("read the machine's mounts")?;
    let parse = |line: &str| {
        let (fields, rest) = line.split_once(" - ")?;
        let at = unescaped(fields.split(' ').nth(4)?);
        Some(HostMount { at: at.into(), kind: rest.split(' ').next()?.to_owned() })
    };
    let mut mounts: Vec<HostMount> = text.lines().filter_map(parse).collect();
    mounts.sort_by(|a, b| a.at.cmp(&b.at));
    mounts.dedup_by(|a, b| a.at == b.at);
    Ok(mounts)
}

/// The table writes blanks and the like as three octal digits.
fn unescaped(text: &str) -> String {
    let mut out = text.to_owned();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        out = out.replace(code, plain);
    }
    out
}

/// Files of /etc that the machine's runtime mounts, or that lead into a directory that is private here.
const VOLATILE: [&str; 3] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
const MOST_BYTES: u64 = 1024 * 1024;

/// Copies them into the layer, where the sandbox can change them.
pub fn copy_volatile_files(mounts: &[HostMount], upper: &Path) -> Step<()> {
    for path in VOLATILE.map(Path::new) {
        let mounted = mounts.iter().any(|other| other.at == path);
        let leads_away = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        let small = path.metadata().is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES);
        if !small || !(mounted || leads_away) {
            continue;
        }
        let Ok(content) = fs::read(path) else { continue };
        let target = upper.join(path.strip_prefix("/").unwrap_or(path));
        if let Some(directory) = target.parent() {
            make(directory, 0o755)?;
        }
        fs::write(&target, content).at("copy", path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_shown_unless_the_kernel_makes_it_up_or_it_is_private() {
        let private = Private { hidden: vec![("/home".into(), 0o755)], exposed: Vec::new() };
        let shown = |at: &str, kind: &str| HostMount { at: at.into(), kind: kind.into() }.is_shown(&private);
        assert!(shown("/usr", "ext4") && shown("/data", "xfs"));
        for (at, kind) in
            [("/", "ext4"), ("/x", "proc"), ("/home/a", "ext4"), ("/sys/x", "ext4"), ("/s", "fuse.sshfs")]
        {
            assert!(!shown(at, kind), "{at} {kind}");
        }
        assert_eq!(unescaped("/a\\040b"), "/a b");
    }
}
