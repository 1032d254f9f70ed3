//! llama.cpp's log lines as `tracing` events.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};
use std::sync::Once;

use llama_cpp_sys_2 as sys;

/// Routes the log of llama.cpp and ggml to `tracing`. Errors stay errors. Everything else becomes debug, warnings
/// included, because they concern settings made on purpose; the per-tensor lines about repacking become trace. Called
/// before anything in this crate that may log.
pub(crate) fn route() {
    static ONCE: Once = Once::new();
    // SAFETY: `line` has the required signature, is a static function, and ignores its data pointer.
    ONCE.call_once(|| unsafe {
        sys::llama_log_set(Some(line), std::ptr::null_mut());
        sys::ggml_log_set(Some(line), std::ptr::null_mut());
    });
}

unsafe extern "C" fn line(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: not null; llama.cpp passes a NUL-terminated string that outlives the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let text = text.trim();
    // llama.cpp prints progress as dots and continues lines in separate calls: both are noise here.
    if text.trim_matches('.').is_empty() {
        return;
    }
    match level {
        sys::GGML_LOG_LEVEL_ERROR => tracing::error!(target: "llama", "{text}"),
        sys::GGML_LOG_LEVEL_WARN | sys::GGML_LOG_LEVEL_INFO if !text.contains("repack") => {
            tracing::debug!(target: "llama", "{text}");
        }
        _ => tracing::trace!(target: "llama", "{text}"),
    }
}
