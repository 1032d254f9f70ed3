//! A voice: the text front end in this process, and three engines in processes of their own.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use crier_bundle::Bundle;
use crier_supervisor::{Condition, Stage, StageSpec, StageStatus};
use crier_wire::{EngineSettings, PredictorReply, TalkerReply, VocoderReply};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;

use crate::engine::{BusyClock, EngineClient, Reply};
use crate::{EngineEnded, SpeakerIdentity, Style, SynthesisError, TextFrontend, TokenizedText};

/// Positions of the talker's context. Prompt, text and the 8192 frames that a model could make would not fit into the
/// memory of a small board; half a minute of speech does.
const CONTEXT_POSITIONS: usize = 1024;

/// Specification of a voice.
#[derive(Debug, Clone)]
pub struct VoiceSpec {
    /// Identifier; its stages are called `NAME/talker`, `NAME/predictor` and `NAME/vocoder`.
    pub name: String,
    /// Folder of the bundle.
    pub folder: PathBuf,
    /// Voice files that will speak with the bundle.
    pub files: Vec<PathBuf>,
    /// Processes of the engines.
    pub engines: EngineSpecs,
}

/// Processes of the engines. Name, bundle, positions and voice files are set when the voice is loaded.
#[derive(Debug, Clone)]
pub struct EngineSpecs {
    /// Talker.
    pub talker: StageSpec<EngineSettings>,
    /// Code predictor.
    pub predictor: StageSpec<EngineSettings>,
    /// Vocoder.
    pub vocoder: StageSpec<EngineSettings>,
}

impl EngineSpecs {
    fn into_array(self) -> [(&'static str, StageSpec<EngineSettings>); 3] {
        [("talker", self.talker), ("predictor", self.predictor), ("vocoder", self.vocoder)]
    }
}

/// State of a voice.
#[derive(Clone)]
pub enum VoiceState {
    /// Its files are being verified, or its engines load them.
    Loading,
    /// Loaded. An engine may be held, or may have died and be starting again.
    Ready(Rc<Voice>),
    /// It cannot be used.
    Failed(Arc<SynthesisError>),
}

/// A voice from the moment its folder is known, usable or not.
pub struct VoiceSlot {
    name: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// Specifications of talker, predictor and vocoder, read at each spawn.
    specs: [Rc<RefCell<StageSpec<EngineSettings>>>; 3],
    /// Versions of the voice files that the engines were started with.
    versions: RefCell<Vec<FileVersion>>,
    state: watch::Sender<VoiceState>,
}

/// Modification time of a voice file: a voice that was enrolled again is another voice.
type FileVersion = Option<SystemTime>;

impl VoiceSlot {
    /// Starts loading a voice, in a task of the current `LocalSet`. Utterances are numbered by `utterances`, which all
    /// voices of a process share.
    pub fn load(spec: VoiceSpec, utterances: Rc<Cell<u64>>) -> Rc<Self> {
        let VoiceSpec { name, folder, files, engines } = spec;
        let specs = engines.into_array().map(|(engine, mut spec)| {
            // The names are labels of status and metrics, so they must not depend on the order of loading.
            spec.name = format!("{name}/{engine}");
            spec.settings.bundle.clone_from(&folder);
            spec.settings.voice_files.clone_from(&files);
            Rc::new(RefCell::new(spec))
        });
        let state = watch::channel(VoiceState::Loading).0;
        let slot = Rc::new(Self { name, folder, files, specs, versions: RefCell::new(Vec::new()), state });
        let loading = Rc::clone(&slot);
        tokio::task::spawn_local(async move {
            let state = match loading.open(utterances).await {
                Ok(voice) => VoiceState::Ready(Rc::new(voice)),
                Err(error) => {
                    tracing::error!(voice = %loading.name, %error, "voice cannot be loaded");
                    VoiceState::Failed(Arc::new(error))
                }
            };
            loading.state.send_replace(state);
        });
        slot
    }

    /// Identifier of the voice.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Folder of its bundle.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Voice files that its engines are ready for.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// State, now and from now on.
    pub fn state(&self) -> watch::Receiver<VoiceState> {
        self.state.subscribe()
    }

    /// Returns true while the voice is being loaded for the first time.
    pub fn is_loading(&self) -> bool {
        matches!(&*self.state.borrow(), VoiceState::Loading)
    }

    /// Returns the voice once it is loaded.
    pub fn voice(&self) -> Option<Rc<Voice>> {
        match &*self.state.borrow() {
            VoiceState::Ready(voice) => Some(Rc::clone(voice)),
            _ => None,
        }
    }

    /// Returns true if the voice can speak now, or as soon as an engine that died is back.
    pub fn can_speak(&self) -> bool {
        self.voice().is_some_and(|voice| voice.held().is_none())
    }

    /// Returns the reason why the voice cannot speak, if there is one.
    pub fn problem(&self) -> Option<String> {
        match &*self.state.borrow() {
            VoiceState::Loading => None,
            VoiceState::Failed(error) => Some(format!("voice {}: {error}", self.name)),
            VoiceState::Ready(voice) => voice.held().map(|stage| format!("{stage} is held")),
        }
    }

    /// Waits until the voice is loaded, and can speak.
    ///
    /// # Errors
    /// It cannot be loaded, or one of its engines is held.
    pub async fn usable(&self) -> Result<Rc<Voice>, SynthesisError> {
        let voice = self.loaded().await?;
        match voice.held() {
            None => Ok(voice),
            Some(stage) => Err(SynthesisError::Held { stage }),
        }
    }

    /// Waits until the voice is loaded; its engines may be held.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub async fn loaded(&self) -> Result<Rc<Voice>, SynthesisError> {
        let mut state = self.state.subscribe();
        // Fails only without a sender, which lives in this slot.
        let loaded = state.wait_for(|state| !matches!(state, VoiceState::Loading)).await;
        match loaded.as_deref() {
            Ok(VoiceState::Ready(voice)) => Ok(Rc::clone(voice)),
            Ok(VoiceState::Failed(error)) => Err(SynthesisError::Voice(Arc::clone(error))),
            Ok(VoiceState::Loading) | Err(_) => Err(SynthesisError::Abandoned),
        }
    }

    /// Takes over CPUs, threads, timeouts and the like. Engines that would run differently are replaced; one that is
    /// held stays held, and an announcement in the middle goes on.
    pub fn reconfigure(&self, engines: EngineSpecs) {
        let voice = self.voice();
        for (index, (_, new)) in engines.into_array().into_iter().enumerate() {
            let differs = {
                let mut spec = self.specs[index].borrow_mut();
                let differs = spec.cpus != new.cpus || spec.settings.threads != new.settings.threads;
                (spec.cpus, spec.settings.threads, spec.timeouts) =
                    (new.cpus, new.settings.threads, new.timeouts);
                differs
            };
            // Other timeouts take effect without a restart. While the voice is loading, the next spawn reads the new
            // values.
            if let Some(voice) = voice.as_ref().filter(|_| differs) {
                voice.stages[index].restart();
            }
        }
    }

    /// Returns true if a voice file was written since the engines were started, which are not ready for it then.
    pub async fn is_outdated(&self) -> bool {
        let files = self.files.clone();
        let versions = spawn_blocking(move || file_versions(&files)).await;
        // While the voice is being loaded, the new file is read.
        !self.is_loading() && versions.is_ok_and(|versions| versions != *self.versions.borrow())
    }

    async fn open(&self, utterances: Rc<Cell<u64>>) -> Result<Voice, SynthesisError> {
        let (folder, files) = (self.folder.clone(), self.files.clone());
        // Sizes are checked before any engine opens the bundle: a truncated file that is mapped is a SIGBUS.
        let opened = spawn_blocking(move || {
            let bundle = Arc::new(Bundle::open(&folder)?);
            let versions = file_versions(&files);
            let positions = CONTEXT_POSITIONS + reference_positions(&files, &bundle);
            Ok::<_, SynthesisError>((bundle, versions, positions))
        });
        let (bundle, versions, positions) = opened.await.map_err(|_| SynthesisError::Abandoned)??;
        *self.versions.borrow_mut() = versions;
        // Hashing takes seconds for a large voice, so the engines load meanwhile; nothing is spoken before it is done.
        let frontend = spawn_blocking(move || {
            let frontend = TextFrontend::new(bundle)?;
            frontend.bundle().verify(&mut |_| ())?;
            Ok::<_, SynthesisError>(Arc::new(frontend))
        });
        let [talker, predictor, vocoder] = &self.specs;
        let clock = Rc::new(BusyClock::default());
        let mut talker = start::<TalkerReply>(talker, positions, &clock);
        let mut predictor = start::<PredictorReply>(predictor, positions, &clock);
        let mut vocoder = start::<VocoderReply>(vocoder, positions, &clock);
        let frontend = frontend.await.map_err(|_| SynthesisError::Abandoned)??;
        // An engine that cannot start is held in the end. It may be released, so the voice is there all the same.
        let _ = tokio::join!(talker.ready(), predictor.ready(), vocoder.ready());
        Ok(Voice {
            frontend,
            stages: [talker.stage(), predictor.stage(), vocoder.stage()].map(Rc::clone),
            talker: Mutex::new(talker),
            predictor: Mutex::new(predictor),
            vocoder: Mutex::new(vocoder),
            clock,
            utterances,
        })
    }
}

fn start<R: Reply + DeserializeOwned + 'static>(
    spec: &Rc<RefCell<StageSpec<EngineSettings>>>,
    positions: usize,
    clock: &Rc<BusyClock>,
) -> EngineClient<R> {
    spec.borrow_mut().settings.positions = positions;
    EngineClient::new(Stage::start(Rc::clone(spec)).1, clock)
}

/// Returns when each file was last written; `None` for one that cannot be looked at.
fn file_versions(files: &[PathBuf]) -> Vec<FileVersion> {
    files.iter().map(|file| std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()).collect()
}

/// Returns the number of positions that the longest recording takes.
fn reference_positions(files: &[PathBuf], bundle: &Bundle) -> usize {
    let mut positions = 0;
    for file in files {
        match SpeakerIdentity::new(None, Some(file), bundle) {
            Ok(speaker) => positions = positions.max(speaker.positions()),
            // Not fatal: the bundle's other speakers work. Whoever asks for this one gets the same error.
            Err(error) => tracing::error!(%error, "voice file cannot be used"),
        }
    }
    positions
}

/// A loaded voice.
pub struct Voice {
    frontend: Arc<TextFrontend>,
    pub(crate) talker: Mutex<EngineClient<TalkerReply>>,
    pub(crate) predictor: Mutex<EngineClient<PredictorReply>>,
    pub(crate) vocoder: Mutex<EngineClient<VocoderReply>>,
    stages: [Rc<Stage>; 3],
    clock: Rc<BusyClock>,
    utterances: Rc<Cell<u64>>,
}

impl Voice {
    /// Text front end of the voice.
    #[must_use]
    pub fn frontend(&self) -> &Arc<TextFrontend> {
        &self.frontend
    }

    /// Tokenizes a clean text on another thread: a voice file may be on a slow disk, and a text may be long.
    ///
    /// # Errors
    /// [`TextFrontend::read`].
    pub async fn read(&self, text: &str, style: &Style) -> Result<TokenizedText, SynthesisError> {
        let (frontend, text, style) = (Arc::clone(&self.frontend), text.to_owned(), style.clone());
        let read = spawn_blocking(move || frontend.read(&text, &style));
        read.await.map_err(|_| SynthesisError::Abandoned)?
    }

    /// Number of samples that the vocoder makes of a frame.
    #[must_use]
    pub fn samples_per_frame(&self) -> usize {
        self.frontend.bundle().manifest().vocoder.samples_per_frame
    }

    /// Sample rate of the vocoder.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.frontend.bundle().manifest().vocoder.sample_rate_hz
    }

    /// Stages of talker, predictor and vocoder, in this order.
    #[must_use]
    pub fn stages(&self) -> &[Rc<Stage>; 3] {
        &self.stages
    }

    /// Returns the status of each stage and the mean latency of its engine, which is `None` while it is unknown: before
    /// the first request, and while the engine is in use.
    pub fn statuses(&self) -> [(StageStatus, Option<f64>); 3] {
        // `try_lock`: the status must not wait for the end of an announcement.
        fn mean_ms<R>(engine: &Mutex<EngineClient<R>>) -> Option<f64> {
            engine.try_lock().ok().map(|engine| engine.stats.mean_ms()).filter(|ms| *ms > 0.0)
        }
        let [talker, predictor, vocoder] = self.stages.each_ref().map(|stage| stage.status().clone());
        [
            (talker, mean_ms(&self.talker)),
            (predictor, mean_ms(&self.predictor)),
            (vocoder, mean_ms(&self.vocoder)),
        ]
    }

    /// Returns the name of the first stage that is held.
    #[must_use]
    pub fn held(&self) -> Option<String> {
        let held = self.stages.iter().find(|stage| stage.status().condition == Condition::Held);
        held.map(|stage| stage.status().name.clone())
    }

    /// Returns the end of the first engine that is not started again.
    #[must_use]
    pub fn ended(&self) -> Option<EngineEnded> {
        let statuses = self.stages.iter().map(|stage| stage.status());
        let held = statuses.filter(|status| status.condition == Condition::Held);
        let mut ended = held.filter_map(|status| {
            Some(EngineEnded { stage: status.name.clone(), report: status.last_crash.clone()? })
        });
        ended.next()
    }

    /// Time during which at least one of its engines was working.
    #[must_use]
    pub fn busy_clock(&self) -> &Rc<BusyClock> {
        &self.clock
    }

    /// Returns an utterance number that was never used before.
    pub(crate) fn next_utterance(&self) -> u64 {
        let next = self.utterances.get() + 1;
        self.utterances.set(next);
        next
    }
}
