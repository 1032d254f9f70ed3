//! The driver: from a tokenized text to samples, through three engines that may die at any moment.
//!
//! Two halves run side by side: while the vocoder decodes some frames, talker and predictor make the next ones. The
//! samples are the same whichever engine dies, and whenever: see [`crier_speech::SentenceFrames`].

use std::path::PathBuf;

use crier_announce::Prosody;
use crier_speech::{
    CODEBOOKS, CutReason, Feedback, FrameEvent, FrameRequest, SentenceFrames, SentenceOptions,
    SentenceSamples, VoiceLayout,
};
use crier_wire::{
    At, Decode, PredictorReply, PredictorRequest, TalkerReply, TalkerRequest, VocoderReply, VocoderRequest,
};
use tokio::sync::mpsc;

use crate::engine::EngineClient;
use crate::shape::{RenderManner, Shaper, expected_samples};
use crate::{EngineError, SynthesisError, TokenizedText, Voice};

/// Frames in a vocoder call once speech is under way: long enough for the vocoder to work efficiently, short enough
/// that a call ends before the sound of the one before it does. The first calls of a sentence are shorter.
pub const CHUNK_FRAMES: usize = 8;

/// Frames between the two halves: five seconds of speech. Beyond that the vocoder is the bottleneck, and more frames
/// would only be thrown away when the announcement is stopped.
const FRAMES_AHEAD_MAX: usize = 64;
/// Numbers in one packet to the talker, 128 kB: a packet has room for that and its head.
const ROW_NUMBERS_MAX: usize = 32 * 1024;

/// Output of the driver.
#[derive(Debug, Clone, PartialEq)]
pub enum AudioEvent {
    /// A unit of the text begins.
    UnitStart {
        /// Number of samples that it probably has.
        expected_samples: u64,
    },
    /// Next samples of the unit.
    Samples(Vec<f32>),
    /// The unit is complete.
    UnitEnd {
        /// Reason if neither the talker nor the end of a timed text ended it.
        cut: Option<CutReason>,
        /// Codes of its frames.
        codes: Vec<[u16; CODEBOOKS]>,
    },
}

/// A text was not rendered to its end.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct RenderError {
    /// First unit that is not complete.
    pub unit: usize,
    /// Cause.
    #[source]
    pub cause: RenderFault,
}

/// Causes of a [`RenderError`].
#[derive(Debug, thiserror::Error)]
pub enum RenderFault {
    /// A unit of the text cannot be read.
    #[error(transparent)]
    Text(#[from] SynthesisError),
    /// The codes of a network are not what the sampler expects.
    #[error(transparent)]
    Speech(#[from] crier_speech::SpeechError),
    /// An engine cannot go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The receiver of the samples is gone.
    #[error("the listener has stopped")]
    Stopped,
    /// The frames ended before the text did: a defect of the program.
    #[error("the frames ended too early")]
    FramesMissing,
}

/// Renders the units of `text` from `first` on, in a manner. Events go to `out`, which is waited for.
///
/// # Errors
/// [`RenderError`]. Everything that was made before is in `out`.
pub async fn render(
    voice: &Voice,
    text: &TokenizedText,
    first: usize,
    options: SentenceOptions,
    manner: RenderManner,
    out: mpsc::Sender<AudioEvent>,
) -> Result<(), RenderError> {
    let (layout, prosody) = (voice.frontend().bundle().layout(), manner.prosody_of(text));
    run(&Job { voice, layout, text, first, options, prosody }, out).await
}

/// [`render`] of a whole text with another layout, such as one with other rules of sampling.
///
/// # Errors
/// [`RenderError`].
pub async fn render_with(
    voice: &Voice,
    layout: &VoiceLayout,
    text: &TokenizedText,
    options: SentenceOptions,
    out: mpsc::Sender<AudioEvent>,
) -> Result<(), RenderError> {
    run(&Job { voice, layout, text, first: 0, options, prosody: Prosody::default() }, out).await
}

async fn run(job: &Job<'_>, out: mpsc::Sender<AudioEvent>) -> Result<(), RenderError> {
    let (to_samples, made) = mpsc::channel(FRAMES_AHEAD_MAX);
    // Unbounded, since the two halves would wait for each other if both directions were bounded. There is at most one
    // message for each frame, and the frames ahead are bounded.
    let (to_frames, feedback) = mpsc::unbounded_channel();
    let frames = make_frames(job, to_samples, feedback);
    let samples = make_samples(job, made, to_frames, out);
    tokio::pin!(frames, samples);
    tokio::select! {
        // Without the second half nothing that the first one makes is of use.
        samples = &mut samples => samples,
        frames = &mut frames => {
            // The second half still has frames: they are decoded, so that an error loses nothing that was made.
            let samples = samples.await;
            match frames {
                Ok(()) => samples,
                Err(cause) => {
                    let unit = samples.err().map_or(job.text.len(), |error| error.unit);
                    Err(RenderError { unit, cause })
                }
            }
        }
    }
}

/// Constant input of both halves.
pub(crate) struct Job<'a> {
    pub(crate) voice: &'a Voice,
    pub(crate) layout: &'a VoiceLayout,
    pub(crate) text: &'a TokenizedText,
    pub(crate) first: usize,
    pub(crate) options: SentenceOptions,
    /// Rate, pitch and gain of the text.
    pub(crate) prosody: Prosody,
}

/// A frame on its way from the first half to the second.
struct FrameMessage {
    unit: usize,
    utterance: u64,
    tokens: usize,
    event: FrameEvent,
}

/// First half: talker and predictor.
async fn make_frames(
    job: &Job<'_>,
    to_samples: mpsc::Sender<FrameMessage>,
    mut feedback: mpsc::UnboundedReceiver<(usize, Feedback)>,
) -> Result<(), RenderFault> {
    // Held for the whole text: two announcements that alternate on one engine would replay its state at each turn.
    let mut talker = job.voice.talker.lock().await;
    let mut predictor = job.voice.predictor.lock().await;
    for unit in job.first..job.text.len() {
        let sentence = job.text.sentence(job.voice.frontend(), unit)?;
        let (utterance, tokens) = (job.voice.next_utterance(), sentence.tokens);
        let mut frames = SentenceFrames::new(job.layout, sentence, job.options);
        loop {
            match frames.request() {
                FrameRequest::Finished(_) if frames.is_settled() => break,
                FrameRequest::Finished(_) => match feedback.recv().await {
                    Some((of, feedback)) if of == unit => frames.take_feedback(job.layout, feedback),
                    Some(_) => {}
                    // The second half has failed, and reports why.
                    None => return Ok(()),
                },
                _ => step(job, utterance, &mut frames, &mut talker, &mut predictor).await?,
            }
            // Waits while the vocoder is far behind, so that memory stays bounded.
            while let Some(event) = frames.next_event() {
                if to_samples.send(FrameMessage { unit, utterance, tokens, event }).await.is_err() {
                    return Ok(());
                }
            }
            while let Ok((of, answer)) = feedback.try_recv() {
                // Feedback about an earlier unit comes late and is of no use any more.
                if of == unit {
                    frames.take_feedback(job.layout, answer);
                }
            }
        }
    }
    Ok(())
}

/// Makes one step of the talker or the predictor.
pub(crate) async fn step(
    job: &Job<'_>,
    utterance: u64,
    frames: &mut SentenceFrames,
    talker: &mut EngineClient<TalkerReply>,
    predictor: &mut EngineClient<PredictorReply>,
) -> Result<(), RenderFault> {
    let tables = &**job.voice.frontend().bundle();
    let at = At { utterance, frame: frames.frames() };
    match frames.request() {
        FrameRequest::Talker { position, constant, rows } => {
            let parts = talker_parts(at, position, constant, rows, job.layout.hidden);
            match talker.call(at, 1, parts).await {
                Ok((_, mut numbers)) => {
                    let middle = job.layout.hidden.min(numbers.len());
                    let (hidden, logits) = numbers.split_at_mut(middle);
                    frames.talker_done(hidden, logits, tables)?;
                }
                // Its attention cache died with it: the whole utterance so far is replayed.
                Err(EngineError::Disconnected) => frames.talker_lost(job.layout),
                Err(error) => return Err(error.into()),
            }
        }
        FrameRequest::Predictor { hidden, code0, .. } => {
            let request = PredictorRequest::Predict { at, code0, sampler: frames.predictor_sampler() };
            match predictor.call(at, 1, [(request, hidden)]).await {
                Ok((PredictorReply::Predicted { codes, .. }, _)) => frames.predictor_done(&codes, tables)?,
                // It keeps no state between frames: the same request is sent again.
                Ok(_) | Err(EngineError::Disconnected) => {}
                Err(error) => return Err(error.into()),
            }
        }
        FrameRequest::Finished(_) => {}
    }
    Ok(())
}

/// Divides a decode into as many packets as it needs.
fn talker_parts(
    at: At,
    position: usize,
    constant: usize,
    rows: &[f32],
    hidden: usize,
) -> impl Iterator<Item = (TalkerRequest, &[f32])> {
    let numbers = (ROW_NUMBERS_MAX / hidden.max(1)).max(1) * hidden.max(1);
    let count = rows.len().div_ceil(numbers);
    rows.chunks(numbers).enumerate().map(move |(index, part)| {
        let request = TalkerRequest::Decode { at, position, constant, more: index + 1 < count };
        (request, part)
    })
}

/// Second half: the vocoder.
async fn make_samples(
    job: &Job<'_>,
    mut made: mpsc::Receiver<FrameMessage>,
    to_frames: mpsc::UnboundedSender<(usize, Feedback)>,
    out: mpsc::Sender<AudioEvent>,
) -> Result<(), RenderError> {
    let samples_per_frame = job.voice.samples_per_frame();
    let new_unit = || SentenceSamples::new(job.options, samples_per_frame, job.layout.lead_frames);
    let mut vocoder = job.voice.vocoder.lock().await;
    let new_shape = || Shaper::new(job.voice.sample_rate_hz(), job.prosody);
    let (mut samples, mut shaper, mut ready) = (new_unit(), new_shape(), Vec::new());
    let mut present = None;
    let mut complete = job.first;
    while let Some(message) = made.recv().await {
        let unit = message.unit;
        let failed = |cause: RenderFault| RenderError { unit, cause };
        if present != Some(unit) {
            present = Some(unit);
            // Each unit has an exact length of its own: a voice that goes on where another stopped begins with a unit.
            (samples, shaper) = (new_unit(), new_shape());
            let frames_expected = job.options.max_frames;
            let frames_expected =
                frames_expected.unwrap_or_else(|| job.voice.frontend().expected_frames(message.tokens));
            let expected_samples = expected_samples(frames_expected, samples_per_frame, job.prosody);
            send(&out, AudioEvent::UnitStart { expected_samples }).await.map_err(failed)?;
        }
        // The end is reported once, also if feedback about the last frames comes after it.
        let was_finished = samples.is_finished();
        samples.push(message.event, &mut ready);
        while decode(job, message.utterance, &mut vocoder, &mut samples, &mut ready).await.map_err(failed)? {
            // At once and not after the whole backlog: time to first audio depends on it.
            send_samples(&out, shaper.push(&ready)).await.map_err(failed)?;
            ready.clear();
        }
        while let Some(feedback) = samples.next_feedback() {
            // The first half has ended already if this was its last unit.
            let _ = to_frames.send((unit, feedback));
        }
        send_samples(&out, shaper.push(&ready)).await.map_err(failed)?;
        ready.clear();
        if samples.is_finished() && !was_finished {
            let rest = std::mem::replace(&mut shaper, new_shape()).finish();
            send_samples(&out, rest).await.map_err(failed)?;
            let event = AudioEvent::UnitEnd { cut: samples.cut(), codes: samples.codes().to_vec() };
            send(&out, event).await.map_err(failed)?;
            complete = unit + 1;
        }
    }
    if complete < job.text.len() {
        return Err(RenderError { unit: complete, cause: RenderFault::FramesMissing });
    }
    Ok(())
}

/// Decodes the frames that are due; false if there are none.
async fn decode(
    job: &Job<'_>,
    utterance: u64,
    vocoder: &mut EngineClient<VocoderReply>,
    samples: &mut SentenceSamples,
    ready: &mut Vec<f32>,
) -> Result<bool, RenderFault> {
    let Some((frame, codes)) = samples.due() else { return Ok(false) };
    let at = At { utterance, frame };
    let units = codes.len() as u64;
    let initial_state = primed_by(frame, job.text);
    let request = VocoderRequest::Decode(Decode { at, codes: codes.to_vec(), initial_state });
    match vocoder.call(at, units, [(request, &[][..])]).await {
        Ok((_, mut decoded)) => samples.decoded(&mut decoded, ready),
        // Its convolution state died with it: the frames that it depends on are replayed.
        Err(EngineError::Disconnected) => samples.vocoder_lost(),
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

/// Voice file that an utterance continues; only its first frames carry it.
fn primed_by(frame: u32, text: &TokenizedText) -> Option<PathBuf> {
    text.voice_file.clone().filter(|_| frame == 0)
}

async fn send(out: &mpsc::Sender<AudioEvent>, event: AudioEvent) -> Result<(), RenderFault> {
    out.send(event).await.map_err(|_| RenderFault::Stopped)
}

async fn send_samples(out: &mpsc::Sender<AudioEvent>, samples: Vec<f32>) -> Result<(), RenderFault> {
    if samples.is_empty() {
        return Ok(());
    }
    send(out, AudioEvent::Samples(samples)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_decode_is_divided_between_rows_and_only_its_last_part_is_answered() {
        let (hidden, rows) = (1024, 80);
        let numbers = vec![0.0; hidden * rows];
        let at = At { utterance: 1, frame: 0 };
        let parts: Vec<_> = talker_parts(at, 5, 3, &numbers, hidden).collect();
        assert_eq!(parts.iter().map(|(_, part)| part.len()).sum::<usize>(), numbers.len());
        assert!(parts.len() > 1);
        for (index, (request, part)) in parts.iter().enumerate() {
            assert_eq!(part.len() % hidden, 0);
            let TalkerRequest::Decode { more, position, .. } = request;
            assert_eq!((*more, *position), (index + 1 < parts.len(), 5));
        }
    }
}
