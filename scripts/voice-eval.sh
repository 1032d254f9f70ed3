#!/usr/bin/env bash
# How well the embedded voice is understood: held-out sentences through `crier say`, read back by a speech recogniser.
# Arguments go to voices/recipe/evaluate.py.
set -euo pipefail
cd "$(dirname "$0")/.."
work=target/voice-eval
if ! [ voices/recipe/requirements-evaluate.txt -ot "$work/venv/made" ]; then
    echo "Installing the judge (a speech recogniser) in $work ..."
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --requirement voices/recipe/requirements-evaluate.txt
    touch "$work/venv/made"
fi
exec "$work/venv/bin/python" voices/recipe/evaluate.py "$work" "$@"
