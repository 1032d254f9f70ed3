//! Finds and loads `libonnxruntime.so` and creates its environment, once per process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::OnnxError;

const LIBRARY: &str = "libonnxruntime.so";
/// Environment variable with the library's path; the name is that of the `ort` crate.
const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";
/// Search path relative to the executable's folder: beside it, an installation, and the build trees of this
/// repository (`target/release`, `target/release/deps` and `target/TRIPLE/release`).
const PLACES: [&str; 4] = [".", "../lib/crier", "../onnxruntime", "../../onnxruntime"];

/// Returns the environment of this process, creating it on the first call.
///
/// Looks for the library at `ORT_DYLIB_PATH` or, if that is not set, near the executable.
///
/// # Errors
/// [`OnnxError::LibraryMissing`], or [`OnnxError::Library`] if the library is too old or not ONNX Runtime. The result
/// of the first call is final, because a second attempt in the same process is not supported by ONNX Runtime.
pub fn environment() -> Result<&'static Environment, OnnxError> {
    static ENVIRONMENT: OnceLock<Result<Environment, OnnxError>> = OnceLock::new();
    // The error is kept as well: it would be the same again.
    ENVIRONMENT.get_or_init(|| start(&find(&candidates())?)).as_ref().map_err(Clone::clone)
}

/// Returns version and path of the library, without starting it.
///
/// # Errors
/// As [`environment`].
pub fn library_version() -> Result<(String, PathBuf), OnnxError> {
    let path = find(&candidates())?;
    let version = version_of(&path)
        .map_err(|error| OnnxError::Library { path: path.clone(), reason: one_line(&error.to_string()) })?;
    Ok((version, path))
}

#[allow(unsafe_code, reason = "entry point of a library that is loaded at run time")]
fn version_of(path: &Path) -> Result<String, libloading::Error> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: initialisation of the library that this program runs with anyway; the symbol has had this type since
    // version 1.0, its result is static, and so is the version's string.
    unsafe {
        let library = libloading::Library::new(path)?;
        let base = library.get::<GetApiBase>(b"OrtGetApiBase\0")?();
        let version = std::ffi::CStr::from_ptr(((*base).GetVersionString)());
        Ok(version.to_string_lossy().into_owned())
    }
}

fn candidates() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        // A folder is accepted, too: the name of the variable does not tell which is meant.
        return vec![if path.is_dir() { path.join(LIBRARY) } else { path }];
    }
    let executable = std::env::current_exe().unwrap_or_default();
    let folder = executable.parent().unwrap_or(Path::new(".")).to_owned();
    PLACES.iter().map(|place| folder.join(place).join(LIBRARY)).collect()
}

fn find(candidates: &[PathBuf]) -> Result<PathBuf, OnnxError> {
    // Canonical, because `dlopen` would look up a name without a slash in the system's library path.
    let found = candidates.iter().find_map(|path| path.canonicalize().ok());
    found.ok_or_else(|| OnnxError::LibraryMissing { looked_for: candidates.to_vec() })
}

fn start(path: &Path) -> Result<Environment, OnnxError> {
    let unusable = |reason: String| OnnxError::Library { path: path.to_owned(), reason: one_line(&reason) };
    let builder = ort::init_from(path).map_err(|error| unusable(error.to_string()))?;
    let environment = builder
        .with_name("crier")
        // An offline appliance must not try to connect.
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    // Information is logged for each node, and would flood a debug log.
    environment.set_log_level(LogLevel::Warning);
    tracing::debug!(path = %path.display(), "ONNX Runtime started");
    Ok(environment)
}

/// Routes ONNX Runtime's log to `tracing`, at debug level at most: failures that matter to users are returned as
/// errors.
fn log(level: LogLevel, _category: &str, _id: &str, place: &str, message: &str) {
    match level {
        LogLevel::Error | LogLevel::Fatal | LogLevel::Warning => {
            tracing::debug!(target: "onnxruntime", place, "{message}");
        }
        LogLevel::Info | LogLevel::Verbose => tracing::trace!(target: "onnxruntime", place, "{message}"),
    }
}

/// Joins a multi-line error message of ONNX Runtime into one line.
#[must_use]
pub fn one_line(message: &str) -> String {
    // Logs and status have one line an event.
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_existing_candidate_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let places = [folder.path().join("a"), folder.path().join("b"), folder.path().join("c")];
        std::fs::write(&places[1], "").unwrap();
        std::fs::write(&places[2], "").unwrap();
        assert_eq!(find(&places).unwrap(), places[1].canonicalize().unwrap());
    }

    #[test]
    fn a_missing_library_is_reported_with_a_remedy() {
        let error = find(&[PathBuf::from("/nowhere/libonnxruntime.so")]).unwrap_err().to_string();
        assert!(
            error.contains("/nowhere/libonnxruntime.so") && error.contains("make onnxruntime"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_a_library_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LIBRARY);
        std::fs::write(&path, "this is text").unwrap();
        let error = start(&path).unwrap_err();
        assert!(matches!(&error, OnnxError::Library { .. }), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
}
