//! The runaway guard: a model of this family now and then does not find its end (a fraction of a percent of
//! requests): it falls silent for ever, or says the same frames again and again. The guard sees both.

use crate::CODEBOOKS;

/// Frames that any text may take, beginning and end included (2 s).
const CEILING_BASE_FRAMES: u32 = 25;
/// Frames that each text token may take at most (0.48 s; ordinary speech takes about a third of it).
const CEILING_FRAMES_PER_TOKEN: u32 = 6;
/// The longest cycle that is looked for, in frames.
const CYCLE_PERIOD_MAX: usize = 8;
/// A cycle that goes on for this many frames (2.4 s) is no speech: even a held vowel varies in its acoustic codes.
const CYCLE_FRAMES: usize = 30;
/// Silence of this many frames (2.4 s) inside a sentence is no pause.
const SILENT_FRAMES: u32 = 30;
/// Loudness below which a frame counts as silent: -50 dBFS, as root mean square.
const SILENT_RMS: f32 = 0.003_162;

/// The most frames that a text of so many tokens may take.
#[must_use]
pub fn frame_ceiling(text_tokens: usize) -> u32 {
    let tokens = u32::try_from(text_tokens).unwrap_or(u32::MAX);
    CEILING_BASE_FRAMES.saturating_add(tokens.saturating_mul(CEILING_FRAMES_PER_TOKEN))
}

/// What to do after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardVerdict {
    /// All is well.
    Continue,
    /// The voice has run away and nothing has been heard yet: begin again with the next seed.
    Retry,
    /// The voice has run away: fade out and end the sentence here.
    FadeOut,
}

/// Watches the frames of one utterance.
#[derive(Debug, Default)]
pub struct Guard {
    recent: Vec<[u16; CODEBOOKS]>,
    /// For each period, how many frames in a row have equalled the frame that many earlier.
    matches: [usize; CYCLE_PERIOD_MAX],
    silent_frames: u32,
    heard_something: bool,
}

impl Guard {
    /// A guard at the beginning of an utterance.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a frame's codes.
    pub fn saw(&mut self, codes: &[u16; CODEBOOKS]) -> GuardVerdict {
        for (index, matched) in self.matches.iter_mut().enumerate() {
            let earlier = self.recent.len().checked_sub(index + 1).and_then(|at| self.recent.get(at));
            *matched = if earlier == Some(codes) { *matched + 1 } else { 0 };
        }
        if self.recent.len() == CYCLE_PERIOD_MAX {
            self.recent.remove(0);
        }
        self.recent.push(*codes);
        self.verdict(self.matches.iter().any(|&matched| matched >= CYCLE_FRAMES))
    }

    /// Takes note of how loud a frame turned out (root mean square, 1 is full scale).
    pub fn heard(&mut self, rms: f32) -> GuardVerdict {
        if rms < SILENT_RMS {
            self.silent_frames += 1;
        } else {
            self.silent_frames = 0;
            self.heard_something = true;
        }
        self.verdict(self.silent_frames >= SILENT_FRAMES)
    }

    fn verdict(&self, ran_away: bool) -> GuardVerdict {
        match (ran_away, self.heard_something) {
            (false, _) => GuardVerdict::Continue,
            (true, false) => GuardVerdict::Retry,
            (true, true) => GuardVerdict::FadeOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(value: u16) -> [u16; CODEBOOKS] {
        [value; CODEBOOKS]
    }

    #[test]
    fn ordinary_speech_passes() {
        let mut guard = Guard::new();
        for frame in 0..500_u16 {
            // Every value three times in a row, and the whole again every 60 frames.
            assert_eq!(guard.saw(&codes(frame / 3 % 20)), GuardVerdict::Continue);
            assert_eq!(guard.heard(if frame % 40 < 25 { 0.0 } else { 0.1 }), GuardVerdict::Continue);
        }
    }

    #[test]
    fn cycles_of_every_period_are_found_soon() {
        for period in 1..=CYCLE_PERIOD_MAX as u16 {
            let mut guard = Guard::new();
            guard.heard(0.1);
            let found = (0..100).find(|&frame| guard.saw(&codes(frame % period)) == GuardVerdict::FadeOut);
            assert_eq!(found, Some(CYCLE_FRAMES as u16 + period - 1), "period {period}");
        }
    }

    #[test]
    fn silence_is_retried_while_nobody_has_heard_anything() {
        let mut guard = Guard::new();
        let verdicts: Vec<_> = (0..SILENT_FRAMES).map(|_| guard.heard(0.0)).collect();
        assert_eq!(verdicts.last(), Some(&GuardVerdict::Retry));
        guard.heard(0.5);
        let verdicts: Vec<_> = (0..SILENT_FRAMES).map(|_| guard.heard(0.001)).collect();
        assert_eq!(verdicts.last(), Some(&GuardVerdict::FadeOut));
    }

    #[test]
    fn the_ceiling_grows_with_the_text_and_never_overflows() {
        assert_eq!(frame_ceiling(0), 25);
        assert_eq!(frame_ceiling(10), 85);
        assert_eq!(frame_ceiling(usize::MAX), u32::MAX);
    }
}
