"""The samples that codes stand for: `play.py WORK FOLDER [SHARDS]` writes WORK/FOLDER/SHARD.npy for its SHARD.npz, the first
SHARDS of each speaker or all.

The teacher's own signal processing plays the codes. So the samples follow from the codes and from nothing else, and the
vocoder learns a function. Taught with the teacher's samples, of which codes leave much open, it would learn their mean
instead: nearer to them by every distance, and much harder to understand.
"""

import sys
from pathlib import Path

import numpy as np
import torch

import codes as coding
import synthesise
from bands import FLOOR, HARMONIC_BANDS, NOISE_BANDS, mel_bands
from teacher import BINS, FRAME, PERIODS_MAX, PERIODS_MIN, UNVOICED_PERIODS, render


class Player:
    def __init__(self, work):
        self.coder = coding.Coder(work)
        self.harmonic, self.noise = (np.linalg.pinv(mel_bands(bands, BINS), rcond=0.02) for bands in (HARMONIC_BANDS, NOISE_BANDS))

    def play(self, codes):
        """Samples [frames * 1920], within -1 and 1, of codes [frames, 16]."""
        bands = self.coder.patch(codes).reshape(-1, HARMONIC_BANDS + NOISE_BANDS).numpy() * coding.SCALE
        bands[:, HARMONIC_BANDS:] /= coding.NOISE_WEIGHT
        pitch = self.coder.pitches[codes[:, 1]] / coding.PITCH_WEIGHTS
        voiced = pitch[:, 2:] > 0.5
        periods = torch.where(voiced.any(1), pitch[:, 0].round().clamp(PERIODS_MIN, PERIODS_MAX), torch.tensor(UNVOICED_PERIODS)).long()
        # Bands say little about the edges of the spectrum: the floor is added last, so that it is what these are left at.
        samples = render(bands[:, :HARMONIC_BANDS] @ self.harmonic + FLOOR, bands[:, HARMONIC_BANDS:] @ self.noise + FLOOR,
                         voiced.reshape(-1).numpy(), periods.numpy())
        return samples.clip(-1, 1)


def main(work, folder, count=None):
    torch.set_num_threads(1)
    player = Player(work)
    for path in synthesise.shards(work, count):
        out = Path(work) / folder / path.with_suffix(".npy").name
        if out.exists() or not out.with_suffix(".npz").exists():
            continue
        with np.load(path) as shard, np.load(out.with_suffix(".npz")) as file:
            sentences = torch.from_numpy(file["codes"]).long().split(shard["frames"].tolist())
        samples = np.concatenate([player.play(codes) for codes in sentences])
        np.save(out.with_suffix(".new.npy"), (samples * 32767).astype(np.int16))
        out.with_suffix(".new.npy").rename(out)
        print(f"{folder}/{out.name}: {len(samples) / FRAME * 0.08 / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
