# The doors a newcomer uses. Everything else is cargo.
.PHONY: setup onnxruntime build demo test bench check-dependencies

export PATH := $(HOME)/.cargo/bin:$(PATH)

# Installs system packages, Rust and ONNX Runtime where they are missing.
setup:
	@scripts/setup.sh

onnxruntime:
	@scripts/onnxruntime.sh

build: setup
	@printf '\033[1m==>\033[0m Building (the first time takes some minutes)\n'
	cargo build --release

# Speaks a sentence with the default voice: plays it where there is a sound card, and leaves a WAV file.
demo: build
	@scripts/demo.sh

test: setup
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps --quiet
	cargo test --release --workspace

# How fast the default voice is on this machine; `crier bench --voice BUNDLE` measures another.
bench: build
	@cargo run --release --quiet -- bench

# Licences, banned and doubled crates; needs cargo-deny.
check-dependencies:
	cargo deny check
