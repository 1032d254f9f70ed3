"""What the student hears: `synthesise.py WORK SPEAKER HOURS` writes WORK/speech/SPEAKER-NNN.npz (several may run side by side).

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
from bands import amplitudes
from teacher import HOPS_PER_FRAME, UNITS_PER_FRAME, Teacher, render, whole_periods

LEAD_FRAMES = 4
# As many of these nobody hears; in the last, lips may open.
HIDDEN_FRAMES = LEAD_FRAMES - 1
FRAMES_MAX = 150
SHARD = 250
MIX = {"announcements": 0.35, "examples": 0.4, "glosses": 0.25}
SPEAKERS = ("heart", "fenrir")
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
        samples = render(harmonic, noise, pitch > 0, periods)
        made["samples"] = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return made


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
    """The first `count` shards of each speaker's speech, or all."""
    return [path for speaker in SPEAKERS for path in sorted((Path(work) / "speech").glob(f"{speaker}-[0-9]*[0-9].npz"))[: count and int(count)]]


def speaker_of(shard):
    return Path(shard).stem.partition("-")[0]


def claim(path):
    """Whether this process shall make the file: whoever claims it first."""
    try:
        path.with_suffix(".claim").open("x").close()
        return True
    except FileExistsError:
        return False


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
    (work / "speech").mkdir(exist_ok=True)
    every = list(texts(work, seed=3))
    teacher, spelling = teacher_of(work, speaker), lexicon.Spelling(lexicon.read(work / "lexicon.tsv"))
    for shard in range(round(float(hours) * 3600 / 4 / SHARD)):
        path = work / "speech" / f"{speaker}-{shard:03d}.npz"
        if not claim(path):
            continue
        made = [u for text in every[shard * SHARD : (shard + 1) * SHARD] if (u := utterance(teacher, spelling, text))]
        save(path, made)
        print(f"{path.name}: {sum(len(u['periods']) for u in made) * 0.08 / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
