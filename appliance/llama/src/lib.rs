//! A small safe layer over llama.cpp and ggml: embeddings in, logits and hidden states out.
