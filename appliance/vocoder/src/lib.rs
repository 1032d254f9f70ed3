//! The vocoder: codes in, samples out, every streaming state explicit, on ONNX Runtime.
