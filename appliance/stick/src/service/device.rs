//! Block devices that may be a stick: found in `/sys`, identified by their first bytes, mounted.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::source::Stick;
use crate::superblock::{FileSystem, StickVolume, identify};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// All block devices, disks and partitions.
const BLOCK_DEVICES: &str = "/sys/class/block";
/// Links to the partitions of the disk that the appliance runs from, made by `S02devices`.
const OWN_PARTITIONS: &str = "/dev/crier";
/// Devices of the kernel itself, and hidden partitions of an eMMC: no stick is one of these.
const OTHER_DEVICES: [&str; 5] = ["loop", "ram", "zram", "dm-", "nbd"];
/// `MS_NOSYMFOLLOW` of Linux 5.10, which nix does not name: no link on the stick is followed by anything.
const NO_LINKS: MsFlags = MsFlags::from_bits_retain(256);

/// A disk or partition that may be a stick.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StickDevice {
    /// Name in `/dev`.
    pub(super) name: String,
    /// Number that the kernel gives each disk and each medium in a reader.
    sequence: String,
    /// Size in sectors of 512 bytes.
    sectors: u64,
}

/// Lists the devices that may be a stick. Those that cannot be looked at are passed over: they are being removed.
pub(super) fn list() -> BTreeSet<StickDevice> {
    let own = own_disks();
    let entries = std::fs::read_dir(BLOCK_DEVICES).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| look_at(&entry.path(), &own)).collect()
}

fn look_at(entry: &Path, own: &BTreeSet<PathBuf>) -> Option<StickDevice> {
    let name = entry.file_name()?.to_str()?.to_owned();
    let path = entry.canonicalize().ok()?;
    // The card that the appliance runs from has a partition with the same label, which `S40configuration` reads.
    let is_own = own.iter().any(|disk| path.starts_with(disk));
    if is_own || OTHER_DEVICES.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let text = |path: PathBuf| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    // A card reader without a card is a device of no size.
    let sectors = text(path.join("size"))?.parse().ok().filter(|sectors| *sectors > 0)?;
    let sequence = text(disk_of(&path).join("diskseq")).unwrap_or_default();
    Some(StickDevice { name, sequence, sectors })
}

/// Folder in `/sys` of the disk of a partition, or of the disk itself.
fn disk_of(path: &Path) -> &Path {
    if path.join("partition").exists() { path.parent().unwrap_or(path) } else { path }
}

/// Disks that the appliance runs from.
fn own_disks() -> BTreeSet<PathBuf> {
    let links = std::fs::read_dir(OWN_PARTITIONS).into_iter().flatten().filter_map(Result::ok);
    let device = |link: PathBuf| {
        let device = link.canonicalize().ok()?;
        Path::new(BLOCK_DEVICES).join(device.file_name()?).canonicalize().ok()
    };
    links.filter_map(|entry| device(entry.path())).map(|path| disk_of(&path).to_owned()).collect()
}

impl StickDevice {
    fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// Reads label and file system.
    pub(super) fn identify(&self) -> io::Result<Option<StickVolume>> {
        identify(&mut File::open(self.path())?)
    }
}

/// A stick that is mounted, read-only, until it is dropped.
#[derive(Debug)]
pub(super) struct MountedStick {
    stick: Stick,
    place: PathBuf,
    options: &'static str,
}

impl MountedStick {
    pub(super) fn mount(device: &StickDevice, volume: &StickVolume, place: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        if let Some(parent) = place.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        std::fs::create_dir_all(place)?;
        let (kind, options) = match volume.file_system {
            // Names in UTF-8; files are root's alone.
            FileSystem::Fat => ("vfat", "umask=077,utf8"),
            FileSystem::ExFat => ("exfat", "umask=077"),
            // A damaged stick must not end the kernel, whatever its superblock asks for.
            FileSystem::Ext4 => ("ext4", "errors=remount-ro"),
        };
        mount(Some(&device.path()), place, Some(kind), flags() | MsFlags::MS_RDONLY, Some(options))?;
        // Pulled out already, perhaps: nothing stays mounted.
        match Stick::open(place) {
            Ok(stick) => Ok(Self { stick, place: place.to_owned(), options }),
            Err(error) => {
                unmount(place);
                Err(error)
            }
        }
    }

    pub(super) fn stick(&self) -> &Stick {
        &self.stick
    }

    /// Has `write` write to the stick, which is writable only meanwhile.
    pub(super) fn while_writable(&self, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        // The kernel refuses it for a write-protected card, and for a file system that it found damaged.
        self.remount(MsFlags::empty())?;
        let written = write();
        // Syncs what was written; without it the stick could not be pulled out before it is unmounted.
        self.remount(MsFlags::MS_RDONLY).and(written)
    }

    fn remount(&self, further: MsFlags) -> io::Result<()> {
        let flags = flags() | further | MsFlags::MS_REMOUNT;
        Ok(mount(None::<&Path>, &self.place, None::<&Path>, flags, Some(self.options))?)
    }
}

impl Drop for MountedStick {
    fn drop(&mut self) {
        unmount(&self.place);
    }
}

fn flags() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME | NO_LINKS
}

/// Unmounts a stick that may be gone, or may not be mounted at all.
pub(super) fn unmount(place: &Path) {
    // Detached, as files of a stick that was pulled out may still be open. An error says that nothing is mounted.
    let _ = umount2(place, MntFlags::MNT_DETACH);
}
