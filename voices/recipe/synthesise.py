"""What the student hears: `synthesise.py WORK HOURS` writes WORK/speech/NNN.npz (several may run side by side).

A shard holds 250 sentences, each frame as what codes are made of: three sounds (one a unit), whole pitch periods, voicing
and the smoothed amplitudes of six hops. Speech comes LEAD_FRAMES after its text: the talker reads a
sentence frame by frame as it speaks, and has to know what comes next.
"""

import os
import random
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

import lexicon
from teacher import BINS, FRAME, HOPS_PER_FRAME, SAMPLE_RATE_HZ, UNITS_PER_FRAME, Teacher, render, whole_periods

LEAD_FRAMES = 4
# As many of these nobody hears; in the last, lips may open.
HIDDEN_FRAMES = LEAD_FRAMES - 1
FRAMES_MAX = 150
SHARD = 250
MIX = {"announcements": 0.35, "examples": 0.4, "glosses": 0.25}
HARMONIC_BANDS, NOISE_BANDS = 48, 24
FLOOR = -5.5
SILENCE = "#"


@lru_cache(maxsize=8)
def mel_bands(bands, bins=BINS):
    """Triangles evenly spaced in mel over 0..12 kHz, each summing to one [bins, bands]."""
    to_hz = lambda mel: 700 * (10 ** (mel / 2595) - 1)
    edges = to_hz(np.linspace(0, 2595 * np.log10(1 + 12_000 / 700), bands + 2)) / (SAMPLE_RATE_HZ / 2) * (bins - 1)
    edges = np.maximum(edges, np.arange(bands + 2))
    at = np.arange(bins)[:, None]
    rise = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rise, fall))
    return (weights / weights.sum(0)).astype(np.float32)


def amplitudes(harmonic, noise, voiced):
    """Smoothed amplitudes of each hop [hops, 72]: what is too soft to be heard, or not voiced, is the floor."""
    harmonic = np.where(voiced[:, None], np.logaddexp(harmonic, FLOOR), FLOOR) @ mel_bands(HARMONIC_BANDS)
    return np.concatenate([harmonic, np.logaddexp(noise, FLOOR) @ mel_bands(NOISE_BANDS)], 1)


def utterance(teacher, spelling, text):
    """Everything about one spoken sentence, or None if it has unknown words or is too long."""
    sounds = spelling.timed(text.lower())
    if not sounds:
        return None
    characters, durations = "".join(sound for sound, _ in sounds), [units for _, units in sounds]
    lead = LEAD_FRAMES * UNITS_PER_FRAME
    tail = -sum(durations) % UNITS_PER_FRAME
    frames = (lead + sum(durations) + tail) // UNITS_PER_FRAME
    if frames > FRAMES_MAX or len(characters) > 400:
        return None
    # The teacher wants some silence at the end; what is beyond the last frame is cut off.
    harmonic, noise, pitch = teacher.speak(characters, durations, lead, tail + UNITS_PER_FRAME)
    hops = frames * HOPS_PER_FRAME
    harmonic, noise, pitch = harmonic[:hops], noise[:hops], pitch[:hops]
    periods = whole_periods(pitch)
    samples = render(harmonic, noise, pitch > 0, periods)
    units = SILENCE * lead + "".join(sound * n for sound, n in sounds) + SILENCE * tail
    return {
        "text": text,
        "units": units,
        "samples": (np.clip(samples, -1, 1) * 32767).astype(np.int16),
        "amplitudes": amplitudes(harmonic, noise, pitch > 0).astype(np.float16),
        "voiced": pitch > 0,
        "periods": periods.astype(np.int8),
    }


def save(path, utterances):
    columns = {key: np.concatenate([u[key] for u in utterances]) for key in ("amplitudes", "voiced", "periods")}
    lengths = np.array([len(u["periods"]) for u in utterances], np.int32)
    np.savez(path.with_suffix(".new.npz"), frames=lengths, units="".join(u["units"] for u in utterances),
             texts=np.array([u["text"] for u in utterances]), **columns)
    path.with_suffix(".new.npz").rename(path)


def load(path):
    """The utterances of a shard: dictionaries as `utterance` makes them, less the samples."""
    with np.load(path) as shard:
        columns = {key: shard[key] for key in ("amplitudes", "voiced", "periods")}
        frames, units, texts = shard["frames"], str(shard["units"]), shard["texts"]
    per_frame = {"amplitudes": HOPS_PER_FRAME, "voiced": HOPS_PER_FRAME, "periods": 1}
    utterances, at = [], 0
    for text, length in zip(texts, frames):
        row = {key: column[at * per_frame[key] : (at + length) * per_frame[key]] for key, column in columns.items()}
        utterances.append(row | {"text": str(text), "units": units[at * UNITS_PER_FRAME : (at + length) * UNITS_PER_FRAME]})
        at += length
    return utterances


def shards(work, count=None):
    """The first `count` shards of speech, or all."""
    return sorted(path for path in (Path(work) / "speech").glob("[0-9]*.npz") if ".new" not in path.name)[: count and int(count)]


def main(work, hours):
    os.environ["OMP_NUM_THREADS"] = "1"
    work, hours = Path(work), float(hours)
    (work / "speech").mkdir(exist_ok=True)
    rows = [line.rstrip("\n").split("\t") for line in open(work / "train.tsv", encoding="utf-8")]
    groups = {group: iter([text for name, text in rows if name == group]) for group in MIX}
    choose = random.Random(3)
    teacher, spelling = Teacher(), lexicon.Spelling(lexicon.read(work / "lexicon.tsv"))
    spoken_s, index = 0.0, 0
    while spoken_s < hours * 3600:
        texts = [next(groups[choose.choices(list(MIX), list(MIX.values()))[0]], None) for _ in range(SHARD)]
        path = work / "speech" / f"{index:03d}.npz"
        index += 1
        spoken_s += SHARD * 4.0
        try:
            # Whoever makes the shard's claim first makes the shard.
            path.with_suffix(".claim").open("x").close()
        except FileExistsError:
            continue
        made = [u for text in texts if text and (u := utterance(teacher, spelling, text))]
        save(path, made)
        print(f"{path.name}: {sum(len(u['periods']) for u in made) * 0.08 / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
