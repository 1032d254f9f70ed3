"""From codes to samples: `train_vocoder.py WORK MINUTES [--codes FOLDER ...]` trains WORK/vocoder.pt, and goes on with it.

As samples follow from the codes (see play.py), it is trained by regression: distance of loudness in bands, of spectra in five
resolutions, and of the samples themselves.

Two of them may learn side by side, on a core each, under two names; `average.py` makes one of them.
"""

import argparse
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import codes as coding
import progress
import shards
from bands import mel_bands
from muon import Muon
from play import Player
from render import FRAME
from step import Step
from vocoder import CODEBOOK_WIDTH, Vocoder

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64), (128, 32))
# In how many bands loudness is compared, for each window. It alone decides what is understood: with the bands of a vocoder
# of 210 minutes set right, words misheard fell from 15.2 to 6.0 %; with those of 1 to 4 kHz only, to 9.2; below, to 14.5.
BANDS, BELOW_1_KHZ, BELOW_1_KHZ_WEIGHT = {1024: 64, 512: 48, 256: 24}, 0.31, 0.3
BANDS_WEIGHT, SAMPLES_WEIGHT, OFFSET_WEIGHT = 4.0, 0.2, 100.0
SEGMENT_FRAMES, SKIPPED_FRAMES = 12, 2
RATE, RATE_LAST, WARM_UP_STEPS = 4e-3, 1e-4, 100
# Of all that is no matrix, as a part of RATE: biases that move as one add up to steps too long for the rest.
OTHERS_RATE = 0.1


def model(work):
    """A vocoder, its codebooks begun with what the codes stand for."""
    decoder, coder = Vocoder(), coding.Coder(work)
    width = CODEBOOK_WIDTH // 2
    with torch.no_grad():
        # Of the components only the largest.
        scale = 1 / coder.levels[0, :, :width].pow(2).mean().sqrt()
        means = coder.means - coder.means.mean(0)
        decoder.quantizer.rvq_first.tables[0].copy_(means @ torch.linalg.svd(means, full_matrices=False)[2][:width].T * scale * 0.5)
        pitch, *rest = decoder.quantizer.rvq_rest.tables
        pitch.copy_(_pitch_rows(coder, width))
        for table, level in zip(rest, coder.levels):
            table.copy_(level[:, :width] * scale)
    return decoder


def _pitch_rows(coder, width):
    """Where in its turn the pitch is at several points of the frame, besides pitch and voicing themselves."""
    values = coder.pitches / coding.PITCH_WEIGHTS
    periods, change, voiced = values[:, :1].round(), values[:, 1:2], values[:, 2:]
    rows = torch.randn(len(values), width, generator=torch.Generator().manual_seed(0)) * 0.1
    parts = torch.tensor([2, 3, 4, 5, 6, 8, 10, 12, 16, 24.0])
    turns = 2 * np.pi * periods / parts * voiced.amax(1, keepdim=True)
    known = torch.cat([turns.cos(), turns.sin(), (periods - 15) / 5, change, voiced * 2 - 1], 1)
    rows[:, : known.shape[1]] = known
    return rows


@lru_cache(maxsize=len(BANDS))
def _bands(window, device):
    """Mel bands [bins, bands], and what each of them weighs [bands], one in all."""
    count = BANDS[window]
    weights = torch.where(torch.arange(count) < count * BELOW_1_KHZ, BELOW_1_KHZ_WEIGHT, 1.0)
    return torch.from_numpy(mel_bands(count, window // 2 + 1)).to(device), (weights / weights.sum()).to(device)


def distance(made, wanted):
    """Of loudness in bands (nepers); of spectra, logarithmic and linear; of the samples; and the part of the energy that is
    wrong. A constant offset is none of these: every step of a bias moves it a little, in silence that little is several
    nepers, and its gradient was five times that of all else together."""
    offset = made.mean(1, keepdim=True)
    made = made - offset
    total = loudness = 0.0
    for window, hop in RESOLUTIONS:
        hann = torch.hann_window(window, device=made.device)
        a, b = (torch.stft(x, window, hop, window, hann, return_complex=True).abs() for x in (made, wanted))
        floor = 1e-3 * window**0.5
        total = total + F.l1_loss(torch.log(a + floor), torch.log(b + floor)) + (a - b).abs().mean() / (4 * b.mean().clamp(min=1e-3))
        if window in BANDS:
            bands, weights = _bands(window, made.device)
            a, b = (torch.log(x.square().transpose(1, 2) @ bands + floor**2) / 2 for x in (a, b))
            loudness = loudness + (a - b).abs().mean((0, 1)) @ weights
    samples = (made - wanted).abs().mean() / wanted.abs().mean().clamp(min=3e-3)
    wrong = (made - wanted).detach().pow(2).sum() / wanted.pow(2).sum()
    return loudness / len(BANDS), total / len(RESOLUTIONS), samples, offset.square().mean(), wrong


class Speech:
    """Random pieces of all shards in these folders, and who plays them."""

    def __init__(self, work, folders, device):
        self.player = Player(work, device)
        sentences = [sentence["codes"] for folder in folders for _, sentence in shards.spoken(work, folder)]
        self.codes = torch.from_numpy(np.concatenate(sentences)).to(device)
        lengths = torch.tensor([len(codes) for codes in sentences], device=device)
        starts = lengths.cumsum(0) - lengths
        # Where a piece may begin: whole ones only.
        at = torch.arange(len(self.codes), device=device)
        ends = (starts + lengths).repeat_interleave(lengths)
        self.starts = at[at + SEGMENT_FRAMES <= ends]

    def batch(self, pieces):
        """Codes [pieces, frames, 16]."""
        chosen = torch.randint(len(self.starts), (pieces,), device=self.codes.device)
        return self.codes[self.starts[chosen][:, None] + torch.arange(SEGMENT_FRAMES, device=self.codes.device)].long()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("minutes", type=float)
    arguments.add_argument("--codes", nargs="+", default=["codes"], help="folders of codes: the teacher's, and the student's own")
    arguments.add_argument("--name", default="vocoder")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rate", type=float, default=RATE)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--pieces", type=int, default=6, help="in one step, of a second each")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    decoder = model(arguments.work).to(arguments.device)
    trained = [p for p in decoder.parameters() if p.requires_grad]
    kernels = [p for name, p in decoder.named_parameters() if p.dim() > 1 and min(p.flatten(1).shape) > 8 and "codebook" not in name]
    chosen = {id(p) for p in kernels}
    optimisers = [Muon(kernels, arguments.rate), torch.optim.AdamW([p for p in trained if id(p) not in chosen], arguments.rate, betas=(0.8, 0.98))]
    log = progress.Log(arguments.work, arguments.name, decoder, optimisers)
    speech = Speech(arguments.work, arguments.codes, arguments.device)
    print(f"{len(speech.codes) * 0.08 / 3600:.1f} hours", flush=True)
    cut = SKIPPED_FRAMES * FRAME

    def compute(codes):
        # Its targets are not for half precision.
        with torch.autocast(arguments.device, enabled=False):
            wanted = speech.player.play(codes)[:, cut:]
        made = decoder(codes.transpose(1, 2))[:, cut:]
        with torch.autocast(arguments.device, enabled=False):
            loudness, spectra, samples, offset, wrong = distance(made, wanted)
        told = dict(loudness=loudness, spectra=spectra, samples=samples, wrong=wrong)
        return BANDS_WEIGHT * loudness + spectra + SAMPLES_WEIGHT * samples + OFFSET_WEIGHT * offset, told

    step, begin = Step(compute, decoder, optimisers, clip=3.0), time.time()
    while (part := (time.time() - begin) / (60 * arguments.minutes)) < 1:
        rate = (RATE_LAST + (arguments.rate - RATE_LAST) * (1 - part)) * min(1, (log.step + 1) / WARM_UP_STEPS)
        log.add(step.run((rate, OTHERS_RATE * rate), speech.batch(arguments.pieces)))
    log.save()


if __name__ == "__main__":
    main()
