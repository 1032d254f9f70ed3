//! Owned alsa-lib PCM handle. The `alsa` crate neither offers `snd_pcm_rewind` nor gives access to the handle that it
//! owns, so the calls that the player needs are made here. All unsafe code of the crate is in this file.

#![allow(unsafe_code, reason = "calls of alsa-lib")]

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use ::alsa::Error;
use alsa_sys::{snd_pcm_hw_params_t, snd_pcm_sw_params_t, snd_pcm_t, snd_pcm_uframes_t};

/// Calls an alsa-lib function; a negative result is an error number.
macro_rules! call {
    ($function:ident($($argument:expr),*)) => {{
        // SAFETY: handle and parameters are live objects of alsa-lib, owned by the caller's `self` (or by the guards in
        // `configure`) and used by one thread at a time, because no owner is `Sync`; other pointers are to locals.
        let result = unsafe { alsa_sys::$function($($argument),*) };
        if result < 0 { Err(Error::new(stringify!($function), -(result as c_int))) } else { Ok(result) }
    }};
}

/// Playback device of alsa-lib, closed when dropped. No call blocks.
pub(super) struct PcmHandle(NonNull<snd_pcm_t>);

// SAFETY: alsa-lib does not tie a handle to a thread. `PcmHandle` is not `Sync`, so only one thread at a time uses it.
unsafe impl Send for PcmHandle {}

/// Requested configuration of a device: formats, rates and channels in the order of preference.
pub(super) struct HardwareRequest<'a> {
    pub(super) formats: &'a [::alsa::pcm::Format],
    pub(super) rates_hz: &'a [u32],
    pub(super) buffer_us: u32,
    pub(super) period_us: u32,
}

/// Configuration that the device accepted; `format` is the index of the accepted format.
pub(super) struct HardwareSetup {
    pub(super) format: usize,
    pub(super) rate_hz: u32,
    pub(super) channels: u32,
    pub(super) buffer_frames: usize,
    pub(super) period_frames: usize,
}

struct HardwareParams(*mut snd_pcm_hw_params_t);

impl Drop for HardwareParams {
    fn drop(&mut self) {
        // SAFETY: allocated by `snd_pcm_hw_params_malloc`, freed once.
        unsafe { alsa_sys::snd_pcm_hw_params_free(self.0) }
    }
}

struct SoftwareParams(*mut snd_pcm_sw_params_t);

impl Drop for SoftwareParams {
    fn drop(&mut self) {
        // SAFETY: allocated by `snd_pcm_sw_params_malloc`, freed once.
        unsafe { alsa_sys::snd_pcm_sw_params_free(self.0) }
    }
}

impl PcmHandle {
    /// Opens a playback device without blocking.
    pub(super) fn open(name: &CStr) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        let mode = alsa_sys::SND_PCM_NONBLOCK as c_int;
        call!(snd_pcm_open(&mut handle, name.as_ptr(), alsa_sys::SND_PCM_STREAM_PLAYBACK, mode))?;
        NonNull::new(handle).map(Self).ok_or(Error::new("snd_pcm_open", 22))
    }

    fn raw(&self) -> *mut snd_pcm_t {
        self.0.as_ptr()
    }

    /// Negotiates the configuration. alsa-lib's rate converters are switched off: the player's is better.
    pub(super) fn configure(&self, request: &HardwareRequest<'_>) -> Result<HardwareSetup, Error> {
        let pcm = self.raw();
        let mut params = ptr::null_mut();
        call!(snd_pcm_hw_params_malloc(&mut params))?;
        let params = HardwareParams(params);
        let hw = params.0;
        call!(snd_pcm_hw_params_any(pcm, hw))?;
        call!(snd_pcm_hw_params_set_access(pcm, hw, alsa_sys::SND_PCM_ACCESS_RW_INTERLEAVED))?;
        call!(snd_pcm_hw_params_set_rate_resample(pcm, hw, 0))?;
        let format = request
            .formats
            .iter()
            .position(|&format| call!(snd_pcm_hw_params_set_format(pcm, hw, format as c_int)).is_ok())
            .ok_or(Error::new("snd_pcm_hw_params_set_format", 22))?;
        // Much hardware has no mono; its other channel gets a copy.
        if call!(snd_pcm_hw_params_set_channels(pcm, hw, 1)).is_err() {
            call!(snd_pcm_hw_params_set_channels(pcm, hw, 2))?;
        }
        let set = |&rate: &u32| call!(snd_pcm_hw_params_set_rate(pcm, hw, rate, 0)).is_ok();
        if !request.rates_hz.iter().any(set) {
            let mut near = request.rates_hz.first().copied().unwrap_or(48_000);
            call!(snd_pcm_hw_params_set_rate_near(pcm, hw, &mut near, ptr::null_mut()))?;
        }
        // The buffer first: the period is then fitted into it, while the other order may leave a buffer of two periods.
        let (mut buffer_us, mut period_us) = (request.buffer_us, request.period_us);
        call!(snd_pcm_hw_params_set_buffer_time_near(pcm, hw, &mut buffer_us, ptr::null_mut()))?;
        call!(snd_pcm_hw_params_set_period_time_near(pcm, hw, &mut period_us, ptr::null_mut()))?;
        call!(snd_pcm_hw_params(pcm, hw))?;
        let (mut buffer, mut period): (snd_pcm_uframes_t, snd_pcm_uframes_t) = (0, 0);
        let (mut rate_hz, mut channels) = (0, 0);
        call!(snd_pcm_hw_params_get_buffer_size(hw, &mut buffer))?;
        call!(snd_pcm_hw_params_get_period_size(hw, &mut period, ptr::null_mut()))?;
        call!(snd_pcm_hw_params_get_rate(hw, &mut rate_hz, ptr::null_mut()))?;
        call!(snd_pcm_hw_params_get_channels(hw, &mut channels))?;
        self.set_thresholds(buffer, period)?;
        let frames = |count: snd_pcm_uframes_t| usize::try_from(count).unwrap_or(usize::MAX).max(1);
        let (buffer_frames, period_frames) = (frames(buffer), frames(period));
        Ok(HardwareSetup { format, rate_hz, channels, buffer_frames, period_frames })
    }

    /// Starts playback once all but one period are filled, so that the first words are not cut by an underrun.
    fn set_thresholds(&self, buffer: snd_pcm_uframes_t, period: snd_pcm_uframes_t) -> Result<(), Error> {
        let pcm = self.raw();
        let mut params = ptr::null_mut();
        call!(snd_pcm_sw_params_malloc(&mut params))?;
        let params = SoftwareParams(params);
        call!(snd_pcm_sw_params_current(pcm, params.0))?;
        let start = buffer.saturating_sub(period).max(period);
        call!(snd_pcm_sw_params_set_start_threshold(pcm, params.0, start))?;
        call!(snd_pcm_sw_params_set_avail_min(pcm, params.0, period))?;
        call!(snd_pcm_sw_params(pcm, params.0)).map(drop)
    }

    /// Writes interleaved frames; returns the number of frames accepted.
    pub(super) fn write(&self, bytes: &[u8], bytes_per_frame: usize) -> Result<usize, Error> {
        let frames = (bytes.len() / bytes_per_frame.max(1)) as snd_pcm_uframes_t;
        let taken = call!(snd_pcm_writei(self.raw(), bytes.as_ptr().cast(), frames))?;
        Ok(usize::try_from(taken).unwrap_or(0))
    }

    /// Takes back up to `frames` of the frames written last that were not played yet; returns their number. 0 if the
    /// device cannot do so.
    pub(super) fn rewind(&self, frames: usize) -> usize {
        let rewindable = call!(snd_pcm_rewindable(self.raw())).unwrap_or(0);
        let wanted = usize::try_from(rewindable).unwrap_or(0).min(frames);
        if wanted == 0 {
            return 0;
        }
        let taken = call!(snd_pcm_rewind(self.raw(), wanted as snd_pcm_uframes_t)).unwrap_or(0);
        usize::try_from(taken).unwrap_or(0)
    }

    /// Frames written that were not played yet; some drivers report a negative number just before an underrun.
    pub(super) fn delay(&self) -> Result<usize, Error> {
        let mut frames = 0;
        call!(snd_pcm_delay(self.raw(), &mut frames))?;
        Ok(usize::try_from(frames).unwrap_or(0))
    }

    /// State as alsa-lib's number, which is negative for an unplugged USB device.
    pub(super) fn state(&self) -> i32 {
        // SAFETY: the handle is live, see `call`.
        unsafe { alsa_sys::snd_pcm_state(self.raw()) as i32 }
    }

    pub(super) fn start(&self) -> Result<(), Error> {
        call!(snd_pcm_start(self.raw())).map(drop)
    }

    pub(super) fn drain(&self) -> Result<(), Error> {
        call!(snd_pcm_drain(self.raw())).map(drop)
    }

    /// Stops at once and discards what the device holds.
    pub(super) fn stop(&self) -> Result<(), Error> {
        call!(snd_pcm_drop(self.raw())).map(drop)
    }

    pub(super) fn prepare(&self) -> Result<(), Error> {
        call!(snd_pcm_prepare(self.raw())).map(drop)
    }
}

impl Drop for PcmHandle {
    fn drop(&mut self) {
        // SAFETY: the handle is live and closed once.
        unsafe { alsa_sys::snd_pcm_close(self.raw()) };
    }
}
