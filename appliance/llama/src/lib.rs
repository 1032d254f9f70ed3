//! A small safe layer over llama.cpp and the ggml inside it: what `llama-cpp-2` cannot do.
//!
//! The safe crate `llama-cpp-2` takes token ids only; a speech model is fed embeddings, and needs logits and hidden
//! state of the same step, a thread pool of the caller's, and quantisation. `llama-cpp-sys-2` has all of that, so this
//! crate wraps it once, and is the only place that knows of it. There must never be a second ggml in the program: its
//! symbols would silently be taken from the first.
//!
//! | module | what it gives |
//! |---|---|
//! | [`quantise`] | rows of `f32` to ggml's block types and back |
//! | [`gguf`] | reading GGUF files without trusting them |
//! | [`threads`] | thread pools: how many, on which processors, how eagerly they wait |
//! | [`model`] | a llama.cpp model that takes embeddings |
//! | [`graph`] | ggml graphs that are planned once and computed often |

pub mod gguf;
pub mod graph;
pub mod model;
pub mod quantise;
pub mod threads;

mod error;
mod log;
mod weights;

pub use error::LlamaError;
pub use graph::{Graph, GraphBuilder, Input, Operations, Tensor};
pub use model::{Cancel, Context, ContextOptions, Model, ModelOptions, ModelShape};
pub use threads::{Priority, ThreadPool, Threads};
pub use weights::{WeightPlan, Weights};

/// What this processor and this build can do, as llama.cpp names it (`AVX2 = 1 | …`).
#[must_use]
pub fn cpu_features() -> String {
    // SAFETY: takes nothing; returns a pointer to a string that llama.cpp keeps for ever.
    #[allow(unsafe_code)]
    let text = unsafe { std::ffi::CStr::from_ptr(llama_cpp_sys_2::llama_print_system_info()) };
    text.to_string_lossy().trim().to_owned()
}

/// Whether ggml was built with the dot-product kernels that quantised speech needs on 64-bit ARM. Without them it
/// works several times slower, silently; a build for the board that lacks them is a broken build.
#[must_use]
pub fn has_fast_kernels() -> bool {
    // SAFETY: takes nothing, returns a number.
    #[allow(unsafe_code)]
    let dot_product = unsafe { llama_cpp_sys_2::ggml_cpu_has_dotprod() } != 0;
    dot_product || !cfg!(target_arch = "aarch64")
}
