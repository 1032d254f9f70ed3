//! The frame loop: state machine of one utterance, which runs no network itself.
//!
//! It requests a step ([`FrameLoop::request`]), takes the result ([`FrameLoop::talker_done`],
//! [`FrameLoop::predictor_done`]), and produces a frame of 16 codes for every talker step. The networks may run in this
//! process or in others, which may crash: [`FrameLoop::resume`] rebuilds the loop from the codes so far and requests
//! exactly the same talker steps again, one row at a time, so that the talker's state and with it every later code is
//! bit-identical.

use crate::prompt::add_frame;
use crate::{CODEBOOKS, Choice, EmbeddingTables, GROUPS, Prompt, Sampler, SpeechError, VoiceLayout};

/// Ids at the end of the codec vocabulary that are tags, never codes (official package: `vocab_size - 1024`).
const TAG_IDS: usize = 1024;

/// One frame: 80 ms of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Index within the utterance, from 0.
    pub index: u32,
    /// Codes of the frame.
    pub codes: [u16; CODEBOOKS],
}

/// Reason for the end of an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The talker chose the end-of-speech code.
    EndOfSpeech,
    /// The maximum number of frames was reached.
    FrameLimit,
}

/// Next step of the loop.
#[derive(Debug, PartialEq)]
pub enum FrameRequest<'a> {
    /// Let the talker decode `rows` (`n * hidden`) at positions `position ..`, then call [`FrameLoop::talker_done`].
    Talker {
        /// First position.
        position: usize,
        /// Number of leading rows that depend on the voice and not on the text: they are decoded as a batch of their
        /// own, and not again if the talker has them already.
        constant: usize,
        /// Rows, row-major.
        rows: &'a [f32],
    },
    /// Let the predictor complete a frame, then call [`FrameLoop::predictor_done`].
    Predictor {
        /// Index of the frame.
        frame: u32,
        /// Hidden state of the talker, `hidden` numbers.
        hidden: &'a [f32],
        /// Code 0, chosen from the talker's logits.
        code0: u16,
    },
    /// The utterance is complete.
    Finished(Finish),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum LoopState {
    /// The prompt is to be decoded.
    Prompt,
    /// A talker step is due; `row` is its input.
    Step,
    /// The predictor is due; its input is `hidden` and this code 0.
    Predictor(u16),
    Finished(Finish),
}

/// State machine of one utterance; see the module documentation.
#[derive(Debug)]
pub struct FrameLoop {
    prompt: Prompt,
    hidden_size: usize,
    pad_id: u32,
    eos: usize,
    first_tag: usize,
    repetition_penalty: f32,
    min_frames: u32,
    max_frames: u32,
    talker_sampler: Sampler,
    predictor_sampler: Sampler,
    /// For each code-0 value, the number of frames in the repetition window that have it.
    used: Vec<u32>,
    /// Number of latest frames that the repetition penalty counts.
    repetition_window: usize,
    codes: Vec<[u16; CODEBOOKS]>,
    /// Number of frames fed to the talker; less than `codes.len()` only while resuming.
    fed: usize,
    row: Vec<f32>,
    hidden: Vec<f32>,
    state: LoopState,
}

impl FrameLoop {
    /// Returns a loop for a new utterance. `max_frames` is obeyed exactly.
    #[must_use]
    pub fn new(layout: &VoiceLayout, prompt: Prompt, seed: u64, greedy: bool, max_frames: u32) -> Self {
        Self::resume(layout, prompt, seed, greedy, max_frames, &[])
    }

    /// Returns a loop that continues after the frames `codes` of an earlier loop with the same arguments.
    #[must_use]
    pub fn resume(
        layout: &VoiceLayout,
        prompt: Prompt,
        seed: u64,
        greedy: bool,
        max_frames: u32,
        codes: &[[u16; CODEBOOKS]],
    ) -> Self {
        let s = &layout.sampling;
        // The voice's own defaults; greedy decoding overrides them for both networks.
        let choose = |sample: bool, temperature, top_k, top_p| match sample && !greedy {
            true => Choice::Draw { temperature, top_k, top_p },
            false => Choice::Greedy,
        };
        // Capacity for a minute of speech, to avoid reallocation while speaking.
        let mut known = Vec::with_capacity(codes.len().max(750));
        known.extend_from_slice(codes);
        let mut resumed = Self {
            prompt,
            hidden_size: layout.hidden,
            pad_id: layout.text_ids.tts_pad,
            eos: layout.codec_ids.eos as usize,
            // Never beyond the codebook: rows after it have no entry in the vocoder.
            first_tag: layout.codec_vocab.saturating_sub(TAG_IDS).min(layout.codebook_size),
            repetition_penalty: s.repetition_penalty,
            min_frames: s.min_frames,
            max_frames,
            // Both networks may share a seed: the codebook is part of the random numbers' key.
            talker_sampler: Sampler::new(seed, choose(s.sample, s.temperature, s.top_k, s.top_p)),
            predictor_sampler: Sampler::new(
                seed,
                choose(s.predictor_sample, s.predictor_temperature, s.predictor_top_k, s.predictor_top_p),
            ),
            used: vec![0; layout.codec_vocab],
            repetition_window: usize::MAX,
            codes: known,
            fed: 0,
            row: vec![0.0; layout.hidden],
            hidden: vec![0.0; layout.hidden],
            state: LoopState::Prompt,
        };
        resumed.count_used();
        resumed
    }

    /// Returns the loop with a repetition penalty on the codes of the latest frames only; `None` is all, as in the
    /// official package. Over a long sentence the penalty on ever more codes makes a voice hurry.
    #[must_use]
    pub fn with_repetition_window(mut self, frames: Option<u32>) -> Self {
        self.repetition_window = frames.and_then(|frames| usize::try_from(frames).ok()).unwrap_or(usize::MAX);
        self.count_used();
        self
    }

    fn count_used(&mut self) {
        self.used.fill(0);
        let first = self.codes.len().saturating_sub(self.repetition_window);
        for frame in &self.codes[first..] {
            // Code 0 only: the repetition penalty is the talker's, and the other codes are the predictor's.
            self.used[usize::from(frame[0])] += 1;
        }
    }

    /// Returns the predictor's sampler for this utterance.
    #[must_use]
    pub fn predictor_sampler(&self) -> &Sampler {
        &self.predictor_sampler
    }

    /// Returns the codes of all frames so far.
    #[must_use]
    pub fn codes(&self) -> &[[u16; CODEBOOKS]] {
        &self.codes
    }

    /// Returns the number of leading positions of the first request that depend on the voice and not on the text.
    #[must_use]
    pub fn constant_positions(&self) -> usize {
        self.prompt.constant_positions
    }

    /// Returns the next step. Repeated calls return the same.
    #[must_use]
    pub fn request(&self) -> FrameRequest<'_> {
        match self.state {
            LoopState::Prompt => FrameRequest::Talker {
                position: 0,
                constant: self.prompt.constant_positions,
                rows: &self.prompt.rows,
            },
            LoopState::Step => FrameRequest::Talker {
                // `feed` has counted this row's frame already; frame 0 follows the prompt directly.
                position: self.prompt.positions + self.fed - 1,
                constant: 0,
                rows: &self.row,
            },
            LoopState::Predictor(code0) => {
                FrameRequest::Predictor { frame: self.codes.len() as u32, hidden: &self.hidden, code0 }
            }
            LoopState::Finished(finish) => FrameRequest::Finished(finish),
        }
    }

    /// Takes the result of a talker step. `logits` is overwritten.
    ///
    /// # Errors
    /// [`SpeechError::OutOfOrder`] if none was expected, [`SpeechError::NotANumber`] if it is unusable.
    pub fn talker_done(
        &mut self,
        hidden: &[f32],
        logits: &mut [f32],
        tables: &dyn EmbeddingTables,
    ) -> Result<(), SpeechError> {
        if !matches!(self.state, LoopState::Prompt | LoopState::Step) {
            return Err(SpeechError::OutOfOrder { told: "the talker", waiting: self.state.name() });
        }
        // While resuming the codes are known: only the talker's state matters, its logits are ignored.
        if self.fed < self.codes.len() {
            self.feed(tables);
            return Ok(());
        }
        let frame = self.codes.len() as u32;
        // A loop that was resumed at its limit gets here; a running one has stopped in `predictor_done`.
        if frame >= self.max_frames {
            self.state = LoopState::Finished(Finish::FrameLimit);
            return Ok(());
        }
        if hidden.len() != self.hidden_size
            || logits.len() != self.used.len()
            || hidden.iter().any(|h| !h.is_finite())
        {
            return Err(SpeechError::NotANumber { network: "talker", frame });
        }
        self.restrict(logits, frame);
        let Some(choice) = self.talker_sampler.draw(logits, frame, 0) else {
            return Err(SpeechError::NotANumber { network: "talker", frame });
        };
        // The code that ends speech is no code of a frame: the predictor must not see it.
        if choice == self.eos {
            self.state = LoopState::Finished(Finish::EndOfSpeech);
        } else {
            // Copied, since the talker's buffer is overwritten by its next step.
            self.hidden.copy_from_slice(hidden);
            self.state = LoopState::Predictor(choice as u16);
        }
        Ok(())
    }

    /// Takes codes 1 to 15 from the predictor and returns the complete frame.
    ///
    /// # Errors
    /// [`SpeechError::OutOfOrder`] if none were expected.
    pub fn predictor_done(
        &mut self,
        codes: &[u16; GROUPS],
        tables: &dyn EmbeddingTables,
    ) -> Result<Frame, SpeechError> {
        let LoopState::Predictor(code0) = self.state else {
            return Err(SpeechError::OutOfOrder { told: "the predictor", waiting: self.state.name() });
        };
        let mut all = [code0; CODEBOOKS];
        all[1..].copy_from_slice(codes);
        let frame = Frame { index: self.codes.len() as u32, codes: all };
        self.used[usize::from(code0)] += 1;
        self.codes.push(all);
        if let Some(left) = self.codes.len().checked_sub(self.repetition_window.saturating_add(1)) {
            self.used[usize::from(self.codes[left][0])] -= 1;
        }
        self.feed(tables);
        if self.codes.len() as u32 >= self.max_frames {
            self.state = LoopState::Finished(Finish::FrameLimit);
        }
        Ok(frame)
    }

    /// Builds the talker's next row from the first frame that was not fed to it yet.
    fn feed(&mut self, tables: &dyn EmbeddingTables) {
        self.row.fill(0.0);
        add_frame(tables, &self.codes[self.fed], &mut self.row);
        // When the text is used up the talker hears padding; it has to decide by itself that the speech is
        // over.
        let text = self.prompt.trailing.get(self.fed).copied().unwrap_or(self.pad_id);
        tables.add_text(text, &mut self.row);
        self.fed += 1;
        self.state = LoopState::Step;
    }

    /// Applies the talker's constraints to its logits, in the order of the official package: repetition penalty,
    /// minimum length, no tags.
    fn restrict(&self, logits: &mut [f32], frame: u32) {
        for (logit, _) in logits.iter_mut().zip(&self.used).filter(|(_, used)| **used > 0) {
            // A negative logit is multiplied: divided, it would become more probable.
            *logit = if *logit < 0.0 {
                *logit * self.repetition_penalty
            } else {
                *logit / self.repetition_penalty
            };
        }
        // The end of speech is one of the tags: its logit is saved before they are excluded.
        let eos = logits.get(self.eos).copied().unwrap_or(f32::NEG_INFINITY);
        // The predictor and the vocoder have no entries for tags.
        for tag in logits.iter_mut().skip(self.first_tag) {
            *tag = f32::NEG_INFINITY;
        }
        if frame >= self.min_frames
            && let Some(slot) = logits.get_mut(self.eos)
        {
            *slot = eos;
        }
    }
}

impl LoopState {
    fn name(self) -> &'static str {
        match self {
            Self::Prompt | Self::Step => "the talker",
            Self::Predictor(_) => "the predictor",
            Self::Finished(_) => "nothing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::tests::{Spelled, layout, options};
    use crate::{ModelKind, TextMode};

    /// A stand-in for both networks: a recurrent hash of everything fed so far.
    #[derive(Clone, Default)]
    struct Echo {
        state: u64,
        positions: usize,
    }

    impl Echo {
        fn talker(&mut self, position: usize, rows: &[f32], vocab: usize) -> (Vec<f32>, Vec<f32>) {
            assert_eq!(position, self.positions, "positions have no gaps");
            self.positions += rows.len() / 3;
            for value in rows {
                self.state = self.state.rotate_left(9).wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    ^ u64::from(value.to_bits());
            }
            let hidden = vec![(self.state % 97) as f32, 1.0, 2.0];
            let logits = (0..vocab as u64).map(|i| ((self.state ^ (i * 77)) % 1009) as f32 / 500.0).collect();
            (hidden, logits)
        }
    }

    fn run(frame_loop: &mut FrameLoop, echo: &mut Echo, frames: usize) -> Option<Finish> {
        let target = frame_loop.codes().len() + frames;
        while frame_loop.codes().len() < target {
            match frame_loop.request() {
                FrameRequest::Talker { position, rows, .. } => {
                    let (hidden, mut logits) = echo.talker(position, rows, 1124);
                    frame_loop.talker_done(&hidden, &mut logits, &Spelled).unwrap();
                }
                FrameRequest::Predictor { frame, hidden, code0 } => {
                    let sampler = *frame_loop.predictor_sampler();
                    let mut codes = [0; GROUPS];
                    for (group, code) in codes.iter_mut().enumerate() {
                        let mut logits: Vec<f32> =
                            (0..100).map(|i| (i * (code0 + 3) % 17) as f32 * 0.1 + hidden[0]).collect();
                        *code = sampler.draw(&mut logits, frame, group as u32 + 1).unwrap() as u16;
                    }
                    frame_loop.predictor_done(&codes, &Spelled).unwrap();
                }
                FrameRequest::Finished(finish) => return Some(finish),
            }
        }
        None
    }

    fn fresh(seed: u64, max_frames: u32, codes: &[[u16; CODEBOOKS]]) -> FrameLoop {
        let voice = layout(ModelKind::CustomVoice);
        let prompt = Prompt::new(&voice, &Spelled, &options(TextMode::Streaming), &[21, 22, 23]).unwrap();
        FrameLoop::resume(&voice, prompt, seed, false, max_frames, codes)
    }

    #[test]
    fn loop_resumed_at_any_frame_gives_the_same_codes() {
        let mut whole = fresh(7, 60, &[]);
        let mut echo = Echo::default();
        let finish = run(&mut whole, &mut echo, 100);
        assert!(finish.is_some() && whole.codes().len() > 20);
        for cut in 0..whole.codes().len() {
            let mut resumed = fresh(7, 60, &whole.codes()[..cut]);
            let mut other = Echo::default();
            assert_eq!(run(&mut resumed, &mut other, 100), finish);
            assert_eq!(resumed.codes(), whole.codes(), "cut at frame {cut}");
        }
    }

    #[test]
    fn talker_row_is_the_sum_of_frame_and_due_text() {
        let mut frame_loop = fresh(1, 60, &[]);
        run(&mut frame_loop, &mut Echo::default(), 2);
        let codes = frame_loop.codes()[1];
        let FrameRequest::Talker { position, rows, .. } = frame_loop.request() else {
            panic!("a step is due")
        };
        assert_eq!(position, 11);
        let acoustic: f32 =
            codes[1..].iter().enumerate().map(|(g, &c)| (g as f32 + 1.0) * f32::from(c)).sum();
        // Frame 0 went with token 22, frame 1 goes with 23.
        assert_eq!(rows, [23.0, f32::from(codes[0]), acoustic]);
    }

    #[test]
    fn the_frame_limit_is_exact() {
        for limit in [1, 2, 5] {
            let mut frame_loop = fresh(1, limit, &[]);
            let finish = run(&mut frame_loop, &mut Echo::default(), 100);
            assert_eq!((finish, frame_loop.codes().len()), (Some(Finish::FrameLimit), limit as usize));
        }
    }

    #[test]
    fn penalty_minimum_length_and_tags_restrict_code_0() {
        let voice = layout(ModelKind::CustomVoice);
        let prompt = Prompt::new(&voice, &Spelled, &options(TextMode::Streaming), &[21, 22, 23]).unwrap();
        let mut frame_loop = FrameLoop::new(&voice, prompt, 1, true, 60);
        // The end of speech and a tag shout; neither may win in the first two frames, a tag never.
        for frame in 0..3 {
            let mut logits = vec![0.0; 1124];
            logits[203] = 50.0;
            logits[500] = 90.0;
            logits[42] = 40.0;
            logits[43] = 39.0;
            frame_loop.talker_done(&[0.0; 3], &mut logits, &Spelled).unwrap();
            match (frame, frame_loop.request()) {
                (0, FrameRequest::Predictor { code0, .. }) => assert_eq!(code0, 42),
                // 40 / 1.05 is below 39: the penalty counts.
                (1, FrameRequest::Predictor { code0, .. }) => assert_eq!(code0, 43),
                (2, FrameRequest::Finished(finish)) => assert_eq!(finish, Finish::EndOfSpeech),
                (_, other) => panic!("{other:?}"),
            }
            if frame < 2 {
                frame_loop.predictor_done(&[0; GROUPS], &Spelled).unwrap();
            }
        }
    }

    #[test]
    fn repetition_window_forgets_earlier_codes_and_is_the_same_when_resumed() {
        let mut whole = fresh(7, 60, &[]);
        run(&mut whole, &mut Echo::default(), 100);
        let mut windowed = fresh(7, 60, &[]).with_repetition_window(Some(4));
        run(&mut windowed, &mut Echo::default(), 100);
        let penalised = |frame_loop: &FrameLoop| {
            let mut logits = vec![2.0; 1124];
            frame_loop.restrict(&mut logits, 50);
            logits[usize::from(frame_loop.codes()[0][0])] < 2.0
        };
        assert!(penalised(&whole) && !penalised(&windowed));
        let used = |frame_loop: &FrameLoop| frame_loop.used.iter().sum::<u32>() as usize;
        assert_eq!((used(&whole), used(&windowed)), (whole.codes().len(), 4));
        for cut in 0..windowed.codes().len() {
            let mut resumed = fresh(7, 60, &windowed.codes()[..cut]).with_repetition_window(Some(4));
            run(&mut resumed, &mut Echo::default(), 100);
            assert_eq!(resumed.codes(), windowed.codes(), "cut at frame {cut}");
        }
        let mut endless = fresh(7, 60, &[]).with_repetition_window(Some(u32::MAX));
        run(&mut endless, &mut Echo::default(), 100);
        assert_eq!(endless.codes(), whole.codes());
    }

    #[test]
    fn results_out_of_order_or_not_finite_are_refused() {
        let mut frame_loop = fresh(1, 60, &[]);
        assert!(frame_loop.predictor_done(&[0; GROUPS], &Spelled).is_err());
        assert!(frame_loop.talker_done(&[f32::NAN; 3], &mut [0.0; 1124], &Spelled).is_err());
        assert!(frame_loop.talker_done(&[0.0; 3], &mut [f32::NAN; 1124], &Spelled).is_err());
        assert!(frame_loop.talker_done(&[0.0; 3], &mut [0.0; 3], &Spelled).is_err());
        assert!(frame_loop.talker_done(&[0.0; 3], &mut [0.0; 1124], &Spelled).is_ok());
    }
}
