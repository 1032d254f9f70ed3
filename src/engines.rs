//! The engines of one voice for the length of a command: the stages of `crier serve`, under the same supervisor.

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_supervisor::StageTimeouts;
use crier_synthesis::{EngineSpecs, RenderError, SynthesisError, Voice, VoiceSlot, VoiceSpec};
use crier_wire::{EngineSettings, PredictorBackend};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{BackendArgument, EngineArguments, StageKind};
use crate::error::CrierError;
use crate::voice::locate;
use crate::{event_loop, stage};

/// Limits while the voice is loaded. A command has nothing else to do, and is interrupted by its user: times only end
/// what hangs. Priming a voice file takes as long as speaking its recording, and a prompt with a recording is one call
/// of many seconds on a board.
const LOADING: StageTimeouts = StageTimeouts {
    start_timeout_ms: 600_000,
    progress_timeout_ms: 120_000,
    // An engine that cannot load its files will not do so the next time, and the user waits for the reason.
    restarts_max: 0,
};
/// Limits while it speaks: an engine that dies is started again and replays, as in the appliance; one that dies
/// whenever it comes to the same place gets to tell why.
const SPEAKING: StageTimeouts = StageTimeouts { restarts_max: 3, ..LOADING };
/// Most threads that are used unasked: beyond four, the engines are bound by memory, not by computation.
const DEFAULT_THREADS_MAX: usize = 4;

/// A voice whose engines run.
pub(crate) struct LoadedVoice {
    pub(crate) voice: Rc<Voice>,
    /// Threads of talker and predictor, which take turns, and of the vocoder.
    pub(crate) threads: usize,
    /// Time until everything could speak, and every file had been compared with its hash.
    pub(crate) load_time: Duration,
}

/// Runs the work of a command in an event loop until it is done or a signal asks for its end. Stages do not survive it.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, CrierError>>) -> Result<T, CrierError> {
    crier_logging::silence();
    event_loop::run(async {
        // The work is dropped at a signal, and with it everything that it has begun: connections, temporary files.
        tokio::select! {
            // In this order, so that the handlers are there before the work begins something that a signal would leave.
            biased;
            error = interrupted() => Err(error),
            result = work => result,
        }
    })
}

/// Waits for a signal that asks for the end.
async fn interrupted() -> CrierError {
    let [interrupt, terminate, hang_up] =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let listen =
        |kind| signal(kind).map_err(|source| CrierError::Start { what: "listen for signals", source });
    let signals = (listen(interrupt), listen(terminate), listen(hang_up));
    let (Ok(mut on_interrupt), Ok(mut on_terminate), Ok(mut on_hang_up)) = signals else {
        // Without a handler the signal ends the process as usual, and the kernel its stages.
        return std::future::pending().await;
    };
    let kind = tokio::select! {
        _ = on_interrupt.recv() => interrupt,
        _ = on_terminate.recv() => terminate,
        _ = on_hang_up.recv() => hang_up,
    };
    CrierError::Interrupted { signal: kind.as_raw_value() }
}

impl LoadedVoice {
    /// Starts the engines of a voice, ready for a voice file, and waits until they can speak.
    pub(crate) async fn load(arguments: &EngineArguments, file: Option<&Path>) -> Result<Self, CrierError> {
        let begin = Instant::now();
        let threads = arguments.threads.map_or_else(default_threads, usize::from);
        let spec = VoiceSpec {
            name: "voice".to_owned(),
            folder: locate(arguments.voice.as_deref())?,
            files: file.map(Path::to_owned).into_iter().collect(),
            engines: specs(threads, arguments.predictor_backend, LOADING),
        };
        let slot = VoiceSlot::load(spec, Rc::default());
        let voice = slot.loaded().await?;
        // Loading succeeds as soon as all engines were started once, also if one of them has given up.
        if let Some(ended) = voice.ended() {
            return Err(SynthesisError::EngineEnded(ended).into());
        }
        slot.reconfigure(specs(threads, arguments.predictor_backend, SPEAKING));
        Ok(Self { voice, threads, load_time: begin.elapsed() })
    }

    /// Returns the cause of a failure to render: the end of an engine, if one has ended.
    pub(crate) fn explain(&self, error: RenderError) -> CrierError {
        match self.voice.ended() {
            Some(ended) => SynthesisError::EngineEnded(ended).into(),
            None => error.into(),
        }
    }
}

fn specs(threads: usize, backend: BackendArgument, timeouts: StageTimeouts) -> EngineSpecs {
    let predictor_backend = match backend {
        BackendArgument::Auto => PredictorBackend::Auto,
        BackendArgument::Ggml => PredictorBackend::Ggml,
        BackendArgument::Onnx => PredictorBackend::Onnx,
    };
    let spec = |kind: StageKind| {
        let settings = EngineSettings { threads, predictor_backend, ..EngineSettings::default() };
        stage::spec(kind, kind.name().to_owned(), settings, None, None, timeouts)
    };
    EngineSpecs {
        talker: spec(StageKind::Talker),
        predictor: spec(StageKind::Predictor),
        vocoder: spec(StageKind::Vocoder),
    }
}

/// Half of the CPUs for talker and predictor, which take turns, and half for the vocoder: they work side by side.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).clamp(1, DEFAULT_THREADS_MAX))
}
