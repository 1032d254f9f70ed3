//! Manner of speaking that an announcement, a voice or a piece of a text asks for: rate, pitch, gain.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::word::read_word;

/// Kind of an announcement's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TextFormat {
    /// Text as people write it; `[pause:500ms]` in it is a pause.
    #[default]
    Plain,
    /// SSML, the markup language of the W3C.
    Ssml,
}

/// Text that names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use plain or ssml")]
pub struct UnknownTextFormat;

impl FromStr for TextFormat {
    type Err = UnknownTextFormat;

    fn from_str(name: &str) -> Result<Self, UnknownTextFormat> {
        match name {
            "plain" => Ok(Self::Plain),
            "ssml" => Ok(Self::Ssml),
            _ => Err(UnknownTextFormat),
        }
    }
}

impl<'de> Deserialize<'de> for TextFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_word(deserializer, "a format, `plain` or `ssml`")
    }
}

/// Speed of speech as a factor, in thousandths.
///
/// A whole number, so that announcements can be compared, and so that the journal gives back exactly what was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeechRate(u32);

impl SpeechRate {
    /// The speed of the voice itself.
    pub const NORMAL: Self = Self(1000);
    /// Half as fast: slower speech falls apart into syllables.
    pub const MIN: Self = Self(500);
    /// Three times as fast: practised listeners of screen readers follow that, hardly anybody more.
    pub const MAX: Self = Self(3000);

    /// Returns a factor, rounded to thousandths. It may be out of range.
    #[must_use]
    pub fn from_factor(factor: f64) -> Self {
        Self((factor * 1000.0).round() as u32)
    }

    /// Returns the factor.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// Returns the factor in thousandths.
    #[must_use]
    pub fn thousandths(self) -> u32 {
        self.0
    }

    /// Returns true if the factor is from 0.5 to 3.
    #[must_use]
    pub fn is_in_range(self) -> bool {
        (Self::MIN..=Self::MAX).contains(&self)
    }

    /// Returns both factors together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::from_factor(self.factor() * other.factor())
    }

    /// Returns the nearest rate within the range.
    #[must_use]
    pub fn clamped(self) -> Self {
        self.clamp(Self::MIN, Self::MAX)
    }
}

impl Default for SpeechRate {
    fn default() -> Self {
        Self::NORMAL
    }
}

/// Shift of the pitch, in cents: a hundredth of a semitone each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PitchShift(i32);

impl PitchShift {
    /// An octave down: lower voices are not understood any more.
    pub const MIN: Self = Self(-1200);
    /// An octave up: higher voices are not understood any more.
    pub const MAX: Self = Self(1200);

    /// Returns a shift, rounded to cents. It may be out of range.
    #[must_use]
    pub fn from_semitones(semitones: f64) -> Self {
        // The conversion would make 0 of what is no number.
        if semitones.is_nan() {
            return Self(i32::MAX);
        }
        Self((semitones * 100.0).round() as i32)
    }

    /// Returns the shift in semitones.
    #[must_use]
    pub fn semitones(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Returns the shift in cents.
    #[must_use]
    pub fn cents(self) -> i32 {
        self.0
    }

    /// Returns true if the shift is an octave at most.
    #[must_use]
    pub fn is_in_range(self) -> bool {
        (Self::MIN..=Self::MAX).contains(&self)
    }

    /// Returns the nearest shift within the range.
    #[must_use]
    pub fn clamped(self) -> Self {
        self.clamp(Self::MIN, Self::MAX)
    }
}

/// Change of loudness of a piece of a text, in hundredths of a decibel.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gain(i32);

impl Gain {
    /// Nothing is heard.
    pub const SILENT: Self = Self(i32::MIN);
    /// Softest gain that is not silence: below it nothing would be heard beside the noise of a room.
    pub const MIN: Self = Self(-6000);
    /// Loudest gain: more would be nothing but the limiter's distortion.
    pub const MAX: Self = Self(2000);

    /// Returns a gain within the range, rounded.
    #[must_use]
    pub fn from_decibels(decibels: f64) -> Self {
        Self((decibels * 100.0).round() as i32).clamp(Self::MIN, Self::MAX)
    }

    /// Returns the factor of the amplitude.
    #[must_use]
    pub fn factor(self) -> f32 {
        if self == Self::SILENT { 0.0 } else { 10_f64.powf(f64::from(self.0) / 2000.0) as f32 }
    }

    /// Returns both gains, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == Self::SILENT || other == Self::SILENT {
            return Self::SILENT;
        }
        Self(self.0 + other.0).clamp(Self::MIN, Self::MAX)
    }
}

impl fmt::Debug for Gain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::SILENT {
            return formatter.write_str("silent");
        }
        write!(formatter, "{:+} dB", f64::from(self.0) / 100.0)
    }
}

/// Loudness in LUFS that sounds may be brought to: at the upper end the peaks of speech begin to be limited.
pub const TARGET_LUFS: RangeInclusive<i8> = -40..=-14;

/// Loudness in LUFS that sounds are brought to; `None` leaves each as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoudnessTarget(pub Option<i8>);

/// Text that is no [`LoudnessTarget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write LUFS from {} to {}, or off", TARGET_LUFS.start(), TARGET_LUFS.end())]
pub struct InvalidLoudness;

impl FromStr for LoudnessTarget {
    type Err = InvalidLoudness;

    fn from_str(text: &str) -> Result<Self, InvalidLoudness> {
        if text == "off" {
            return Ok(Self(None));
        }
        let lufs = text.parse().ok().filter(|lufs| TARGET_LUFS.contains(lufs));
        lufs.map(|lufs| Self(Some(lufs))).ok_or(InvalidLoudness)
    }
}

/// Rate, pitch and gain of a piece of speech.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Prosody {
    /// Speed.
    pub rate: SpeechRate,
    /// Shift of the pitch.
    pub pitch: PitchShift,
    /// Change of loudness, besides the volume of the announcement.
    pub gain: Gain,
}

/// Text that is no number of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a number {0}")]
pub struct OutOfRange(&'static str);

impl FromStr for SpeechRate {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let rate = text.parse().ok().map(Self::from_factor).filter(|rate| rate.is_in_range());
        rate.ok_or(OutOfRange("from 0.5 (slow) to 3 (fast)"))
    }
}

impl FromStr for PitchShift {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let pitch = text.parse().ok().map(Self::from_semitones).filter(|pitch| pitch.is_in_range());
        pitch.ok_or(OutOfRange("of semitones from -12 to 12"))
    }
}

impl Prosody {
    /// Returns this prosody with that of a piece on top, each within its range.
    #[must_use]
    pub fn and(self, piece: Self) -> Self {
        Self {
            rate: self.rate.and(piece.rate).clamped(),
            pitch: PitchShift(self.pitch.0.saturating_add(piece.pitch.0)).clamped(),
            gain: self.gain.and(piece.gain),
        }
    }
}

impl Serialize for SpeechRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.factor())
    }
}

impl<'de> Deserialize<'de> for SpeechRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_factor)
    }
}

impl Serialize for PitchShift {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.semitones())
    }
}

impl<'de> Deserialize<'de> for PitchShift {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_semitones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_add_up_within_their_range_and_silence_stays_silence() {
        let soft = Gain::from_decibels(-6.0);
        assert_eq!(soft.and(soft), Gain::from_decibels(-12.0));
        assert_eq!(soft.and(Gain::SILENT), Gain::SILENT);
        assert_eq!(Gain::from_decibels(1e300), Gain::MAX);
        assert_eq!(Gain::MAX.and(Gain::MAX), Gain::MAX);
        assert_eq!((Gain::SILENT.factor(), Gain::default().factor()), (0.0, 1.0));
        assert!((soft.factor() - 0.501).abs() < 0.001);
    }

    #[test]
    fn numbers_beyond_any_range_are_kept_out_of_range() {
        for factor in [-1.0, 0.499, 3.001, 1e300, f64::INFINITY, f64::NAN] {
            assert!(!SpeechRate::from_factor(factor).is_in_range(), "{factor}");
        }
        for semitones in [-12.01, 12.01, -1e300, 1e300, f64::NAN] {
            assert!(!PitchShift::from_semitones(semitones).is_in_range(), "{semitones}");
        }
    }
}
