"""Speech on its way from stage to stage: files of 250 sentences, `WORK/FOLDER/SPEAKER-NNN.npz`.

In `speech` each frame is what codes are made of: three sounds (one a unit), whole pitch periods, voicing and the smoothed
amplitudes of six hops. In `codes` and `own-codes` it is its sounds and sixteen codes. Speech comes LEAD_FRAMES after its text:
the talker reads a sentence frame by frame as it speaks, and has to know what comes next.
"""

import fcntl
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from render import HOPS_PER_FRAME

SPEAKERS = ("heart", "fenrir")
SENTENCES = 250
UNITS_PER_FRAME = 3
LEAD_FRAMES, FRAMES_MAX = 4, 150
# As many of these nobody hears; in the last, lips may open.
HIDDEN_FRAMES = LEAD_FRAMES - 1
# How many rows of a frame, of what is kept.
ROWS = {"units": UNITS_PER_FRAME, "amplitudes": HOPS_PER_FRAME, "voiced": HOPS_PER_FRAME, "periods": 1, "codes": 1}


def paths(work, folder, count=0):
    """The first `count` shards of each speaker that there are, or all (0)."""
    return [path for speaker in SPEAKERS for path in sorted((Path(work) / folder).glob(f"{speaker}-[0-9][0-9][0-9].npz"))[: int(count) or None]]


def speaker_of(path):
    return path.stem.partition("-")[0]


@contextmanager
def claimed(path, since_s=0.0):
    """Whether this process shall make the file: it is not there, or was made before that time, and no other process is about
    it. A claim ends with its process, so that nothing is left out when one is stopped."""
    path.parent.mkdir(exist_ok=True)
    claim = path.with_suffix(".claim")
    with claim.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield not path.exists() or path.stat().st_mtime < since_s
        claim.unlink(missing_ok=True)


def write(path, **columns):
    """All of it or nothing, whenever the process is stopped."""
    np.savez_compressed(path.with_suffix(".new.npz"), **columns)
    path.with_suffix(".new.npz").rename(path)


def save(path, sentences):
    """Dictionaries of `units`, what else a frame has, and perhaps `text`."""
    columns = {key: np.concatenate([row[key] for row in sentences]) for key in ROWS if key in sentences[0] and key != "units"}
    if "text" in sentences[0]:
        columns["texts"] = np.array([row["text"] for row in sentences])
    frames = np.array([len(row["units"]) // UNITS_PER_FRAME for row in sentences], np.int32)
    write(path, frames=frames, units="".join(row["units"] for row in sentences), **columns)


def load(path):
    """The sentences of a shard, as `save` was given them."""
    with np.load(path) as shard:
        columns = {key: str(shard[key]) if key == "units" else shard[key] for key in ROWS if key in shard}
        frames, texts = shard["frames"], shard.get("texts")
    sentences, at = [], 0
    for row, length in enumerate(frames):
        sentence = {key: column[at * ROWS[key] : (at + length) * ROWS[key]] for key, column in columns.items()}
        sentences.append(sentence if texts is None else sentence | {"text": str(texts[row])})
        at += length
    return sentences


def spoken(work, folder, count=0):
    """Speaker and sentence, of all that `paths` finds."""
    for path in paths(work, folder, count):
        for sentence in load(path):
            yield speaker_of(path), sentence
