//! llama.cpp's log lines as `tracing` events.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};
use std::sync::Once;

use llama_cpp_sys_2 as sys;

/// Sends what llama.cpp and ggml say to `tracing`: errors as errors, and the rest as debug, warnings too, for they are
/// about what was asked for on purpose (repacking, said for every tensor, as trace). Called by everything here that may
/// speak.
pub(crate) fn route() {
    static ONCE: Once = Once::new();
    // SAFETY: `line` has the signature that is asked for, lives for ever, and needs no data.
    ONCE.call_once(|| unsafe {
        sys::llama_log_set(Some(line), std::ptr::null_mut());
        sys::ggml_log_set(Some(line), std::ptr::null_mut());
    });
}

unsafe extern "C" fn line(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: not null; llama.cpp passes a string that ends with a zero and outlives the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let text = text.trim();
    // Lines of dots, and what continues a line without a beginning, say nothing.
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
