//! The talker: embeddings in, logits and hidden state out, on llama.cpp.
