//! The way from sentences to samples in one process: talker and predictor make frames in one thread while the vocoder
//! turns the frames before them into samples in another.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use crier_bundle::Bundle;
use crier_player::{CROSSFADE_MS, Joiner};
use crier_predictor::Predictor;
use crier_speech::{
    CODEBOOKS, Judged, Made, PredictorEngine, Request, Sentence, SentenceFrames, SentenceOptions,
    SentenceSamples, TalkerEngine, VoiceLayout,
};
use crier_talker::Talker;
use crier_vocoder::Vocoder;

use crate::error::CrierError;

/// Frames between the two threads: far more than the vocoder ever lags behind.
const FRAMES_IN_FLIGHT_MAX: usize = 1024;
/// Frames in a vocoder call once speech is under way, unless the caller says otherwise.
pub(crate) const CHUNK_FRAMES: usize = 8;

/// What was made and how long it took.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpeakSummary {
    pub(crate) codes: Vec<[u16; CODEBOOKS]>,
    pub(crate) samples: u64,
    /// Sentences that the guard or the frame limit ended.
    pub(crate) cut_sentences: usize,
    /// From the beginning until the sink had the first samples.
    pub(crate) first_audio: Duration,
    pub(crate) total: Duration,
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
    sentences: impl IntoIterator<Item = Result<Sentence, CrierError>> + Send,
    options: SentenceOptions,
    sink: &mut dyn FnMut(&[f32]) -> Result<(), CrierError>,
) -> Result<SpeakSummary, CrierError> {
    let begin = Instant::now();
    let lead_frames = maker.layout.lead_frames;
    let (to_listener, made) = sync_channel(FRAMES_IN_FLIGHT_MAX);
    let (to_maker, judged) = channel();
    std::thread::scope(|scope| {
        let maker_thread = scope.spawn(move || -> Result<(), CrierError> {
            for (index, sentence) in sentences.into_iter().enumerate() {
                if !maker.sentence(index, sentence?, options, &to_listener, &judged)? {
                    break;
                }
            }
            Ok(())
        });
        let mut listener =
            Listener { vocoder, lead_frames, options, begin, spoken: SpeakSummary::default(), to_maker };
        let heard = listener.run(&made, sink);
        let mut spoken = listener.spoken;
        // Without this, a maker that waits for room in the channel or for a judgement would wait for ever.
        drop((made, listener.to_maker));
        let finished = maker_thread
            .join()
            .map_err(|_| CrierError::Internal("the thread that makes frames died".into()))?;
        // When the sink failed the maker only noticed that nobody listens: the sink's error is the cause.
        heard?;
        finished?;
        spoken.total = begin.elapsed();
        Ok(spoken)
    })
}

impl FrameMaker<'_> {
    /// Makes the frames of a sentence; false when nobody listens any more.
    fn sentence(
        &mut self,
        index: usize,
        sentence: Sentence,
        options: SentenceOptions,
        listener: &SyncSender<(usize, Made)>,
        judged: &Receiver<(usize, Judged)>,
    ) -> Result<bool, CrierError> {
        let mut frames = SentenceFrames::new(self.layout, sentence, options);
        loop {
            match frames.request() {
                Request::Talker { position, constant, rows } => {
                    let output = self.talker.decode(position, constant, rows)?;
                    frames.talker_done(output.hidden, output.logits, self.bundle)?;
                }
                Request::Predictor { frame, hidden, code0 } => {
                    let sampler = frames.predictor_sampler();
                    let codes = self.predictor.predict(frame, hidden, code0, &sampler)?;
                    frames.predictor_done(&codes, self.bundle)?;
                }
                Request::Finished(_) if frames.is_settled() => return Ok(true),
                Request::Finished(_) => match judged.recv() {
                    Ok((of, judged)) if of == index => frames.judge(self.layout, judged),
                    Ok(_) => {}
                    Err(_) => return Ok(false),
                },
            }
            while let Some(made) = frames.next_made() {
                if listener.send((index, made)).is_err() {
                    return Ok(false);
                }
            }
            while let Ok((of, judged)) = judged.try_recv() {
                if of == index {
                    frames.judge(self.layout, judged);
                }
            }
        }
    }
}

/// The other thread: frames in, samples out.
struct Listener<'a> {
    vocoder: &'a mut Vocoder,
    lead_frames: usize,
    options: SentenceOptions,
    begin: Instant,
    spoken: SpeakSummary,
    to_maker: Sender<(usize, Judged)>,
}

impl Listener<'_> {
    fn run(
        &mut self,
        made: &Receiver<(usize, Made)>,
        sink: &mut dyn FnMut(&[f32]) -> Result<(), CrierError>,
    ) -> Result<(), CrierError> {
        let samples_per_frame = self.vocoder.samples_per_frame();
        let (mut decoded, mut out) = (Vec::new(), Vec::new());
        let (mut joiner, mut joined) = (Joiner::new(self.vocoder.sample_rate_hz(), CROSSFADE_MS), Vec::new());
        let mut present = 0;
        let mut samples = SentenceSamples::new(self.options, samples_per_frame, self.lead_frames);
        while let Ok((index, made)) = made.recv() {
            if index != present {
                present = index;
                joiner.next_segment(&mut joined);
                samples = SentenceSamples::new(self.options, samples_per_frame, self.lead_frames);
            }
            let was_finished = samples.is_finished();
            samples.tell(made, &mut out);
            while let Some((first, codes)) = samples.due() {
                if first == 0 {
                    self.vocoder.start();
                }
                decoded.clear();
                self.vocoder.decode(codes, &mut decoded)?;
                samples.decoded(&mut decoded, &mut out);
            }
            while let Some(judged) = samples.next_judged() {
                // The maker has gone when an error ended it, which is told there.
                let _ = self.to_maker.send((index, judged));
            }
            joiner.push(&out, &mut joined);
            out.clear();
            self.give(&mut joined, sink)?;
            if samples.is_finished() && !was_finished {
                self.spoken.codes.extend_from_slice(samples.codes());
                self.spoken.cut_sentences += usize::from(samples.was_cut());
            }
        }
        joiner.finish(&mut joined);
        self.give(&mut joined, sink)
    }

    fn give(
        &mut self,
        samples: &mut Vec<f32>,
        sink: &mut dyn FnMut(&[f32]) -> Result<(), CrierError>,
    ) -> Result<(), CrierError> {
        if samples.is_empty() {
            return Ok(());
        }
        sink(samples)?;
        if self.spoken.samples == 0 {
            self.spoken.first_audio = self.begin.elapsed();
        }
        self.spoken.samples += samples.len() as u64;
        samples.clear();
        Ok(())
    }
}
