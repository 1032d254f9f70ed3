//! The speech service: speaks announcements, one at a time, each as one stream of samples.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_announce::{Announcement, Normalise, Prosody};
use crier_normalise::Language;
use crier_speech::{SentenceOptions, SpeechError};
use crier_synthesis::{
    AudioEvent, CHUNK_FRAMES, ChimeError, RenderCache, RenderFault, RenderManner, Style, SynthesisError,
    TokenizedText, Voice, VoiceSlot, render,
};
use crier_wire::ShownText;
use tokio::sync::mpsc;

use crate::assembly::Assembly;
use crate::marks::Marks;
use crate::playback::{EVENTS_AHEAD_MAX, Playback, PlaybackError, PlaybackOptions, SharedPacer};
use crate::player_client::PlayerClient;
use crate::script_part::{ScriptError, ScriptPart, SpokenPart, script_parts};
use crate::voice_pool::{UnknownVoice, VoiceOptions, VoicePool, VoiceProfile};

/// Sample rate of the chime when no voice is loaded that could say its own; that of every published voice so far.
const USUAL_RATE_HZ: u32 = 24_000;

/// Settings of the service.
#[derive(Debug, Clone)]
pub struct SpeechOptions {
    /// Voices, and how they are run.
    pub voices: VoiceOptions,
    /// Settings of playback.
    pub playback: PlaybackOptions,
    /// Folder of the chimes.
    pub chimes_dir: PathBuf,
    /// Problems of the files of the owner's lexicon, in words.
    pub lexicon_problems: Vec<String>,
}

/// Reasons why an announcement is not spoken to its end.
#[derive(Debug, thiserror::Error)]
pub enum SpeakError {
    /// The text cannot be spoken by any voice.
    #[error(transparent)]
    Text(#[from] SpeechError),
    /// The text has no parts, or the announcement names a language that there is not.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The voice that speaks the language of the text cannot be used.
    #[error("no voice speaks {language} now: {problem}")]
    LanguageUnavailable {
        /// Language of the text.
        language: String,
        /// Problem of the voice that speaks it.
        problem: String,
    },
    /// The announcement names a voice that the configuration does not have.
    #[error(transparent)]
    UnknownVoice(#[from] UnknownVoice),
    /// The announcement is nothing but a chime, and that cannot be played.
    #[error(transparent)]
    Chime(#[from] ChimeFailure),
    /// The player did not play it.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// No voice could say all of the text.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Voices(Vec<VoiceFailure>),
}

/// Reasons why a voice did not say all of a text.
#[derive(Debug, thiserror::Error)]
pub enum VoiceFailure {
    /// It cannot be used, or cannot read the text.
    #[error(transparent)]
    Synthesis(#[from] SynthesisError),
    /// It failed in the middle.
    #[error(transparent)]
    Render(#[from] RenderFault),
}

/// Reasons why a chime is not played.
#[derive(Debug, thiserror::Error)]
pub enum ChimeFailure {
    /// Its file cannot be read.
    #[error(transparent)]
    Chime(#[from] ChimeError),
    /// The program is ending.
    #[error("the chime was not read")]
    Abandoned,
}

/// An announcement that was spoken to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenReport {
    /// Time from its turn until its first samples were with the player.
    pub first_audio: Duration,
    /// Time during which the engines worked for it.
    pub work: Duration,
    /// Length of the speech that the engines made, without chime and silence.
    pub rendered: Duration,
    /// True if it came out of the cache.
    pub cached: bool,
}

/// Speaks announcements, one at a time, each as one stream of samples.
pub struct SpeechService {
    voices: Rc<VoicePool>,
    options: RefCell<Rc<SpeechOptions>>,
    cache: RefCell<RenderCache>,
    pacer: SharedPacer,
    /// True while something is audible.
    sounding: Cell<bool>,
    /// Failure of the last chime, if it failed.
    chime_problem: RefCell<Option<String>>,
    /// Problem of the chosen voice that was last announced.
    announced_problem: RefCell<Option<String>>,
}

impl SpeechService {
    /// Starts loading the embedded voice and the chosen one.
    pub fn start(options: SpeechOptions, chosen: Option<&str>) -> Rc<Self> {
        Rc::new(Self {
            voices: VoicePool::start(options.voices.clone(), chosen),
            options: RefCell::new(Rc::new(options)),
            cache: RefCell::new(RenderCache::default()),
            pacer: SharedPacer::default(),
            sounding: Cell::new(false),
            chime_problem: RefCell::new(None),
            announced_problem: RefCell::new(None),
        })
    }

    /// The voices.
    pub fn voices(&self) -> &Rc<VoicePool> {
        &self.voices
    }

    /// Returns true while something is audible.
    pub fn is_sounding(&self) -> bool {
        self.sounding.get()
    }

    /// Takes over another configuration.
    pub fn reconfigure(&self, options: SpeechOptions) {
        self.voices.reconfigure(options.voices.clone());
        *self.options.borrow_mut() = Rc::new(options);
        // The owner may have mended the file; if not, the next chime tells.
        *self.chime_problem.borrow_mut() = None;
        // Cheaper than finding out which entries the new configuration would render differently.
        *self.cache.borrow_mut() = RenderCache::default();
    }

    /// Returns everything that does not work, in words.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.voices.problems();
        problems.extend(self.voices.style_problems());
        problems.extend(self.chime_problem.borrow().clone());
        let options = self.options();
        // The first one only: the log has them all, and a status has one line for each problem.
        if let Some(first) = options.lexicon_problems.first() {
            let further = options.lexicon_problems.len() - 1;
            let more = if further > 0 { format!(" (and {further} more)") } else { String::new() };
            problems.push(format!("lexicon: {first}{more}"));
        }
        problems
    }

    /// Refuses what could never be spoken, before it is accepted.
    pub fn check(&self, announcement: &Announcement) -> Result<(), SpeakError> {
        let profile = self.voices.profile(announcement.voice())?;
        for part in parts_of(&profile, announcement)? {
            let (ScriptPart::Speak(spoken) | ScriptPart::Sound(_, Some(spoken))) = part else { continue };
            // A speaker of the configuration is checked at the start: there it is a fault of the owner, and another
            // speaker speaks.
            let asked =
                spoken.style.speaker.as_deref().filter(|_| spoken.style.speaker != profile.style.speaker);
            // A bundle that has not been found yet, on a stick for example, is checked when it speaks.
            if let Some(speaker) = announcement.speaker().or(asked) {
                let speaker = asked.unwrap_or(speaker);
                self.voices
                    .look_at(&profile.folder, |layout| layout.speaker(speaker).map(drop))
                    .transpose()?;
            }
            if let Some(language) = language_of(&spoken.style, &spoken.text) {
                self.check_language(&profile, &language)?;
            }
            self.check_letters(&profile, &spoken)?;
        }
        Ok(())
    }

    /// Refuses a text of which no voice that could speak it reads anything, such as Hebrew to one that knows English
    /// sounds.
    fn check_letters(&self, wanted: &VoiceProfile, spoken: &SpokenPart) -> Result<(), SpeakError> {
        // Every voice reads these; nearly every text has one, and is not read twice.
        if spoken.text.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(());
        }
        // Without the voice file, which would be waited for.
        let style = Style { file: None, ..spoken.style.clone() };
        let mut nothing = Vec::new();
        for folder in self.folders(wanted) {
            // A voice that is still to come may read it.
            let Some(voice) = self.voices.loaded(&folder).and_then(|slot| slot.voice()) else {
                return Ok(());
            };
            match voice.frontend().read(&spoken.text, &style) {
                Err(error @ SynthesisError::Speech(SpeechError::NothingToSay { .. })) => {
                    nothing.push(error.into());
                }
                _ => return Ok(()),
            }
        }
        if nothing.is_empty() { Ok(()) } else { Err(SpeakError::Voices(nothing)) }
    }

    /// Refuses a language that neither the wanted voice nor the one that may speak instead can speak, now or as soon as
    /// it is loaded.
    fn check_language(&self, wanted: &VoiceProfile, language: &str) -> Result<(), SpeakError> {
        let (mut lacking, mut unusable) = (None, None);
        for folder in self.folders(wanted) {
            match (self.voices.check_language(&folder, language), self.problem_of(&folder)) {
                (Ok(()), None) => return Ok(()),
                (Ok(()), Some(problem)) => unusable = unusable.or(Some(problem)),
                (Err(error), _) => lacking = lacking.or(Some(error)),
            }
        }
        match (unusable, lacking) {
            // Every voice that is there speaks it, and none can be used: then the language is not the reason.
            (Some(_), None) | (None, None) => Ok(()),
            (Some(problem), Some(_)) => {
                Err(SpeakError::LanguageUnavailable { language: language.to_owned(), problem })
            }
            (None, Some(error)) => Err(error.into()),
        }
    }

    /// Folders of the wanted voice and of the one that may speak instead.
    fn folders(&self, wanted: &VoiceProfile) -> Vec<PathBuf> {
        let embedded =
            self.voices.embedded_folder().filter(|folder| wanted.fallback && *folder != wanted.folder);
        std::iter::once(wanted.folder.clone()).chain(embedded).collect()
    }

    fn problem_of(&self, folder: &Path) -> Option<String> {
        self.voices.loaded(folder).and_then(|slot| slot.problem())
    }

    /// Speaks an announcement on a stream of `player`, to its last sample. `mark` is told each mark when playback
    /// reaches it.
    pub async fn speak(
        &self,
        player: &PlayerClient,
        announcement: &Announcement,
        mark: impl Fn(String),
    ) -> Result<SpokenReport, SpeakError> {
        let marks = Marks::default();
        let report = tokio::select! {
            report = self.speak_parts(player, announcement, &marks) => report?,
            // Without an end of its own.
            () = marks.follow(player, &mark) => return Err(PlaybackError::Stopped.into()),
        };
        // The player reports its position once a period, and the end before the last of them.
        marks.finish(&mark);
        Ok(report)
    }

    async fn speak_parts(
        &self,
        player: &PlayerClient,
        announcement: &Announcement,
        marks: &Marks,
    ) -> Result<SpokenReport, SpeakError> {
        let begin = Instant::now();
        let wanted = self.voices.profile(announcement.voice())?;
        let parts = parts_of(&wanted, announcement)?;
        let (options, volume) = (self.options(), announcement.volume());
        let mut playback =
            Playback::new(player, &self.pacer, &self.sounding, options.playback, volume, marks);
        if let Some(chime) = announcement.chime() {
            // The text matters more than the sound before it, which may be a typing error in a message.
            self.sound(&mut playback, chime, &wanted, !parts.is_empty()).await?;
        }
        let mut said = Said { work: Duration::ZERO, cached: false, last: None };
        let parts_count = parts.len();
        for part in parts {
            match part {
                ScriptPart::Speak(spoken) => self.say(&mut playback, &spoken, &wanted, &mut said).await?,
                ScriptPart::Pause(ms) => playback.pause(self.rate_of(&wanted), ms).await?,
                ScriptPart::Mark(name) => playback.mark(name),
                ScriptPart::Sound(name, instead) => {
                    // A text that is nothing but a sound fails with it; any other is heard without.
                    let may_fail = instead.is_some() || parts_count > 1;
                    let played = self.sound(&mut playback, &name, &wanted, may_fail).await?;
                    if let Some(spoken) = instead.filter(|_| !played) {
                        self.say(&mut playback, &spoken, &wanted, &mut said).await?;
                    }
                }
            }
        }
        let report = SpokenReport {
            // Before `finish`, which consumes the playback and waits for its last sample.
            first_audio: playback.first_audio().map_or(Duration::ZERO, |at| at.duration_since(begin)),
            work: said.work,
            rendered: playback.rendered(),
            cached: said.cached,
        };
        playback.finish().await?;
        Ok(report)
    }

    /// Plays a chime; false if it cannot be played and need not be.
    async fn sound(
        &self,
        playback: &mut Playback<'_>,
        name: &str,
        wanted: &VoiceProfile,
        may_fail: bool,
    ) -> Result<bool, SpeakError> {
        let path = self.options().chimes_dir.join(name);
        match self.chime(playback, path, wanted).await {
            Ok(played) => played.map(|()| true).map_err(SpeakError::from),
            Err(failure) => {
                self.report_chime(name, &failure);
                if may_fail { Ok(false) } else { Err(failure.into()) }
            }
        }
    }

    /// Sample rate of a stream that begins before a voice speaks.
    fn rate_of(&self, wanted: &VoiceProfile) -> u32 {
        let voice = self.voices.loaded(&wanted.folder).and_then(|slot| slot.voice());
        voice.map_or(USUAL_RATE_HZ, |voice| voice.sample_rate_hz())
    }

    /// Plays a chime. The outer error is the chime's, the inner one the player's.
    async fn chime(
        &self,
        playback: &mut Playback<'_>,
        path: PathBuf,
        wanted: &VoiceProfile,
    ) -> Result<Result<(), PlaybackError>, ChimeFailure> {
        // A stream has one sample rate, so the chime takes that of the voice that will speak.
        let rate_hz = self.rate_of(wanted);
        let target_lufs = self.options().playback.target_lufs;
        let reading =
            tokio::task::spawn_blocking(move || crier_synthesis::read_chime(&path, rate_hz, target_lufs));
        let chime = reading.await.map_err(|_| ChimeFailure::Abandoned)??;
        *self.chime_problem.borrow_mut() = None;
        Ok(playback.play(chime.rate_hz, &chime.samples).await)
    }

    fn report_chime(&self, name: &str, failure: &ChimeFailure) {
        tracing::warn!(chime = %name.escape_debug(), error = %failure, "chime cannot be played");
        *self.chime_problem.borrow_mut() = Some(format!("chime: {failure}"));
    }

    /// Says a part of the text with the first voice that can.
    ///
    /// Where one voice fails the next one goes on, by the place in the text, since voices divide a text differently. It
    /// begins with the first sentence (or part of a long one) that was not rendered to its end: nothing is skipped.
    /// The part of that sentence that was already audible is heard again with it; the rest is dropped.
    async fn say(
        &self,
        playback: &mut Playback<'_>,
        spoken: &SpokenPart,
        wanted: &VoiceProfile,
        said: &mut Said,
    ) -> Result<(), SpeakError> {
        playback.set_prosody(spoken.prosody);
        // Parts of a text are found one by one, so that texts that share a sentence share its samples.
        let cached = self.cache.borrow().get(&wanted.cache_key(&spoken.style, spoken.prosody, &spoken.text));
        if let Some(audio) = cached {
            said.cached = true;
            return Ok(playback.play(audio.rate_hz, &audio.samples).await?);
        }
        let mut rest = spoken.text.as_str();
        let mut failures = Vec::new();
        let mut candidates = self.candidates(wanted, &spoken.style, rest).await?;
        // The voice that spoke the part before goes on, where it can: one that has been loaded meanwhile, or that
        // failed a moment ago, would be another voice in the middle of a text.
        candidates.sort_by_key(|(slot, _)| said.last.as_deref() != Some(slot.folder()));
        for (slot, style) in candidates {
            let voice = match slot.usable().await {
                Ok(voice) => voice,
                Err(error) => {
                    failures.push(error.into());
                    continue;
                }
            };
            let tokenized = match read_with(&voice, rest, &style).await {
                Ok(tokenized) => tokenized,
                Err(error) => {
                    failures.push(error.into());
                    continue;
                }
            };
            log_text(slot.name(), &voice, &tokenized);
            // The clock of a voice runs over all its announcements; the difference is the work for this one.
            let busy = voice.busy_clock().total();
            let rendered = playback.render(&voice, &tokenized, sentence_options(wanted.seed)).await?;
            said.work += voice.busy_clock().total().saturating_sub(busy);
            said.last = Some(slot.folder().to_owned());
            let Err(error) = rendered else { return Ok(()) };
            tracing::warn!(voice = %slot.name(), %error, "voice failed in the middle of an announcement");
            rest = rest.get(tokenized.position(error.unit)..).unwrap_or_default();
            failures.push(error.cause.into());
        }
        Err(SpeakError::Voices(failures))
    }

    /// Reads a text as the voices do that would speak it, without speaking; waits while one is being loaded.
    pub async fn read(&self, announcement: &Announcement) -> Result<ShownText, SpeakError> {
        let wanted = self.voices.profile(announcement.voice())?;
        let mut shown = ShownText::default();
        // Part by part, as they would be spoken: each may have a language, and so a voice, of its own.
        for part in parts_of(&wanted, announcement)? {
            match part {
                ScriptPart::Speak(spoken) => shown.append(self.read_part(&spoken, &wanted).await?),
                part => shown.sentences.extend(part.shown()),
            }
        }
        Ok(shown)
    }

    async fn read_part(&self, spoken: &SpokenPart, wanted: &VoiceProfile) -> Result<ShownText, SpeakError> {
        let mut failures = Vec::new();
        for (slot, style) in self.candidates(wanted, &spoken.style, &spoken.text).await? {
            let voice = match slot.usable().await {
                Ok(voice) => voice,
                Err(error) => {
                    failures.push(error.into());
                    continue;
                }
            };
            match read_with(&voice, &spoken.text, &style).await {
                Ok(tokenized) => return Ok(tokenized.shown(voice.frontend(), slot.name())),
                Err(error) => failures.push(error.into()),
            }
        }
        Err(SpeakError::Voices(failures))
    }

    /// Returns the voices to try, in order: those that speak the language of the text. Another one would read letters
    /// of a language that it does not know, or leave out all but a number.
    async fn candidates(
        &self,
        wanted: &VoiceProfile,
        style: &Style,
        text: &str,
    ) -> Result<Vec<(Rc<VoiceSlot>, Style)>, SpeechError> {
        let language = language_of(style, text);
        let check = |folder: &Path| match &language {
            Some(language) => self.voices.check_language(folder, language),
            None => Ok(()),
        };
        let slot = self.voices.slot(&wanted.folder);
        let own = check(&wanted.folder);
        let mut candidates = Vec::new();
        if own.is_ok() {
            candidates.push((Rc::clone(&slot), style.clone()));
        }
        // The embedded voice itself may have been given a speaker or a voice file that cannot be used.
        let has_own_style = style.speaker.is_some() || style.file.is_some();
        let embedded =
            self.voices.embedded().filter(|embedded| has_own_style || !Rc::ptr_eq(embedded, &slot));
        // Also by its script: a language that was asked for may be the wrong one for this text.
        let by_script = Language::of_script(text).map(Language::name);
        let reads_script = |folder: &Path| {
            by_script.is_none_or(|language| self.voices.check_language(folder, language).is_ok())
        };
        if let Some(embedded) = embedded.filter(|_| wanted.fallback)
            && check(embedded.folder()).is_ok()
            && reads_script(embedded.folder())
        {
            // The embedded voice has speakers and languages of its own; the owner's words are the same for all.
            let style = Style { lexicon: style.lexicon.clone(), ..Style::default() };
            // While the large voice is being loaded for the first time, the small one speaks, if it leaves nothing out.
            let first = slot.is_loading() && can_read(&embedded, text, &style).await;
            let place = if first { 0 } else { candidates.len() };
            candidates.insert(place, (embedded, style));
        }
        if candidates.is_empty() { own.map(|()| candidates) } else { Ok(candidates) }
    }

    /// Returns a problem of the chosen voice that has come up since the last call, if another voice can speak.
    pub fn new_problem(&self) -> Option<String> {
        let profile = self.voices.profile(None).ok()?;
        let problem = self.voices.loaded(&profile.folder).and_then(|slot| slot.problem());
        let before = std::mem::replace(&mut *self.announced_problem.borrow_mut(), problem.clone());
        problem.filter(|problem| before.as_ref() != Some(problem) && self.voices.can_speak())
    }

    /// Renders the parts of a text into the cache, unless they are there.
    pub async fn render_ahead(&self, announcement: &Announcement) {
        let Ok(profile) = self.voices.profile(announcement.voice()) else { return };
        // No error is reported here: the announcement itself will meet the same one, and has a sender to report it to.
        let Ok(parts) = parts_of(&profile, announcement) else { return };
        for part in parts {
            // Each part is an entry of its own: silence costs nothing, and chimes are read when they are played.
            if let ScriptPart::Speak(spoken) = part {
                self.render_part(&spoken, &profile).await;
            }
        }
    }

    async fn render_part(&self, spoken: &SpokenPart, profile: &VoiceProfile) {
        let key = profile.cache_key(&spoken.style, spoken.prosody, &spoken.text);
        if self.cache.borrow().contains(&key) {
            return;
        }
        let Some(voice) = self.voices.loaded(&profile.folder).and_then(|slot| slot.voice()) else { return };
        let Ok(tokenized) = read_with(&voice, &spoken.text, &spoken.style).await else { return };
        let (out, mut events) = mpsc::channel(EVENTS_AHEAD_MAX);
        let rate_hz = voice.sample_rate_hz();
        let mut assembly = Assembly::new(rate_hz, self.options().playback.crossfade_ms);
        let joining = async {
            let mut samples = Vec::new();
            while let Some(event) = events.recv().await {
                match event {
                    AudioEvent::UnitStart { .. } => assembly.segment(&mut samples),
                    AudioEvent::Samples(more) => assembly.push(&more, &mut samples),
                    AudioEvent::UnitEnd { .. } => {}
                }
            }
            assembly.finish(&mut samples);
            samples
        };
        let target_lufs = self.options().playback.target_lufs;
        let manner = RenderManner { prosody: spoken.prosody, target_lufs };
        let rendering = render(&voice, &tokenized, 0, sentence_options(profile.seed), manner, out);
        let (rendered, samples) = tokio::join!(rendering, joining);
        if rendered.is_ok() {
            self.cache.borrow_mut().insert(key, rate_hz, samples);
        }
    }

    fn options(&self) -> Rc<SpeechOptions> {
        Rc::clone(&self.options.borrow())
    }
}

/// Progress of an announcement over its parts.
struct Said {
    /// Time during which the engines worked.
    work: Duration,
    /// True if a part came out of the cache.
    cached: bool,
    /// Folder of the voice that spoke last.
    last: Option<PathBuf>,
}

/// Logs the text that a voice is about to speak, for debugging only: it is private.
fn log_text(name: &str, voice: &Voice, tokenized: &TokenizedText) {
    let left_out = tokenized.skipped.chars().count();
    if left_out > 0 {
        tracing::warn!(voice = name, left_out, "the voice cannot read all characters of the text");
    }
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let shown = tokenized.shown(voice.frontend(), name);
    let language = shown.language.as_str();
    for sentence in shown.spoken() {
        let (written, spoken, sounds) = (&sentence.written, &sentence.spoken, sentence.sounds.as_deref());
        tracing::debug!(voice = name, language, written, spoken, sounds, "text to be spoken");
    }
    if left_out > 0 {
        tracing::debug!(voice = name, left_out = shown.left_out, "characters that are left out");
    }
}

/// Returns the manner in which a voice speaks an announcement.
fn style_of(profile: &VoiceProfile, announcement: &Announcement) -> Result<Style, SpeakError> {
    let asked = announcement.language();
    let unknown =
        |source| ScriptError::UnknownLanguage { asked: asked.unwrap_or_default().to_owned(), source };
    let mut style = profile.style_for(announcement.speaker(), asked).map_err(unknown)?;
    if let Some(normalise) = announcement.normalise() {
        style.raw = normalise == Normalise::Off;
    }
    if let Some(instruct) = announcement.instruct() {
        style.instruction = Some(instruct.to_owned());
    }
    Ok(style)
}

/// Returns the parts of an announcement's text; none if it is nothing but a chime.
fn parts_of(profile: &VoiceProfile, announcement: &Announcement) -> Result<Vec<ScriptPart>, SpeakError> {
    let style = style_of(profile, announcement)?;
    if announcement.text().is_empty() {
        return Ok(Vec::new());
    }
    let prosody = prosody_of(profile, announcement);
    Ok(script_parts(announcement.text(), announcement.format(), &style, prosody)?)
}

/// Returns rate, pitch and gain of an announcement.
fn prosody_of(profile: &VoiceProfile, announcement: &Announcement) -> Prosody {
    Prosody {
        rate: announcement.rate().unwrap_or(profile.prosody.rate),
        pitch: announcement.pitch().unwrap_or(profile.prosody.pitch),
        gain: profile.prosody.gain,
    }
}

/// Reads a text. An instruction is left out where the voice takes none: the text matters more than its manner, and a
/// sender does not know which voice will speak.
async fn read_with(voice: &Voice, text: &str, style: &Style) -> Result<TokenizedText, SynthesisError> {
    if style.instruction.is_none() || voice.frontend().bundle().layout().instructions {
        return voice.read(text, style).await;
    }
    tracing::debug!("the voice takes no instructions; the text is spoken without");
    voice.read(text, &Style { instruction: None, ..style.clone() }).await
}

/// Returns the language of a text: that of its style, or else the one that its script tells.
fn language_of(style: &Style, text: &str) -> Option<String> {
    style.language.clone().or_else(|| Some(Language::of_script(text)?.name().to_owned()))
}

/// Returns true if a voice can speak now and can read all letters of the text.
async fn can_read(slot: &VoiceSlot, text: &str, style: &Style) -> bool {
    let Some(voice) = slot.voice().filter(|voice| voice.held().is_none()) else { return false };
    let read = voice.read(text, style).await;
    read.is_ok_and(|tokenized| !tokenized.skipped.chars().any(char::is_alphabetic))
}

/// Options of the appliance: always the same samples for the same seed and text.
#[must_use]
pub fn sentence_options(seed: u64) -> SentenceOptions {
    SentenceOptions { seed, greedy: false, max_frames: None, chunk_frames: CHUNK_FRAMES }
}
