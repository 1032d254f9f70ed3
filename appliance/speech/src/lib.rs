//! From text to frames: sentences, tokens, prompt rows, sampling and the frame loop; no I/O.
