//! Where samples go: ALSA and WAV sinks.
