//! Second half of the synthesis: frames to samples.

use std::collections::VecDeque;

use super::frames::RETRIES_MAX;
use super::messages::{AttemptOutcome, CutReason, Feedback, FrameEvent, SentenceEnd, SentenceOptions};
use crate::CODEBOOKS;
use crate::guard::{Silence, SilenceVerdict};

/// Frames in the vocoder's first calls: short ones for an early first sound, then longer ones, which cost less per
/// frame.
const FIRST_CHUNKS: [usize; 4] = [1, 1, 2, 4];

/// State machine that converts the frames of a sentence to samples; it requests the vocoder's work.
///
/// Silence at the beginning is held back until the first audible frame. That delays nothing audible, and lets a
/// sentence that stays silent be synthesized again.
#[derive(Debug)]
pub struct SentenceSamples {
    options: SentenceOptions,
    samples_per_frame: usize,
    lead_frames: usize,
    attempt: u32,
    codes: Vec<[u16; CODEBOOKS]>,
    end: Option<SentenceEnd>,
    /// Calls of the current vocoder instance, and the frames decoded by them.
    calls: usize,
    decoded: usize,
    /// Frames whose samples were accepted; beyond `decoded` only while a new vocoder instance catches up.
    taken: usize,
    silence: Silence,
    held: Vec<f32>,
    finished: bool,
    cut: Option<CutReason>,
    feedback: VecDeque<Feedback>,
}

impl SentenceSamples {
    /// Returns the state machine of a new sentence. A frame is decoded to `samples_per_frame` samples; those of the
    /// first `lead_frames` are discarded.
    #[must_use]
    pub fn new(options: SentenceOptions, samples_per_frame: usize, lead_frames: usize) -> Self {
        Self {
            options,
            samples_per_frame: samples_per_frame.max(1),
            lead_frames,
            attempt: 0,
            codes: Vec::new(),
            end: None,
            calls: 0,
            decoded: 0,
            taken: 0,
            silence: Silence::default(),
            held: Vec::new(),
            finished: false,
            cut: None,
            feedback: VecDeque::new(),
        }
    }

    /// Takes a frame or the end; appends samples to `out` that need not be held back any more.
    pub fn push(&mut self, event: FrameEvent, out: &mut Vec<f32>) {
        // Frames of an earlier attempt, or generated after the end was decided, may still arrive.
        if event.attempt != self.attempt || self.finished {
            return;
        }
        self.codes.extend(event.frame);
        // The first reason counts: it decides how the last frame sounds.
        self.end = self.end.or(event.end);
        self.finish_if_done(out);
    }

    /// Returns the next frames for the vocoder and the index of the first one; at 0 the vocoder resets its state. The
    /// division into calls depends only on the number of frames, so that the same codes give bit-identical samples.
    #[must_use]
    pub fn due(&self) -> Option<(u32, &[[u16; CODEBOOKS]])> {
        let waiting =
            self.codes.get(self.decoded..).filter(|waiting| !waiting.is_empty() && !self.finished)?;
        let ramp = FIRST_CHUNKS.get(self.calls).copied().unwrap_or(usize::MAX);
        let chunk = ramp.min(self.options.chunk_frames.max(1));
        // A shorter call than planned is possible only at the end: before, it would depend on timing.
        let ready = waiting.get(..chunk).or_else(|| self.end.map(|_| waiting))?;
        Some((self.decoded as u32, ready))
    }

    /// Takes decoded samples; appends those to `out` that can be played now.
    pub fn decoded(&mut self, samples: &mut [f32], out: &mut Vec<f32>) {
        let frames = samples.len() / self.samples_per_frame;
        self.calls += 1;
        self.decoded += frames;
        // A new instance repeats the calls from the first frame on; their samples were accepted before.
        if self.finished || self.decoded <= self.taken {
            return;
        }
        // While it reads ahead the voice is silent by design; passing that on would delay every sentence.
        let lead = self.lead_frames.saturating_sub(self.decoded - frames).min(frames);
        let samples = samples.get_mut(lead * self.samples_per_frame..).unwrap_or_default();
        self.taken = self.decoded;
        let last = self.taken >= self.codes.len();
        match self.end {
            Some(SentenceEnd::Cycle) if last && self.may_retry() => return self.retry(),
            // Cut in the middle of a sound: without a fade that is a click.
            Some(SentenceEnd::Cycle | SentenceEnd::Ceiling | SentenceEnd::OfText) if last => {
                fade_out(samples);
            }
            _ => {}
        }
        if last {
            self.cut = self.cut.or(self.end.and_then(cut_reason));
        }
        if self.options.max_frames.is_some() {
            out.extend_from_slice(samples);
        } else {
            self.listen(samples, out);
        }
        self.finish_if_done(out);
    }

    /// Notes that the vocoder was replaced: it decodes all frames of the sentence again, and samples that were accepted
    /// before are ignored.
    pub fn vocoder_lost(&mut self) {
        // `taken` stays: what was accepted once is not passed on again. The number of calls starts anew, so
        // that the division into calls, and with it the rounding, is the same.
        (self.calls, self.decoded) = (0, 0);
    }

    /// Returns the next feedback for [`super::SentenceFrames::take_feedback`].
    pub fn next_feedback(&mut self) -> Option<Feedback> {
        self.feedback.pop_front()
    }

    /// Returns true if all samples were released.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns the reason if something other than the talker, or the end of a timed text, ended the sentence.
    #[must_use]
    pub fn cut(&self) -> Option<CutReason> {
        self.cut
    }

    /// Returns all codes of the sentence so far; once it is finished, only those of its samples.
    #[must_use]
    pub fn codes(&self) -> &[[u16; CODEBOOKS]] {
        &self.codes
    }

    fn listen(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let first = self.taken - samples.len() / self.samples_per_frame;
        for (index, frame) in samples.chunks(self.samples_per_frame).enumerate() {
            let before = self.silence.heard_something();
            let verdict = self.silence.heard(root_mean_square(frame));
            if self.silence.heard_something() && !before {
                // Held silence is part of the sentence: it is the distance to the one before.
                out.append(&mut self.held);
                self.report(AttemptOutcome::Heard);
            }
            if self.silence.heard_something() {
                out.extend_from_slice(frame);
            } else {
                self.held.extend_from_slice(frame);
            }
            if verdict == SilenceVerdict::RanAway {
                if self.may_retry() {
                    return self.retry();
                }
                self.held.clear();
                self.cut = Some(CutReason::Silence);
                // Frames that were generated meanwhile are dropped: their number depends on timing.
                self.codes.truncate(first + index + 1);
                return self.finish();
            }
        }
    }

    fn finish_if_done(&mut self, out: &mut Vec<f32>) {
        if self.end.is_some() && self.taken >= self.codes.len() && !self.finished {
            // Silent up to its ceiling: what was audible already cannot be taken back, but nothing was.
            if self.end == Some(SentenceEnd::Ceiling) && self.may_retry() {
                return self.retry();
            }
            out.append(&mut self.held);
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        self.report(AttemptOutcome::Done);
    }

    fn may_retry(&self) -> bool {
        self.attempt < RETRIES_MAX && self.options.max_frames.is_none() && !self.silence.heard_something()
    }

    fn retry(&mut self) {
        self.report(AttemptOutcome::Retry);
        self.attempt += 1;
        self.codes.clear();
        self.held.clear();
        (self.end, self.cut) = (None, None);
        // Nothing of this attempt was released, so everything starts anew.
        (self.calls, self.decoded, self.taken) = (0, 0, 0);
        self.silence = Silence::default();
    }

    fn report(&mut self, outcome: AttemptOutcome) {
        self.feedback.push_back(Feedback { attempt: self.attempt, outcome });
    }
}

fn cut_reason(end: SentenceEnd) -> Option<CutReason> {
    match end {
        SentenceEnd::OfSpeech | SentenceEnd::OfText => None,
        SentenceEnd::Wanted => Some(CutReason::Wanted),
        SentenceEnd::Ceiling => Some(CutReason::Ceiling),
        SentenceEnd::Cycle => Some(CutReason::Cycle),
    }
}

fn fade_out(samples: &mut [f32]) {
    let length = samples.len() as f32;
    for (index, sample) in samples.iter_mut().enumerate() {
        *sample *= 1.0 - index as f32 / length;
    }
}

fn root_mean_square(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
