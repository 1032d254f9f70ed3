//! Talker, predictor and vocoder as stages.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crier_bundle::Bundle;
use crier_llama::Threads;
use crier_predictor::{Backend, Predictor, PredictorOptions};
use crier_speech::{Choice, PredictorEngine, Sampler, TalkerEngine};
use crier_system::Channel;
use crier_talker::{Talker, TalkerOptions};
use crier_vocoder::{CODES, Vocoder, VocoderOptions, VocoderState};
use crier_wire::{
    Decode, EngineSettings, Failure, PredictorBackend, PredictorReply, PredictorRequest, TalkerReply,
    TalkerRequest, VocoderReply, VocoderRequest, floats, read_floats,
};

use super::requests::{send, serve, serve_in_parts, settings, started};
use crate::error::CrierError;
use crate::report::counted;
use crier_synthesis::SpeakerIdentity;

/// Samples in one packet, 128 kB: a packet has room for that and its head. 64 frames take four.
const SAMPLES_MAX: usize = 32 * 1024;

/// Loads with `load`, which also does a piece of work, so that the first request finds all pages in memory, and tells
/// that the stage can work; `None` when the supervisor is gone.
fn ready<E>(
    channel: &Channel,
    load: impl FnOnce(&EngineSettings, &Arc<Bundle>) -> Result<(E, String), CrierError>,
) -> Result<Option<E>, CrierError> {
    let settings: EngineSettings = settings(channel)?;
    let begin = Instant::now();
    let bundle = Arc::new(Bundle::open(&settings.bundle)?);
    let (engine, detail) = load(&settings, &bundle)?;
    let load_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    // From here on the supervisor sends heartbeats; loading has a timeout of its own, which is much longer.
    let told = send::<()>(channel, &started(load_ms, detail), &[], &mut Vec::new())?;
    Ok(told.then_some(engine))
}

pub(super) fn talker(channel: &Channel) -> Result<(), CrierError> {
    let loaded = ready(channel, |settings, bundle| {
        // Memory of the KV cache is taken for all of them at once.
        let positions = settings.positions.min(bundle.manifest().talker.positions_max);
        let threads = Threads::new(settings.threads);
        let mut talker =
            Talker::load(bundle, &TalkerOptions { threads, positions, ..TalkerOptions::default() })?;
        talker.warm_up(&vec![0.0; bundle.layout().hidden])?;
        let manifest = bundle.manifest();
        let detail = format!(
            "{} {}, {}",
            manifest.name,
            manifest.talker.quantisation,
            counted(settings.threads, "thread")
        );
        Ok((talker, detail))
    })?;
    let Some(mut talker) = loaded else { return Ok(()) };
    // The rows of one decode, which may come in several packets; those of one that was given up are forgotten.
    let mut rows: Vec<f32> = Vec::new();
    let mut decode = None;
    serve(channel, |TalkerRequest::Decode { at, position, constant, more }, bytes, payload| {
        // Another place: the client has given up the decode whose rows were arriving, as after an interruption.
        if decode.replace((at, position)) != Some((at, position)) {
            rows.clear();
        }
        read_floats(bytes, &mut rows)?;
        if more {
            return Ok(None);
        }
        let reply = match talker.decode(position, constant, &rows) {
            Ok(output) => {
                payload.extend_from_slice(output.hidden);
                payload.extend_from_slice(output.logits);
                TalkerReply::Decoded { at }
            }
            // A reply, not the end of the stage: the text may be at fault, and a restart would load the model again.
            Err(error) => TalkerReply::Failed(Failure { at, reason: error.to_string() }),
        };
        rows.clear();
        Ok(Some(reply))
    })
}

pub(super) fn predictor(channel: &Channel) -> Result<(), CrierError> {
    let loaded = ready(channel, |settings, bundle| {
        let backend = match settings.predictor_backend {
            PredictorBackend::Auto => Backend::Auto,
            PredictorBackend::Ggml => Backend::Ggml,
            PredictorBackend::Onnx => Backend::Onnx,
        };
        let options = PredictorOptions { threads: Threads::new(settings.threads), backend };
        let mut predictor = Predictor::load(bundle, &options)?;
        let hidden = vec![0.0; bundle.layout().hidden];
        predictor.predict(0, &hidden, 0, &Sampler::new(0, Choice::Greedy))?;
        let backend = match predictor.backend() {
            Backend::Onnx => "ONNX Runtime",
            _ => "ggml",
        };
        let manifest = bundle.manifest();
        let quantisation = &manifest.predictor.quantisation;
        let detail =
            format!("{} {quantisation} on {backend}, {}", manifest.name, counted(settings.threads, "thread"));
        Ok((predictor, detail))
    })?;
    let Some(mut predictor) = loaded else { return Ok(()) };
    serve(channel, |PredictorRequest::Predict { at, code0, sampler }, bytes, _| {
        let hidden = floats(bytes)?;
        Ok(Some(match predictor.predict(at.frame, &hidden, code0, &sampler) {
            Ok(codes) => PredictorReply::Predicted { at, codes },
            Err(error) => PredictorReply::Failed(Failure { at, reason: error.to_string() }),
        }))
    })
}

pub(super) fn vocoder(channel: &Channel) -> Result<(), CrierError> {
    let loaded = ready(channel, |settings, bundle| {
        let options = VocoderOptions { threads: settings.threads, ..VocoderOptions::default() };
        let mut vocoder = Vocoder::load(bundle, &options)?;
        vocoder.decode(&[[0; CODES]], &mut Vec::new())?;
        let primed_states = prime_all(&settings.voice_files, bundle, &mut vocoder);
        let manifest = bundle.manifest();
        let precision = &manifest.vocoder.precision;
        let detail = format!("{} {precision}, {}", manifest.name, counted(settings.threads, "thread"));
        Ok(((vocoder, primed_states), detail))
    })?;
    let Some((mut vocoder, primed_states)) = loaded else { return Ok(()) };
    let mut continued = None;
    let answer = |VocoderRequest::Decode(Decode { at, codes, initial_state }): VocoderRequest,
                  _: &[u8],
                  payload: &mut Vec<f32>| {
        let decode = || -> Result<(), CrierError> {
            // Only the first frame of a sentence says how it begins; the others continue the state in the network.
            if at.frame == 0 {
                // Setting a state copies it, and most sentences begin like the one before.
                if continued != initial_state {
                    vocoder.set_primed_state(
                        initial_state.as_ref().and_then(|file| primed_states.get(file).cloned()),
                    )?;
                    continued = initial_state;
                }
                vocoder.start();
            }
            Ok(vocoder.decode(&codes, payload)?)
        };
        let result = decode();
        Ok(Some(match result {
            Ok(()) => VocoderReply::Decoded { at, more: true },
            Err(error) => {
                // It may have failed behind the first samples, which would be heard without the rest.
                payload.clear();
                VocoderReply::Failed(Failure { at, reason: error.to_string() })
            }
        }))
    };
    serve_in_parts(channel, SAMPLES_MAX, answer, |reply| {
        if let VocoderReply::Decoded { more, .. } = reply {
            *more = false;
        }
    })
}

/// Computes the primed state of the vocoder for each voice file. While the stage starts, since it may take as long as
/// speaking the recordings, which is longer than a request may take.
fn prime_all(files: &[PathBuf], bundle: &Bundle, vocoder: &mut Vocoder) -> BTreeMap<PathBuf, VocoderState> {
    let mut made = BTreeMap::new();
    for file in files {
        // A voice file that cannot be read costs only those who ask for it, not the stage.
        let state = SpeakerIdentity::new(None, Some(file), bundle).and_then(|who| {
            who.prime(bundle, vocoder)?;
            Ok(vocoder.primed_state().cloned())
        });
        match state {
            Ok(state) => made.extend(state.map(|state| (file.clone(), state))),
            // The supervisor reads the same file, and reports why it cannot be used.
            Err(error) => tracing::debug!(%error, "a voice file cannot be used"),
        }
    }
    // The first request may be one without a voice file.
    if let Err(error) = vocoder.set_primed_state(None) {
        tracing::debug!(%error, "the vocoder keeps the state of the last voice file");
    }
    made
}
