//! The way from prompts to samples in one process: talker and predictor make frames in one thread while the vocoder
//! turns the frames before them into samples in another.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use crier_bundle::Bundle;
use crier_predictor::Predictor;
use crier_speech::{
    CODEBOOKS, DriveError, Finish, Frame, FrameLoop, Guard, GuardVerdict, Prompt, VoiceLayout, drive,
    frame_ceiling,
};
use crier_talker::Talker;
use crier_vocoder::Vocoder;

use crate::error::CrierError;

/// Frames between the two threads: far more than the vocoder ever lags behind.
const FRAMES_IN_FLIGHT_MAX: usize = 1024;
/// Frames in the vocoder's first calls: the first sound comes soon, then calls grow and cost less.
const FIRST_CHUNKS: [usize; 4] = [1, 1, 2, 4];
/// Frames in all later calls, unless the caller says otherwise.
pub(crate) const CHUNK_FRAMES: usize = 8;

/// A sentence, ready to be spoken.
pub(crate) struct Sentence {
    pub(crate) prompt: Prompt,
    /// Tokens of its text.
    pub(crate) tokens: usize,
}

/// How to speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpeakOptions {
    pub(crate) seed: u64,
    pub(crate) greedy: bool,
    /// Frames per sentence, obeyed exactly and without a runaway guard; `None` leaves it to the guard.
    pub(crate) max_frames: Option<u32>,
    /// Frames per vocoder call.
    pub(crate) chunk_frames: usize,
}

/// What was made and how long it took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spoken {
    pub(crate) codes: Vec<[u16; CODEBOOKS]>,
    pub(crate) samples: u64,
    /// Sentences that the guard or the frame limit ended.
    pub(crate) cut_sentences: usize,
    /// From the beginning until the sink had the first samples.
    pub(crate) first_audio: Duration,
    pub(crate) total: Duration,
}

enum Message {
    Frame(Frame),
    /// The sentence ends here; its last samples may have to be faded out.
    End {
        fade_out: bool,
    },
    /// Everything of this sentence so far was silence: forget it.
    Restart,
}

/// Both networks that make frames.
pub(crate) struct FrameMaker<'a> {
    pub(crate) bundle: &'a Bundle,
    /// The voice's own, or one with other rules of sampling.
    pub(crate) layout: &'a VoiceLayout,
    pub(crate) talker: &'a mut Talker,
    pub(crate) predictor: &'a mut Predictor,
}

/// Speaks sentences one after the other; samples go to `sink` as they are made.
pub(crate) fn speak(
    mut maker: FrameMaker<'_>,
    vocoder: &mut Vocoder,
    sentences: impl IntoIterator<Item = Sentence> + Send,
    options: SpeakOptions,
    sink: &mut dyn FnMut(&[f32]) -> Result<(), CrierError>,
) -> Result<Spoken, CrierError> {
    let begin = Instant::now();
    let (to_vocoder, frames) = sync_channel(FRAMES_IN_FLIGHT_MAX);
    let (to_guard, loudness) = channel();
    std::thread::scope(|scope| {
        let maker_thread = scope.spawn(move || -> Result<usize, CrierError> {
            let mut cut = 0;
            for sentence in sentences {
                cut += usize::from(maker.sentence(&sentence, options, &to_vocoder, &loudness)?);
            }
            Ok(cut)
        });
        let mut listener = Listener {
            vocoder,
            chunk_frames: options.chunk_frames,
            begin,
            spoken: Spoken::default(),
            samples: Vec::new(),
            to_guard,
        };
        let heard = listener.run(&frames, sink);
        let mut spoken = listener.spoken;
        // Without this, a maker that waits for room in the channel would wait for ever.
        drop(frames);
        let made = maker_thread
            .join()
            .map_err(|_| CrierError::Internal("the thread that makes frames died".into()))?;
        // When the sink failed the maker only noticed that nobody listens: the sink's error is the cause.
        heard?;
        spoken.cut_sentences = made?;
        spoken.total = begin.elapsed();
        Ok(spoken)
    })
}

impl FrameMaker<'_> {
    /// Makes the frames of a sentence; true when something but the talker ended it.
    fn sentence(
        &mut self,
        sentence: &Sentence,
        options: SpeakOptions,
        listener: &SyncSender<Message>,
        loudness: &Receiver<f32>,
    ) -> Result<bool, CrierError> {
        let layout = self.layout;
        let ceiling = frame_ceiling(sentence.tokens).min(layout.sampling.max_frames);
        let max_frames = options.max_frames.unwrap_or(ceiling);
        let mut seed = options.seed;
        let mut tries = 0;
        loop {
            let mut guard = Guard::new();
            let mut verdict = GuardVerdict::Continue;
            while loudness.try_recv().is_ok() {}
            let mut frame_loop =
                FrameLoop::new(layout, sentence.prompt.clone(), seed, options.greedy, max_frames);
            let finish = drive(&mut frame_loop, self.talker, self.predictor, self.bundle, |frame| {
                if options.max_frames.is_none() {
                    verdict = guard.saw(&frame.codes);
                    while let (GuardVerdict::Continue, Ok(rms)) = (verdict, loudness.try_recv()) {
                        verdict = guard.heard(rms);
                    }
                }
                match (verdict, listener.send(Message::Frame(frame))) {
                    (GuardVerdict::Continue, Ok(())) => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            })
            .map_err(|error| match error {
                DriveError::Talker(e) => CrierError::Talker(e),
                DriveError::Predictor(e) => CrierError::Predictor(e),
                DriveError::Speech(e) => CrierError::Speech(e),
            })?;
            tries += 1;
            // A listener that has gone away is noticed by the one who waits for it.
            if verdict == GuardVerdict::Retry && tries == 1 {
                let _ = listener.send(Message::Restart);
                seed = seed.wrapping_add(1);
                continue;
            }
            let cut = finish != Some(Finish::EndOfSpeech);
            let _ = listener.send(Message::End { fade_out: cut && options.max_frames.is_none() });
            return Ok(cut);
        }
    }
}

/// The other thread: frames in, samples out.
struct Listener<'a> {
    vocoder: &'a mut Vocoder,
    chunk_frames: usize,
    begin: Instant,
    spoken: Spoken,
    samples: Vec<f32>,
    to_guard: std::sync::mpsc::Sender<f32>,
}

impl Listener<'_> {
    fn run(
        &mut self,
        frames: &Receiver<Message>,
        sink: &mut dyn FnMut(&[f32]) -> Result<(), CrierError>,
    ) -> Result<(), CrierError> {
        let mut waiting: Vec<[u16; CODEBOOKS]> = Vec::with_capacity(self.chunk_frames);
        let (mut calls, mut sentence_start) = (0, 0);
        self.vocoder.start();
        while let Ok(message) = frames.recv() {
            match message {
                Message::Frame(frame) => {
                    waiting.push(frame.codes);
                    self.spoken.codes.push(frame.codes);
                    // How many frames go into which call depends on nothing but their number, so that the same
                    // seed gives the same samples to the last bit.
                    let ramp = FIRST_CHUNKS.get(calls).copied().unwrap_or(self.chunk_frames);
                    if waiting.len() >= ramp.min(self.chunk_frames) {
                        self.flush(&mut waiting, false, sink)?;
                        calls += 1;
                    }
                }
                Message::End { fade_out } => {
                    self.flush(&mut waiting, fade_out, sink)?;
                    (calls, sentence_start) = (0, self.spoken.codes.len());
                    self.vocoder.start();
                }
                Message::Restart => {
                    waiting.clear();
                    self.spoken.codes.truncate(sentence_start);
                    calls = 0;
                    self.vocoder.start();
                }
            }
        }
        Ok(())
    }

    fn flush(
        &mut self,
        waiting: &mut Vec<[u16; CODEBOOKS]>,
        fade_out: bool,
        sink: &mut dyn FnMut(&[f32]) -> Result<(), CrierError>,
    ) -> Result<(), CrierError> {
        if waiting.is_empty() {
            return Ok(());
        }
        self.samples.clear();
        self.vocoder.decode(waiting, &mut self.samples)?;
        waiting.clear();
        for frame in self.samples.chunks(self.vocoder.samples_per_frame()) {
            // Nobody listens any more once the last frame is made.
            let _ = self.to_guard.send(root_mean_square(frame));
        }
        if fade_out {
            let length = self.samples.len() as f32;
            for (index, sample) in self.samples.iter_mut().enumerate() {
                *sample *= 1.0 - index as f32 / length;
            }
        }
        sink(&self.samples)?;
        if self.spoken.samples == 0 {
            self.spoken.first_audio = self.begin.elapsed();
        }
        self.spoken.samples += self.samples.len() as u64;
        Ok(())
    }
}

fn root_mean_square(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
