//! Playback of one announcement: its segments joined to one stream, which begins as soon as the rest will be there in
//! time.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crier_announce::Prosody;
use crier_config::Start;
use crier_player::{Decision, Pacer, Production, WAIT_MAX};
use crier_speech::SentenceOptions;
use crier_synthesis::{AudioEvent, RenderError, RenderManner, TokenizedText, Voice, render};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::assembly::Assembly;
use crate::marks::Marks;
use crate::player_client::{PlayerClient, StreamError};

/// Audio events between the engines and the stream: about a second of speech, enough to keep the vocoder busy.
pub const EVENTS_AHEAD_MAX: usize = 8;

/// Settings of playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaybackOptions {
    /// Crossfade between two segments, in milliseconds.
    pub crossfade_ms: u32,
    /// Condition for the begin of playback: the whole text, or enough of it.
    pub start: Start,
    /// Silence before the first segment, in milliseconds, which wakes amplifiers that mute themselves.
    pub lead_silence_ms: u32,
    /// Loudness of every speaker and chime, in LUFS; `None` leaves each as loud as it is.
    pub target_lufs: Option<i8>,
}

/// Reasons why a stream is not played to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaybackError {
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
    /// The player cannot play such a stream.
    #[error("the player refused it: {0}")]
    Refused(String),
    /// The stream has another sample rate.
    #[error("one announcement cannot have sound at {present_hz} Hz and at {wanted_hz} Hz")]
    SampleRate {
        /// Rate of the stream.
        present_hz: u32,
        /// Rate of the segment.
        wanted_hz: u32,
    },
}

impl From<StreamError> for PlaybackError {
    fn from(unheard: StreamError) -> Self {
        match unheard {
            StreamError::Stopped => Self::Stopped,
            StreamError::Refused(reason) => Self::Refused(reason),
        }
    }
}

/// Pacer that is shared by all announcements, since it learns the speed of synthesis on this machine.
pub(crate) struct SharedPacer {
    begin: Instant,
    /// Pacer with the sample rate that it counts in.
    pacer: RefCell<Option<(u32, Pacer)>>,
}

impl Default for SharedPacer {
    fn default() -> Self {
        Self { begin: Instant::now(), pacer: RefCell::new(None) }
    }
}

impl SharedPacer {
    /// Uses the pacer. Voices of different rates are different engines, so one that counts in another rate is replaced.
    fn with<T>(&self, rate_hz: u32, use_pacer: impl FnOnce(&mut Pacer, Duration) -> T) -> T {
        let now = self.begin.elapsed();
        let mut known = self.pacer.borrow_mut();
        match known.as_mut().filter(|(known_hz, _)| *known_hz == rate_hz) {
            Some((_, pacer)) => use_pacer(pacer, now),
            None => use_pacer(&mut known.insert((rate_hz, Pacer::new(rate_hz, WAIT_MAX))).1, now),
        }
    }
}

/// Progress of the present unit of the text.
#[derive(Default)]
struct Pacing {
    /// Samples that may not be played yet.
    held: Vec<f32>,
    made_samples: u64,
    expected_samples: u64,
    complete: bool,
    started: bool,
}

/// A stream and its assembly; begins with the first samples, whose rate it has.
struct OpenStream {
    number: u64,
    assembly: Assembly,
}

/// One announcement being rendered and played.
pub(crate) struct Playback<'a> {
    player: &'a PlayerClient,
    pacer: &'a SharedPacer,
    /// Set while the stream is audible.
    sounding: &'a Cell<bool>,
    options: PlaybackOptions,
    volume_percent: Option<u32>,
    /// Rate, pitch and gain of what is rendered now.
    prosody: Prosody,
    marks: &'a Marks,
    stream: Option<OpenStream>,
    joined: Vec<f32>,
    first_audio: Option<Instant>,
    rendered: Duration,
}

impl<'a> Playback<'a> {
    pub(crate) fn new(
        player: &'a PlayerClient,
        pacer: &'a SharedPacer,
        sounding: &'a Cell<bool>,
        options: PlaybackOptions,
        volume_percent: Option<u32>,
        marks: &'a Marks,
    ) -> Self {
        Self {
            player,
            pacer,
            sounding,
            options,
            volume_percent,
            prosody: Prosody::default(),
            marks,
            stream: None,
            joined: Vec::new(),
            first_audio: None,
            rendered: Duration::ZERO,
        }
    }

    /// Sets rate, pitch and gain of what is rendered from now on.
    pub(crate) fn set_prosody(&mut self, prosody: Prosody) {
        self.prosody = prosody;
    }

    /// Time of the first samples, once the player has them.
    pub(crate) fn first_audio(&self) -> Option<Instant> {
        self.first_audio
    }

    /// Length of the speech that was rendered for this stream so far.
    pub(crate) fn rendered(&self) -> Duration {
        self.rendered
    }

    /// Plays a segment whose samples are there already.
    pub(crate) async fn play(&mut self, rate_hz: u32, samples: &[f32]) -> Result<(), PlaybackError> {
        self.segment(rate_hz)?;
        // In parts of a second, so that the first of it is not copied as late as the last.
        for part in samples.chunks(rate_hz as usize) {
            self.push(part).await?;
        }
        self.release();
        Ok(())
    }

    /// Plays silence of an exact length. `rate_hz` is that of the stream if it begins with the silence.
    pub(crate) async fn pause(&mut self, rate_hz: u32, ms: u32) -> Result<(), PlaybackError> {
        let rate_hz = self.stream.as_ref().map_or(rate_hz, |stream| stream.assembly.rate_hz());
        let (stream, joined) = self.open(rate_hz)?;
        let number = stream.number;
        stream.assembly.pause(ms, joined);
        // Not released: at the beginning of a text the speech behind the silence may still be far away. Once there was
        // speech, the stream is released already.
        self.player.push(number, &self.joined).await?;
        self.joined.clear();
        Ok(())
    }

    /// Sets a mark at the end of what there is so far.
    pub(crate) fn mark(&mut self, name: String) {
        self.marks.add(self.stream.as_ref().map_or(0, |stream| stream.assembly.length()), name);
    }

    /// Renders and plays a text. The outer error is the player's, the inner one the voice's.
    pub(crate) async fn render(
        &mut self,
        voice: &Voice,
        text: &TokenizedText,
        options: SentenceOptions,
    ) -> Result<Result<(), RenderError>, PlaybackError> {
        let (out, events) = mpsc::channel(EVENTS_AHEAD_MAX);
        let manner = RenderManner { prosody: self.prosody, target_lufs: self.options.target_lufs };
        let rendering = render(voice, text, 0, options, manner, out);
        // Not `try_join`: the events that were made before an error of the voice are still played.
        let (rendered, played) = tokio::join!(rendering, self.take(voice, events));
        played?;
        Ok(rendered)
    }

    /// Takes what is rendered. A unit is played as soon as the rest of it will be there in time.
    async fn take(
        &mut self,
        voice: &Voice,
        mut events: mpsc::Receiver<AudioEvent>,
    ) -> Result<(), PlaybackError> {
        let rate_hz = voice.sample_rate_hz();
        let mut pacing = Pacing::default();
        let mut wait = WAIT_MAX;
        loop {
            match timeout(wait, events.recv()).await {
                Ok(None) => break,
                Ok(Some(AudioEvent::UnitStart { expected_samples })) => {
                    self.segment(rate_hz)?;
                    // The unit before has started by now: its end made the pacer decide, and its samples were pushed.
                    pacing = Pacing { expected_samples, ..Pacing::default() };
                    self.pacer.with(rate_hz, Pacer::begin);
                }
                Ok(Some(AudioEvent::Samples(samples))) => {
                    pacing.made_samples += samples.len() as u64;
                    self.rendered += Duration::from_secs_f64(samples.len() as f64 / f64::from(rate_hz));
                    // Measured here and not where samples leave: only production tells how fast the engines are.
                    self.pacer.with(rate_hz, |pacer, now| pacer.made(now, pacing.made_samples));
                    pacing.held.extend_from_slice(&samples);
                }
                Ok(Some(AudioEvent::UnitEnd { cut, .. })) => {
                    pacing.complete = true;
                    // What was audible cannot be taken back: all that is left is to say why it ended so.
                    if let Some(reason) = cut {
                        let voice = &voice.frontend().bundle().manifest().name;
                        tracing::warn!(%voice, %reason, "a sentence was cut");
                    }
                }
                // The pacer wanted to be asked again after this time.
                Err(_) => {}
            }
            wait = self.pace(rate_hz, &mut pacing).await?;
        }
        // Samples that are still held belong to a unit that the voice did not complete. None of it was audible: the
        // next voice begins with that unit, so they are dropped.
        Ok(())
    }

    /// Plays what is held, or returns after how long to decide again.
    async fn pace(&mut self, rate_hz: u32, pacing: &mut Pacing) -> Result<Duration, PlaybackError> {
        // Once a unit has started, its samples follow as they come: holding them back again could only cause an
        // underrun.
        if !pacing.started && pacing.made_samples > 0 {
            let production = Production {
                made_samples: pacing.made_samples,
                expected_samples: pacing.expected_samples,
                complete: pacing.complete,
                ahead_samples: self.ahead_samples(),
            };
            match self.pacer.with(rate_hz, |pacer, now| pacer.decide(now, production)) {
                Decision::Start => pacing.started = true,
                Decision::Wait(wait) => return Ok(wait),
            }
        }
        if pacing.started && !pacing.held.is_empty() {
            let samples = std::mem::take(&mut pacing.held);
            self.push(&samples).await?;
            self.release();
        }
        Ok(WAIT_MAX)
    }

    /// Number of samples that are made and were not played yet.
    fn ahead_samples(&self) -> u64 {
        self.stream.as_ref().map_or(0, |stream| self.player.ahead_samples(stream.number))
    }

    /// Begins another segment, and the stream with the first one.
    fn segment(&mut self, rate_hz: u32) -> Result<(), PlaybackError> {
        let (stream, joined) = self.open(rate_hz)?;
        stream.assembly.segment(joined);
        Ok(())
    }

    /// Returns the stream, which begins here if there is none, and the samples that wait for their way to it.
    fn open(&mut self, rate_hz: u32) -> Result<(&mut OpenStream, &mut Vec<f32>), PlaybackError> {
        match self.stream.take() {
            // A device is opened for one rate; resampling one voice to that of another would alter its sound.
            Some(stream) if stream.assembly.rate_hz() != rate_hz => {
                let present_hz = stream.assembly.rate_hz();
                self.stream = Some(stream);
                Err(PlaybackError::SampleRate { present_hz, wanted_hz: rate_hz })
            }
            Some(stream) => Ok((self.stream.insert(stream), &mut self.joined)),
            None => {
                let number = self.player.begin(rate_hz, self.volume_percent);
                self.marks.belong_to(number);
                let mut assembly = Assembly::new(rate_hz, self.options.crossfade_ms);
                // Part of the stream, so that it is paused, resumed and replayed with it.
                assembly.pause(self.options.lead_silence_ms, &mut self.joined);
                Ok((self.stream.insert(OpenStream { number, assembly }), &mut self.joined))
            }
        }
    }

    async fn push(&mut self, samples: &[f32]) -> Result<(), PlaybackError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.assembly.push(samples, &mut self.joined);
        self.player.push(stream.number, &self.joined).await?;
        self.joined.clear();
        self.first_audio.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn release(&mut self) {
        // Completion releases the stream then, with everything in it.
        if self.options.start == Start::Whole {
            return;
        }
        if let Some(stream) = &self.stream {
            self.player.release(stream.number);
            self.sounding.set(true);
        }
    }

    /// Waits until all of the stream was played.
    pub(crate) async fn finish(mut self) -> Result<(), PlaybackError> {
        let Some(OpenStream { number, mut assembly }) = self.stream.take() else { return Ok(()) };
        // The last samples were kept back for a crossfade that does not come.
        assembly.finish(&mut self.joined);
        self.player.push(number, &self.joined).await?;
        self.player.complete(number);
        self.sounding.set(true);
        Ok(self.player.finished(number).await?)
    }
}

impl Drop for Playback<'_> {
    fn drop(&mut self) {
        // Also when the announcement is cancelled, which drops this in the middle of an await.
        self.sounding.set(false);
    }
}
