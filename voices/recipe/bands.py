"""What students learn of a sound: how loud its harmonics and its noise are in a few bands."""

from functools import lru_cache

import numpy as np

HARMONIC_BANDS, NOISE_BANDS = 48, 24
BANDS = HARMONIC_BANDS + NOISE_BANDS
FLOOR = -5.5
HIGHEST_HZ = 12_000


@lru_cache(maxsize=8)
def mel_bands(bands, bins):
    """Triangles evenly spaced in mel over 0..12 kHz, each summing to one [bins, bands]."""
    to_hz = lambda mel: 700 * (10 ** (mel / 2595) - 1)
    edges = to_hz(np.linspace(0, 2595 * np.log10(1 + HIGHEST_HZ / 700), bands + 2)) / HIGHEST_HZ * (bins - 1)
    edges = np.maximum(edges, np.arange(bands + 2))
    at = np.arange(bins)[:, None]
    rise = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rise, fall))
    return (weights / weights.sum(0)).astype(np.float32)


def amplitudes(harmonic, noise, voiced):
    """Smoothed amplitudes of each hop [hops, 72] of fine ones [hops, bins]: what is too soft to be heard, or not voiced, is
    the floor."""
    harmonic_bands, noise_bands = (mel_bands(bands, harmonic.shape[1]) for bands in (HARMONIC_BANDS, NOISE_BANDS))
    harmonic = np.where(voiced[:, None], np.logaddexp(harmonic, FLOOR), FLOOR) @ harmonic_bands
    return np.concatenate([harmonic, np.logaddexp(noise, FLOOR) @ noise_bands], 1)
