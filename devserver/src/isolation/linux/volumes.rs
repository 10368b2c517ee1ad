//! Directories of the server that several sandboxes have at once, each under its own path.

use super::kernel::{self, NO_DEVICES, NO_SUID};
use crate::isolation::failure::{During, Failure, Step};
use crate::isolation::plan::{Plan, VolumeMount};
use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid, chmodat, chownat, mkdirat, open, openat, openat2,
};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Mounts volumes below `root`, the container's root. In all containers their files belong to the same ids: with
/// shifted ids the mount shifts them back.
pub fn mount(volumes: &[VolumeMount], root: &Path, plan: Plan, shown: Option<&OwnedFd>) -> Step<()> {
    let root =
        open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).at("open", root)?;
    let mut sorted: Vec<&VolumeMount> = volumes.iter().collect();
    // An outer one first: it would cover the inner.
    sorted.sort();
    for volume in sorted {
        let source = subdirectory(volume)?;
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        let mount = open_tree(&source, "", flags).at("copy the mount of", &volume.source)?;
        if let Some(shown) = shown {
            kernel::map_ids(mount.as_fd(), shown.as_fd()).map_err(|error| {
                Failure(format!(
                    "a volume cannot be shared between sandboxes here, because the file system of {} cannot show \
                     shifted ids ({error}); choose another --state",
                    volume.source.display()
                ))
            })?;
        }
        kernel::set_mount_attributes(mount.as_fd(), NO_DEVICES | NO_SUID, false)
            .at("protect", &volume.source)?;
        let target = mount_point(&root, &volume.target, plan)?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(&mount, "", &target, "", flags).at("mount a volume on", &volume.target)?;
    }
    Ok(())
}

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The part of a volume that is wanted, made if it is not there. What is in a volume is a sandbox's: no link in it
/// is followed.
fn subdirectory(volume: &VolumeMount) -> Step<OwnedFd> {
    let mut directory = openat(CWD, &volume.source, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
        .at("open the volume", &volume.source)?;
    for component in volume.subpath.components() {
        let Component::Normal(name) = component else {
            return Err(Failure(format!("the subpath {} leaves the volume", volume.subpath.display())));
        };
        match mkdirat(&directory, name, Mode::RWXU) {
            // The umask has no say.
            Ok(()) => chmodat(&directory, name, Mode::from_raw_mode(0o777), AtFlags::empty())
                .at("set the permissions of", &volume.subpath)?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error).at("make", &volume.subpath),
        }
        directory = openat(&directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
            .at("open the subpath of a volume", &volume.subpath)?;
    }
    Ok(directory)
}

/// The directory for a mount, made if it is not there. Links are followed as the container would follow them.
fn mount_point(root: &OwnedFd, path: &Path, plan: Plan) -> Step<OwnedFd> {
    let resolve = |path: &Path| openat2(root, path, DIRECTORY, Mode::empty(), ResolveFlags::IN_ROOT);
    let mut parent = resolve(Path::new(".")).at("open", path)?;
    let mut so_far = PathBuf::from("/");
    for component in path.components() {
        let Component::Normal(name) = component else { continue };
        so_far.push(name);
        parent = match resolve(&so_far) {
            Err(Errno::NOENT) => {
                mkdirat(&parent, name, Mode::from_raw_mode(0o755)).at("make", &so_far)?;
                if let Some(id) = plan.root_id() {
                    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
                    chownat(&parent, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)
                        .at("hand over", &so_far)?;
                }
                resolve(&so_far).at("open", &so_far)?
            }
            other => other.at("open", &so_far)?,
        };
    }
    Ok(parent)
}
