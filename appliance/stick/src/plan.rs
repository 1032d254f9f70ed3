//! From the names and sizes on a stick to what is taken; no I/O.

use crate::path::StickPath;
use crate::source::{EntryKind, StickEntry, StickListing};

/// Longest configuration, the limit of `crier_config`.
const CONFIGURATION_BYTES_MAX: u64 = crier_config::FILE_BYTES_MAX as u64;
/// Longest certificate, key or password: a chain of several certificates has some kilobytes, and the intake reads no
/// more.
const CERTIFICATE_BYTES_MAX: u64 = 64 * 1024;
/// Longest voice file, the limit of `crier_bundle`.
const VOICE_FILE_BYTES_MAX: u64 = 1 << 20;
/// Longest update: a slot has 576 MiB, and its compressed images are smaller.
pub(crate) const UPDATE_BYTES_MAX: u64 = 1 << 30;
/// Longest name, in bytes: with the prefix and suffix of a temporary name it stays below the 255 of file systems.
const NAME_BYTES_MAX: usize = 100;
/// Entries of a folder of the stick that are taken. An appliance has a few voices; a folder of thousands is a mistake.
const FOLDER_ENTRIES_MAX: usize = 64;

/// Something of the stick that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StickAction {
    /// A certificate, key or password for MQTT.
    Certificate(StickPath),
    /// An enrolled voice, one file.
    VoiceFile(StickPath),
    /// A voice bundle, a folder.
    VoiceBundle(StickPath),
    /// The configuration.
    Configuration(StickPath),
    /// Logs and status are wanted on the stick.
    Diagnose,
    /// A signed update.
    Update(StickPath),
}

/// Reason for passing over something of the stick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StickRefusal {
    /// The name has characters that are not taken.
    #[error("its name may have letters, digits, spaces and . _ - only, at most {NAME_BYTES_MAX} bytes")]
    Name,
    /// It is larger than what is taken.
    #[error("{bytes} bytes are more than the {limit} that are taken")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// Largest size.
        limit: u64,
    },
    /// A link or something else that is neither file nor folder.
    #[error("it is neither a file nor a folder")]
    NotAFile,
    /// It does not belong into its folder.
    #[error("it does not belong into this folder")]
    Unknown,
    /// There is more than one update.
    #[error("there is more than one update; leave the newest on the stick")]
    SeveralUpdates,
    /// There is more in the folder than is taken.
    #[error("the folder has more than {FOLDER_ENTRIES_MAX} files; the rest is passed over")]
    TooMany,
}

/// Contents of a stick for the appliance, in the order in which it is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Taken: certificates and voices before the configuration that names them, the update, which ends with a restart,
    /// last.
    pub actions: Vec<StickAction>,
    /// Passed over, with the reason.
    pub refusals: Vec<(StickPath, StickRefusal)>,
}

/// Meaning of a folder in the root of a stick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FolderRole {
    Certificates,
    Voices,
    Update,
}

impl FolderRole {
    /// Role of a folder by its name. FAT names are shown in capitals by some systems.
    fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "certificates" => Some(Self::Certificates),
            "voices" => Some(Self::Voices),
            "update" => Some(Self::Update),
            _ => None,
        }
    }
}

impl Plan {
    /// Returns true if a folder in the root has a meaning, so that it is worth listing.
    #[must_use]
    pub fn is_folder_wanted(name: &str) -> bool {
        FolderRole::of(name).is_some()
    }

    /// Returns true if the stick has nothing for the appliance.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.refusals.is_empty()
    }

    fn refuse(&mut self, path: StickPath, reason: StickRefusal) {
        self.refusals.push((path, reason));
    }

    /// Adds a file as what `action` makes of it, unless it is too large.
    fn add(&mut self, path: StickPath, bytes: u64, limit: u64, action: fn(StickPath) -> StickAction) {
        // The size of the listing; what is read later is bounded once more, as the stick may change.
        if bytes > limit {
            self.refuse(path, StickRefusal::TooLarge { bytes, limit });
        } else {
            self.actions.push(action(path));
        }
    }

    fn add_folder(&mut self, folder: &str, role: FolderRole, entries: &[StickEntry]) {
        // Hidden files are those that other systems leave behind, such as `._anna.voice` of macOS.
        let visible: Vec<&StickEntry> = entries.iter().filter(|entry| !entry.name.starts_with('.')).collect();
        if visible.len() > FOLDER_ENTRIES_MAX {
            self.refuse(StickPath::root(folder), StickRefusal::TooMany);
        }
        for entry in visible.into_iter().take(FOLDER_ENTRIES_MAX) {
            let path = StickPath::new(folder, &entry.name);
            if !is_name_valid(&entry.name) {
                self.refuse(path, StickRefusal::Name);
                continue;
            }
            // FAT keeps the case of an ending or does not, depending on the system that wrote it.
            let name = entry.name.to_ascii_lowercase();
            match (role, entry.kind) {
                (_, EntryKind::Other) => self.refuse(path, StickRefusal::NotAFile),
                (FolderRole::Certificates, EntryKind::File { bytes }) => {
                    self.add(path, bytes, CERTIFICATE_BYTES_MAX, StickAction::Certificate);
                }
                (FolderRole::Voices, EntryKind::Folder) => self.actions.push(StickAction::VoiceBundle(path)),
                (FolderRole::Voices, EntryKind::File { bytes }) if name.ends_with(".voice") => {
                    self.add(path, bytes, VOICE_FILE_BYTES_MAX, StickAction::VoiceFile);
                }
                (FolderRole::Update, EntryKind::File { bytes }) if name.ends_with(".raucb") => {
                    self.add(path, bytes, UPDATE_BYTES_MAX, StickAction::Update);
                }
                _ => self.refuse(path, StickRefusal::Unknown),
            }
        }
    }
}

/// Decides what is taken of a stick with these files.
#[must_use]
pub fn plan(listing: &StickListing) -> Plan {
    let mut plan = Plan::default();
    for role in [FolderRole::Certificates, FolderRole::Voices] {
        plan.add_folders(listing, role);
    }
    // Windows hides the ending of a file that its editor made, so that owners see `crier.toml` and `diagnose`.
    if let Some((path, kind)) = find(listing, &["crier.toml", "crier.toml.txt"]) {
        match kind {
            EntryKind::File { bytes } => {
                plan.add(path, bytes, CONFIGURATION_BYTES_MAX, StickAction::Configuration);
            }
            _ => plan.refuse(path, StickRefusal::NotAFile),
        }
    }
    if find(listing, &["diagnose", "diagnose.txt"]).is_some() {
        plan.actions.push(StickAction::Diagnose);
    }
    plan.add_folders(listing, FolderRole::Update);
    // None of them rather than the one with the highest name: versions do not sort as text.
    let is_update = |action: &StickAction| matches!(action, StickAction::Update(_));
    if plan.actions.iter().filter(|action| is_update(action)).count() > 1 {
        for action in plan.actions.extract_if(.., |action| is_update(action)).collect::<Vec<_>>() {
            if let StickAction::Update(path) = action {
                plan.refuse(path, StickRefusal::SeveralUpdates);
            }
        }
    }
    plan
}

impl Plan {
    fn add_folders(&mut self, listing: &StickListing, role: FolderRole) {
        for (folder, entries) in listing.folders.iter().filter(|(name, _)| FolderRole::of(name) == Some(role))
        {
            self.add_folder(folder, role, entries);
        }
    }
}

/// First entry of the root with one of these names.
fn find(listing: &StickListing, names: &[&str]) -> Option<(StickPath, EntryKind)> {
    let found = names
        .iter()
        .find_map(|name| listing.root.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)))?;
    Some((StickPath::root(&found.name), found.kind))
}

/// Returns true for a name that may become a name on the data partition.
fn is_name_valid(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.chars().next().is_some_and(char::is_alphanumeric)
        && name.chars().all(|character| character.is_alphanumeric() || " ._-".contains(character))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, bytes: u64) -> StickEntry {
        StickEntry { name: name.to_owned(), kind: EntryKind::File { bytes } }
    }

    fn folder(name: &str) -> StickEntry {
        StickEntry { name: name.to_owned(), kind: EntryKind::Folder }
    }

    fn of(root: Vec<StickEntry>, folders: &[(&str, Vec<StickEntry>)]) -> Plan {
        let folders = folders.iter().map(|(name, entries)| ((*name).to_owned(), entries.clone())).collect();
        plan(&StickListing { root, folders })
    }

    #[test]
    fn voices_and_certificates_come_before_the_configuration_and_the_update_comes_last() {
        let plan = of(
            vec![file("CRIER.TOML", 10), file("diagnose.txt", 0), file("holiday.jpg", 5_000_000)],
            &[
                ("update", vec![file("crier-0.2.0.raucb", 100)]),
                ("VOICES", vec![file("anna.voice", 10), folder("qwen")]),
                ("certificates", vec![file("ca.pem", 10)]),
            ],
        );
        let expected = [
            StickAction::Certificate(StickPath::new("certificates", "ca.pem")),
            StickAction::VoiceFile(StickPath::new("VOICES", "anna.voice")),
            StickAction::VoiceBundle(StickPath::new("VOICES", "qwen")),
            StickAction::Configuration(StickPath::root("CRIER.TOML")),
            StickAction::Diagnose,
            StickAction::Update(StickPath::new("update", "crier-0.2.0.raucb")),
        ];
        assert_eq!((plan.actions.as_slice(), plan.refusals.as_slice()), (&expected[..], &[][..]));
    }

    #[test]
    fn too_large_and_misplaced_files_and_two_updates_are_refused_by_name() {
        let plan = of(
            vec![file("crier.toml", 1 << 30)],
            &[
                ("update", vec![file("a.raucb", 1), file("b.raucb", 1)]),
                (
                    "voices",
                    vec![
                        file("._anna.voice", 1),
                        file("song.mp3", 1),
                        file("..", 1),
                        file("a\u{1b}.voice", 1),
                    ],
                ),
                ("certificates", vec![StickEntry { name: "ca.pem".into(), kind: EntryKind::Other }]),
            ],
        );
        assert_eq!(plan.actions, []);
        let refusals: Vec<String> =
            plan.refusals.iter().map(|(path, reason)| format!("{path}: {reason}")).collect();
        let words = [
            "ca.pem: it is neither",
            "a\u{1b}.voice: its name",
            "song.mp3: it does not",
            "crier.toml: 1073741824 bytes",
            "a.raucb: there is more",
            "b.raucb: there is more",
        ];
        assert_eq!(refusals.len(), words.len(), "{refusals:?}");
        for word in words {
            assert!(refusals.iter().any(|refusal| refusal.contains(word)), "{word}: {refusals:?}");
        }
    }

    #[test]
    fn stick_without_anything_for_the_appliance_has_an_empty_plan() {
        assert!(of(vec![file("holiday.jpg", 1), folder("voices")], &[("voices", vec![])]).is_empty());
    }

    proptest! {
        #[test]
        fn planned_names_stay_within_their_folder(name in any::<String>(), bytes in any::<u64>()) {
            let certificates = ("certificates", vec![file(&name, bytes)]);
            let plan = of(vec![], &[("voices", vec![file(&name, bytes), folder(&name)]), certificates]);
            for action in plan.actions {
                let (StickAction::Certificate(path)
                | StickAction::VoiceFile(path)
                | StickAction::VoiceBundle(path)) = action
                else {
                    panic!("{action:?}");
                };
                prop_assert!(!path.name.contains(['/', '\0']) && !path.name.starts_with('.'));
                prop_assert!(path.name.len() <= NAME_BYTES_MAX);
            }
        }
    }
}
