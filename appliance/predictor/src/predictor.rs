//! The code predictor engine, with its two backends.

use std::sync::Arc;

use crier_bundle::Bundle;
use crier_llama::Threads;
use crier_speech::{GROUPS, PredictorEngine, Sampler};

use crate::PredictorError;
use crate::ggml::GgmlPredictor;
use crate::onnx::OnnxPredictor;

/// Backend that computes the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// ggml, or ONNX Runtime if ggml cannot load its file.
    #[default]
    Auto,
    /// ggml.
    Ggml,
    /// ONNX Runtime.
    Onnx,
}

/// Settings of the code predictor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PredictorOptions {
    /// Threads that compute.
    pub threads: Threads,
    /// Backend to use.
    pub backend: Backend,
}

/// A loaded code predictor.
pub struct Predictor {
    bundle: Arc<Bundle>,
    network: PredictorNetwork,
}

enum PredictorNetwork {
    Ggml(Box<GgmlPredictor>),
    Onnx(Box<OnnxPredictor>),
}

impl Predictor {
    /// Opens the code predictor of a bundle.
    ///
    /// # Errors
    /// [`PredictorError::Bundle`]; [`PredictorError::Llama`] of ggml; [`PredictorError::Onnx`] and
    /// [`PredictorError::Contract`] of ONNX Runtime. With [`Backend::Auto`], ggml's error if both fail.
    pub fn load(bundle: &Arc<Bundle>, options: &PredictorOptions) -> Result<Self, PredictorError> {
        let ggml =
            || GgmlPredictor::load(bundle, &options.threads).map(|p| PredictorNetwork::Ggml(Box::new(p)));
        let onnx = || {
            OnnxPredictor::load(bundle, options.threads.count).map(|p| PredictorNetwork::Onnx(Box::new(p)))
        };
        let network = match options.backend {
            Backend::Ggml => ggml(),
            Backend::Onnx => onnx(),
            Backend::Auto => ggml().or_else(|error| match onnx() {
                Ok(network) => {
                    tracing::warn!(%error, "the code predictor falls back to ONNX Runtime, which is slower");
                    Ok(network)
                }
                // ggml's error: its file is the one that every bundle has.
                Err(_) => Err(error),
            }),
        }?;
        Ok(Self { bundle: Arc::clone(bundle), network })
    }

    /// Backend in use: [`Backend::Ggml`] or [`Backend::Onnx`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        match self.network {
            PredictorNetwork::Ggml(_) => Backend::Ggml,
            PredictorNetwork::Onnx(_) => Backend::Onnx,
        }
    }
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
            PredictorNetwork::Ggml(ggml) => ggml.predict(&*self.bundle, frame, hidden, code0, sampler),
            PredictorNetwork::Onnx(onnx) => onnx.predict(&*self.bundle, frame, hidden, code0, sampler),
        }
    }
}
