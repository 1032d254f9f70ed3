"""The talker's own codes for the sentences it was taught: `own_codes.py WORK [SHARDS [DEVICE]]` writes WORK/own-codes/SHARD.npz,
the first SHARDS of each speaker or all (0), anew where the talker has learned since. Several may run side by side.

The vocoder will have to play these, and they are not spread as the teacher's are: it should be taught with both. Code 0
(which sounds) is the teacher's here; the talker makes no errors there.
"""

import sys
from pathlib import Path

import numpy as np
import torch

import progress
import shards
from talker import Voice
from train_talker import Sentences, vocabulary

TOGETHER = 64


@torch.no_grad()
def main(work, count=0, device="cpu"):
    work = Path(work)
    torch.set_num_threads(1)
    words = vocabulary(work)
    voice = Voice("".join(words.alphabet))
    learned_s = progress.learned(work, "talker", voice)
    voice.to(device)
    for path in shards.paths(work, "codes", count):
        out = work / "own-codes" / path.name
        with shards.claimed(out, learned_s) as ours:
            if not ours:
                continue
            said = shards.load(path)
            sentences = Sentences(words, [(shards.speaker_of(path), sentence) for sentence in said], device)
            guessed = [None] * len(sentences)
            alike = np.argsort(sentences.lengths, kind="stable")
            for chosen in np.array_split(alike, len(alike) // TOGETHER + 1):
                text, codes, _, speakers = sentences.batch(chosen, sentences.lengths[chosen].max())
                with torch.autocast(device, torch.bfloat16):
                    hidden = voice.states(text[:, :-1], voice.frames(codes[:, :-1]), speakers)
                    own = voice.guess(hidden.flatten(0, 1), codes[..., 0].flatten()).view(codes.shape).cpu()
                for at, row in zip(chosen, own):
                    guessed[at] = row[: sentences.lengths[at]]
            same = (torch.cat(guessed) == sentences.codes.cpu()).float().mean(0)
            shards.save(out, [{"units": sentence["units"], "codes": codes.numpy().astype(np.uint8)} for sentence, codes in zip(said, guessed)])
            print(f"{path.name}: like the teacher's: " + " ".join(f"{share:.2f}" for share in same.tolist()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
