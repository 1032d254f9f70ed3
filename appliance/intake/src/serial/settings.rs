//! How a serial port is set.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

use crate::text::TextEncoding;

/// One serial port that text comes in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialSettings {
    /// The port; it may vanish and come back.
    pub device: PathBuf,
    /// Bits per second.
    #[serde(default = "baud")]
    pub baud: u32,
    /// What is spoken on the line.
    #[serde(default)]
    pub dialect: DialectName,
    /// How urgent is what comes in here.
    #[serde(default)]
    pub priority: Priority,
    /// Its language; `None`: that of the voice.
    #[serde(default)]
    pub language: Option<String>,
    /// The voice that speaks it; `None`: the configured one.
    #[serde(default)]
    pub voice: Option<String>,
    /// How text is read that is not UTF-8, in dialects that do not say it themselves.
    #[serde(default)]
    pub encoding: TextEncoding,
    /// Bits of a character.
    #[serde(default)]
    pub format: CharacterFormat,
    /// Who may make the other side wait, and how.
    #[serde(default)]
    pub flow_control: FlowControl,
    /// Whether the dialect `line` answers.
    #[serde(default = "replies")]
    pub replies: bool,
    /// Announcements taken in a minute; more are refused as when the other side is busy.
    #[serde(default = "max_per_minute")]
    pub max_per_minute: u32,
}

fn baud() -> u32 {
    9600
}

fn replies() -> bool {
    true
}

fn max_per_minute() -> u32 {
    60
}

impl SerialSettings {
    /// A port with everything else at its default.
    #[must_use]
    pub fn new(device: impl Into<PathBuf>) -> Self {
        Self {
            device: device.into(),
            baud: baud(),
            dialect: DialectName::default(),
            priority: Priority::default(),
            language: None,
            voice: None,
            encoding: TextEncoding::default(),
            format: CharacterFormat::default(),
            flow_control: FlowControl::default(),
            replies: replies(),
            max_per_minute: max_per_minute(),
        }
    }
}

/// What is spoken on a serial line.
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

/// Who may make the other side wait, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowControl {
    /// Nobody.
    #[default]
    None,
    /// By the bytes 0x11 and 0x13.
    XonXoff,
    /// By the wires RTS and CTS.
    RtsCts,
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

/// Bits of a character on the line, written like `8N1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CharacterFormat {
    /// Seven data bits instead of eight.
    pub seven_bits: bool,
    /// Parity bit.
    pub parity: Parity,
    /// Two stop bits instead of one.
    pub two_stop_bits: bool,
}

impl Default for CharacterFormat {
    /// `8N1`.
    fn default() -> Self {
        Self { seven_bits: false, parity: Parity::None, two_stop_bits: false }
    }
}

/// A text that is no [`CharacterFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a format of characters; write data bits 7 or 8, parity N, E or O, stop bits 1 or 2, such as \"8N1\""
)]
pub struct NotACharacterFormat;

impl FromStr for CharacterFormat {
    type Err = NotACharacterFormat;

    fn from_str(text: &str) -> Result<Self, NotACharacterFormat> {
        let [data, parity, stop] = text.as_bytes() else { return Err(NotACharacterFormat) };
        Ok(Self {
            seven_bits: match data {
                b'7' => true,
                b'8' => false,
                _ => return Err(NotACharacterFormat),
            },
            parity: match parity.to_ascii_uppercase() {
                b'N' => Parity::None,
                b'E' => Parity::Even,
                b'O' => Parity::Odd,
                _ => return Err(NotACharacterFormat),
            },
            two_stop_bits: match stop {
                b'1' => false,
                b'2' => true,
                _ => return Err(NotACharacterFormat),
            },
        })
    }
}

impl TryFrom<String> for CharacterFormat {
    type Error = NotACharacterFormat;

    fn try_from(text: String) -> Result<Self, NotACharacterFormat> {
        text.parse()
    }
}

impl From<CharacterFormat> for String {
    fn from(format: CharacterFormat) -> Self {
        format.to_string()
    }
}

impl fmt::Display for CharacterFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = if self.seven_bits { 7 } else { 8 };
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        let stop = if self.two_stop_bits { 2 } else { 1 };
        write!(formatter, "{data}{parity}{stop}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_written_as_everyone_does() {
        for text in ["8N1", "7E1", "7O2", "8N2"] {
            assert_eq!(text.parse::<CharacterFormat>().unwrap().to_string(), text);
        }
        for text in ["", "8N", "9N1", "8X1", "8N3", "8N1 "] {
            assert_eq!(text.parse::<CharacterFormat>(), Err(NotACharacterFormat));
        }
    }

    #[test]
    fn a_device_is_enough_and_unknown_keys_are_refused() {
        let settings: SerialSettings = serde_json::from_str(r#"{"device":"/dev/ttyS6"}"#).unwrap();
        assert_eq!(settings, SerialSettings::new("/dev/ttyS6"));
        assert!(serde_json::from_str::<SerialSettings>(r#"{"device":"/dev/ttyS6","bauds":9600}"#).is_err());
    }
}
