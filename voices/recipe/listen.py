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
import progress
import synthesise
from play import Player
from reference import bands_db
from sentences import HELD_OUT
from shards import SPEAKERS
from talker import Voice
from train_talker import vocabulary
from vocoder import Vocoder


@torch.no_grad()
def main(work, count="30", speaker=SPEAKERS[0]):
    work = Path(work)
    torch.set_num_threads(1)
    teacher = synthesise.teacher_of(work, speaker, audible=True)
    spelling, player = lexicon.Spelling(lexicon.read(work / "lexicon.tsv")), Player(work)
    words, whisper = vocabulary(work), judge.load(work, threads=1)
    play = lambda codes: player.play(codes[None])[0].numpy()
    paths = {"teacher": lambda u, codes, own: u["samples"] / 32768, "codes": lambda u, codes, own: play(codes)}
    voice, decoder = Voice("".join(words.alphabet)), Vocoder()
    if progress.weights(work, "talker", voice) is not None:
        paths["talker"] = lambda u, codes, own: play(own)
    if progress.weights(work, "vocoder", decoder) is not None:
        vocode = lambda codes: decoder(codes.T[None])[0].clamp(-1, 1).numpy()
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
            soundfile.write(work / "heard" / f"{speaker}-{at:03d}-{name}.wav", samples, 24_000)
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
