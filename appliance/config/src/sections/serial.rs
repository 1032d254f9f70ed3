//! `[[serial]]`: text by wire.

use std::path::PathBuf;

use crier_announce::Priority;
use serde::{Deserialize, Serialize};

/// One serial port that text comes in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serial {
    /// The port; it may vanish and come back.
    pub device: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// What is spoken on the line.
    pub dialect: Dialect,
    /// Priority of what comes in here.
    pub priority: Priority,
    /// Language of what comes in here; `None` (`"auto"`): that of the voice.
    pub language: Option<String>,
    /// Voice for what comes in here, a name of `[voices]`; `None` (`"default"`): `[voice]`.
    pub voice: Option<String>,
    /// Encoding of the text, for dialects that do not say it themselves.
    pub encoding: Encoding,
    /// Bits of a character.
    pub framing: Framing,
    /// Who may make the other side wait, and how.
    pub flow_control: FlowControl,
    /// Announcements taken in a minute; more are answered with an error.
    pub max_per_minute: u32,
}

/// What is spoken on a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
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
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// Western European: windows-1252, of which ISO 8859-1 (`"latin1"`) is read as a part.
    Latin1,
    /// Cyrillic of Windows.
    Windows1251,
    /// Cyrillic of Unix.
    Koi8R,
    /// Cyrillic of DOS.
    Ibm866,
    /// Chinese, as the speech chips take it.
    Gbk,
    /// Chinese, traditional.
    Big5,
    /// Japanese.
    ShiftJis,
    /// Korean.
    EucKr,
}

/// Bits of a character on the line, written like `8N1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Framing {
    /// Data bits.
    pub data_bits: DataBits,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
}

/// Data bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataBits {
    /// Seven: plain ASCII only.
    Seven,
    /// Eight.
    Eight,
}

/// Parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parity {
    /// There is none.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// Stop bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
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

impl Default for Framing {
    /// `8N1`.
    fn default() -> Self {
        Self { data_bits: DataBits::Eight, parity: Parity::None, stop_bits: StopBits::One }
    }
}

impl Serial {
    /// A port with every other key at its default.
    #[must_use]
    pub fn new(device: impl Into<PathBuf>) -> Self {
        Self {
            device: device.into(),
            baud: 9600,
            dialect: Dialect::Line,
            priority: Priority::Message,
            language: None,
            voice: None,
            encoding: Encoding::Utf8,
            framing: Framing::default(),
            flow_control: FlowControl::None,
            max_per_minute: 60,
        }
    }
}
