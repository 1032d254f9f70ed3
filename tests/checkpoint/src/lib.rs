//! Synthetic Qwen3-TTS checkpoints for tests: every weight is a pure function of seed, name and index.
