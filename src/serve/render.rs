//! From a script to samples, through three stages that may die at any moment.
//!
//! Two tasks, one for each half of a sentence: while the vocoder works on some frames, talker and predictor make the
//! next ones. What comes out is the same whoever dies: see [`crier_speech::SentenceFrames`].

use std::path::PathBuf;

use crier_speech::{Judged, Made, Request, SentenceFrames, SentenceOptions, SentenceSamples};
use crier_wire::{At, Decode, PredictorReply, PredictorRequest, TalkerRequest, VocoderRequest};
use tokio::sync::mpsc;

use super::engine::Trouble;
use super::voice::Voice;
use crier_synthesis::TokenizedText;

/// Frames that may be made before the vocoder takes them: five seconds of speech.
const FRAMES_AHEAD_MAX: usize = 64;
/// Numbers in one packet to the talker.
const ROW_NUMBERS_MAX: usize = 32 * 1024;

/// What comes out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// A sentence begins; after so many frames it probably ends.
    Sentence { frames_expected: u32 },
    /// Its next samples.
    Samples(Vec<f32>),
    /// It has ended; `cut`: not by itself.
    SentenceEnd { cut: bool },
}

/// Why not everything came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The first sentence that did not come out whole.
    pub(crate) sentence: usize,
    /// Why.
    pub(crate) reason: String,
}

/// Renders the sentences of `script` from `first` on; pieces go to `out`, which is waited for.
pub(crate) async fn render(
    voice: &Voice,
    script: &TokenizedText,
    first: usize,
    options: SentenceOptions,
    out: mpsc::Sender<Piece>,
) -> Result<(), Broken> {
    let (to_samples, made) = mpsc::channel(FRAMES_AHEAD_MAX);
    let (to_frames, judged) = mpsc::unbounded_channel();
    let frames = make_frames(voice, script, first, options, to_samples, judged);
    let samples = make_samples(voice, script, first, options, made, to_frames, out);
    match tokio::try_join!(frames, samples) {
        Ok(_) => Ok(()),
        Err(broken) => Err(broken),
    }
}

/// A piece of a sentence on its way to the other half.
struct Part {
    sentence: usize,
    utterance: u64,
    tokens: usize,
    made: Made,
}

async fn make_frames(
    voice: &Voice,
    script: &TokenizedText,
    first: usize,
    options: SentenceOptions,
    to_samples: mpsc::Sender<Part>,
    mut judged: mpsc::UnboundedReceiver<(usize, Judged)>,
) -> Result<(), Broken> {
    let layout = voice.reader.bundle().layout();
    let mut talker = voice.talker.lock().await;
    let mut predictor = voice.predictor.lock().await;
    for index in first..script.len() {
        let broken = |reason: String| Broken { sentence: index, reason };
        let sentence = script.sentence(&voice.reader, index).map_err(|error| broken(error.to_string()))?;
        let (utterance, tokens) = (voice.next_utterance(), sentence.tokens);
        let mut frames = SentenceFrames::new(layout, sentence, options);
        loop {
            let at = At { utterance, frame: frames.frames() };
            match frames.request() {
                Request::Talker { position, constant, rows } => {
                    let answer =
                        talker.call(at, 1, talker_parts(at, position, constant, rows, layout.hidden)).await;
                    match answer {
                        Ok((_, mut numbers)) => {
                            let middle = layout.hidden.min(numbers.len());
                            let (hidden, logits) = numbers.split_at_mut(middle);
                            let done = frames.talker_done(hidden, logits, &**voice.reader.bundle());
                            done.map_err(|error| broken(error.to_string()))?;
                        }
                        Err(Trouble::Lost) => frames.talker_lost(layout),
                        Err(Trouble::Unable(reason)) => return Err(broken(reason)),
                    }
                }
                Request::Predictor { hidden, code0, .. } => {
                    let request =
                        PredictorRequest::Predict { at, code0, sampler: frames.predictor_sampler() };
                    match predictor.call(at, 1, [(request, hidden)]).await {
                        Ok((PredictorReply::Predicted { codes, .. }, _)) => {
                            let done = frames.predictor_done(&codes, &**voice.reader.bundle());
                            done.map_err(|error| broken(error.to_string()))?;
                        }
                        // It has no state: the same question once more.
                        Ok(_) | Err(Trouble::Lost) => {}
                        Err(Trouble::Unable(reason)) => return Err(broken(reason)),
                    }
                }
                Request::Finished(_) if frames.is_settled() => break,
                Request::Finished(_) => match judged.recv().await {
                    Some((of, judged)) if of == index => frames.judge(layout, judged),
                    Some(_) => {}
                    // The other half has failed and says why.
                    None => return Ok(()),
                },
            }
            while let Some(made) = frames.next_made() {
                let part = Part { sentence: index, utterance, tokens, made };
                if to_samples.send(part).await.is_err() {
                    return Ok(());
                }
            }
            while let Ok((of, judged)) = judged.try_recv() {
                if of == index {
                    frames.judge(layout, judged);
                }
            }
        }
    }
    Ok(())
}

/// A decode in as many packets as it needs.
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

async fn make_samples(
    voice: &Voice,
    script: &TokenizedText,
    first: usize,
    options: SentenceOptions,
    mut made: mpsc::Receiver<Part>,
    to_frames: mpsc::UnboundedSender<(usize, Judged)>,
    out: mpsc::Sender<Piece>,
) -> Result<(), Broken> {
    let samples_per_frame = voice.samples_per_frame();
    let lead_frames = voice.reader.bundle().layout().lead_frames;
    let mut vocoder = voice.vocoder.lock().await;
    let mut present = None;
    let mut samples = SentenceSamples::new(options, samples_per_frame, lead_frames);
    let mut heard = Vec::new();
    let mut whole = first;
    while let Some(part) = made.recv().await {
        let gone = || Broken { sentence: part.sentence, reason: "it was stopped".to_owned() };
        if present != Some(part.sentence) {
            present = Some(part.sentence);
            samples = SentenceSamples::new(options, samples_per_frame, lead_frames);
            let frames_expected =
                options.max_frames.unwrap_or_else(|| voice.reader.expected_frames(part.tokens));
            out.send(Piece::Sentence { frames_expected }).await.map_err(|_| gone())?;
        }
        let was_finished = samples.is_finished();
        samples.tell(part.made, &mut heard);
        while let Some((frame, codes)) = samples.due() {
            let at = At { utterance: part.utterance, frame };
            let units = codes.len() as u64;
            let request = VocoderRequest::Decode(Decode {
                at,
                codes: codes.to_vec(),
                beginning: beginning(frame, script),
            });
            match vocoder.call(at, units, [(request, &[][..])]).await {
                Ok((_, mut decoded)) => samples.decoded(&mut decoded, &mut heard),
                Err(Trouble::Lost) => samples.vocoder_lost(),
                Err(Trouble::Unable(reason)) => return Err(Broken { sentence: part.sentence, reason }),
            }
            // As soon as there is something to hear, not when the whole backlog is done.
            if !heard.is_empty() {
                out.send(Piece::Samples(std::mem::take(&mut heard))).await.map_err(|_| gone())?;
            }
        }
        while let Some(judged) = samples.next_judged() {
            // The other half may have ended with the last sentence.
            let _ = to_frames.send((part.sentence, judged));
        }
        if !heard.is_empty() {
            out.send(Piece::Samples(std::mem::take(&mut heard))).await.map_err(|_| gone())?;
        }
        if samples.is_finished() && !was_finished {
            out.send(Piece::SentenceEnd { cut: samples.was_cut() }).await.map_err(|_| gone())?;
            whole = part.sentence + 1;
        }
    }
    if whole < script.len() {
        // The other half says why, unless it ended without a word.
        return Err(Broken { sentence: whole, reason: "the frames ended too early".to_owned() });
    }
    Ok(())
}

/// What an utterance continues; only its first frames have to be told.
fn beginning(frame: u32, script: &TokenizedText) -> Option<PathBuf> {
    script.voice_file.clone().filter(|_| frame == 0)
}
