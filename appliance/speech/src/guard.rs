//! The runaway guard. A model of this family sometimes (in a fraction of a percent of requests) does not find its end:
//! it stays silent for ever, or repeats the same frames. The guard detects both.

use crate::CODEBOOKS;

/// Frames allowed for any text: the silence at both ends and a slow first word (2 s).
const CEILING_BASE_FRAMES: u32 = 25;
/// Additional frames allowed for each text token (0.48 s, three times as many as ordinary speech takes).
const CEILING_FRAMES_PER_TOKEN: u32 = 6;
/// Frames allowed beyond the sounds of a text that has one token for each frame (160 ms): one for the end of speech, and
/// one more. Such a voice ends with its text; what comes later is no part of it.
const TIMED_SPARE_FRAMES: u32 = 2;
/// Longest cycle that is detected, in frames (0.64 s): as long as a short word.
const CYCLE_PERIOD_MAX: usize = 8;
/// Frames after which a cycle is a runaway (2.4 s): even a sustained vowel varies in its acoustic codes.
const CYCLE_FRAMES: usize = 30;
/// Frames after which silence is a runaway (2.4 s): longer than any pause inside a sentence.
pub(crate) const SILENT_FRAMES: u32 = 30;
/// Level below which a frame is silent: -50 dBFS, root mean square.
const SILENT_RMS: f32 = 0.003_162;

/// Returns the maximum number of frames for a text of this many tokens.
#[must_use]
pub fn frame_ceiling(text_tokens: usize) -> u32 {
    let tokens = u32::try_from(text_tokens).unwrap_or(u32::MAX);
    CEILING_BASE_FRAMES.saturating_add(tokens.saturating_mul(CEILING_FRAMES_PER_TOKEN))
}

/// Returns the maximum number of frames for a text of one token for each frame, by a voice that reads ahead by
/// `lead_frames`.
#[must_use]
pub fn timed_ceiling(text_tokens: usize, lead_frames: usize) -> u32 {
    let frames = u32::try_from(text_tokens.saturating_add(lead_frames)).unwrap_or(u32::MAX);
    frames.saturating_add(TIMED_SPARE_FRAMES)
}

/// Detector of repeating frames.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    recent: Vec<[u16; CODEBOOKS]>,
    /// For each period, number of consecutive frames equal to the frame one period earlier.
    matches: [usize; CYCLE_PERIOD_MAX],
}

impl Cycles {
    /// Adds a frame; returns true if the voice has run away.
    pub(crate) fn saw(&mut self, codes: &[u16; CODEBOOKS]) -> bool {
        for (index, matched) in self.matches.iter_mut().enumerate() {
            // Counted for each period separately: a cycle of three frames never matches at a distance of two.
            let earlier = self.recent.len().checked_sub(index + 1).and_then(|at| self.recent.get(at));
            *matched = if earlier == Some(codes) { *matched + 1 } else { 0 };
        }
        // Eight frames at most: a shift costs nothing, and needs no index arithmetic.
        if self.recent.len() == CYCLE_PERIOD_MAX {
            self.recent.remove(0);
        }
        self.recent.push(*codes);
        self.matches.iter().any(|&matched| matched >= CYCLE_FRAMES)
    }
}

/// Result of the silence detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SilenceVerdict {
    /// No runaway.
    Continue,
    /// The voice has run away.
    RanAway,
}

/// Detector of endless silence.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    silent_frames: u32,
    heard_something: bool,
}

impl Silence {
    /// Adds the level of a frame (root mean square, 1 is full scale).
    pub(crate) fn heard(&mut self, rms: f32) -> SilenceVerdict {
        if rms < SILENT_RMS {
            self.silent_frames += 1;
        } else {
            // Only silence without a break is a runaway: pauses of any number are speech.
            self.silent_frames = 0;
            self.heard_something = true;
        }
        if self.silent_frames >= SILENT_FRAMES { SilenceVerdict::RanAway } else { SilenceVerdict::Continue }
    }

    /// Returns true if any frame so far was not silent.
    pub(crate) fn heard_something(&self) -> bool {
        self.heard_something
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(value: u16) -> [u16; CODEBOOKS] {
        [value; CODEBOOKS]
    }

    #[test]
    fn ordinary_speech_is_no_runaway() {
        let (mut cycles, mut silence) = (Cycles::default(), Silence::default());
        for frame in 0..500_u16 {
            // Every value three times in a row, and the whole again every 60 frames.
            assert!(!cycles.saw(&codes(frame / 3 % 20)));
            let rms = if frame % 40 < 25 { 0.0 } else { 0.1 };
            assert_eq!(silence.heard(rms), SilenceVerdict::Continue);
        }
    }

    #[test]
    fn cycles_of_every_period_are_found_soon() {
        for period in 1..=CYCLE_PERIOD_MAX as u16 {
            let mut cycles = Cycles::default();
            let found = (0..100).find(|&frame| cycles.saw(&codes(frame % period)));
            assert_eq!(found, Some(CYCLE_FRAMES as u16 + period - 1), "period {period}");
        }
    }

    #[test]
    fn silence_is_a_runaway_only_beyond_the_limit() {
        let mut silence = Silence::default();
        let mut verdicts = (0..SILENT_FRAMES).map(|_| silence.heard(0.0)).collect::<Vec<_>>();
        assert_eq!(verdicts.pop(), Some(SilenceVerdict::RanAway));
        assert!(verdicts.iter().all(|verdict| *verdict == SilenceVerdict::Continue));
        assert!(!silence.heard_something());
        assert_eq!(silence.heard(0.5), SilenceVerdict::Continue);
        assert!(silence.heard_something());
    }

    #[test]
    fn the_ceiling_grows_with_the_text_and_never_overflows() {
        assert_eq!(frame_ceiling(0), 25);
        assert_eq!(frame_ceiling(10), 85);
        assert_eq!(frame_ceiling(usize::MAX), u32::MAX);
        assert_eq!(timed_ceiling(10, 3), 15);
        assert_eq!(timed_ceiling(usize::MAX, 3), u32::MAX);
    }
}
