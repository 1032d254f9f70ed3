"""What was learned, to be looked at: `pictures.py WORK` writes WORK/losses.png and WORK/spectrograms.png."""

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
import soundfile

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from render import FRAME  # noqa: E402
from shards import HIDDEN_FRAMES, SPEAKERS  # noqa: E402


def losses(work):
    figure, axes = plt.subplots(1, 2, figsize=(12, 4))
    for axis, name in zip(axes, ("talker", "vocoder")):
        rows = [json.loads(line) for line in (work / f"{name}.jsonl").read_text().splitlines()]
        for key in [key for key in rows[-1] if key not in ("step", "minutes", "norm")]:
            axis.plot([row["minutes"] for row in rows], [row.get(key) for row in rows], label=key, linewidth=1)
        axis.set(title=name, xlabel="minutes of training", yscale="log")
        axis.legend()
    figure.tight_layout()
    figure.savefig(work / "losses.png", dpi=80)


def spectrograms(work, sentence="001"):
    paths = [work / "heard" / f"{SPEAKERS[0]}-{sentence}-{name}.wav" for name in ("teacher", "vocoder", "voice")]
    figure, axes = plt.subplots(len(paths), 1, figsize=(12, 9), sharex=True)
    for axis, path in zip(axes, paths):
        samples, rate = soundfile.read(path)
        samples = samples[HIDDEN_FRAMES * FRAME :]
        noise = np.random.default_rng(0).standard_normal(len(samples)) * 1e-6
        axis.specgram(samples + noise, NFFT=512, Fs=rate, noverlap=384, vmin=-150, vmax=-40, cmap="magma")
        axis.set(title=path.stem.split("-")[-1], ylabel="Hz")
    figure.tight_layout()
    figure.savefig(work / "spectrograms.png", dpi=45)


if __name__ == "__main__":
    losses(Path(sys.argv[1]))
    spectrograms(Path(sys.argv[1]))
