# The doors a newcomer uses. Everything else is cargo.
.PHONY: setup test

export PATH := $(HOME)/.cargo/bin:$(PATH)

setup:
	@scripts/setup.sh

test: setup
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	cargo test --release --workspace
