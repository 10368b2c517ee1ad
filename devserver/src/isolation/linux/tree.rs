//! The file system of a sandbox: the machine's root read-only below, a private layer above it, private
//! directories where the machine keeps what is nobody else's business.

use super::archive;
use super::image;
use super::kernel::{self, NO_DEVICES, NO_EXEC, NO_SUID, READ_ONLY};
use super::layout::{self, HostMount, Private};
use super::maker::mounted;
use super::spec::Spec;
use super::volumes;
use crate::isolation::failure::{During, Failure, Step};
use crate::isolation::plan::{Ids, Layer, Plan, Tree};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsmount,
    fsopen, move_mount, open_tree,
};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// Makes the file system and goes to its root. `origin` is the image of the layer, or the saved files of one
/// in memory. The answer is the layer's directory, from which its files are saved.
pub fn assemble(plan: Plan, spec: &Spec, shown: Option<&OwnedFd>, origin: Option<OwnedFd>) -> Step<OwnedFd> {
    let nothing: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).during("leave the machine's mounts")?;
    let mounts = layout::host_mounts()?;
    mounted("none", &spec.directory, "tmpfs", MsFlags::MS_NOSUID, "mode=0755,size=1m")?;
    // Relative paths from here: a mount's options cannot hold every character.
    std::env::set_current_dir(&spec.directory).at("enter", &spec.directory)?;
    for directory in ["layer", "root", "lower"] {
        make(Path::new(directory), 0o755)?;
    }
    match (plan.layer, origin) {
        (Layer::Image, Some(image)) => image::mount(image.as_fd(), Path::new("layer"))?,
        (Layer::Image, None) => return Err(Failure("no image for the layer".into())),
        (Layer::Memory, saved) => {
            let options = format!("mode=0755,size={}", spec.layer_bytes);
            mounted("layer", Path::new("layer"), "tmpfs", MsFlags::MS_NODEV, &options)?;
            if let Some(saved) = saved {
                archive::read(File::from(saved), Path::new("layer"))?;
            }
        }
    }
    let private = Private::of(spec);
    let fresh = !Path::new("layer/upper").exists();
    for directory in ["layer/upper", "layer/private"] {
        make(Path::new(directory), 0o755)?;
    }
    // What an overlay keeps there is worth nothing to the next one.
    let _ = fs::remove_dir_all("layer/work");
    make_all(Path::new("layer/work/root"))?;
    private.make(Path::new("layer/private"))?;
    if fresh {
        layout::copy_volatile_files(&mounts, Path::new("layer/upper"))?;
        // Only the files below are shown shifted: an overlay could not make its own on a shifted layer.
        if let Some(root) = plan.root_id() {
            hand_over(Path::new("layer/upper"), root)?;
            hand_over(Path::new("layer/private"), root)?;
        }
    }
    let layer = open_directory(Path::new("layer"))?;
    match plan.ids {
        Ids::Shifted(_) | Ids::Identity => over_the_root(shown, &mounts, &private)?,
        Ids::Own => over_each_directory(plan.tree, &mounts)?,
    }
    let root = Path::new("root");
    for (path, source) in private.shown_at() {
        let target = below(root, &path);
        // A link there would lead out.
        if target.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            bind(&Path::new("layer/private").join(source), &target, NO_DEVICES)?;
        }
    }
    // Writable like the rest: package managers keep what they install beside their programs.
    for (number, exposed) in spec.exposed.iter().enumerate() {
        let target = below(root, exposed);
        match plan.ids {
            Ids::Shifted(_) | Ids::Identity => {
                lay_over(exposed, &target, &format!("exposed/{number}"), shown)?
            }
            Ids::Own => carry(exposed, &target, plan.tree, &mounts)?,
        }
    }
    volumes::mount(&spec.volumes, root, plan, shown)?;
    devices(plan)?;
    kernel(plan, spec)?;
    if plan.ids == Ids::Own {
        attach(&clone_mount(Path::new("/proc"), true)?, &root.join("proc"))?;
    }
    enter(root)?;
    Ok(layer)
}

/// A server of root: one overlay over everything, and one over each further file system of the machine.
fn over_the_root(shown: Option<&OwnedFd>, mounts: &[HostMount], private: &Private) -> Step<()> {
    lower(Path::new("/"), shown)?;
    overlay("lower", Path::new("layer/upper"), Path::new("layer/work/root"), Path::new("root"), false)?;
    unmount(Path::new("lower"))?;
    for (number, other) in mounts.iter().filter(|other| other.is_shown(private)).enumerate() {
        let target = below(Path::new("root"), &other.at);
        if !target.is_dir() {
            continue;
        }
        lay_over(&other.at, &target, &format!("mounts/{number}"), shown)?;
    }
    Ok(())
}

/// A directory of the machine with a layer of that name over it, or read-only where none can be.
fn lay_over(source: &Path, target: &Path, name: &str, shown: Option<&OwnedFd>) -> Step<()> {
    if lower(source, shown).is_err() {
        // Neither shifted nor below a layer: shown as it is.
        return bind(source, target, READ_ONLY | NO_DEVICES);
    }
    let (upper, work) = (format!("layer/{name}"), format!("layer/work/{name}"));
    let over = make_all(Path::new(&upper))
        .and_then(|()| make_all(Path::new(&work)))
        .and_then(|()| copy_owner(Path::new("lower"), Path::new(&upper)))
        .and_then(|()| overlay("lower", Path::new(&upper), Path::new(&work), target, false));
    if over.is_err() {
        bind(Path::new("lower"), target, READ_ONLY | NO_DEVICES)?;
    }
    unmount(Path::new("lower"))
}

/// The machine's files at `lower`, for an overlay.
fn lower(path: &Path, shown: Option<&OwnedFd>) -> Step<()> {
    let copy = clone_mount(path, false)?;
    if let Some(shown) = shown {
        kernel::map_ids(copy.as_fd(), shown.as_fd()).at("show with shifted ids", path)?;
    }
    kernel::set_mount_attributes(copy.as_fd(), READ_ONLY | NO_DEVICES, false).at("protect", path)?;
    attach(&copy, Path::new("lower"))
}

fn overlay(lower: &str, upper: &Path, work: &Path, target: &Path, is_user: bool) -> Step<()> {
    let user = if is_user { ",userxattr" } else { "" };
    let (upper, work) = (upper.display(), work.display());
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work},volatile{user}");
    mounted("sandbox", target, "overlay", MsFlags::MS_NODEV, &options)?;
    // What an overlay does where its layer is not good enough.
    let is_read_only = rustix::fs::statvfs(target)
        .at("look at", target)?
        .f_flag
        .contains(rustix::fs::StatVfsMountFlags::RDONLY);
    if is_read_only {
        unmount(target)?;
        return Err(Failure("the layer cannot be written through an overlay".into()));
    }
    Ok(())
}

/// An ordinary user's server: nothing may be laid over a directory with mounts in it, hence one overlay for
/// each directory of the root, and for the directories beside mounts where there are some.
fn over_each_directory(tree: Tree, mounts: &[HostMount]) -> Step<()> {
    make(Path::new("layer/root"), 0o755)?;
    bind(Path::new("layer/root"), Path::new("root"), NO_DEVICES)?;
    carry_entries(Path::new("/"), tree, mounts)
}

/// Made for the sandbox itself.
const OWN: [&str; 4] = ["/dev", "/proc", "/sys", "/lost+found"];
/// More entries than a directory may have to be taken apart.
const MOST_ENTRIES: usize = 100;

fn carry_entries(directory: &Path, tree: Tree, mounts: &[HostMount]) -> Step<()> {
    let entries = fs::read_dir(directory).at("read", directory)?;
    for entry in entries.flatten() {
        let (path, target) = (entry.path(), below(Path::new("root"), &entry.path()));
        let Ok(kind) = entry.file_type() else { continue };
        if OWN.iter().any(|own| path == Path::new(own)) || layout::is_always_private(&path) {
            if kind.is_dir() {
                make(&target, 0o755)?;
            }
        } else if kind.is_symlink() {
            let link = fs::read_link(&path).at("read", &path)?;
            if target.symlink_metadata().is_err() {
                symlink(link, &target).at("link", &target)?;
            }
        } else if kind.is_dir() {
            make(&target, 0o755)?;
            carry(&path, &target, tree, mounts)?;
        } else if kind.is_file() {
            fs::write(&target, "").at("make", &target)?;
            // Unreadable ones stay empty.
            let _unreadable = bind(&path, &target, READ_ONLY | NO_DEVICES);
        }
    }
    Ok(())
}

fn carry(path: &Path, target: &Path, tree: Tree, mounts: &[HostMount]) -> Step<()> {
    let name = path.to_string_lossy().trim_start_matches('/').replace('/', "+");
    let plain = !name.contains([':', ',', '\\']) && path.to_str().is_some();
    if tree == Tree::Overlay && plain {
        let (upper, work) =
            (PathBuf::from(format!("layer/upper/{name}")), PathBuf::from(format!("layer/work/{name}")));
        make_all(&upper)?;
        make(&work, 0o755)?;
        if overlay(&path.to_string_lossy(), &upper, &work, target, true).is_ok() {
            return Ok(());
        }
        let has_mounts = mounts.iter().any(|other| other.at.starts_with(path) && other.at != path);
        let entries = fs::read_dir(path).map_or(usize::MAX, Iterator::count);
        if has_mounts && entries < MOST_ENTRIES {
            return carry_entries(path, tree, mounts);
        }
    }
    let copy = clone_mount(path, true)?;
    kernel::set_mount_attributes(copy.as_fd(), READ_ONLY | NO_DEVICES | NO_SUID, true).at("protect", path)?;
    attach(&copy, target)
}

/// Where a path of the machine stands below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

fn devices(plan: Plan) -> Step<()> {
    let dev = Path::new("root/dev");
    let owner = plan.root_id().map(|id| format!(",uid={id},gid={id}")).unwrap_or_default();
    mounted("dev", dev, "tmpfs", MsFlags::MS_NOSUID, &format!("mode=0755,size=1m{owner}"))?;
    for name in DEVICES {
        let (source, target) = (Path::new("/dev").join(name), dev.join(name));
        fs::write(&target, "").at("make", &target)?;
        bind(&source, &target, NO_SUID | NO_EXEC)?;
    }
    for directory in ["pts", "shm"] {
        make(&dev.join(directory), 0o755)?;
    }
    let links = [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    links.into_iter().try_for_each(|(name, target)| {
        symlink(target, dev.join(name)).at("link", &dev.join(name))?;
        let _owned = std::os::unix::fs::lchown(dev.join(name), plan.root_id(), plan.root_id());
        Ok(())
    })
}

/// /sys, which nobody changes.
fn kernel(plan: Plan, spec: &Spec) -> Step<()> {
    let target = Path::new("root/sys");
    let protection = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if plan.ids != Ids::Own && mounted("sysfs", target, "sysfs", protection, "").is_ok() {
        return lock_kernel(spec, &["root/sys/firmware", "root/sys/devices/virtual/powercap"], &[]);
    }
    let copy = clone_mount(Path::new("/sys"), true)?;
    let attributes = READ_ONLY | NO_SUID | NO_DEVICES | NO_EXEC;
    kernel::set_mount_attributes(copy.as_fd(), attributes, true).during("protect /sys")?;
    attach(&copy, target)
}

/// Goes to the new root; the old one is nowhere afterwards.
fn enter(root: &Path) -> Step<()> {
    std::env::set_current_dir(root).at("enter", root)?;
    rustix::process::pivot_root(".", ".").during("change the root")?;
    umount2(".", MntFlags::MNT_DETACH).during("leave the old root")?;
    std::env::set_current_dir("/").during("enter /")
}

/// What does not outlive a stop: processes, terminals, shared memory.
pub fn mount_for_this_run(plan: Plan, spec: &Spec) -> Step<()> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if plan.ids == Ids::Own {
        // The kernel shows processes only to who sees some already: the machine's /proc goes afterwards.
        let proc = new_proc()?;
        unmount(Path::new("/proc"))?;
        attach(&proc, Path::new("/proc"))?;
    } else {
        mounted("proc", Path::new("/proc"), "proc", quiet, "")?;
    }
    let tty = match plan.root_id() {
        Some(root) => format!(",gid={}", root + 5),
        None => String::new(),
    };
    let options = format!("newinstance,ptmxmode=0666,mode=0620{tty}");
    let terminals = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mounted("devpts", Path::new("/dev/pts"), "devpts", terminals, &options)?;
    let owner = plan.root_id().map(|id| format!(",uid={id},gid={id}")).unwrap_or_default();
    let options = format!("mode=1777,size={}{owner}", spec.shared_memory_bytes);
    mounted("shm", Path::new("/dev/shm"), "tmpfs", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, &options)?;
    lock_kernel(
        spec,
        &[
            "/proc/acpi",
            "/proc/asound",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/kpagecount",
            "/proc/kpageflags",
            "/proc/kpagecgroup",
        ],
        &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    )
}

fn new_proc() -> Step<OwnedFd> {
    let step = "mount proc";
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).during(step)?;
    fsconfig_create(&context).during(step)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).during(step)
}

/// Where root inside is root outside as well, the kernel asks only for the number: what container runtimes
/// hide and protect, these are locked by the user namespace entered next.
fn lock_kernel(spec: &Spec, hidden: &[&str], protected: &[&str]) -> Step<()> {
    if !spec.kernel_locked {
        return Ok(());
    }
    for path in hidden.iter().map(Path::new) {
        match path.metadata() {
            Ok(found) if found.is_dir() => {
                let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
                mounted("none", path, "tmpfs", flags, "size=0")?;
            }
            Ok(_) => bind(Path::new("/dev/null"), path, READ_ONLY)?,
            Err(_) => {}
        }
    }
    for path in protected.iter().map(Path::new).filter(|path| path.exists()) {
        bind(path, path, READ_ONLY | NO_SUID | NO_DEVICES | NO_EXEC)?;
    }
    Ok(())
}

/// A directory, if it is not there already. The umask has no say.
pub fn make(path: &Path, mode: u32) -> Step<()> {
    use std::os::unix::fs::PermissionsExt;
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.at("make", path)?,
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).at("set the permissions of", path)
}

pub fn make_all(path: &Path) -> Step<()> {
    fs::create_dir_all(path).at("make", path)
}

/// An overlay's root looks as its upper directory does.
fn copy_owner(from: &Path, to: &Path) -> Step<()> {
    use std::os::unix::fs::MetadataExt;
    let found = from.metadata().at("look at", from)?;
    std::os::unix::fs::lchown(to, Some(found.uid()), Some(found.gid())).at("hand over", to)?;
    fs::set_permissions(to, found.permissions()).at("set the permissions of", to)
}

/// Gives a tree to the sandbox's root.
fn hand_over(path: &Path, root: u32) -> Step<()> {
    std::os::unix::fs::lchown(path, Some(root), Some(root)).at("hand over", path)?;
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        for entry in fs::read_dir(path).at("read", path)?.flatten() {
            hand_over(&entry.path(), root)?;
        }
    }
    Ok(())
}

fn open_directory(path: &Path) -> Step<OwnedFd> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    rustix::fs::open(path, flags, rustix::fs::Mode::empty()).at("open", path)
}

/// A mount of the same files that stands nowhere yet.
fn clone_mount(path: &Path, recursive: bool) -> Step<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(rustix::fs::CWD, path, flags).at("copy the mount of", path)
}

fn attach(mount: &OwnedFd, target: &Path) -> Step<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(mount, "", rustix::fs::CWD, target, flags).at("mount on", target)
}

fn bind(source: &Path, target: &Path, attributes: u64) -> Step<()> {
    let copy = clone_mount(source, false)?;
    protect(copy.as_fd(), attributes, source)?;
    attach(&copy, target)
}

fn protect(mount: BorrowedFd<'_>, attributes: u64, path: &Path) -> Step<()> {
    kernel::set_mount_attributes(mount, attributes, false).at("protect", path)
}

fn unmount(path: &Path) -> Step<()> {
    umount2(path, MntFlags::MNT_DETACH).at("unmount", path)
}
