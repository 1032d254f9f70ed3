//! The program itself: hash, processor, libraries.

use std::path::Path;

use crier_system::{SystemError, hexadecimal, map_file};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Identity of the running program. Two programs of the same hash say the same samples on the same kind of processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramVersion {
    /// Version of the source.
    pub version: &'static str,
    /// SHA-256 of the executable file.
    pub sha256: String,
    /// Architecture and system that it was compiled for.
    pub target: String,
    /// Version of ggml.
    pub ggml: String,
    /// Processor features of this machine that ggml's kernels use.
    pub kernels: String,
    /// Version and path of ONNX Runtime, or why it cannot be used.
    pub onnx_runtime: String,
}

impl ProgramVersion {
    /// Reads the executable, and asks the libraries. Blocks.
    ///
    /// # Errors
    /// The executable cannot be read.
    pub fn of_this_process() -> Result<Self, SystemError> {
        // Not `current_exe`: after an update another file may have that name.
        let hash = Sha256::digest(&map_file(Path::new("/proc/self/exe"))?[..]);
        let onnx_runtime = match crier_onnx::library_version() {
            Ok((version, path)) => format!("{version} ({})", path.display()),
            Err(error) => error.to_string(),
        };
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            sha256: hexadecimal(&hash),
            target: format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
            ggml: crier_llama::ggml_version(),
            kernels: crier_llama::ggml_kernels(),
            onnx_runtime,
        })
    }

    /// Names and values, for people.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, &str); 6] {
        [
            ("version", self.version),
            ("sha256", &self.sha256),
            ("target", &self.target),
            ("ggml", &self.ggml),
            ("kernels", &self.kernels),
            ("ONNX Runtime", &self.onnx_runtime),
        ]
    }
}
