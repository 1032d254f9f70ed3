//! The engine: one of two backends behind one door.

use std::sync::Arc;

use crier_bundle::Bundle;
use crier_llama::{Cancel, Threads};
use crier_speech::{EmbeddingTables, GROUPS, PredictorEngine, Sampler};

use crate::PredictorError;
use crate::ggml::GgmlPredictor;
use crate::onnx::OnnxPredictor;

/// Who computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// ggml, or ONNX Runtime when ggml cannot load its file.
    #[default]
    Auto,
    /// ggml.
    Ggml,
    /// ONNX Runtime.
    Onnx,
}

/// How to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PredictorOptions {
    /// Threads that share the work.
    pub threads: Threads,
    /// Who computes.
    pub backend: Backend,
}

/// The code predictor of a voice.
pub struct Predictor {
    bundle: Arc<Bundle>,
    network: Network,
}

enum Network {
    Ggml(Box<GgmlPredictor>),
    Onnx(Box<OnnxPredictor>),
}

impl Predictor {
    /// Opens the predictor of a voice.
    ///
    /// # Errors
    /// [`PredictorError::Bundle`]; [`PredictorError::Llama`] of ggml; [`PredictorError::Onnx`] and
    /// [`PredictorError::Contract`] of ONNX Runtime. With [`Backend::Auto`], ggml's error when both fail.
    pub fn load(bundle: &Arc<Bundle>, options: &PredictorOptions) -> Result<Self, PredictorError> {
        let ggml = || GgmlPredictor::load(bundle, &options.threads).map(|p| Network::Ggml(Box::new(p)));
        let onnx = || OnnxPredictor::load(bundle, options.threads.count).map(|p| Network::Onnx(Box::new(p)));
        let network = match options.backend {
            Backend::Ggml => ggml(),
            Backend::Onnx => onnx(),
            Backend::Auto => ggml().or_else(|error| match onnx() {
                Ok(network) => {
                    tracing::warn!(%error, "the code predictor runs on ONNX Runtime, and slower");
                    Ok(network)
                }
                Err(_) => Err(error),
            }),
        }?;
        Ok(Self { bundle: Arc::clone(bundle), network })
    }

    /// Who computes: [`Backend::Ggml`] or [`Backend::Onnx`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        match self.network {
            Network::Ggml(_) => Backend::Ggml,
            Network::Onnx(_) => Backend::Onnx,
        }
    }

    /// Breaks off a frame from another thread; `None` where that cannot be done (a frame takes some milliseconds).
    #[must_use]
    pub fn cancel(&self) -> Option<Cancel> {
        match &self.network {
            Network::Ggml(ggml) => Some(ggml.cancel()),
            Network::Onnx(_) => None,
        }
    }
}

/// Fills the two rows that a frame begins with: the talker's state, and the embedding of its first code.
pub(crate) fn first_rows(
    rows: &mut [f32],
    tables: &dyn EmbeddingTables,
    hidden: &[f32],
    code0: u16,
) -> Result<(), PredictorError> {
    let (state, code) = rows.split_at_mut(rows.len() / 2);
    if hidden.len() != state.len() {
        return Err(PredictorError::Width { found: hidden.len(), expected: state.len() });
    }
    state.copy_from_slice(hidden);
    code.fill(0.0);
    tables.add_codec(u32::from(code0), code);
    Ok(())
}

impl PredictorEngine for Predictor {
    type Error = PredictorError;

    fn predict(
        &mut self,
        frame: u32,
        hidden: &[f32],
        code0: u16,
        sampler: &Sampler,
    ) -> Result<[u16; GROUPS], PredictorError> {
        match &mut self.network {
            Network::Ggml(ggml) => ggml.predict(&*self.bundle, frame, hidden, code0, sampler),
            Network::Onnx(onnx) => onnx.predict(&*self.bundle, frame, hidden, code0, sampler),
        }
    }
}
