"""What the default voice ought to sound like, for a test: `reference.py WORK` writes tests/appliance/teacher.tsv.

For each speaker and each of a few held-out sentences: speaker, text, and how loud the teacher is in twelve bands every 20 ms
(dB; rows of twelve). The student speaks frame by frame in the same time, so the two can be laid side by side.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

import lexicon
import synthesise
from render import FRAME
from shards import HIDDEN_FRAMES, SPEAKERS

OUT = Path(__file__).parents[2] / "tests" / "appliance" / "teacher.tsv"
TEXTS = ("The humidity in the garden is fifty nine percent.", "Golf is one of his blind spots and he's proud of it.",
         "A letter from Michael for Laura.", "The conveyor belt in the warehouse is jammed.",
         "Someone whose occupation is repairing and maintaining automobiles.")
WINDOW, BANDS, LOWEST_HZ, HIGHEST_HZ, FLOOR_DB = 480, 12, 100.0, 8_000.0, -60


def bands_db(samples):
    """[windows, 12] levels of samples of full scale 1: Hann windows of 20 ms, bins of 50 Hz, bands evenly spaced in mel."""
    parts = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW) * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW))
    power = np.abs(np.fft.rfft(parts, axis=1) / WINDOW) ** 2
    mel = lambda hz: 2595 * np.log10(1 + hz / 700)
    band = np.floor((mel(np.arange(power.shape[1]) * 50.0) - mel(LOWEST_HZ)) / (mel(HIGHEST_HZ) - mel(LOWEST_HZ)) * BANDS)
    levels = np.stack([power[:, band == at].sum(1) for at in range(BANDS)], 1)
    return np.maximum(10 * np.log10(levels + 1e-12), FLOOR_DB)


def main(work):
    spelling = lexicon.Spelling(lexicon.read(Path(work) / "lexicon.tsv"))
    with open(OUT, "w", encoding="utf-8") as file:
        for speaker, text in product(SPEAKERS, TEXTS):
            samples = synthesise.utterance(synthesise.teacher_of(work, speaker, audible=True), spelling, text, audible=True)["samples"] / 32768
            levels = bands_db(samples[HIDDEN_FRAMES * FRAME :])
            file.write(f"{speaker}\t{text}\t{' '.join(str(round(value)) for value in levels.reshape(-1))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
