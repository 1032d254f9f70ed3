//! The voices of the configuration, and those of them that are loaded.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use crier_announce::Prosody;
use crier_normalise::{UnknownLanguage, language_name};
use crier_speech::{SpeechError, VoiceLayout};
use crier_supervisor::Condition;
use crier_synthesis::{CacheKey, EngineSpecs, Style, VoiceSlot, VoiceSpec, VoiceState};
use tokio::sync::watch;

/// Name of the voice of `[voice]`.
pub const MAIN_VOICE: &str = "default";
/// Name of the embedded voice's stages, whichever voices of the configuration use its bundle.
const EMBEDDED: &str = "embedded";
/// Bundles besides the embedded one that are loaded at the same time: the chosen voice and the one of the present
/// announcement. A large bundle takes a quarter of a small board's memory.
const LOADED_MAX: usize = 2;

/// A voice of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceProfile {
    /// Folder of the bundle.
    pub folder: PathBuf,
    /// Speaker, language and manner of speaking.
    pub style: Style,
    /// Rate, pitch and gain.
    pub prosody: Prosody,
    /// Seed of the sampler.
    pub seed: u64,
    /// True if the embedded voice may speak instead.
    pub fallback: bool,
}

impl VoiceProfile {
    /// Returns the key of a text in the cache.
    pub fn cache_key(&self, style: &Style, prosody: Prosody, text: &str) -> CacheKey {
        let (bundle, style, text) = (self.folder.clone(), style.clone(), text.to_owned());
        CacheKey { bundle, style, prosody, seed: self.seed, text }
    }

    /// Returns the style of an announcement that names a speaker or a language. `auto` is a language, too: it takes
    /// precedence over the one of the configuration.
    ///
    /// # Errors
    /// There is no such language.
    pub fn style_for(&self, speaker: Option<&str>, language: Option<&str>) -> Result<Style, UnknownLanguage> {
        Ok(Style {
            speaker: speaker.map(str::to_owned).or_else(|| self.style.speaker.clone()),
            // By the one name that bundles have, so that `en` and `english` are one text in the cache.
            language: match language {
                Some(asked) => language_name(asked)?,
                None => self.style.language.clone(),
            },
            ..self.style.clone()
        })
    }
}

/// Voices of a configuration and how they are run.
#[derive(Debug, Clone)]
pub struct VoiceOptions {
    /// By name.
    pub profiles: BTreeMap<String, VoiceProfile>,
    /// Folder of the embedded voice.
    pub embedded: Option<PathBuf>,
    /// What is known of bundles before they are loaded, by folder.
    pub layouts: BTreeMap<PathBuf, VoiceLayout>,
    /// Programs and limits of the engines.
    pub engines: EngineSpecs,
}

impl VoiceOptions {
    /// Returns the specification of a bundle, ready for every voice file that a profile uses with it.
    pub fn spec(&self, folder: &Path) -> VoiceSpec {
        let profiles = self.profiles.values().filter(|profile| profile.folder == folder);
        VoiceSpec {
            name: self.slot_name(folder),
            folder: folder.to_owned(),
            files: profiles.filter_map(|profile| profile.style.file.clone()).collect(),
            engines: self.engines.clone(),
        }
    }

    /// Returns the name of a bundle. It depends on the configuration only, not on the order of loading, so that status
    /// and metrics keep it over a reload.
    fn slot_name(&self, folder: &Path) -> String {
        if self.embedded.as_deref() == Some(folder) {
            return EMBEDDED.to_owned();
        }
        let uses = |profile: &VoiceProfile| profile.folder == folder;
        if self.profiles.get(MAIN_VOICE).is_some_and(uses) {
            return MAIN_VOICE.to_owned();
        }
        // Several voices may share a bundle; the first in alphabetical order names it.
        let name = self.profiles.iter().find(|(_, profile)| uses(profile)).map(|(name, _)| name.clone());
        name.unwrap_or_else(|| MAIN_VOICE.to_owned())
    }

    /// Returns true if the bundle is the embedded one, or one of the configuration.
    fn uses(&self, folder: &Path) -> bool {
        self.embedded.as_deref() == Some(folder)
            || self.profiles.values().any(|profile| profile.folder == folder)
    }
}

/// Ability of the appliance to speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Readiness {
    /// No voice is loaded yet, but one is being loaded.
    #[default]
    Loading,
    /// A voice can speak.
    Ready,
    /// No voice can speak until an operator does something. The reasons, one for each loaded voice.
    Failed(Vec<String>),
}

/// The configuration has no voice of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no voice '{}'; the configuration has {known}", name.escape_debug())]
pub struct UnknownVoice {
    name: String,
    known: String,
}

/// All voices.
pub struct VoicePool {
    options: RefCell<Rc<VoiceOptions>>,
    /// Voice of announcements that name none.
    chosen: RefCell<String>,
    /// Loaded bundles, the one that was used last at the end.
    slots: RefCell<Vec<Rc<VoiceSlot>>>,
    utterances: Rc<Cell<u64>>,
    readiness: watch::Sender<Readiness>,
}

impl VoicePool {
    /// Starts loading the embedded voice and the chosen one.
    pub fn start(options: VoiceOptions, chosen: Option<&str>) -> Rc<Self> {
        // A voice that was chosen in an earlier run may be gone from the configuration.
        let chosen = chosen.filter(|name| options.profiles.contains_key(*name)).unwrap_or(MAIN_VOICE);
        let pool = Rc::new(Self {
            chosen: RefCell::new(chosen.to_owned()),
            options: RefCell::new(Rc::new(options)),
            slots: RefCell::new(Vec::new()),
            utterances: Rc::new(Cell::new(0)),
            readiness: watch::channel(Readiness::Loading).0,
        });
        pool.load_configured();
        pool
    }

    /// Voice of announcements that name none.
    pub fn chosen(&self) -> String {
        self.chosen.borrow().clone()
    }

    /// Names that an announcement may use.
    pub fn names(&self) -> Vec<String> {
        self.options.borrow().profiles.keys().cloned().collect()
    }

    /// Makes a voice the one of announcements that name none.
    pub fn choose(self: &Rc<Self>, name: &str) -> Result<(), UnknownVoice> {
        let profile = self.profile(Some(name))?;
        *self.chosen.borrow_mut() = name.to_owned();
        self.slot(&profile.folder);
        Ok(())
    }

    /// Returns a voice of the configuration, the chosen one if no name is given.
    pub fn profile(&self, name: Option<&str>) -> Result<VoiceProfile, UnknownVoice> {
        let chosen = self.chosen();
        let name = name.unwrap_or(&chosen);
        let unknown = || UnknownVoice { name: name.to_owned(), known: self.names().join(", ") };
        self.options.borrow().profiles.get(name).cloned().ok_or_else(unknown)
    }

    /// Everything that is loaded.
    pub fn slots(&self) -> Vec<Rc<VoiceSlot>> {
        self.slots.borrow().clone()
    }

    /// Ability to speak, now and from now on.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    /// Returns true if any voice can speak.
    pub fn can_speak(&self) -> bool {
        self.slots.borrow().iter().any(|slot| slot.can_speak())
    }

    /// Returns the reasons why loaded voices cannot speak.
    pub fn problems(&self) -> Vec<String> {
        self.slots.borrow().iter().filter_map(|slot| slot.problem()).collect()
    }

    /// Returns the voices whose configured language, speaker or instruction is nothing to their bundle, each in words.
    pub fn style_problems(&self) -> Vec<String> {
        let options = Rc::clone(&self.options.borrow());
        let problem = |(name, profile): (&String, &VoiceProfile)| {
            let language = profile.style.language.as_deref()?;
            let error = self.check_language(&profile.folder, language).err()?;
            Some(format!("`language` of voice {name}: {error}"))
        };
        let speaker_problem = |(name, profile): (&String, &VoiceProfile)| {
            let speaker = profile.style.speaker.as_deref()?;
            let error = self.look_at(&profile.folder, |layout| layout.speaker(speaker).err())??;
            Some(format!("`speaker` of voice {name}: {error}"))
        };
        let instruct_problem = |(name, profile): (&String, &VoiceProfile)| {
            profile.style.instruction.as_deref()?;
            let takes = self.look_at(&profile.folder, |layout| layout.instructions)?;
            (!takes).then(|| {
                format!("`instruct` of voice {name}: the voice takes no instructions; it is ignored")
            })
        };
        let speakers = options.profiles.iter().filter_map(speaker_problem);
        let instructions = options.profiles.iter().filter_map(instruct_problem);
        speakers.chain(options.profiles.iter().filter_map(problem)).chain(instructions).collect()
    }

    /// Returns the slot of a bundle, if it is loaded.
    pub fn loaded(&self, folder: &Path) -> Option<Rc<VoiceSlot>> {
        self.slots.borrow().iter().find(|slot| slot.folder() == folder).cloned()
    }

    /// Looks at the properties of a bundle; `None` if it has not been found yet.
    pub fn look_at<T>(&self, folder: &Path, look: impl FnOnce(&VoiceLayout) -> T) -> Option<T> {
        // What is loaded comes first: it may be newer than what the configuration found.
        match self.loaded(folder).and_then(|slot| slot.voice()) {
            Some(voice) => Some(look(voice.frontend().bundle().layout())),
            None => self.options.borrow().layouts.get(folder).map(look),
        }
    }

    /// Checks that a bundle speaks a language, as far as the bundle is known.
    ///
    /// # Errors
    /// It does not speak it.
    pub fn check_language(&self, folder: &Path, language: &str) -> Result<(), SpeechError> {
        self.look_at(folder, |layout| layout.language(language).map(drop)).unwrap_or(Ok(()))
    }

    /// Folder of the embedded voice.
    pub fn embedded_folder(&self) -> Option<PathBuf> {
        self.options.borrow().embedded.clone()
    }

    /// Returns the slot of the embedded voice, loading it if it is not.
    pub fn embedded(self: &Rc<Self>) -> Option<Rc<VoiceSlot>> {
        let folder = self.options.borrow().embedded.clone();
        folder.map(|folder| self.slot(&folder))
    }

    /// Returns the slot of a bundle, loading it if it is not. The one that was not used for longest may be unloaded.
    pub fn slot(self: &Rc<Self>, folder: &Path) -> Rc<VoiceSlot> {
        let mut slots = self.slots.borrow_mut();
        if let Some(place) = slots.iter().position(|slot| slot.folder() == folder) {
            // To the end of the list, which is in the order of use.
            let slot = slots.remove(place);
            slots.push(Rc::clone(&slot));
            return slot;
        }
        let options = Rc::clone(&self.options.borrow());
        let is_embedded = |slot: &VoiceSlot| options.embedded.as_deref() == Some(slot.folder());
        // The embedded voice is small and the last resort, so it is neither counted nor unloaded. An announcement that
        // is spoken with the unloaded one holds it until its end.
        if slots.iter().filter(|slot| !is_embedded(slot)).count() >= LOADED_MAX
            && let Some(place) = slots.iter().position(|slot| !is_embedded(slot))
        {
            slots.remove(place);
        }
        let slot = VoiceSlot::load(options.spec(folder), Rc::clone(&self.utterances));
        slots.push(Rc::clone(&slot));
        tokio::task::spawn_local(watch_slot(Rc::downgrade(self), slot.state()));
        slot
    }

    /// Takes over another configuration. Bundles that are still used stay loaded, under their names.
    pub fn reconfigure(self: &Rc<Self>, options: VoiceOptions) {
        // A slot that goes here lives on in the announcement that is using it.
        self.slots.borrow_mut().retain(|slot| {
            let spec = options.spec(slot.folder());
            // Engines are ready for the voice files that they were started with, and for no others.
            options.uses(slot.folder()) && spec.name == slot.name() && spec.files == slot.files()
        });
        for slot in self.slots() {
            slot.reconfigure(options.engines.clone());
        }
        if !options.profiles.contains_key(&self.chosen()) {
            *self.chosen.borrow_mut() = MAIN_VOICE.to_owned();
        }
        *self.options.borrow_mut() = Rc::new(options);
        self.load_configured();
        // Looking at the files of the voices may block, so it happens in a task.
        tokio::task::spawn_local(reload_outdated(Rc::downgrade(self)));
    }

    /// Loads the embedded voice first: it is small, and speaks while the large one is being loaded.
    fn load_configured(self: &Rc<Self>) {
        self.embedded();
        if let Ok(profile) = self.profile(None) {
            self.slot(&profile.folder);
        }
        self.update_readiness();
    }

    fn update_readiness(&self) {
        let slots = self.slots();
        let readiness = if slots.iter().any(|slot| slot.can_speak()) {
            Readiness::Ready
        } else if slots.iter().any(|slot| slot.is_loading()) {
            Readiness::Loading
        } else {
            Readiness::Failed(self.problems())
        };
        // Only changes are logged: every condition of every engine leads here.
        let changed = self.readiness.send_if_modified(|before| {
            let changed = *before != readiness;
            before.clone_from(&readiness);
            changed
        });
        if let (true, Readiness::Failed(reasons)) = (changed, readiness) {
            let reasons = reasons.join("; ");
            tracing::error!(%reasons, "no voice can speak; release the held stages, or correct [voice] and send SIGHUP");
        }
    }
}

/// Follows a voice and its engines, for the readiness of the pool, until it is unloaded.
async fn watch_slot(pool: Weak<VoicePool>, mut state: watch::Receiver<VoiceState>) {
    let loaded = state.wait_for(|state| !matches!(state, VoiceState::Loading)).await;
    // Only the receivers are kept: a task that held the voice would keep its engines running for ever.
    let conditions = match loaded.as_deref() {
        Ok(VoiceState::Ready(voice)) => Some(voice.stages().each_ref().map(|stage| stage.condition())),
        _ => None,
    };
    drop(loaded);
    if let Some(pool) = pool.upgrade() {
        pool.update_readiness();
    }
    let Some([mut talker, mut predictor, mut vocoder]) = conditions else { return };
    loop {
        let changed = tokio::select! {
            changed = changed(&mut talker) => changed,
            changed = changed(&mut predictor) => changed,
            changed = changed(&mut vocoder) => changed,
        };
        let (true, Some(pool)) = (changed, pool.upgrade()) else { return };
        pool.update_readiness();
    }
}

/// Waits for another condition; false once the stage is gone.
async fn changed(condition: &mut watch::Receiver<Condition>) -> bool {
    condition.changed().await.is_ok()
}

/// Loads voices again whose voice files were written since: a voice that was enrolled again is another voice.
async fn reload_outdated(pool: Weak<VoicePool>) {
    let Some(slots) = pool.upgrade().map(|pool| pool.slots()) else { return };
    for slot in slots {
        if slot.is_outdated().await
            && let Some(pool) = pool.upgrade()
        {
            pool.slots.borrow_mut().retain(|known| !Rc::ptr_eq(known, &slot));
            pool.load_configured();
        }
    }
}
