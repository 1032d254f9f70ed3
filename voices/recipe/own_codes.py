"""The talker's own codes for the sentences it was taught: `own_codes.py WORK [SHARDS]` writes WORK/own-codes/SHARD.npz,
the first SHARDS of each speaker or all.

The vocoder will have to play these, and they are not spread as the teacher's are: it should be taught with both. Code 0
(which sounds) is the teacher's here; the talker makes no errors there.
"""

import sys
from pathlib import Path

import numpy as np
import torch

import synthesise
from talker import PREFIX, SPECIAL_CODEC, SPECIAL_TEXT, Voice
from train_talker import batches, utterances, vocabulary


@torch.no_grad()
def main(work, count=None):
    work = Path(work)
    (work / "own-codes").mkdir(exist_ok=True)
    torch.set_num_threads(1)
    words = vocabulary(work)
    voice = Voice("".join(words.alphabet))
    voice.load_state_dict(torch.load(work / "talker.pt", weights_only=False)["model"])
    for path in synthesise.shards(work, count):
        if (work / "own-codes" / path.name).exists():
            continue
        rows, speaker = utterances(work, words, [path]), synthesise.speaker_of(path)
        guessed = [None] * len(rows)
        for batch in batches(rows, np.random.default_rng(0)):
            longest = max(len(rows[at][1]) for at in batch)
            text = torch.full((len(batch), longest), SPECIAL_TEXT["tts_pad"])
            codes = torch.zeros(len(batch), longest, 16, dtype=torch.long)
            for row, at in enumerate(batch):
                ids, own, _ = rows[at]
                text[row, : len(ids)], text[row, len(ids)] = ids, SPECIAL_TEXT["tts_eos"]
                codes[row, : len(own)] = own
            begin = voice.codec_embedding.weight[SPECIAL_CODEC["bos"]].expand(len(batch), 1, -1)
            body = voice.text(text) + torch.cat([begin, voice.frames(codes[:, :-1])], 1)
            with torch.autocast("cpu", torch.bfloat16):
                hidden = voice.talker(torch.cat([voice.prefix([speaker] * len(batch)), body], 1))[:, PREFIX:]
                for row, at in enumerate(batch):
                    guessed[at] = voice.guess(hidden[row, : len(rows[at][1])], rows[at][1][:, 0])
        np.savez(work / "own-codes" / path.name, codes=torch.cat(guessed).to(torch.int16).numpy())
        same = torch.cat([(a == b).float() for a, (_, b, _) in zip(guessed, rows)]).mean(0)
        print(f"{path.name}: like the teacher's: " + " ".join(f"{share:.2f}" for share in same.tolist()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
