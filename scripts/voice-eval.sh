#!/usr/bin/env bash
# Measures the intelligibility of the embedded voice: `crier say` speaks held-out sentences, and a speech recogniser
# transcribes them. Arguments are passed to voices/recipe/evaluate.py.
set -euo pipefail
cd "$(dirname "$0")/.."
work=target/voice-eval
if ! [ voices/recipe/requirements-evaluate.txt -ot "$work/venv/made" ]; then
    echo "Installing the speech recogniser in $work ..."
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --requirement voices/recipe/requirements-evaluate.txt
    touch "$work/venv/made"
fi
exec "$work/venv/bin/python" voices/recipe/evaluate.py "$work" "$@"
