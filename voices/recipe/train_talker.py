"""From text to codes: `train_talker.py WORK MINUTES` trains WORK/talker.pt, and goes on with it.

The talker reads one frame of sounds with each frame it speaks, LEAD_FRAMES ahead, so nothing has to be aligned. Frames it
has spoken are hidden from it at random, so that it does not lean on them and cannot be led astray by its own errors.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import codes as coding
import lexicon
import progress
import synthesise
from synthesise import LEAD_FRAMES, UNITS_PER_FRAME
from talker import (CODEBOOK_SIZE, GROUPS, PREFIX, SPECIAL_CODEC, SPECIAL_TEXT, TEXT_VOCABULARY, Vocabulary, Voice)

POSITIONS = 2_400
RATE, MATRIX_RATE, WARM_UP_STEPS = 2e-3, 0.02, 60
PREDICTED_SHARE = 0.3


def vocabulary(work):
    """Frames of the speech first, then what else the lexicon's words make at any of the three offsets."""
    path = Path(work) / "frames.txt"
    if not path.exists():
        heard, possible = Counter(), Counter()
        for shard in synthesise.shards(work):
            for utterance in synthesise.load(shard):
                heard.update(coding.frames_of(utterance["units"]))
        for word, timed in lexicon.read(Path(work) / "lexicon.tsv").items():
            if word not in lexicon.PAUSES and not word.startswith(lexicon.RULE):
                units = "   " + "".join(sound * n for sound, n in lexicon.parse(timed)) + "   "
                for offset in range(UNITS_PER_FRAME):
                    possible.update(frame for frame in coding.frames_of(units[offset:]) if len(frame) == UNITS_PER_FRAME)
        frames = [frame for frame, _ in heard.most_common()]
        frames += [frame for frame, _ in possible.most_common() if frame not in heard]
        print(f"{len(heard)} frames heard, {len(frames)} possible")
        path.write_text("\n".join(frames[: TEXT_VOCABULARY - 8]) + "\n", encoding="utf-8")
    frames = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    return Vocabulary(frames, sorted({sound for frame in frames for sound in frame}))


def utterances(work, words, shards=None):
    """(text ids, codes [frames, 16], speaker) of the shards."""
    rows = []
    for path in shards or synthesise.shards(work):
        with np.load(path) as shard, np.load(Path(work) / "codes" / path.name) as coded:
            units, lengths, codes = str(shard["units"]), shard["frames"], torch.from_numpy(coded["codes"]).long()
        at = 0
        for length in lengths:
            rows.append((torch.tensor(words.text_ids(units[at * UNITS_PER_FRAME : (at + length) * UNITS_PER_FRAME])), codes[at : at + length],
                         synthesise.speaker_of(path)))
            at += length
    return rows


def balanced(rows):
    """The same, a speaker of whom there is less repeated a whole number of times."""
    heard = Counter(speaker for _, _, speaker in rows)
    most = max(heard.values())
    return [row for row in rows for _ in range(most // heard[row[2]])]


def batches(rows, rng):
    """Sentences of like length together, about POSITIONS positions each."""
    order = rng.permutation(len(rows))
    made = []
    for start in range(0, len(order), 2_000):
        part = sorted(order[start : start + 2_000], key=lambda at: len(rows[at][1]))
        batch = []
        for at in part:
            batch.append(at)
            if len(batch) * (len(rows[at][1]) + PREFIX + 1) >= POSITIONS:
                made.append(batch)
                batch = []
        made.extend([batch] if batch else [])
    rng.shuffle(made)
    return made


class Acoustics:
    """What codes say: amplitudes less the mean of code 0 (principal components), and pitch [n, 72]."""

    def __init__(self, work, device):
        coder = coding.Coder(work)
        self.levels = coder.levels.to(device)
        self.pitches = (coder.pitches * torch.tensor([0.3, 0.3] + [0.5] * synthesise.HOPS_PER_FRAME)).to(device)
        self.scale = coder.levels[0].pow(2).mean().sqrt()

    def of(self, codes):
        amplitudes = sum(level[codes[:, at + 2]] for at, level in enumerate(self.levels)) / self.scale
        return torch.cat([amplitudes, self.pitches[codes[:, 1]]], 1)


def losses(voice, batch, rows, acoustics, rng):
    """Cross entropies: of code 0, and of each of the others [15]; distance of amplitudes and pitch; how often code 1 is
    right."""
    frames = [rows[at][1] for at in batch]
    longest = max(map(len, frames))
    text = torch.full((len(batch), longest + 1), SPECIAL_TEXT["tts_pad"])
    codes = torch.zeros(len(batch), longest, 16, dtype=torch.long)
    target = torch.full((len(batch), longest + 1), -100)
    for row, at in enumerate(batch):
        ids, own, _ = rows[at]
        text[row, : len(ids)], text[row, len(ids)] = ids, SPECIAL_TEXT["tts_eos"]
        codes[row, : len(own)], target[row, : len(own)], target[row, len(own)] = own, own[:, 0], SPECIAL_CODEC["eos"]
    text, codes, target = (tensor.to(voice.own.device) for tensor in (text, codes, target))
    # How much of its own speech each sentence hears: all, or only some of it; and frames lost altogether.
    share = torch.tensor(rng.choice([1.0, 0.9, 0.6, 0.0], size=(len(batch), 1), p=[0.3, 0.3, 0.2, 0.2]), dtype=torch.float32)
    acoustic = (torch.rand(len(batch), longest) < share).float().to(codes.device)
    heard = voice.frames(codes, acoustic) * (torch.rand(len(batch), longest, 1, device=codes.device) > 0.05)
    begin = voice.codec_embedding.weight[SPECIAL_CODEC["bos"]].expand(len(batch), 1, -1)
    body = voice.text(text) + torch.cat([begin, heard], 1)
    hidden = voice.talker(torch.cat([voice.prefix([rows[at][2] for at in batch]), body], 1))[:, PREFIX:]
    known = target >= 0
    logits = voice.codec_head(hidden[known])
    first = F.cross_entropy(logits.float(), target[known])
    spoken = (target >= 0) & (target < CODEBOOK_SIZE)
    states, wanted = hidden[spoken], codes[spoken[:, :-1]]
    some = torch.randperm(len(states), device=states.device)[: int(PREDICTED_SHARE * len(states))]
    predicted = voice.predict(states[some], wanted[some]).float()
    rest = F.cross_entropy(predicted.transpose(1, 2), wanted[some, 1:], reduction="none").mean(0)
    right = (predicted[:, 0].argmax(-1) == wanted[some, 1]).float().mean()
    distance = F.smooth_l1_loss(voice.acoustic(states).float(), acoustics.of(wanted), beta=0.2)
    return first, rest, distance, right


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("minutes", type=float)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--name", default="talker")
    arguments.add_argument("--rate", type=float, default=1.0, help="factor on the learning rates")
    arguments.add_argument("--device", default="cpu")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    words = vocabulary(arguments.work)
    voice = Voice("".join(words.alphabet))
    voice.parts.copy_(words.parts())
    voice.to(arguments.device)
    # Two thirds of the time of a step; the first ones take a minute more.
    for layer in (*voice.talker.layers, *voice.predictor.layers):
        layer.compile(dynamic=True)
    matrices = [p for net in (voice.talker, voice.predictor) for p in net.layers.parameters() if p.dim() == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in voice.parameters() if id(p) not in chosen]
    optimisers = [torch.optim.Muon(matrices, lr=MATRIX_RATE, momentum=0.95, weight_decay=0.01),
                  torch.optim.AdamW(others, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)]
    log = progress.Log(arguments.work, arguments.name, voice, optimisers)
    rows = balanced(utterances(arguments.work, words))
    acoustics, rng = Acoustics(arguments.work, arguments.device), np.random.default_rng(log.step)
    print(f"{len(rows)} sentences, {sum(len(codes) for _, codes, _ in rows) * 0.08 / 3600:.1f} hours", flush=True)
    begin, part = time.time(), 0.0
    while part < 1:
        for batch in batches(rows, rng):
            part = (time.time() - begin) / (60 * arguments.minutes)
            if part >= 1:
                break
            factor = arguments.rate * min(1, (log.step + 1) / WARM_UP_STEPS) * max(0.02, 1 - part)
            for optimiser, rate in zip(optimisers, (MATRIX_RATE, RATE)):
                for group in optimiser.param_groups:
                    group["lr"] = rate * factor
            with torch.autocast(arguments.device, torch.bfloat16):
                first, rest, distance, right = losses(voice, batch, rows, acoustics, rng)
            for optimiser in optimisers:
                optimiser.zero_grad()
            (first + rest.mean() * 2 + rest[0] * 0.2 + distance * 5).backward()
            torch.nn.utils.clip_grad_norm_(voice.parameters(), 2.0)
            for optimiser in optimisers:
                optimiser.step()
            log.add(first=first.item(), pitch=rest[0].item(), right=right.item(), distance=distance.item(), coarse=rest[1].item(), fine=rest[2:].mean().item())
    log.save()


if __name__ == "__main__":
    main()
