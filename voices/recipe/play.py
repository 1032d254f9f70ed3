"""The samples that codes stand for.

The teacher's own signal processing plays them. So samples follow from the codes and from nothing else, and the vocoder learns
a function. Taught with the teacher's samples, of which codes leave much open, it would learn their mean instead: nearer to
them by every distance, and much harder to understand.
"""

import numpy as np
import torch

from bands import BANDS, FLOOR, HARMONIC_BANDS, NOISE_BANDS, mel_bands
from codes import NOISE_WEIGHT, PITCH_WEIGHTS, SCALE, Coder
from render import BINS, HOPS_PER_FRAME, PERIODS_MAX, PERIODS_MIN, UNVOICED_PERIODS, render


class Player:
    def __init__(self, work, device="cpu"):
        self.coder = Coder(work, device)
        fine = lambda bands: torch.from_numpy(np.linalg.pinv(mel_bands(bands, BINS), rcond=0.02)).to(device)
        self.harmonic, self.noise = fine(HARMONIC_BANDS), fine(NOISE_BANDS)
        self.pitches = self.coder.pitches / PITCH_WEIGHTS.to(device)

    def play(self, codes):
        """Samples [batch, frames * 1920], within -1 and 1, of codes [batch, frames, 16]."""
        bands = self.coder.patch(codes).unflatten(-1, (HOPS_PER_FRAME, BANDS)).flatten(1, 2) * SCALE
        pitch = self.pitches[codes[..., 1]]
        voiced = pitch[..., 2:] > 0.5
        periods = torch.where(voiced.any(-1), pitch[..., 0].round().clamp(PERIODS_MIN, PERIODS_MAX), UNVOICED_PERIODS).long()
        # Bands say little about the edges of the spectrum: the floor is added last, so that it is what these are left at.
        return render(bands[..., :HARMONIC_BANDS] @ self.harmonic + FLOOR, bands[..., HARMONIC_BANDS:] / NOISE_WEIGHT @ self.noise + FLOOR,
                      voiced.flatten(1), periods).clamp(-1, 1)
