//! Label and kind of a file system, from the device's own bytes, so that only a stick with the right label is mounted.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Start of ext4's superblock.
const EXT_SUPERBLOCK: usize = 1024;
/// Bytes read first: boot sector and ext4's superblock.
const HEAD_BYTES: usize = 2048;
/// Size of an entry of a FAT or exFAT directory.
const ENTRY_BYTES: usize = 32;
/// Entries of a root directory that are searched for the label. Formatters write it first; a FAT12/16 root directory
/// usually has 512 entries, and on FAT32 a label set later may be behind the files.
const ENTRIES_MAX: usize = 16_384;
/// Smallest cluster number of a chain; smaller ones are reserved.
const CLUSTER_FIRST: u32 = 2;

/// A file system that sticks and cards are formatted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// exFAT.
    ExFat,
    /// ext2, ext3 or ext4.
    Ext4,
}

/// A file system and its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickVolume {
    /// Kind of the file system.
    pub file_system: FileSystem,
    /// Label, without trailing spaces; empty if there is none.
    pub label: String,
}

/// Returns the file system on a device, or none if it is of another kind.
///
/// # Errors
/// The device cannot be read.
pub fn identify(device: &mut (impl Read + Seek)) -> io::Result<Option<StickVolume>> {
    let mut head = [0; HEAD_BYTES];
    if let Err(error) = read_at(device, 0, &mut head) {
        // A device of a few sectors is no file system, and no fault either.
        return if error.kind() == ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    // exFAT first: its boot sector has the signature of FAT, and zeros where FAT has its geometry.
    let found = if head[3..11] == *b"EXFAT   " {
        RootFolder::of_exfat(&head).map(|root| (FileSystem::ExFat, root.label(device), String::new()))
    } else if let Some((root, fallback)) = RootFolder::of_fat(&head) {
        Some((FileSystem::Fat, root.label(device), fallback))
    } else if head[EXT_SUPERBLOCK + 0x38..EXT_SUPERBLOCK + 0x3a] == [0x53, 0xef] {
        let label = &head[EXT_SUPERBLOCK + 0x78..EXT_SUPERBLOCK + 0x88];
        Some((FileSystem::Ext4, Ok(Some(text(label))), String::new()))
    } else {
        None
    };
    let Some((file_system, label, fallback)) = found else { return Ok(None) };
    // The root directory comes first: Windows renames a stick there and leaves the boot sector as it was.
    Ok(Some(StickVolume { file_system, label: label?.unwrap_or(fallback) }))
}

/// Root directory of FAT or exFAT.
struct RootFolder {
    /// Byte at which cluster 2 begins, or the directory itself if it has a fixed place (FAT12 and FAT16).
    begin: u64,
    /// Bytes of a cluster, or of the directory if it has a fixed place.
    cluster_bytes: u64,
    /// First cluster; none if the directory has a fixed place.
    cluster: Option<u32>,
    /// Byte at which the file allocation table begins.
    table: u64,
    /// Bits of a table entry that are a cluster number.
    mask: u32,
    /// Label in a directory entry.
    label_of: fn(&[u8]) -> EntryLabel,
}

/// Role of a directory entry.
enum EntryLabel {
    Label(String),
    Other,
    End,
}

impl RootFolder {
    /// Reads a boot sector of FAT, and its own copy of the label.
    fn of_fat(head: &[u8; HEAD_BYTES]) -> Option<(Self, String)> {
        let sector = u64::from(u16_at(head, 11));
        let sectors_per_cluster = u64::from(head[13]);
        let (tables, fixed_entries) = (u64::from(head[16]), u64::from(u16_at(head, 17)));
        // A partition table ends with the same two bytes; the geometry tells them apart.
        let plausible = head[510..512] == [0x55, 0xaa]
            && (head[0] == 0xeb || head[0] == 0xe9)
            && [512, 1024, 2048, 4096].contains(&sector)
            && sectors_per_cluster.is_power_of_two()
            && (1..=2).contains(&tables);
        if !plausible {
            return None;
        }
        let table = u64::from(u16_at(head, 14)) * sector;
        // FAT32 has tables of more than 65,535 sectors, and says so by a zero in the old field.
        let table_sectors = match u16_at(head, 22) {
            0 => u64::from(u32_at(head, 36)),
            sectors => u64::from(sectors),
        };
        let begin = table + tables * table_sectors * sector;
        // FAT12 and FAT16 have their root directory before the first cluster; that of FAT32 is a chain like any other.
        let is_fat32 = fixed_entries == 0;
        let root = Self {
            begin,
            cluster_bytes: if is_fat32 {
                sector * sectors_per_cluster
            } else {
                fixed_entries * ENTRY_BYTES as u64
            },
            cluster: is_fat32.then(|| u32_at(head, 44)),
            table,
            // The upper four bits of FAT32 are reserved.
            mask: 0x0fff_ffff,
            label_of: fat_label,
        };
        // Formatters write these words where there is no label.
        let label = text(if is_fat32 { &head[71..82] } else { &head[43..54] });
        Some((root, if label == "NO NAME" { String::new() } else { label }))
    }

    /// Reads a boot sector of exFAT.
    fn of_exfat(head: &[u8; HEAD_BYTES]) -> Option<Self> {
        let (sector_shift, cluster_shift) = (head[108], head[109]);
        // The bounds of the specification, without which the shifts below could overflow.
        if !(9..=12).contains(&sector_shift) || cluster_shift > 25 - sector_shift {
            return None;
        }
        Some(Self {
            begin: u64::from(u32_at(head, 88)) << sector_shift,
            cluster_bytes: 1 << (sector_shift + cluster_shift),
            cluster: Some(u32_at(head, 96)),
            table: u64::from(u32_at(head, 80)) << sector_shift,
            // All bits count; ends of chains are as in FAT32 but for the upper four.
            mask: u32::MAX,
            label_of: exfat_label,
        })
    }

    /// Searches the directory, along its chain of clusters, for a label.
    fn label(&self, device: &mut (impl Read + Seek)) -> io::Result<Option<String>> {
        let (mut cluster, mut searched) = (self.cluster, 0);
        let mut entry = [0; ENTRY_BYTES];
        loop {
            let begin = match cluster {
                None => self.begin,
                // The end of the chain, or a damaged one.
                Some(number) if number < CLUSTER_FIRST || number & self.mask >= self.mask - 15 => {
                    return Ok(None);
                }
                Some(number) => self.begin + u64::from(number - CLUSTER_FIRST) * self.cluster_bytes,
            };
            for at in (0..self.cluster_bytes).step_by(ENTRY_BYTES) {
                searched += 1;
                // Damaged chains may be circles.
                if searched > ENTRIES_MAX || !read_whole_at(device, begin + at, &mut entry)? {
                    return Ok(None);
                }
                match (self.label_of)(&entry) {
                    EntryLabel::Label(label) => return Ok(Some(label)),
                    EntryLabel::Other => {}
                    EntryLabel::End => return Ok(None),
                }
            }
            // A directory in a fixed place has no further part.
            let Some(number) = cluster else { return Ok(None) };
            let mut next = [0; 4];
            if !read_whole_at(device, self.table + u64::from(number) * 4, &mut next)? {
                return Ok(None);
            }
            cluster = Some(u32::from_le_bytes(next) & self.mask);
        }
    }
}

fn fat_label(entry: &[u8]) -> EntryLabel {
    match (entry[0], entry[11]) {
        (0, _) => EntryLabel::End,
        // Deleted entries, and parts of long names, which have the bit of a label among others.
        (0xe5, _) | (_, 0x0f) => EntryLabel::Other,
        (_, attributes) if attributes & 0x18 == 0x08 => EntryLabel::Label(text(&entry[..11])),
        _ => EntryLabel::Other,
    }
}

fn exfat_label(entry: &[u8]) -> EntryLabel {
    match entry[0] {
        0 => EntryLabel::End,
        0x83 => {
            // A damaged length must not reach beyond the entry.
            let length = usize::from(entry[1]).min(11);
            let units: Vec<u16> = entry[2..2 + 2 * length]
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| u16::from_le_bytes(*pair))
                .collect();
            EntryLabel::Label(String::from_utf16_lossy(&units).trim_end().to_owned())
        }
        _ => EntryLabel::Other,
    }
}

/// Text that ends with a zero or with spaces.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn read_at(device: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> io::Result<()> {
    device.seek(SeekFrom::Start(at))?;
    device.read_exact(bytes)
}

/// As [`read_at`]; false behind the end of the device, where numbers of a damaged file system may point.
fn read_whole_at(device: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> io::Result<bool> {
    match read_at(device, at, bytes) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// A file system of a real formatter, or none where it is not installed.
    fn formatted(bytes: u64, command: &[&str]) -> Option<tempfile::NamedTempFile> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(bytes).unwrap();
        // /sbin is not in every user's path.
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let run = Command::new(command[0]).args(&command[1..]).arg(file.path()).env("PATH", path).output();
        let Ok(output) = run else {
            crier_test_needs::missing(command[0], "install dosfstools, exfatprogs, e2fsprogs and mtools");
            return None;
        };
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(file)
    }

    fn label(file: &tempfile::NamedTempFile) -> Option<(FileSystem, String)> {
        let volume = identify(&mut file.reopen().unwrap()).unwrap();
        volume.map(|volume| (volume.file_system, volume.label))
    }

    #[test]
    fn label_of_each_size_of_fat_is_found() {
        for (megabytes, bits) in [(2, "12"), (16, "16"), (64, "32")] {
            let Some(file) = formatted(megabytes << 20, &["mkfs.vfat", "-F", bits, "-n", "CRIER"]) else {
                return;
            };
            assert_eq!(label(&file), Some((FileSystem::Fat, "CRIER".to_owned())), "FAT{bits}");
        }
    }

    #[test]
    fn label_of_exfat_is_found() {
        let Some(file) = formatted(16 << 20, &["mkfs.exfat", "-L", "CRIER"]) else { return };
        assert_eq!(label(&file), Some((FileSystem::ExFat, "CRIER".to_owned())));
    }

    #[test]
    fn label_of_ext4_is_found() {
        let Some(file) = formatted(16 << 20, &["mke2fs", "-q", "-F", "-t", "ext4", "-L", "CRIER"]) else {
            return;
        };
        assert_eq!(label(&file), Some((FileSystem::Ext4, "CRIER".to_owned())));
    }

    #[test]
    fn label_that_was_changed_later_is_the_one_of_the_root_directory() {
        let Some(file) = formatted(64 << 20, &["mkfs.vfat", "-F", "32", "-n", "OTHER"]) else { return };
        // As Windows does it: the entry changes, the boot sector does not.
        let mut bytes = std::fs::read(file.path()).unwrap();
        let boot = bytes[..512].to_vec();
        let begin = usize::from(u16_at(&boot, 14)) * 512 + 2 * u32_at(&boot, 36) as usize * 512;
        assert_eq!(&bytes[begin..begin + 5], b"OTHER");
        bytes[begin..begin + 5].copy_from_slice(b"CRIER");
        assert_eq!(identify(&mut Cursor::new(bytes)).unwrap().unwrap().label, "CRIER");
    }

    #[test]
    fn partition_table_is_no_file_system() {
        let mut bytes = vec![0; 4096];
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(identify(&mut Cursor::new(bytes)).unwrap(), None);
        assert_eq!(identify(&mut Cursor::new(vec![0; 100])).unwrap(), None);
    }

    #[test]
    fn chain_of_clusters_in_a_circle_ends() {
        let mut bytes = vec![0xff; 1 << 16];
        bytes[0] = 0xeb;
        bytes[11..13].copy_from_slice(&512_u16.to_le_bytes());
        bytes[13] = 1;
        bytes[14..16].copy_from_slice(&1_u16.to_le_bytes());
        bytes[16] = 1;
        bytes[17..19].fill(0);
        bytes[22..24].copy_from_slice(&1_u16.to_le_bytes());
        bytes[44..48].copy_from_slice(&2_u32.to_le_bytes());
        bytes[71..82].copy_from_slice(b"CRIER      ");
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        // Cluster 2 follows itself.
        bytes[512 + 8..512 + 12].copy_from_slice(&2_u32.to_le_bytes());
        assert_eq!(identify(&mut Cursor::new(bytes)).unwrap().unwrap().label, "CRIER");
    }

    proptest! {
        #[test]
        fn damaged_superblocks_neither_panic_nor_hang(
            kind in 0..3_u8,
            mut bytes in proptest::collection::vec(any::<u8>(), HEAD_BYTES..8192),
        ) {
            match kind {
                0 => bytes[3..11].copy_from_slice(b"EXFAT   "),
                1 => {
                    bytes[0] = 0xeb;
                    bytes[11..13].copy_from_slice(&512_u16.to_le_bytes());
                    bytes[13] = 8;
                    bytes[16] = 2;
                    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
                }
                _ => bytes[EXT_SUPERBLOCK + 0x38..EXT_SUPERBLOCK + 0x3a].copy_from_slice(&[0x53, 0xef]),
            }
            identify(&mut Cursor::new(bytes)).unwrap();
        }
    }
}
