//! The code predictor: fifteen codes of a frame from one hidden state.
