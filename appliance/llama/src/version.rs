//! Version of ggml and the kernels that it was compiled with.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

use llama_cpp_sys_2 as sys;

/// Version and commit of ggml: `0.9.4 (a1b2c3d)`.
#[must_use]
pub fn ggml_version() -> String {
    // SAFETY: both return static strings.
    let (version, commit) = unsafe { (text(sys::ggml_version()), text(sys::ggml_commit())) };
    format!("{version} ({commit})")
}

/// Processor features that this build of ggml has kernels for and this machine offers, as ggml prints them.
#[must_use]
pub fn ggml_kernels() -> String {
    crate::log::route();
    // SAFETY: returns a static string, which it fills on each call.
    let features = unsafe { text(sys::llama_print_system_info()) };
    features.trim().trim_end_matches('|').trim().to_owned()
}

/// # Safety
/// `pointer` is null, or a NUL-terminated string that lives for the time of the call.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "unknown".to_owned();
    }
    // SAFETY: by the contract above.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_and_kernels_are_known() {
        assert!(super::ggml_version().starts_with(|c: char| c.is_ascii_digit()), "{}", super::ggml_version());
        assert!(super::ggml_kernels().contains("= 1"), "{}", super::ggml_kernels());
    }
}
