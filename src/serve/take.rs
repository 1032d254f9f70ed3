//! One announcement on its way to the ear: segments joined to one stream, begun as soon as the rest will be there in
//! time.

use std::time::{Duration, Instant};

use crier_config::Start;
use crier_player::{Decision, Joiner, Pacer, Production, WAIT_MAX};
use crier_speech::SentenceOptions;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::playing::{Playing, Unheard};
use super::render::{Broken, Piece, render};
use super::speaking::{PIECES_AHEAD_MAX, Speaker};
use super::voice::Voice;
use crier_synthesis::{TokenizedText, read_chime};

/// How the making of a sentence stands.
#[derive(Default)]
struct Pacing {
    /// Samples that may not be heard yet.
    held: Vec<f32>,
    made_samples: u64,
    expected_samples: u64,
    complete: bool,
    started: bool,
}

/// One announcement being made and heard.
pub(super) struct Take<'a> {
    speaker: &'a Speaker,
    playing: &'a Playing,
    volume_percent: Option<u32>,
    /// Sample rate of the voice that will speak.
    rate_hz: u32,
    /// The stream and its joiner; begins with the first samples, whose rate it has.
    stream: Option<(u64, u32, Joiner)>,
    joined: Vec<f32>,
    length: u64,
    pub(super) first_audio: Option<Instant>,
    pub(super) cut_sentences: u32,
}

impl<'a> Take<'a> {
    pub(super) fn new(
        speaker: &'a Speaker,
        playing: &'a Playing,
        volume_percent: Option<u32>,
        rate_hz: u32,
    ) -> Self {
        Self {
            speaker,
            playing,
            volume_percent,
            rate_hz,
            stream: None,
            joined: Vec::new(),
            length: 0,
            first_audio: None,
            cut_sentences: 0,
        }
    }

    /// A sound before the text.
    pub(super) async fn chime(&mut self, name: &str) -> Result<(), String> {
        let path = self.speaker.options().chimes_dir.join(name);
        let rate_hz = self.rate_hz;
        // Decoding takes milliseconds, a slow disk more.
        let reading = tokio::task::spawn_blocking(move || read_chime(&path, rate_hz));
        let chime = reading.await.map_err(|_| "the thread that reads a chime died".to_owned())?;
        let chime = chime.map_err(|error| error.to_string())?;
        self.samples(chime.rate_hz, &chime.samples).await
    }

    /// A segment that is there already.
    pub(super) async fn samples(&mut self, rate_hz: u32, samples: &[f32]) -> Result<(), String> {
        self.segment(rate_hz)?;
        // In parts, so that the first sound does not wait for the last.
        for part in samples.chunks(rate_hz as usize) {
            self.push(part).await?;
        }
        self.release();
        Ok(())
    }

    /// Renders a script; the outer error is the listener's, the inner one the voice's.
    pub(super) async fn script(
        &mut self,
        voice: &Voice,
        script: &TokenizedText,
        first: usize,
        options: SentenceOptions,
    ) -> Result<Result<(), Broken>, String> {
        let (out, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
        let rendering = render(voice, script, first, options, out);
        let (rendered, heard) = tokio::join!(rendering, self.listen(voice, pieces));
        heard?;
        Ok(rendered)
    }

    /// Takes what is rendered. A sentence is heard as soon as the rest of it will be there in time.
    async fn listen(&mut self, voice: &Voice, mut pieces: mpsc::Receiver<Piece>) -> Result<(), String> {
        let (rate_hz, samples_per_frame) = (voice.sample_rate_hz(), voice.samples_per_frame() as u64);
        let mut pacing = Pacing::default();
        let mut wait = WAIT_MAX;
        loop {
            match timeout(wait, pieces.recv()).await {
                Ok(None) => break,
                Ok(Some(Piece::Sentence { frames_expected })) => {
                    self.segment(rate_hz)?;
                    let expected_samples = u64::from(frames_expected) * samples_per_frame;
                    pacing = Pacing { expected_samples, ..Pacing::default() };
                    self.speaker.pacer(rate_hz, Pacer::begin);
                }
                Ok(Some(Piece::Samples(samples))) => {
                    pacing.made_samples += samples.len() as u64;
                    self.speaker.pacer(rate_hz, |pacer, now| pacer.made(now, pacing.made_samples));
                    pacing.held.extend_from_slice(&samples);
                }
                Ok(Some(Piece::SentenceEnd { cut })) => {
                    self.cut_sentences += u32::from(cut);
                    pacing.complete = true;
                }
                // Time to ask again.
                Err(_) => {}
            }
            wait = WAIT_MAX;
            if !pacing.started && pacing.made_samples > 0 {
                let production = Production {
                    made_samples: pacing.made_samples,
                    expected_samples: pacing.expected_samples,
                    complete: pacing.complete,
                    ahead_samples: self.ahead_samples(),
                };
                match self.speaker.pacer(rate_hz, |pacer, now| pacer.decide(now, production)) {
                    Decision::Start => pacing.started = true,
                    Decision::Wait(longer) => wait = longer,
                }
            }
            if pacing.started && !pacing.held.is_empty() {
                let samples = std::mem::take(&mut pacing.held);
                self.push(&samples).await?;
                self.release();
            }
        }
        // What a voice made before it failed is heard: the next one goes on from there.
        self.push(&pacing.held).await
    }

    /// Samples that are made and were not heard yet.
    fn ahead_samples(&self) -> u64 {
        self.stream.as_ref().map_or(0, |(number, _, _)| self.playing.ahead_samples(*number))
    }

    /// What follows is another segment.
    fn segment(&mut self, rate_hz: u32) -> Result<(), String> {
        let options = self.speaker.options();
        match &mut self.stream {
            Some((_, present_hz, _)) if *present_hz != rate_hz => {
                Err(format!("one announcement cannot have sound at {present_hz} Hz and at {rate_hz} Hz"))
            }
            Some((_, _, joiner)) => {
                joiner.next_segment(&mut self.joined);
                Ok(())
            }
            None => {
                let number = self.playing.begin(rate_hz, self.volume_percent);
                self.stream = Some((number, rate_hz, Joiner::new(rate_hz, options.crossfade_ms)));
                let silence = u64::from(rate_hz) * u64::from(options.lead_silence_ms) / 1000;
                self.joined.resize(usize::try_from(silence).unwrap_or(0), 0.0);
                Ok(())
            }
        }
    }

    async fn push(&mut self, samples: &[f32]) -> Result<(), String> {
        let Some((number, _, joiner)) = &mut self.stream else { return Ok(()) };
        joiner.push(samples, &mut self.joined);
        self.length += self.joined.len() as u64;
        self.playing.push(*number, &self.joined).await.map_err(unheard)?;
        self.joined.clear();
        self.first_audio.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn release(&mut self) {
        if self.speaker.options().start == Start::Whole {
            return;
        }
        if let Some((number, _, _)) = &self.stream {
            self.playing.release(*number);
            self.speaker.sounding.set(true);
        }
    }

    /// Waits until all of it was heard; answers how long it was.
    pub(super) async fn finish(mut self) -> Result<Duration, String> {
        let Some((number, rate_hz, mut joiner)) = self.stream.take() else { return Ok(Duration::ZERO) };
        joiner.finish(&mut self.joined);
        self.length += self.joined.len() as u64;
        self.playing.push(number, &self.joined).await.map_err(unheard)?;
        self.playing.complete(number);
        self.speaker.sounding.set(true);
        self.playing.finished(number).await.map_err(unheard)?;
        Ok(Duration::from_secs_f64(self.length as f64 / f64::from(rate_hz)))
    }
}

impl Drop for Take<'_> {
    fn drop(&mut self) {
        self.speaker.sounding.set(false);
    }
}

fn unheard(unheard: Unheard) -> String {
    match unheard {
        Unheard::Stopped => "it was stopped".to_owned(),
        Unheard::Refused(reason) => format!("the player refused it: {reason}"),
    }
}
