//! The one thing about a sound card that the `alsa` crate does not offer: to take back what it was given.

use alsa::pcm::PCM;

/// Takes back up to `frames` of what was written to a playback device last and was not played yet; says how many.
///
/// 0 where the device cannot do that, or where the handle cannot be had.
#[must_use]
pub fn take_back(pcm: &PCM, frames: usize) -> usize {
    let Some(handle) = handle_of(pcm) else { return 0 };
    // SAFETY: `handle` is the live `snd_pcm_t` that `pcm` owns (see `handle_of`), and `pcm` is borrowed, so it is not
    // closed meanwhile. `PCM` is not `Sync`, so no other thread is inside alsa-lib with this handle.
    #[allow(unsafe_code)]
    let taken = unsafe {
        let most = alsa_sys::snd_pcm_rewindable(handle);
        let wanted = usize::try_from(most).unwrap_or(0).min(frames);
        if wanted == 0 { 0 } else { alsa_sys::snd_pcm_rewind(handle, wanted as alsa_sys::snd_pcm_uframes_t) }
    };
    usize::try_from(taken).unwrap_or(0)
}

/// The alsa-lib handle behind a `PCM`.
///
/// The crate keeps it private, but its derived `Debug` form begins with it: `PCM(0x55d0c0ffee00, …)`. The crate's version
/// is pinned, a test holds the form, and any other form gives `None`.
fn handle_of(pcm: &PCM) -> Option<*mut alsa_sys::snd_pcm_t> {
    let form = format!("{pcm:?}");
    let digits = form.strip_prefix("PCM(0x")?.split_once(',')?.0;
    let address = usize::from_str_radix(digits, 16).ok().filter(|address| *address != 0)?;
    Some(std::ptr::with_exposed_provenance_mut(address))
}

#[cfg(test)]
mod tests {
    use alsa::Direction;
    use alsa::pcm::PCM;

    use super::{handle_of, take_back};

    #[test]
    fn the_handle_is_the_one_that_alsa_lib_knows_by_name() {
        let Ok(pcm) = PCM::new("null", Direction::Playback, true) else {
            // alsa-lib without its configuration files (a bare container) has no `null` device.
            return;
        };
        let handle = handle_of(&pcm).unwrap();
        // SAFETY: the handle is alive as long as `pcm`; the name is a zero-terminated string that lives with it.
        #[allow(unsafe_code)]
        let name = unsafe { std::ffi::CStr::from_ptr(alsa_sys::snd_pcm_name(handle)) };
        assert_eq!(name.to_str(), Ok("null"));
        assert_eq!(take_back(&pcm, 100), 0);
    }
}
