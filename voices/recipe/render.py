"""Samples from amplitudes and pitch, in such a way that nothing is left to chance.

A voiced frame holds a whole number of equal pitch periods, its pulse is minimum-phase, and noise is one fixed template in
every frame. So the samples of a frame follow from its spectrum and pitch alone, and a decoder can be trained by plain
regression: there is nothing that would need an adversary.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

SAMPLE_RATE_HZ = 24_000
FRAME = 1_920
HOPS_PER_FRAME = 6
HOP = FRAME // HOPS_PER_FRAME
WINDOW = 1_200
BINS = WINDOW // 2 + 1
HARMONICS_MAX_HZ = 11_000.0
PERIODS_MIN, PERIODS_MAX, UNVOICED_PERIODS = 4, 27, 15
# A hop is heard up to half a window before its middle. So late, no sample needs a frame that a causal decoder has not seen.
DELAY = 480


@lru_cache(maxsize=4)
def _sources(device):
    """One frame of pulses for each number of periods [28, 1920], and one of white noise, the same in every frame [1920]: flat
    spectrum, unit variance."""
    periods = np.maximum(np.arange(PERIODS_MAX + 1), 1)[:, None]
    turn = 2 * np.pi * (periods * np.arange(FRAME) / FRAME % 1)
    highest = np.floor(HARMONICS_MAX_HZ / (periods * SAMPLE_RATE_HZ / FRAME)) + 0.5
    divisor = 2 * np.sin(turn / 2)
    limit = np.abs(divisor) < 2e-3
    pulses = np.where(limit, highest, np.sin(highest * turn) / np.where(limit, 1, divisor)) - 0.5
    noise = np.random.default_rng(1234).standard_normal(FRAME)
    noise = np.fft.irfft(np.exp(1j * np.angle(np.fft.rfft(noise))), FRAME)
    return tuple(torch.from_numpy(x.astype(np.float32)).to(device) for x in (pulses, noise / noise.std()))


@lru_cache(maxsize=4)
def _hann(device):
    return torch.hann_window(WINDOW, device=device)


@lru_cache(maxsize=4)
def _normalisation(hops, device):
    return 1 / _overlap_add(_hann(device).square().expand(1, hops, -1)).clamp(min=0.05)


def _windows(signal, hops):
    """[batch, hops, 1200] of samples [batch, hops * 320], around the middle of each hop."""
    return F.pad(signal, (WINDOW // 2 - HOP // 2, WINDOW // 2)).unfold(1, WINDOW, HOP)[:, :hops]


def _overlap_add(pieces):
    hops = pieces.shape[1]
    length = (hops - 1) * HOP + WINDOW
    return F.fold(pieces.transpose(1, 2), (1, length), (1, WINDOW), stride=(1, HOP)).flatten(1)


def minimum_phase(amplitude_log):
    """Spectra of the causal filter with these amplitudes [..., 601]: cepstrum folded to positive time."""
    cepstrum = torch.fft.irfft(amplitude_log, WINDOW)
    cepstrum[..., 1 : WINDOW // 2] *= 2
    cepstrum[..., WINDOW // 2 + 1 :] = 0
    return torch.exp(torch.fft.rfft(cepstrum))


def render(harmonic, noise, voiced, periods):
    """Samples [batch, frames * 1920] from amplitudes [batch, hops, 601] (natural logarithm), voicing [batch, hops] and whole
    periods [batch, frames]; all of it DELAY samples late."""
    pulses, template = _sources(harmonic.device)
    hann, hops = _hann(harmonic.device), harmonic.shape[1]
    pulses = (pulses[periods].unflatten(-1, (HOPS_PER_FRAME, HOP)).flatten(1, 2) * voiced[..., None]).flatten(1)
    noises = template.repeat(periods.shape[1])[None] * (4 / (3 * WINDOW)) ** 0.5
    spectra = torch.fft.rfft(_windows(pulses, hops) * (hann / (WINDOW / 4))) * minimum_phase(harmonic)
    spectra = spectra + torch.fft.rfft(_windows(noises, hops) * hann) * torch.exp(noise)
    signal = _overlap_add(torch.fft.irfft(spectra, WINDOW) * hann) * _normalisation(hops, harmonic.device)
    return F.pad(signal, (DELAY - (WINDOW - HOP) // 2, 0))[:, : hops * HOP]
