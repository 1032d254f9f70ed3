# The doors a newcomer uses. Everything else is cargo.
.PHONY: setup onnxruntime build demo test soak bench voice-eval check-dependencies aarch64 test-aarch64 test-firmware test-system image measure

export PATH := $(HOME)/.cargo/bin:$(PATH)

# Installs system packages, Rust and ONNX Runtime where they are missing.
setup:
	@scripts/setup.sh

onnxruntime:
	@scripts/onnxruntime.sh

# BUILT=1 takes the program that is there, such as that of the tests.
build: setup
ifndef BUILT
	@printf '\033[1m==>\033[0m Building (the first time takes some minutes)\n'
	cargo build --release
endif

# Shows the appliance at work: text by FIFO, MQTT and serial line, a stage killed in mid-sentence; leaves WAV files.
demo: build
	@scripts/demo.sh

test: setup
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps --quiet
	cargo test --release --workspace
	python3 scripts/tree-numbers.py --self-test
	python3 scripts/tree-numbers.py
	python3 scripts/check-specification.py --self-test
	python3 scripts/check-specification.py
	python3 scripts/measured.py --self-test
	python3 scripts/measured.py check
	python3 tests/system/lint.py --self-test
	python3 tests/system/lint.py

# The same for hours: thousands of kills, property tests with many more cases, twenty power cuts.
soak: setup
	CRIER_KILLS=3000 cargo test --release --workspace --test appliance -- deaths --nocapture
	PROPTEST_CASES=50000 cargo test --release --workspace --lib
	$(MAKE) test-system ARGUMENTS="--only cuts --cuts 20"

# How fast the default voice is on this machine; `crier bench --voice BUNDLE` measures another.
bench: build
	@cargo run --release --quiet -- bench

# Speeds and start times, measured into docs/measured.json and written into every document that tells them.
measure: build aarch64
	scripts/measured.py speed
	@tests/system/image.sh target/system
	@/usr/bin/python3 tests/system/boot.py target/system --only start --measured target/system/start.json
	scripts/measured.py boot target/system/start.json
	scripts/measured.py write

# How well the embedded voice is understood, by a speech recogniser that nobody here tuned; ARGUMENTS="--every 5" is quicker.
voice-eval: build
	@scripts/voice-eval.sh --teacher $(ARGUMENTS)

# Licences, banned and doubled crates; needs cargo-deny.
check-dependencies:
	cargo deny check

# The program for the board, and a sentence spoken by it in an emulated Cortex-A76.
aarch64: setup
	@scripts/aarch64.sh

# Tests that need no model, built for the board and run in an emulated Cortex-A76.
test-aarch64: setup
	PROPTEST_CASES=16 scripts/cross.sh cargo test --release --locked -p crier-announce -p crier-bundle -p crier-config \
		-p crier-speech -p crier-wire -- --skip takes_no_time

# The firmware's parts that need no emulator: overlays, partitions, signed updates, start-up scripts.
test-firmware: build
	@tests/system/firmware.sh

# Boots the appliance in an emulated machine and drives it by its doors; ARGUMENTS="--only cuts --cuts 20" is more thorough.
# IMAGE=target/image/qemu_aarch64-development/images tests the image that Buildroot made.
export IMAGE ROOT
test-system: $(if $(IMAGE),build,aarch64)
	@tests/system/image.sh target/system
	@/usr/bin/python3 tests/system/boot.py target/system $(ARGUMENTS)

# The disk image for the CM3588, by Buildroot; needs internet and some hours (docs/FLASHING.md).
image: setup
	@scripts/image.sh
