//! A voice, loaded: what reads, and the three networks that speak.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crier_bundle::{Bundle, BundleError};
use crier_llama::Threads;
use crier_predictor::{Backend, Predictor, PredictorOptions};
use crier_talker::{Talker, TalkerOptions};
use crier_vocoder::{Vocoder, VocoderOptions};

use crate::cli::{BackendArgument, EngineArguments};
use crate::error::CrierError;
use crate::voice::locate;
use crier_synthesis::SpeakerIdentity;
use crier_synthesis::TextFrontend;

/// Positions that a talker is made for: prompt, text and 8192 frames would never fit in a small board's memory, a
/// sentence of half a minute does.
pub(crate) const CONTEXT_POSITIONS: usize = 1024;

/// A voice that can speak.
pub(crate) struct Engine {
    pub(crate) reader: TextFrontend,
    pub(crate) talker: Talker,
    pub(crate) predictor: Predictor,
    pub(crate) vocoder: Vocoder,
    /// Threads of talker and predictor, and of the vocoder.
    pub(crate) threads: usize,
    /// From the first look at the bundle until everything could speak.
    pub(crate) load_time: Duration,
    verification: Option<JoinHandle<Result<(), BundleError>>>,
}

impl Engine {
    /// Loads the voice that was asked for: tokenizer, vocoder, and the other two side by side, while the files are
    /// compared with their hashes. What a voice file begins with is made room for, and begun with.
    pub(crate) fn load(arguments: &EngineArguments, file: Option<&Path>) -> Result<Self, CrierError> {
        let folder = locate(arguments.voice.as_deref())?;
        Self::open(
            &folder,
            file,
            arguments.threads.map_or_else(default_threads, usize::from),
            arguments.predictor_backend,
        )
    }

    fn open(
        folder: &Path,
        file: Option<&Path>,
        threads: usize,
        backend: BackendArgument,
    ) -> Result<Self, CrierError> {
        let begin = Instant::now();
        let bundle = Arc::new(Bundle::open(folder)?);
        let to_verify = Arc::clone(&bundle);
        let verification = std::thread::spawn(move || to_verify.verify(&mut |_| ()));
        let who = file.map(|file| SpeakerIdentity::new(None, Some(file), &bundle)).transpose()?;
        let positions = CONTEXT_POSITIONS + who.as_ref().map_or(0, SpeakerIdentity::positions);
        let positions = positions.min(bundle.manifest().talker.positions_max);
        let backend = match backend {
            BackendArgument::Auto => Backend::Auto,
            BackendArgument::Ggml => Backend::Ggml,
            BackendArgument::Onnx => Backend::Onnx,
        };
        let talker = TalkerOptions { threads: Threads::new(threads), positions, ..TalkerOptions::default() };
        let (speaking, vocoder, reader) = std::thread::scope(|scope| {
            let vocoder = scope.spawn(|| -> Result<_, CrierError> {
                let options = VocoderOptions { threads, ..VocoderOptions::default() };
                let mut vocoder = Vocoder::load(&bundle, &options)?;
                if let Some(who) = &who {
                    who.prime(&bundle, &mut vocoder)?;
                }
                Ok(vocoder)
            });
            let reader = scope.spawn(|| TextFrontend::new(Arc::clone(&bundle)));
            let speaking = || -> Result<_, CrierError> {
                let talker = Talker::load(&bundle, &talker)?;
                let predictor =
                    Predictor::load(&bundle, &PredictorOptions { threads: Threads::new(threads), backend })?;
                Ok((talker, predictor))
            };
            (speaking(), vocoder.join(), reader.join())
        });
        let died = |_| CrierError::Internal("a thread that loads the voice died".to_owned());
        let (talker, predictor) = speaking?;
        Ok(Self {
            reader: reader.map_err(died)??,
            vocoder: vocoder.map_err(died)??,
            talker,
            predictor,
            threads,
            load_time: begin.elapsed(),
            verification: Some(verification),
        })
    }

    /// Waits until every file of the bundle was compared with its hash. Before this nothing may be heard.
    pub(crate) fn verified(&mut self) -> Result<(), CrierError> {
        match self.verification.take().map(JoinHandle::join) {
            Some(Ok(result)) => Ok(result?),
            Some(Err(_)) => Err(CrierError::Internal("the thread that verifies the voice died".to_owned())),
            None => Ok(()),
        }
    }
}

/// Half of the processors for talker and predictor (which take turns), half for the vocoder: they work side by side.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).clamp(1, 4))
}
