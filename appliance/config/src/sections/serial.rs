//! `[[serial]]`: serial ports.

use std::path::PathBuf;

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

use crate::key::KeyDefault;
use crate::reader::Trouble;
use crate::section::Section;
use crate::sections::common::{Known, MannerSettings, PRIORITY_DEFAULT, read_voice};
use crate::sections::voice::read_language;
use crate::values::{kind, words};

/// One serial port that text comes in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SerialSettings {
    /// The port; it may vanish and come back.
    pub device: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// Protocol of the line.
    pub dialect: DialectName,
    /// Priority of its announcements.
    pub priority: Priority,
    /// Language of its announcements; `None` (`"auto"`): that of the voice.
    pub language: Option<String>,
    /// Voice of its announcements, a name of `[voices]`; `None` (`"default"`): `[voice]`.
    pub voice: Option<String>,
    /// Manner of speaking of its announcements.
    pub manner: MannerSettings,
    /// Encoding of the text, for dialects that do not name it themselves.
    pub encoding: TextEncoding,
    /// Bits of a character.
    pub format: CharacterFormat,
    /// Flow control.
    pub flow_control: FlowControl,
    /// True if the dialect `line` answers.
    pub replies: bool,
    /// Announcements accepted in a minute; more are answered as busy.
    pub max_per_minute: u32,
}

/// Protocol of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// A line of text, or of JSON, is an announcement.
    #[default]
    Line,
    /// Parallax Emic 2.
    Emic2,
    /// SYN6288, frames that begin with 0xFD.
    Syn6288,
    /// XFS5152, frames that begin with 0xFD.
    Xfs5152,
    /// DECtalk, text with commands in brackets.
    Dectalk,
}

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TextEncoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Western European: windows-1252, of which ISO 8859-1 (`"latin1"`) is read as a part.
    #[serde(rename = "latin1")]
    Latin1,
    /// Cyrillic of Windows.
    #[serde(rename = "windows-1251")]
    Windows1251,
    /// Cyrillic of Unix.
    #[serde(rename = "koi8-r")]
    Koi8R,
    /// Cyrillic of DOS.
    #[serde(rename = "ibm866")]
    Ibm866,
    /// Chinese, as the speech chips take it.
    #[serde(rename = "gbk")]
    Gbk,
    /// Chinese, traditional.
    #[serde(rename = "big5")]
    Big5,
    /// Japanese.
    #[serde(rename = "shift_jis")]
    ShiftJis,
    /// Korean.
    #[serde(rename = "euc-kr")]
    EucKr,
}

/// Bits of a character on the line, written like `8N1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CharacterFormat {
    /// Data bits.
    pub data_bits: DataBits,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
}

/// Data bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataBits {
    /// Seven: plain ASCII only.
    Seven,
    /// Eight.
    Eight,
}

/// Parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// There is none.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// Stop bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
}

/// Flow control of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowControl {
    /// None.
    #[default]
    None,
    /// By the bytes 0x11 and 0x13.
    XonXoff,
    /// By the wires RTS and CTS.
    RtsCts,
}

impl Default for CharacterFormat {
    /// `8N1`.
    fn default() -> Self {
        Self { data_bits: DataBits::Eight, parity: Parity::None, stop_bits: StopBits::One }
    }
}

impl SerialSettings {
    /// A port with every other key at its default.
    #[must_use]
    pub fn new(device: impl Into<PathBuf>) -> Self {
        Self {
            device: device.into(),
            // The speed of the modules that the dialects stand in for, and of most sketches.
            baud: 9600,
            dialect: DialectName::Line,
            priority: Priority::Message,
            language: None,
            voice: None,
            manner: MannerSettings::default(),
            encoding: TextEncoding::Utf8,
            format: CharacterFormat::default(),
            flow_control: FlowControl::None,
            replies: true,
            // One in a second is more than can be spoken, and a wire may be noisy.
            max_per_minute: 60,
        }
    }
}

words!(DialectName {
    "line" => Line,
    "emic2" => Emic2,
    "syn6288" => Syn6288,
    "xfs5152" => Xfs5152,
    "dectalk" => Dectalk,
});
words!(FlowControl { "none" => None, "xonxoff" => XonXoff, "rtscts" => RtsCts });
words!(TextEncoding {
    "utf-8" => Utf8,
    "latin1" => Latin1,
    "windows-1251" => Windows1251,
    "koi8-r" => Koi8R,
    "ibm866" => Ibm866,
    "gbk" => Gbk,
    "big5" => Big5,
    "shift_jis" => ShiftJis,
    "euc-kr" => EucKr,
});

impl DialectName {
    /// Returns true if messages are frames of any bytes, which name the encoding of their text themselves.
    #[must_use]
    pub fn is_framed(self) -> bool {
        matches!(self, Self::Syn6288 | Self::Xfs5152)
    }
}

impl std::fmt::Display for CharacterFormat {
    /// As it is written in the file: `8N1`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let data = if self.data_bits == DataBits::Eight { 8 } else { 7 };
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        let stop = if self.stop_bits == StopBits::One { 1 } else { 2 };
        write!(formatter, "{data}{parity}{stop}")
    }
}

/// Text that is no [`CharacterFormat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a format of characters; write data bits 7 or 8, parity N, E or O, stop bits 1 or 2, such as \"8N1\""
)]
pub struct InvalidCharacterFormat;

impl std::str::FromStr for CharacterFormat {
    type Err = InvalidCharacterFormat;

    fn from_str(text: &str) -> Result<Self, InvalidCharacterFormat> {
        let [data, parity, stop] = text.as_bytes() else { return Err(InvalidCharacterFormat) };
        Ok(Self {
            data_bits: match data {
                b'7' => DataBits::Seven,
                b'8' => DataBits::Eight,
                _ => return Err(InvalidCharacterFormat),
            },
            parity: match parity.to_ascii_uppercase() {
                b'N' => Parity::None,
                b'E' => Parity::Even,
                b'O' => Parity::Odd,
                _ => return Err(InvalidCharacterFormat),
            },
            stop_bits: match stop {
                b'1' => StopBits::One,
                b'2' => StopBits::Two,
                _ => return Err(InvalidCharacterFormat),
            },
        })
    }
}

impl TryFrom<String> for CharacterFormat {
    type Error = InvalidCharacterFormat;

    fn try_from(text: String) -> Result<Self, InvalidCharacterFormat> {
        text.parse()
    }
}

impl From<CharacterFormat> for String {
    fn from(format: CharacterFormat) -> Self {
        format.to_string()
    }
}

impl SerialSettings {
    pub(crate) fn read(section: &mut Section<'_, '_>, known: &mut Known) -> Option<Self> {
        let device = section.required_path("device");
        let default = Self::new("");
        let serial = Self {
            device: device.clone().unwrap_or_default(),
            // The slowest and the fastest speed that `termios` has a name for; others between them are possible.
            baud: section.number("baud", default.baud, 50..=4_000_000),
            dialect: section.choice("dialect", default.dialect),
            priority: section.choice("priority", PRIORITY_DEFAULT),
            language: read_language(section, Some("auto")),
            voice: read_voice(section, known),
            manner: MannerSettings::read(section),
            encoding: section.choice("encoding", default.encoding),
            format: read_format(section).unwrap_or_default(),
            flow_control: section.choice("flow_control", default.flow_control),
            replies: section.flag("replies", default.replies),
            // A hundred in a second is for screen readers, which cancel most of what they send.
            max_per_minute: section.number("max_per_minute", default.max_per_minute, 1..=6000),
        };
        serial.check(section);
        let device = device?;
        // Last, so that a port without a device is not reported as used twice.
        section.unique("device", &mut known.paths, device);
        Some(serial)
    }

    fn check(&self, section: &mut Section<'_, '_>) {
        let dialect = self.dialect;
        // Tested by presence: the default, written out, says as little.
        if section.has("replies") && dialect != DialectName::Line {
            let problem = format!("says nothing: {dialect} answers as the original does");
            section.warn("replies", problem, "leave it out");
        }
        let seven_bits = self.format.data_bits == DataBits::Seven;
        if dialect.is_framed() {
            if section.has("encoding") {
                let problem = format!("says nothing: the frames of {dialect} name the encoding themselves");
                section.warn("encoding", problem, "leave it out");
            }
            // The kernel takes 0x11 and 0x13 out of the stream, wherever they stand in a frame.
            if self.flow_control == FlowControl::XonXoff {
                let problem = format!("would swallow bytes of {dialect}'s frames, which may be any");
                section.error("flow_control", problem, "write \"rtscts\" or \"none\"");
            }
            if seven_bits {
                let problem = format!("has no room for {dialect}'s frames, whose bytes have eight bits");
                section.error("format", problem, "write \"8N1\"");
            }
        // A warning only: a peer that has nothing else sends ASCII.
        } else if seven_bits {
            section.warn("format", "lets only plain ASCII through", "write \"8N1\" if the other side can");
        }
    }
}

fn read_format(section: &mut Section<'_, '_>) -> Option<CharacterFormat> {
    let takes = "data bits 7 or 8, parity N, E or O, stop bits 1 or 2, such as \"8N1\"";
    section.value("format", takes, KeyDefault::Value("\"8N1\"".to_owned()), |_, value| {
        let toml::de::DeValue::String(text) = value else {
            return Err(Trouble::new(format!("is {}", kind(value)), format!("write {takes}, in quotes")));
        };
        text.parse().map_err(|InvalidCharacterFormat| {
            Trouble::new("is not a format of characters", format!("write {takes}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_format_reads_what_it_shows_and_nothing_else() {
        for text in ["8N1", "7E1", "7O2", "8N2"] {
            assert_eq!(text.parse::<CharacterFormat>().unwrap().to_string(), text);
        }
        for text in ["", "8N", "9N1", "8X1", "8N3", "8N1 "] {
            assert_eq!(text.parse::<CharacterFormat>(), Err(InvalidCharacterFormat));
        }
    }
}
