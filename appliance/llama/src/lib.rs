//! A small safe layer over llama.cpp and its ggml, for the parts that `llama-cpp-2` does not cover.
//!
//! The safe crate `llama-cpp-2` accepts token ids only. A speech model takes embeddings, and needs the logits and the
//! hidden state of the same step, a thread pool supplied by the caller, and quantisation. `llama-cpp-sys-2` exposes
//! all of these; this crate is its only user. There must never be a second copy of ggml in the program: the linker
//! would silently resolve its symbols to the first copy.
//!
//! | module | contents |
//! |---|---|
//! | [`quantise`] | conversion of `f32` rows to ggml's block types and back |
//! | [`gguf`] | GGUF files: a writer, and a header parser for untrusted files |
//! | [`threads`] | thread pools: size, CPU affinity, spinning |
//! | [`model`] | a llama.cpp model with embeddings as its input |
//! | [`graph`] | ggml graphs that are planned once and computed many times |

pub mod gguf;
pub mod graph;
pub mod model;
pub mod quantise;
pub mod threads;

mod error;
mod log;
mod version;
mod weights;

pub use error::{GgufDefect, LlamaError};
pub use graph::{CustomOperators, Graph, GraphBuilder, GraphTensor, InputId};
pub use model::{Context, ContextOptions, LlamaModel, ModelShape};
pub use threads::{ThreadPool, Threads};
pub use version::{ggml_kernels, ggml_version};
pub use weights::{WeightPlan, Weights};
