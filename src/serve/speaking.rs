//! How one announcement is spoken: by which voice, from which script, joined to one stream.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_announce::Announcement;
use crier_config::Start;
use crier_player::{Joiner, Pacer, WAIT_MAX};
use crier_speech::{SentenceOptions, clean};
use crier_supervisor::{EngineCpus, StageTimeouts};
use tokio::sync::mpsc;

use super::playing::Playing;
use super::render::{Piece, render};
use super::take::Take;
use super::users::Users;
use super::voice::{FileAsOf, Loading, Voice, VoiceSlot};
use crate::speak::CHUNK_FRAMES;
use crier_synthesis::{CacheKey, RenderCache, Style};

pub(crate) use super::counts::Spoken;

/// What the voice of `[voice]` is called.
pub(crate) const MAIN_VOICE: &str = "default";
/// Pieces of an announcement that are made ahead of the stream.
pub(super) const PIECES_AHEAD_MAX: usize = 8;
/// Sample rate of every voice of this kind that was ever published.
const USUAL_RATE_HZ: u32 = 24_000;
/// Bundles besides the embedded one that are loaded at the same time.
const LOADED_MAX: usize = 2;

/// How a voice of the configuration speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) folder: PathBuf,
    pub(crate) style: Style,
    pub(crate) seed: u64,
    /// Whether the embedded voice may speak instead.
    pub(crate) fallback: bool,
}

impl Choice {
    /// Returns the key of a text in the cache.
    fn cache_key(&self, style: &Style, text: &str) -> CacheKey {
        CacheKey { bundle: self.folder.clone(), style: style.clone(), seed: self.seed, text: text.to_owned() }
    }

    /// How this voice speaks when somebody wishes another speaker or language; `auto` is a language, too.
    fn style_for(&self, speaker: Option<&str>, language: Option<&str>) -> Style {
        Style {
            speaker: speaker.map(str::to_owned).or_else(|| self.style.speaker.clone()),
            language: match language {
                Some("auto") => None,
                Some(language) => Some(language.to_owned()),
                None => self.style.language.clone(),
            },
            ..self.style.clone()
        }
    }
}

/// What a speaker is made of.
#[derive(Debug, Clone)]
pub(crate) struct SpeakerOptions {
    pub(crate) choices: BTreeMap<String, Choice>,
    /// Folder of the embedded voice.
    pub(crate) embedded: Option<PathBuf>,
    pub(crate) cpus: EngineCpus,
    pub(crate) timeouts: StageTimeouts,
    pub(crate) users: Users,
    pub(crate) crossfade_ms: u32,
    pub(crate) start: Start,
    pub(crate) lead_silence_ms: u32,
    pub(crate) chimes_dir: PathBuf,
}

impl SpeakerOptions {
    /// The voice files that speak with a bundle.
    pub(super) fn files(&self, folder: &Path) -> Vec<FileAsOf> {
        let choices = self.choices.values().filter(|choice| choice.folder == *folder);
        let files = choices.filter_map(|choice| choice.style.file.clone());
        let as_of = |file: PathBuf| {
            let written = std::fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
            (file, written)
        };
        files.map(as_of).collect()
    }
}

/// All voices.
pub(crate) struct Speaker {
    options: RefCell<Rc<SpeakerOptions>>,
    /// The voice that speaks when an announcement names none.
    chosen: RefCell<String>,
    /// Loaded bundles by folder, the one that was used last at the end.
    slots: RefCell<Vec<Rc<VoiceSlot>>>,
    utterances: Rc<Cell<u64>>,
    cache: RefCell<RenderCache>,
    /// Knows how fast speech is made here, and its rate.
    pacer: RefCell<Option<(u32, Pacer)>>,
    begin: Instant,
    /// Something is heard.
    pub(super) sounding: Cell<bool>,
    /// What was said to be wrong with the chosen voice.
    told_problem: RefCell<Option<String>>,
}

impl Speaker {
    /// Begins to load the embedded voice and the chosen one.
    pub(crate) fn start(options: SpeakerOptions, chosen: Option<&str>) -> Rc<Self> {
        let chosen =
            chosen.filter(|name| options.choices.contains_key(*name)).unwrap_or(MAIN_VOICE).to_owned();
        let speaker = Rc::new(Self {
            options: RefCell::new(Rc::new(options)),
            chosen: RefCell::new(chosen),
            slots: RefCell::new(Vec::new()),
            utterances: Rc::new(Cell::new(0)),
            cache: RefCell::new(RenderCache::default()),
            pacer: RefCell::new(None),
            begin: Instant::now(),
            sounding: Cell::new(false),
            told_problem: RefCell::new(None),
        });
        // The embedded voice first: it is small, and answers while the large one is being loaded.
        if let Some(folder) = speaker.options().embedded.clone() {
            speaker.slot("embedded", &folder);
        }
        let chosen = speaker.chosen();
        if let Some(choice) = speaker.options().choices.get(&chosen).cloned() {
            speaker.slot(&chosen, &choice.folder);
        }
        speaker
    }

    /// The voice that speaks when an announcement names none.
    pub(crate) fn chosen(&self) -> String {
        self.chosen.borrow().clone()
    }

    /// All voices that an announcement may name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.options().choices.keys().cloned().collect()
    }

    /// From now on this voice speaks.
    pub(crate) fn choose(&self, name: &str) -> Result<(), String> {
        let choice = self.choice(Some(name))?;
        *self.chosen.borrow_mut() = name.to_owned();
        self.slot(name, &choice.folder);
        Ok(())
    }

    /// Whether something is heard at this moment.
    pub(crate) fn is_sounding(&self) -> bool {
        self.sounding.get()
    }

    /// Everything that is loaded.
    pub(crate) fn slots(&self) -> Vec<Rc<VoiceSlot>> {
        self.slots.borrow().clone()
    }

    /// Whether any voice can speak, or will soon.
    pub(crate) fn can_speak(&self) -> bool {
        self.slots.borrow().iter().any(|slot| slot.voice().is_some_and(|voice| voice.held().is_none()))
    }

    /// Refuses what could never be spoken, before it is accepted.
    pub(crate) fn check(&self, announcement: &Announcement) -> Result<(), String> {
        let choice = self.choice(announcement.voice())?;
        if !announcement.text().is_empty() {
            clean(announcement.text().as_bytes()).map_err(|error| error.to_string())?;
        }
        if let Some(slot) = self.loaded(&choice.folder)
            && let Some(voice) = slot.voice()
        {
            let layout = voice.reader.bundle().layout();
            if let Some(speaker) = announcement.speaker() {
                layout.speaker(speaker).map_err(|error| error.to_string())?;
            }
            if let Some(language) = announcement.language().filter(|name| *name != "auto") {
                layout.language(language).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Speaks an announcement on a stream of `playing`, to its last sample.
    pub(crate) async fn speak(
        &self,
        playing: &Playing,
        announcement: &Announcement,
    ) -> Result<Spoken, String> {
        let begin = Instant::now();
        let text = match announcement.text() {
            "" => String::new(),
            text => clean(text.as_bytes()).map_err(|error| error.to_string())?,
        };
        let wanted = self.choice(announcement.voice())?;
        let style = wanted.style_for(announcement.speaker(), announcement.language());
        let loaded = self.loaded(&wanted.folder).and_then(|slot| slot.voice());
        let rate_hz = loaded.map_or(USUAL_RATE_HZ, |voice| voice.sample_rate_hz());
        let mut take = Take::new(self, playing, announcement.volume(), rate_hz);
        if let Some(chime) = announcement.chime() {
            take.chime(chime).await?;
        }
        let mut spoken = Spoken {
            first_audio: Duration::ZERO,
            work: Duration::ZERO,
            audio: Duration::ZERO,
            cached: false,
            voice: announcement.voice().map_or_else(|| self.chosen(), str::to_owned),
            cut_sentences: 0,
        };
        if !text.is_empty() {
            let key = wanted.cache_key(&style, &text);
            let cached = self.cache.borrow().get(&key);
            if let Some(audio) = cached {
                spoken.cached = true;
                take.samples(audio.rate_hz, &audio.samples).await?;
            } else {
                spoken.voice = self.say(&mut take, &text, &wanted, &style).await?;
            }
        }
        spoken.first_audio = take.first_audio.map_or(Duration::ZERO, |at| at.duration_since(begin));
        spoken.work = begin.elapsed();
        spoken.cut_sentences = take.cut_sentences;
        spoken.audio = take.finish().await?;
        self.sounding.set(false);
        Ok(spoken)
    }

    /// Says the text with the first voice that can; answers which one it was.
    async fn say(
        &self,
        take: &mut Take<'_>,
        text: &str,
        wanted: &Choice,
        style: &Style,
    ) -> Result<String, String> {
        let mut sentence = 0;
        let mut sentences = 0;
        let mut reasons = Vec::new();
        for (slot, style) in self.candidates(wanted, style, text) {
            let voice = match usable(&slot).await {
                Ok(voice) => voice,
                Err(reason) => {
                    reasons.push(reason);
                    continue;
                }
            };
            let script = match voice.reader.read(text, &style) {
                Ok(script) => script,
                Err(error) => {
                    reasons.push(error.to_string());
                    continue;
                }
            };
            // Where one voice stopped another goes on, if it divides the text alike; else it says it all again.
            if sentences != script.len() {
                (sentence, sentences) = (0, script.len());
            }
            let options = sentence_options(wanted.seed);
            match take.script(&voice, &script, sentence, options).await? {
                Ok(()) => return Ok(slot.name.clone()),
                Err(broken) => {
                    tracing::warn!(voice = %slot.name, reason = %broken.reason, "a voice cannot go on");
                    sentence = broken.sentence;
                    reasons.push(broken.reason);
                }
            }
        }
        Err(reasons.join("; "))
    }

    /// The voices to try, in order.
    fn candidates(&self, wanted: &Choice, style: &Style, text: &str) -> Vec<(Rc<VoiceSlot>, Style)> {
        let wanted_slot = self.slot(&self.name_of(wanted), &wanted.folder);
        let mut candidates = vec![(Rc::clone(&wanted_slot), style.clone())];
        let options = self.options();
        let embedded =
            options.embedded.as_ref().filter(|folder| wanted.fallback && **folder != wanted.folder);
        if let Some(folder) = embedded {
            // It has speakers and languages of its own.
            let fallback = (self.slot("embedded", folder), Style::default());
            let loading = matches!(&*wanted_slot.loading().borrow(), Loading::Busy);
            let ready = fallback
                .0
                .voice()
                .is_some_and(|voice| voice.held().is_none() && voice.reader.read(text, &fallback.1).is_ok());
            // While the large voice is being loaded for the first time, the small one speaks.
            let place = if loading && ready { 0 } else { 1 };
            candidates.insert(place, fallback);
        }
        candidates
    }

    /// The bundle of a voice of the configuration.
    pub(crate) fn folder(&self, name: &str) -> Option<PathBuf> {
        self.options.borrow().choices.get(name).map(|choice| choice.folder.clone())
    }

    /// Takes over another configuration; bundles that stay the same stay loaded.
    pub(crate) fn reconfigure(&self, options: SpeakerOptions) {
        if options.cpus != self.options.borrow().cpus {
            self.slots.borrow_mut().clear();
        }
        // Stages are ready for the voice files that they were started with, and for no others.
        self.slots.borrow_mut().retain(|slot| slot.files == options.files(&slot.folder));
        *self.options.borrow_mut() = Rc::new(options);
        *self.cache.borrow_mut() = RenderCache::default();
        let chosen = self.chosen();
        if self.choose(&chosen).is_err() {
            *self.chosen.borrow_mut() = MAIN_VOICE.to_owned();
        }
        let embedded = self.options().embedded.clone();
        if let Some(folder) = embedded {
            self.slot("embedded", &folder);
        }
    }

    /// What has gone wrong with the chosen voice since the last call, if another one can speak.
    pub(crate) fn newly_held(&self) -> Option<String> {
        let choice = self.choice(None).ok()?;
        let problem = self.loaded(&choice.folder).and_then(|slot| slot.problem());
        let before = std::mem::replace(&mut *self.told_problem.borrow_mut(), problem.clone());
        problem.filter(|problem| before.as_ref() != Some(problem) && self.can_speak())
    }

    /// Renders a text into the cache, unless it is there.
    pub(crate) async fn render_ahead(&self, text: &str, voice: Option<&str>, language: Option<&str>) {
        let Ok(choice) = self.choice(voice) else { return };
        let Ok(text) = clean(text.as_bytes()) else { return };
        let style = choice.style_for(None, language);
        let key = choice.cache_key(&style, &text);
        if self.cache.borrow().contains(&key) {
            return;
        }
        let Some(voice) = self.loaded(&choice.folder).and_then(|slot| slot.voice()) else { return };
        let Ok(script) = voice.reader.read(&text, &style) else { return };
        let options = sentence_options(choice.seed);
        let (out, mut pieces) = mpsc::channel(PIECES_AHEAD_MAX);
        let rate_hz = voice.sample_rate_hz();
        let mut joiner = Joiner::new(rate_hz, self.options().crossfade_ms);
        let listening = async {
            let mut samples = Vec::new();
            while let Some(piece) = pieces.recv().await {
                match piece {
                    Piece::Sentence { .. } => joiner.next_segment(&mut samples),
                    Piece::Samples(more) => joiner.push(&more, &mut samples),
                    Piece::SentenceEnd { .. } => {}
                }
            }
            joiner.finish(&mut samples);
            samples
        };
        let (rendered, samples) = tokio::join!(render(&voice, &script, 0, options, out), listening);
        if rendered.is_ok() {
            self.cache.borrow_mut().insert(key, rate_hz, samples);
        }
    }

    /// Asks or tells the pacer; one that was made for another rate is forgotten.
    pub(super) fn pacer<T>(&self, rate_hz: u32, ask: impl FnOnce(&mut Pacer, Duration) -> T) -> T {
        let now = self.begin.elapsed();
        let mut known = self.pacer.borrow_mut();
        match known.as_mut().filter(|(known_hz, _)| *known_hz == rate_hz) {
            Some((_, pacer)) => ask(pacer, now),
            None => ask(&mut known.insert((rate_hz, Pacer::new(rate_hz, WAIT_MAX))).1, now),
        }
    }

    pub(super) fn options(&self) -> Rc<SpeakerOptions> {
        Rc::clone(&self.options.borrow())
    }

    fn choice(&self, name: Option<&str>) -> Result<Choice, String> {
        let chosen = self.chosen();
        let name = name.unwrap_or(&chosen);
        self.options().choices.get(name).cloned().ok_or_else(|| {
            let known = self.names().join(", ");
            format!("there is no voice '{}'; the configuration has {known}", name.escape_debug())
        })
    }

    fn name_of(&self, choice: &Choice) -> String {
        let options = self.options();
        let name = options.choices.iter().find(|(_, known)| known.folder == choice.folder);
        name.map_or_else(|| MAIN_VOICE.to_owned(), |(name, _)| name.clone())
    }

    fn loaded(&self, folder: &PathBuf) -> Option<Rc<VoiceSlot>> {
        self.slots.borrow().iter().find(|slot| slot.folder == *folder).cloned()
    }

    /// The bundle of a folder, loaded if it was not; the one that was not used for longest may have to go.
    fn slot(&self, name: &str, folder: &PathBuf) -> Rc<VoiceSlot> {
        let mut slots = self.slots.borrow_mut();
        if let Some(place) = slots.iter().position(|slot| slot.folder == *folder) {
            let slot = slots.remove(place);
            slots.push(Rc::clone(&slot));
            return slot;
        }
        let options = self.options();
        let utterances = Rc::clone(&self.utterances);
        let files = options.files(folder);
        let (cpus, users) = (options.cpus.clone(), options.users.clone());
        let slot = VoiceSlot::load(name, folder.clone(), files, cpus, options.timeouts, users, utterances);
        let is_embedded = |slot: &VoiceSlot| options.embedded.as_ref() == Some(&slot.folder);
        if slots.iter().filter(|slot| !is_embedded(slot)).count() >= LOADED_MAX
            && let Some(place) = slots.iter().position(|slot| !is_embedded(slot))
        {
            slots.remove(place);
        }
        slots.push(Rc::clone(&slot));
        slot
    }
}

/// The voice of a slot once it can be used; waits while it is being loaded.
pub(super) async fn usable(slot: &VoiceSlot) -> Result<Rc<Voice>, String> {
    let mut loading = slot.loading();
    loop {
        match &*loading.borrow_and_update() {
            Loading::Busy => {}
            Loading::Broken(reason) => return Err(reason.clone()),
            Loading::Ready(voice) => {
                return match voice.held() {
                    None => Ok(Rc::clone(voice)),
                    Some(stage) => Err(format!("the {stage} is held; `crier ctl release` starts it again")),
                };
            }
        }
        if loading.changed().await.is_err() {
            return Err("the voice was given up".to_owned());
        }
    }
}

/// How the appliance speaks: always the same for the same seed and text.
pub(super) fn sentence_options(seed: u64) -> SentenceOptions {
    SentenceOptions { seed, greedy: false, max_frames: None, chunk_frames: CHUNK_FRAMES }
}
