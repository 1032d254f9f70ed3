"""How far each network is, heard by itself: `listen.py WORK [SENTENCES [SPEAKER]]` reports word error rates on held-out sentences,
and how near the teacher's own samples it comes (STOI, PESQ, and the mean difference of levels in twelve bands every 20 ms).

| path | what it judges |
|---|---|
| teacher | the ceiling |
| codes | the teacher's codes, played by the teacher's signal processing |
| talker | the talker's codes, played the same way |
| vocoder | the teacher's codes, played by the vocoder |
| voice | both |
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
import torch
from pesq import pesq
from pystoi import stoi
from scipy.signal import resample_poly

import judge
import lexicon
import synthesise
from play import Player
from reference import bands_db
from sentences import HELD_OUT
from talker import Voice
from train_talker import vocabulary
from train_vocoder import decode, model


@torch.no_grad()
def main(work, count="30", speaker="heart"):
    work = Path(work)
    torch.set_num_threads(1)
    teacher = synthesise.teacher_of(work, speaker, audible=True)
    spelling, player = lexicon.Spelling(lexicon.read(work / "lexicon.tsv")), Player(work)
    words, whisper = vocabulary(work), judge.load(work, threads=1)
    paths = {"teacher": lambda u, codes, own: u["samples"] / 32768, "codes": lambda u, codes, own: player.play(codes)}
    if (work / "talker.pt").exists():
        voice = Voice("".join(words.alphabet))
        voice.load_state_dict(torch.load(work / "talker.pt", weights_only=False)["model"])
        paths["talker"] = lambda u, codes, own: player.play(own)
    if (work / "vocoder.pt").exists():
        decoder = model(work)
        decoder.load_state_dict(torch.load(work / "vocoder.pt", weights_only=False)["model"])
        vocode = lambda codes: decode(decoder, codes.T[None].long())[0].clamp(-1, 1).numpy()
        paths["vocoder"] = lambda u, codes, own: vocode(codes)
        if "talker" in paths:
            paths["voice"] = lambda u, codes, own: vocode(own)
    heard, near = {name: [] for name in paths}, {name: [] for name in paths}
    (work / "heard").mkdir(exist_ok=True)
    rows = [line.rstrip("\n").split("\t")[2] for line in open(HELD_OUT, encoding="utf-8")]
    texts = [text for at in range(7) for text in rows[at::7]][: int(count)]
    for at, text in enumerate(texts):
        utterance = synthesise.utterance(teacher, spelling, text, audible=True)
        if utterance is None:
            continue
        codes = player.coder.encode(utterance)
        own = voice.speak(words.text_ids(utterance["units"]), speaker) if "talker" in paths else None
        if own is not None and not 0.8 < len(own) / len(codes) < 1.2:
            print(f"{len(own)} frames instead of {len(codes)}: {text}")
        for name, make in paths.items():
            samples = make(utterance, codes, own)
            soundfile.write(work / "heard" / f"{at:03d}-{name}.wav", samples, 24_000)
            heard[name].append((text, judge.transcribe(whisper, samples)))
            length, wanted = min(len(samples), len(utterance["samples"])), utterance["samples"] / 32768
            wanted, samples = wanted[:length], samples[:length]
            near[name].append((stoi(wanted, samples, 24_000), pesq(16_000, *(resample_poly(x, 2, 3) for x in (wanted, samples)), "wb"),
                               np.abs(bands_db(wanted) - bands_db(samples)).mean()))
    for name, pairs in heard.items():
        word, character = judge.rates(pairs)
        clear, good, off = np.mean(near[name], 0)
        print(f"{name:8} {len(pairs)} sentences  WER {word:5.1f} %  CER {character:5.1f} %  STOI {clear:.3f}  PESQ {good:.2f}  off by {off:.1f} dB   "
              f"e.g. {pairs[1][0]!r}: {pairs[1][1].strip()!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
