//! `[[fifo]]`: text from programs on the same machine.

use std::path::PathBuf;

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

use crate::key::KeyDefault;
use crate::reader::Trouble;
use crate::section::Section;
use crate::sections::common::{Known, PRIORITY_DEFAULT, read_group};
use crate::values::kind;

/// One FIFO; a line written to it, of text or of JSON, is an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FifoSettings {
    /// Path at which it is created.
    pub path: PathBuf,
    /// Permissions, as `chmod` takes them; written `"0620"`.
    pub mode: u32,
    /// Group, by name; `None`: that of the appliance.
    pub group: Option<String>,
    /// Priority of its announcements.
    pub priority: Priority,
    /// Announcements accepted in a minute; more are refused and counted.
    pub max_per_minute: u32,
}

impl FifoSettings {
    /// A FIFO with every other key at its default.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        // Members of the group may write and none may read, which would steal lines. Programs of this machine may say
        // more than a wire.
        Self { path: path.into(), mode: 0o620, group: None, priority: Priority::Message, max_per_minute: 600 }
    }
}

impl FifoSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>, known: &mut Known) -> Self {
        let default = Self::new("");
        let fifo = Self {
            path: section.path("path", "{run_dir}/say"),
            mode: read_mode(section).unwrap_or(default.mode),
            group: read_group(section),
            priority: section.choice("priority", PRIORITY_DEFAULT),
            max_per_minute: section.number("max_per_minute", default.max_per_minute, 1..=6000),
        };
        // Permitted, for a machine with one user; everyone else would not expect it.
        if fifo.mode & 0o002 != 0 {
            let problem = "lets everyone on this machine speak through it";
            section.warn("mode", problem, "write \"0620\" and name a `group`");
        }
        section.unique("path", &mut known.paths, fifo.path.clone());
        fifo
    }
}

fn read_mode(section: &mut Section<'_, '_>) -> Option<u32> {
    let takes = "permissions as `chmod` takes them, in quotes, such as \"0620\"";
    section.value("mode", takes, KeyDefault::Value("\"0620\"".to_owned()), |_, value| {
        let remedy = || format!("write {takes}");
        let toml::de::DeValue::String(text) = value else {
            return Err(Trouble::new(format!("is {}", kind(value)), remedy()));
        };
        // In quotes and in octal only: TOML forbids a leading zero, and 620 as a decimal number would be another
        // mode.
        let octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        match u32::from_str_radix(text, 8) {
            Ok(mode) if octal && mode & !0o666 == 0 && mode & 0o600 == 0o600 => Ok(mode),
            Ok(mode) if octal && mode & !0o666 != 0 => {
                Err(Trouble::new("has bits that mean nothing for a FIFO", remedy()))
            }
            Ok(_) if octal => Err(Trouble::new("shuts the appliance itself out", "let it begin with 06")),
            _ => Err(Trouble::new("is not in octal", remedy())),
        }
    })
}
