//! A sandbox's layer as a file system in a sparse file: its size is the limit, and a copy of the file is a
//! copy of the layer. An empty one is made once by mkfs.ext4 and kept as the few blocks that it wrote.

use super::kernel;
use crate::isolation::failure::{During, Failure, Step};
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use parking_lot::Mutex;
use rustix::fs::{SeekFrom, seek};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The written pieces of a fresh file system, with where they stand.
type Blocks = Vec<(u64, Vec<u8>)>;

/// Makes a file of this size at `path`, with an empty file system in it.
pub fn create(path: &Path, bytes: u64) -> io::Result<File> {
    static FRESH: Mutex<BTreeMap<u64, Arc<Blocks>>> = Mutex::new(BTreeMap::new());
    let mut fresh = FRESH.lock();
    let blocks = match fresh.get(&bytes) {
        Some(blocks) => blocks.clone(),
        None => {
            let blocks = Arc::new(formatted(path, bytes)?);
            fresh.insert(bytes, blocks.clone());
            blocks
        }
    };
    drop(fresh);
    let file = open(path)?;
    file.set_len(bytes)?;
    blocks.iter().try_for_each(|(at, block)| file.write_all_at(block, *at))?;
    Ok(file)
}

pub fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn formatted(path: &Path, bytes: u64) -> io::Result<Blocks> {
    let file = open(path)?;
    file.set_len(bytes)?;
    // Nothing outlives the server, hence no journal.
    let mut arguments = ["-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode"].map(OsStr::new).to_vec();
    arguments.extend(["-E", "lazy_itable_init=1,nodiscard,root_owner=0:0"].map(OsStr::new));
    arguments.push(path.as_os_str());
    run("mkfs.ext4", &arguments)?;
    written(&file)
}

/// Runs a program of e2fsprogs.
fn run(name: &str, arguments: &[&OsStr]) -> io::Result<()> {
    let places = ["/usr/sbin/", "/sbin/", ""];
    let status = places.iter().find_map(|place| {
        let mut command = Command::new(format!("{place}{name}"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().ok()
    });
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(io::Error::other(format!("{name}: {status}"))),
        None => Err(io::Error::other(format!("there is no {name}"))),
    }
}

/// Lets an image that is mounted nowhere grow to this size. The kernel's own way, with the image mounted, needs
/// a right that root may not have in a container.
pub fn grow(path: &Path, bytes: u64) -> io::Result<()> {
    let file = open(path)?;
    let before = file.metadata()?.len();
    if bytes <= before {
        return Ok(());
    }
    wait_until_unmounted(path)?;
    file.set_len(bytes)?;
    run("resize2fs", &["-f".as_ref(), path.as_os_str()]).inspect_err(|_| drop(file.set_len(before)))
}

/// The kernel may take a moment to let go of the file.
pub fn wait_until_unmounted(path: &Path) -> io::Result<()> {
    let is_used = || {
        let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
        devices.into_iter().any(|device| {
            let file = fs::read_to_string(device.path().join("loop/backing_file")).unwrap_or_default();
            Path::new(file.trim_end_matches('\n')) == path
        })
    };
    for _ in 0..10_000 {
        if !is_used() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

fn written(file: &File) -> io::Result<Blocks> {
    let (mut blocks, mut at) = (Blocks::new(), 0);
    loop {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => return Ok(blocks),
            Err(error) => return Err(error.into()),
        };
        let end = seek(file, SeekFrom::Hole(start))?;
        let mut block = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
        file.read_exact_at(&mut block, start)?;
        blocks.push((start, block));
        at = end;
    }
}

/// Mounts the file system in a file. The working directory is one where devices can be made.
pub fn mount(image: BorrowedFd<'_>, target: &Path) -> Step<()> {
    let control = device("loop-control", SFlag::S_IFCHR, makedev(10, 237))?;
    // Between the answer and the use another process may have taken it.
    for _ in 0..10_000 {
        let number = kernel::free_loop_device(control.as_fd()).during("find a free loop device")?;
        let name = format!("loop{number}");
        let device = device(&name, SFlag::S_IFBLK, makedev(7, number.into()))?;
        match kernel::attach_loop_device(device.as_fd(), image) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => continue,
            other => other.during("attach the loop device")?,
        }
        let flags = MsFlags::MS_NODEV | MsFlags::MS_NOATIME;
        // Deleted blocks leave the file as well; nobody needs the file on the disk after a crash.
        return super::maker::mounted(&name, target, "ext4", flags, "discard,nobarrier,noinit_itable");
    }
    Err(Failure("every loop device is taken".into()))
}

fn device(name: &str, kind: SFlag, number: nix::libc::dev_t) -> Step<File> {
    let path = Path::new(name);
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    match mknod(path, kind, mode, number) {
        Err(nix::errno::Errno::EEXIST) => {}
        other => other.at("make the device", path)?,
    }
    File::options().read(true).write(true).open(path).at("open the device", path)
}

/// Copies an image, and of it what was written.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (open(from)?, open(to)?);
    let length = source.metadata()?.len();
    target.set_len(length)?;
    let mut at = 0;
    loop {
        let start = match seek(&source, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let end = seek(&source, SeekFrom::Hole(start))?;
        let (mut read, mut write) = (start, start);
        while read < end {
            let most = usize::try_from(end - read).map_err(io::Error::other)?;
            if rustix::fs::copy_file_range(&source, Some(&mut read), &target, Some(&mut write), most)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        at = end;
    }
}
