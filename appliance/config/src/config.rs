//! The whole file.

use std::collections::BTreeMap;

use std::io::Read;
use std::path::Path;

use crier_lexicon::{LEXEMES_MAX, Lexeme};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::DeTable;

use crate::error::{ConfigError, Warning};
use crate::key::Key;
use crate::place::Source;
use crate::reader::{Reader, Trouble};
use crate::section::Section;
use crate::sections::{
    ApplianceSettings, ButtonSettings, ControlSettings, CpuSettings, FifoSettings, Known, LogSettings,
    MetricsSettings, MqttSettings, PlayerSettings, QueueSettings, SerialSettings, SupervisorSettings,
    UserSettings, VoiceSettings, WatchdogSettings, read_action_table, read_lexeme,
};
use crate::syntax::{trouble, unclosed};

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Serial ports, FIFOs, buttons and voices at most, of each: more than a board has, and a bound on the memory.
const SECTIONS_MAX: usize = 64;
/// Sections `[[pronunciation]]` at most: as many as fit into the file with everything else. Longer lists have files of
/// their own.
const PRONUNCIATIONS_MAX: usize = 1000;

/// The configuration of the appliance. Its `Serialize` is for handing a part to a stage, not for writing the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Config {
    /// Identity and folders.
    pub appliance: ApplianceSettings,
    /// Default voice.
    pub voice: VoiceSettings,
    /// Further voices, by name.
    pub voices: BTreeMap<String, VoiceSettings>,
    /// Pronunciations of words, for all voices.
    pub pronunciation: Vec<Lexeme>,
    /// Capacity of the queue.
    pub queue: QueueSettings,
    /// Audio output.
    pub player: PlayerSettings,
    /// Assignment of CPUs to stages.
    pub cpu: CpuSettings,
    /// Users of the stages.
    pub users: UserSettings,
    /// Serial ports that text comes in by.
    pub serial: Vec<SerialSettings>,
    /// FIFOs that text comes in by.
    pub fifo: Vec<FifoSettings>,
    /// The broker; `None`: there is none.
    pub mqtt: Option<MqttSettings>,
    /// Push-buttons.
    pub button: Vec<ButtonSettings>,
    /// The socket of `crier ctl`.
    pub control: ControlSettings,
    /// The socket that metrics are read from.
    pub metrics: MetricsSettings,
    /// Hardware watchdog.
    pub watchdog: WatchdogSettings,
    /// Start, stop and time limits of the supervisor.
    pub supervisor: SupervisorSettings,
    /// Level of the log.
    pub log: LogSettings,
}

impl Config {
    /// Reads a file of at most [`FILE_BYTES_MAX`].
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(path: &Path) -> Result<(Self, Vec<Warning>), Vec<ConfigError>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            // One byte more than the limit tells a longer file from one of exactly that length.
            .and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
            .map_err(|source| vec![ConfigError::Read { path: path.to_owned(), source }])?;
        let name = path.to_string_lossy();
        Self::parse_bytes(&name, &bytes)
    }

    /// Reads a file from memory; `name` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong with them, in the order of the file.
    pub fn parse_bytes(name: &str, bytes: &[u8]) -> Result<(Self, Vec<Warning>), Vec<ConfigError>> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(name, text),
            // A file that was cut at the bound may be cut within a character.
            Err(_) if bytes.len() > FILE_BYTES_MAX => Err(vec![too_long(name)]),
            Err(error) => {
                let (good, _) = bytes.split_at(error.valid_up_to());
                let text = format!("{}\u{fffd}", String::from_utf8_lossy(good));
                let mut reader = Reader::new(Source::new(name, &text), keys);
                let trouble = Trouble::new("the file is not in UTF-8 from here on", "save it as UTF-8");
                reader.syntax_error(good.len()..text.len(), trouble);
                Err(reader.finish().err().unwrap_or_default())
            }
        }
    }

    /// Reads a file that is text already; `name` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(name: &str, text: &str) -> Result<(Self, Vec<Warning>), Vec<ConfigError>> {
        if text.len() > FILE_BYTES_MAX {
            return Err(vec![too_long(name)]);
        }
        let mut reader = Reader::new(Source::new(name, text), keys);
        let table = parse_table(&mut reader, text);
        let config = Self::read_sections(&mut reader, Some(table.get_ref()));
        reader.finish().map(|warnings| (config, warnings))
    }

    fn read_sections<'a>(reader: &mut Reader<'a>, table: Option<&'a DeTable<'a>>) -> Self {
        let mut root = Section::root(reader, table);
        // The order is that of dependence, not of the file: directories before paths that begin with them, voices
        // before inputs that choose them, the player before buttons that play its chimes, the supervisor before the
        // watchdog that must be slower.
        let mut known = Known::default();
        let appliance = root.section("appliance", ApplianceSettings::read);
        root.reader.name_directory("run_dir", appliance.run_dir.clone());
        root.reader.name_directory("state_dir", appliance.state_dir.clone());
        let voice = root.section("voice", |section| VoiceSettings::read(section, None));
        let voices =
            root.named_sections("voices", SECTIONS_MAX, |section| VoiceSettings::read(section, Some(&voice)));
        known.voices = voices.keys().cloned().collect();
        let pronunciation = root.sections("pronunciation", PRONUNCIATIONS_MAX, read_lexeme);
        let queue = root.section("queue", QueueSettings::read);
        let player = root.section("player", PlayerSettings::read);
        known.chimes_dir.clone_from(&player.chimes_dir);
        let cpu = root.section("cpu", CpuSettings::read);
        let users = root.section("users", UserSettings::read);
        let serial =
            root.sections("serial", SECTIONS_MAX, |section| SerialSettings::read(section, &mut known));
        let fifo =
            root.sections("fifo", SECTIONS_MAX, |section| Some(FifoSettings::read(section, &mut known)));
        let mqtt = root.section("mqtt", MqttSettings::read);
        let button =
            root.sections("button", SECTIONS_MAX, |section| ButtonSettings::read(section, &mut known));
        // The table of an action is the value of a key and no section, so that the list of keys would not have its
        // keys.
        root.imagined("action of a [[button]]", |section| {
            read_action_table(section, &known);
        });
        let control = root.section("control", |section| ControlSettings::read(section, &mut known));
        let metrics = root.section("metrics", |section| MetricsSettings::read(section, &mut known));
        let supervisor = root.section("supervisor", SupervisorSettings::read);
        let watchdog = root.section("watchdog", |section| WatchdogSettings::read(section, &supervisor));
        let log = root.section("log", LogSettings::read);
        root.finish();
        Self {
            appliance,
            voice,
            voices,
            pronunciation,
            queue,
            player,
            cpu,
            users,
            serial,
            fifo,
            mqtt,
            button,
            control,
            metrics,
            watchdog,
            supervisor,
            log,
        }
    }
}

/// Reads a lexicon file, which has nothing but sections `[[pronunciation]]`; `name` is its name in messages.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn parse_lexicon(name: &str, text: &str) -> Result<Vec<Lexeme>, Vec<ConfigError>> {
    // Without the keys of the configuration: a remedy that names another of its sections would lead astray.
    let mut reader = Reader::new(Source::new(name, text), Vec::new);
    let table = parse_table(&mut reader, text);
    let mut root = Section::root(&mut reader, Some(table.get_ref()));
    let lexemes = root.sections("pronunciation", LEXEMES_MAX, read_lexeme);
    root.finish();
    reader.finish().map(|_| lexemes)
}

/// Parses as much of a file as is TOML, and reports the rest.
fn parse_table<'a>(reader: &mut Reader<'a>, text: &'a str) -> Spanned<DeTable<'a>> {
    // The parser goes on after an error, so that one run shows all problems and not the first only.
    let (table, complaints) = DeTable::parse_recoverable(text);
    let unclosed = if complaints.is_empty() { None } else { unclosed(table.get_ref(), text) };
    // The parser takes everything behind an unclosed bracket for a part of it; its complaints there are about
    // text that is fine.
    let broken_from = unclosed.as_ref().map_or(usize::MAX, |span| span.start);
    for complaint in complaints {
        let span = complaint.span().unwrap_or(0..0);
        if span.start < broken_from {
            let trouble = trouble(complaint.message(), text, &span);
            reader.syntax_error(span, trouble);
        }
    }
    if let Some(span) = unclosed {
        let trouble = Trouble::new("this is opened here and never closed", "close it after its last value");
        reader.broken_from(span, trouble);
    }
    table
}

/// Returns every key, in the order in which the file is read.
#[must_use]
pub fn keys() -> Vec<Key> {
    let mut reader = Reader::of_keys();
    Config::read_sections(&mut reader, None);
    reader.into_keys()
}

fn too_long(name: &str) -> ConfigError {
    ConfigError::TooLong { file: name.to_owned(), limit: FILE_BYTES_MAX }
}
