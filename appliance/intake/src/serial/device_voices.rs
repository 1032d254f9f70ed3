//! Rates and voices of the devices whose dialects are spoken, as rates and pitches of the voice that speaks here.

use crier_announce::{Draft, PitchShift, SpeechRate};

/// Average pitch of DECtalk's standard voice, Perfect Paul, in hertz.
const PAUL_HZ: f64 = 122.0;
/// Letters and average pitches in hertz of DECtalk's nine voices, which are also those of the Emic 2, in the order of
/// its numbers: Paul, Harry, Betty, Ursula, Dennis, Kit, Frank, Rita, Wendy.
const DECTALK_VOICES: [(char, f64); 9] = [
    ('p', PAUL_HZ),
    ('h', 89.0),
    ('b', 208.0),
    ('u', 240.0),
    ('d', 110.0),
    ('k', 306.0),
    ('f', 155.0),
    ('r', 106.0),
    ('w', 200.0),
];
/// Part of the interval between two of its voices that is kept: one can be told from the other, and no voice that
/// speaks here is moved so far that it is not understood.
const INTERVAL_KEPT: f64 = 0.5;

/// Gives an announcement the rate and the pitch that a device was set to. Its usual ones are those of the
/// configuration: drivers send all their defaults at the start, which is no wish.
pub(crate) fn apply(draft: &mut Draft, rate: Option<SpeechRate>, pitch: Option<PitchShift>) {
    draft.rate = rate.filter(|rate| *rate != SpeechRate::NORMAL).or(draft.rate);
    draft.pitch = pitch.filter(|pitch| *pitch != PitchShift::default()).or(draft.pitch);
}

/// Returns the rate of a speed in words per minute, of which `normal` are the usual ones.
pub(crate) fn rate_of_words(words_per_minute: u32, normal: u32) -> SpeechRate {
    SpeechRate::from_factor(f64::from(words_per_minute) / f64::from(normal)).clamped()
}

/// Returns the pitch of a DECtalk voice, by its letter.
pub(crate) fn dectalk_voice(letter: char) -> Option<PitchShift> {
    let number = DECTALK_VOICES.iter().position(|(known, _)| *known == letter)?;
    emic2_voice(number)
}

/// Returns the pitch of a voice of the Emic 2, by its number.
pub(crate) fn emic2_voice(number: usize) -> Option<PitchShift> {
    let (_, hz) = DECTALK_VOICES.get(number)?;
    Some(PitchShift::from_semitones(semitones(*hz) * INTERVAL_KEPT))
}

/// Returns the pitch of an average pitch in hertz, as DECtalk's parameter `ap` has it.
pub(crate) fn dectalk_pitch(hz: f64) -> PitchShift {
    PitchShift::from_semitones(semitones(hz)).clamped()
}

/// Interval from Perfect Paul.
fn semitones(hz: f64) -> f64 {
    12.0 * (hz / PAUL_HZ).log2()
}

/// Returns the rate of a step around `normal`: a tenth slower for each step down, a quarter faster for each step up.
pub(crate) fn rate_of_step(step: u32, normal: u32) -> SpeechRate {
    // Smaller steps down, since half the speed is as far from the usual one as listeners follow, and up it is thrice.
    let distance = f64::from(step) - f64::from(normal);
    let factor = if distance < 0.0 { 1.0 + 0.1 * distance } else { 1.0 + 0.25 * distance };
    SpeechRate::from_factor(factor).clamped()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_speed_and_voice_of_each_device_change_nothing() {
        assert_eq!(rate_of_words(200, 200), SpeechRate::NORMAL);
        assert_eq!(rate_of_step(4, 4), SpeechRate::NORMAL);
        assert_eq!(
            (emic2_voice(0), dectalk_voice('p')),
            (Some(PitchShift::default()), Some(PitchShift::default()))
        );
        assert_eq!(dectalk_pitch(122.0), PitchShift::default());
    }

    #[test]
    fn every_speed_and_voice_of_a_device_is_within_the_range() {
        assert_eq!((rate_of_words(75, 200), rate_of_words(600, 180)), (SpeechRate::MIN, SpeechRate::MAX));
        assert_eq!(rate_of_step(0, 5).thousandths(), 500);
        assert_eq!(rate_of_step(9, 5).thousandths(), 2000);
        assert!((0..9).all(|number| emic2_voice(number).is_some_and(PitchShift::is_in_range)));
        assert_eq!(dectalk_pitch(244.0).cents(), 1200);
        assert!(dectalk_pitch(0.0) == PitchShift::MIN && dectalk_pitch(1e9) == PitchShift::MAX);
    }
}
