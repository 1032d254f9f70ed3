//! From a Qwen3-TTS checkpoint to a voice bundle.
