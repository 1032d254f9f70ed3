//! First half of the synthesis: text to frames.

use std::collections::VecDeque;

use super::messages::{
    AttemptOutcome, DurationCeiling, Feedback, FrameEvent, Sentence, SentenceEnd, SentenceOptions,
};
use crate::guard::{Cycles, SILENT_FRAMES};
use crate::{EmbeddingTables, Finish, FrameLoop, FrameRequest, GROUPS, Sampler, SpeechError, VoiceLayout};

/// Further attempts at a sentence of which nothing was audible, each with the next seed. One attempt in some hundreds
/// fails; that three in a row do so without a fault of text or voice does not happen.
pub(super) const RETRIES_MAX: u32 = 2;

/// State machine that generates the frames of a sentence; it requests the work of talker and predictor.
#[derive(Debug)]
pub struct SentenceFrames {
    sentence: Sentence,
    options: SentenceOptions,
    max_frames: u32,
    attempt: u32,
    /// True while feedback may still require another attempt.
    open: bool,
    ended: bool,
    /// True if the ceiling ended the attempt, which the other half may want repeated however short it is.
    is_limited: bool,
    frame_loop: FrameLoop,
    cycles: Cycles,
    events: VecDeque<FrameEvent>,
}

impl SentenceFrames {
    /// Returns the state machine of a new sentence.
    #[must_use]
    pub fn new(layout: &VoiceLayout, sentence: Sentence, options: SentenceOptions) -> Self {
        // The smaller bound wins: that of the text's length, or the one that the model was published with.
        let ceiling = sentence.ceiling.frames().min(layout.sampling.max_frames);
        let max_frames = options.max_frames.unwrap_or(ceiling);
        // The sentence keeps its prompt for another attempt.
        let prompt = sentence.prompt.clone();
        let window = sentence.repetition_window;
        let frame_loop = FrameLoop::new(layout, prompt, options.seed, options.greedy, max_frames)
            .with_repetition_window(window);
        Self {
            sentence,
            options,
            max_frames,
            attempt: 0,
            // A fixed number of frames is obeyed whatever it sounds like, so there is no second attempt.
            open: options.max_frames.is_none(),
            ended: false,
            is_limited: false,
            frame_loop,
            cycles: Cycles::default(),
            events: VecDeque::new(),
        }
    }

    /// Returns the next step. [`FrameRequest::Finished`] is final only if [`is_settled`](Self::is_settled): otherwise a
    /// later [`take_feedback`](Self::take_feedback) may start another attempt.
    #[must_use]
    pub fn request(&self) -> FrameRequest<'_> {
        match self.ended {
            // The guard may end a sentence that the loop would continue.
            true => FrameRequest::Finished(Finish::EndOfSpeech),
            false => self.frame_loop.request(),
        }
    }

    /// Returns the predictor's sampler.
    #[must_use]
    pub fn predictor_sampler(&self) -> Sampler {
        *self.frame_loop.predictor_sampler()
    }

    /// Takes the result of a talker step. `logits` is overwritten.
    ///
    /// # Errors
    /// Those of [`FrameLoop::talker_done`].
    pub fn talker_done(
        &mut self,
        hidden: &[f32],
        logits: &mut [f32],
        tables: &dyn EmbeddingTables,
    ) -> Result<(), SpeechError> {
        self.frame_loop.talker_done(hidden, logits, tables)?;
        if let FrameRequest::Finished(finish) = self.frame_loop.request() {
            let end = if finish == Finish::EndOfSpeech { SentenceEnd::OfSpeech } else { self.limit() };
            self.push(None, Some(end));
        }
        Ok(())
    }

    /// Takes codes 1 to 15 from the predictor.
    ///
    /// # Errors
    /// Those of [`FrameLoop::predictor_done`].
    pub fn predictor_done(
        &mut self,
        codes: &[u16; GROUPS],
        tables: &dyn EmbeddingTables,
    ) -> Result<(), SpeechError> {
        let frame = self.frame_loop.predictor_done(codes, tables)?;
        let guarded = self.options.max_frames.is_none();
        let end = if frame.index + 1 >= self.max_frames {
            Some(self.limit())
        } else {
            // The limit has precedence: at the last frame a cycle changes nothing.
            (guarded && self.cycles.saw(&frame.codes)).then_some(SentenceEnd::Cycle)
        };
        self.push(Some(frame.codes), end);
        Ok(())
    }

    /// Returns the next output for [`super::SentenceSamples::push`].
    pub fn next_event(&mut self) -> Option<FrameEvent> {
        self.events.pop_front()
    }

    /// Takes feedback of [`super::SentenceSamples`].
    pub fn take_feedback(&mut self, layout: &VoiceLayout, feedback: Feedback) {
        // Feedback about an earlier attempt may arrive late, since both halves run at their own speed.
        if feedback.attempt != self.attempt {
            return;
        }
        match feedback.outcome {
            AttemptOutcome::Heard => self.open = false,
            AttemptOutcome::Done => {
                self.open = false;
                self.ended = true;
            }
            AttemptOutcome::Retry => {
                self.attempt += 1;
                (self.ended, self.is_limited) = (false, false);
                self.cycles = Cycles::default();
                self.events.clear();
                // No frame is kept: the codes of the failed attempt led into the silence.
                self.restart(layout, 0);
            }
        }
    }

    /// Notes that the talker was replaced: it decodes prompt and frames again.
    pub fn talker_lost(&mut self, layout: &VoiceLayout) {
        // An ended sentence needs no talker any more.
        if !self.ended {
            self.restart(layout, self.frame_loop.codes().len());
        }
    }

    /// Returns true if no feedback can start another attempt: the next sentence may begin.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        // A sentence shorter than the silence limit cannot be taken for a runaway.
        let short = (self.frame_loop.codes().len() as u32) < SILENT_FRAMES && !self.is_limited;
        self.ended && (short || !self.open || self.attempt >= RETRIES_MAX)
    }

    /// Returns the number of frames so far.
    #[must_use]
    pub fn frames(&self) -> u32 {
        self.frame_loop.codes().len() as u32
    }

    fn restart(&mut self, layout: &VoiceLayout, keep: usize) {
        // Another seed, or the second attempt would fail like the first.
        let seed = self.options.seed.wrapping_add(u64::from(self.attempt));
        let known = self.frame_loop.codes()[..keep].to_vec();
        let prompt = self.sentence.prompt.clone();
        let greedy = self.options.greedy;
        self.frame_loop = FrameLoop::resume(layout, prompt, seed, greedy, self.max_frames, &known)
            .with_repetition_window(self.sentence.repetition_window);
    }

    fn limit(&self) -> SentenceEnd {
        match (self.options.max_frames, self.sentence.ceiling) {
            (Some(_), _) => SentenceEnd::Wanted,
            (None, DurationCeiling::Guard(_)) => SentenceEnd::Ceiling,
            (None, DurationCeiling::Text(_)) => SentenceEnd::OfText,
        }
    }

    fn push(&mut self, frame: Option<[u16; crate::CODEBOOKS]>, end: Option<SentenceEnd>) {
        self.ended = end.is_some();
        self.is_limited = end == Some(SentenceEnd::Ceiling);
        self.events.push_back(FrameEvent { attempt: self.attempt, frame, end });
    }
}
