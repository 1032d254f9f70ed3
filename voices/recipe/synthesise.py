"""What the student hears: `synthesise.py WORK SPEAKER HOURS` writes WORK/speech/SPEAKER-NNN.npz (several may run side by side).

What is in a shard, `shards.py` says.
"""

import os
import random
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

import lexicon
import shards
from bands import amplitudes
from render import HOPS_PER_FRAME, render
from shards import FRAMES_MAX, LEAD_FRAMES, SPEAKERS, UNITS_PER_FRAME
from teacher import Teacher, whole_periods

MIX = {"announcements": 0.35, "examples": 0.4, "glosses": 0.25}
SILENCE = "#"


@lru_cache(maxsize=len(SPEAKERS))
def teacher_of(work, speaker, audible=False):
    if speaker == "fenrir":
        # Imported by those who want to hear him: he needs more.
        from fenrir import Fenrir

        return Fenrir(work, audible)
    return Teacher()


def utterance(teacher, spelling, text, audible=False):
    """Everything about one spoken sentence, with its samples if it shall be audible; or None if it has unknown words or is
    too long."""
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
    sentence, hops = (characters, durations, lead, tail + UNITS_PER_FRAME), frames * HOPS_PER_FRAME
    if audible:
        harmonic, noise, pitch = (column[:hops] for column in teacher.spectra(*sentence))
        loudness = amplitudes(harmonic, noise, pitch > 0)
    else:
        loudness, pitch = (column[:hops] for column in teacher.speak(*sentence))
    periods = whole_periods(pitch, teacher.LOWEST_HZ)
    made = {
        "text": text,
        "units": SILENCE * lead + "".join(sound * n for sound, n in sounds) + SILENCE * tail,
        "amplitudes": loudness.astype(np.float16),
        "voiced": pitch > 0,
        "periods": periods.astype(np.int8),
    }
    if audible:
        samples = render(*(torch.from_numpy(x)[None] for x in (harmonic, noise, pitch > 0, periods)))[0]
        made["samples"] = (samples.clamp(-1, 1) * 32767).short().numpy()
    return made


def texts(work, seed):
    """Sentences to learn, of all groups in their shares."""
    rows = [line.rstrip("\n").split("\t") for line in open(work / "train.tsv", encoding="utf-8")]
    groups = {group: iter([text for name, text in rows if name == group]) for group in MIX}
    choose = random.Random(seed)
    for _ in rows:
        text = next(groups[choose.choices(list(MIX), list(MIX.values()))[0]], None)
        if text:
            yield text


def main(work, speaker, hours):
    os.environ["OMP_NUM_THREADS"] = "1"
    work = Path(work)
    every = list(texts(work, seed=3))
    teacher, spelling = teacher_of(work, speaker), lexicon.Spelling(lexicon.read(work / "lexicon.tsv"))
    for shard in range(round(float(hours) * 3600 / 4 / shards.SENTENCES)):
        path, some = work / "speech" / f"{speaker}-{shard:03d}.npz", every[shard * shards.SENTENCES : (shard + 1) * shards.SENTENCES]
        with shards.claimed(path) as ours:
            if ours:
                made = [u for text in some if (u := utterance(teacher, spelling, text))]
                shards.save(path, made)
                print(f"{path.name}: {sum(len(u['periods']) for u in made) * 0.08 / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
