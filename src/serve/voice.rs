//! A voice as the supervisor has it: what reads text in this process, and three stages that speak.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use crier_bundle::Bundle;
use crier_supervisor::{Condition, CpuAssignment, EngineCpus, Stage, StageStatus, StageTimeouts};
use crier_system::User;
use crier_wire::{EngineSettings, PredictorReply, TalkerReply, VocoderReply};
use serde::Serialize;
use tokio::sync::{Mutex, watch};

use super::engine::{Effort, Engine};
use super::plan::stage_spec;
use super::users::Users;
use crate::cli::StageKind;
use crate::engine::CONTEXT_POSITIONS;
use crate::error::CrierError;
use crier_synthesis::SpeakerIdentity;
use crier_synthesis::TextFrontend;

/// A voice that can be used, if not always at once.
pub(crate) struct Voice {
    pub(crate) reader: TextFrontend,
    pub(crate) talker: Mutex<Engine<TalkerReply>>,
    pub(crate) predictor: Mutex<Engine<PredictorReply>>,
    pub(crate) vocoder: Mutex<Engine<VocoderReply>>,
    stages: [Rc<Stage>; 3],
    utterances: Rc<Cell<u64>>,
}

/// Where a voice stands on its way to be usable.
#[derive(Clone)]
pub(crate) enum Loading {
    /// Its files are being read and compared with their hashes, or its stages load them.
    Busy,
    /// It can speak, or could and is being started again.
    Ready(Rc<Voice>),
    /// It cannot, and why.
    Broken(String),
}

/// A voice from its folder on, whether it can be used or not.
pub(crate) struct VoiceSlot {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// The voice files that its stages are ready for.
    pub(crate) files: Vec<FileAsOf>,
    loading: watch::Sender<Loading>,
}

/// A voice file, and when it was written: a voice that was enrolled again is another voice.
pub(crate) type FileAsOf = (PathBuf, Option<SystemTime>);

impl VoiceSlot {
    /// Begins to load a voice, which will also speak as the voice files say.
    pub(crate) fn load(
        name: &str,
        folder: PathBuf,
        files: Vec<FileAsOf>,
        cpus: EngineCpus,
        timeouts: StageTimeouts,
        users: Users,
        utterances: Rc<Cell<u64>>,
    ) -> Rc<Self> {
        let loading = watch::channel(Loading::Busy).0;
        let slot = Rc::new(Self { name: name.to_owned(), folder, files, loading });
        let filled = Rc::clone(&slot);
        tokio::task::spawn_local(async move {
            let state = match filled.open(cpus, timeouts, users, utterances).await {
                Ok(voice) => Loading::Ready(Rc::new(voice)),
                Err(error) => {
                    tracing::error!(voice = %filled.name, %error, "a voice cannot be used");
                    Loading::Broken(error.to_string())
                }
            };
            filled.loading.send_replace(state);
        });
        slot
    }

    /// Where it stands, now and from now on.
    pub(crate) fn loading(&self) -> watch::Receiver<Loading> {
        self.loading.subscribe()
    }

    /// The voice, if it could ever be used.
    pub(crate) fn voice(&self) -> Option<Rc<Voice>> {
        match &*self.loading.borrow() {
            Loading::Ready(voice) => Some(Rc::clone(voice)),
            _ => None,
        }
    }

    /// Why it cannot be used now, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        match &*self.loading.borrow() {
            Loading::Busy => None,
            Loading::Broken(reason) => Some(format!("voice {}: {reason}", self.name)),
            Loading::Ready(voice) => voice.held().map(|stage| format!("{stage} is held")),
        }
    }

    async fn open(
        &self,
        cpus: EngineCpus,
        timeouts: StageTimeouts,
        users: Users,
        utterances: Rc<Cell<u64>>,
    ) -> Result<Voice, CrierError> {
        // Nothing of a damaged bundle may run, so its sizes are looked at before any stage opens it.
        let bundle = Bundle::open(&self.folder)?;
        let files: Vec<PathBuf> = self.files.iter().map(|(path, _)| path.clone()).collect();
        let positions = CONTEXT_POSITIONS + reference_positions(&files, &bundle);
        let folder = self.folder.clone();
        // Reading and comparing takes seconds for a large voice, and blocks. Its stages start meanwhile.
        let reading = tokio::task::spawn_blocking(move || read(&folder));
        let spec = |kind: StageKind, user: &Option<User>, assigned: &CpuAssignment| {
            let settings = EngineSettings {
                bundle: self.folder.clone(),
                threads: assigned.threads,
                positions,
                voice_files: files.clone(),
            };
            let name = format!("{} {}", self.name, kind.name());
            let spec = stage_spec(kind, name, settings, user.as_ref(), &assigned.cpus, timeouts);
            Rc::new(RefCell::new(spec))
        };
        let died = |_| CrierError::Internal("the thread that reads a voice died".to_owned());
        let (talker_stage, talker) =
            Stage::start(spec(StageKind::Talker, &users.talker, &cpus.talker_predictor));
        let (predictor_stage, predictor) =
            Stage::start(spec(StageKind::Predictor, &users.predictor, &cpus.talker_predictor));
        let (vocoder_stage, vocoder) = Stage::start(spec(StageKind::Vocoder, &users.vocoder, &cpus.vocoder));
        let (mut talker, mut predictor, mut vocoder) =
            (Engine::new(talker), Engine::new(predictor), Engine::new(vocoder));
        let reader = reading.await.map_err(died)??;
        // A stage that cannot start is held in the end; somebody may release it, so the voice is there all the same.
        let _ = tokio::join!(talker.ready(), predictor.ready(), vocoder.ready());
        Ok(Voice {
            reader,
            talker: Mutex::new(talker),
            predictor: Mutex::new(predictor),
            vocoder: Mutex::new(vocoder),
            stages: [talker_stage, predictor_stage, vocoder_stage],
            utterances,
        })
    }
}

/// Positions that the longest recording of a voice takes.
fn reference_positions(files: &[PathBuf], bundle: &Bundle) -> usize {
    let mut positions = 0;
    for file in files {
        match SpeakerIdentity::new(None, Some(file), bundle) {
            Ok(who) => positions = positions.max(who.positions()),
            // Told again when it is to speak; another voice may have to do it then.
            Err(error) => tracing::error!(%error, "a voice file cannot be used"),
        }
    }
    positions
}

/// Opens a bundle for reading, all of whose files are what they should be.
fn read(folder: &Path) -> Result<TextFrontend, CrierError> {
    let reader = TextFrontend::open(folder)?;
    reader.bundle().verify(&mut |_| ())?;
    Ok(reader)
}

/// What a voice has cost so far.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Costs {
    pub(crate) talker_ms_per_step: f64,
    pub(crate) predictor_ms_per_frame: f64,
    pub(crate) vocoder_ms_per_frame: f64,
}

impl Voice {
    /// A number for the next utterance, never used before.
    pub(crate) fn next_utterance(&self) -> u64 {
        let next = self.utterances.get() + 1;
        self.utterances.set(next);
        next
    }

    pub(crate) fn samples_per_frame(&self) -> usize {
        self.reader.bundle().manifest().vocoder.samples_per_frame
    }

    pub(crate) fn sample_rate_hz(&self) -> u32 {
        self.reader.bundle().manifest().vocoder.sample_rate_hz
    }

    pub(crate) fn stages(&self) -> &[Rc<Stage>] {
        &self.stages
    }

    pub(crate) fn statuses(&self) -> impl Iterator<Item = StageStatus> {
        self.stages.iter().map(|stage| stage.status().clone())
    }

    /// The first stage that is held.
    pub(crate) fn held(&self) -> Option<String> {
        self.statuses().find(|status| status.condition == Condition::Held).map(|status| status.name)
    }

    /// What it has cost so far; zeros while it speaks for the first time.
    pub(crate) fn costs(&self) -> Costs {
        fn per<R>(engine: &Mutex<Engine<R>>) -> f64 {
            let effort = engine.try_lock().map(|engine| engine.effort).unwrap_or_default();
            milliseconds_per(effort)
        }
        Costs {
            talker_ms_per_step: per(&self.talker),
            predictor_ms_per_frame: per(&self.predictor),
            vocoder_ms_per_frame: per(&self.vocoder),
        }
    }
}

fn milliseconds_per(effort: Effort) -> f64 {
    let Effort { time, count } = effort;
    if count == 0 { 0.0 } else { time.as_secs_f64() * 1e3 / count as f64 }
}
