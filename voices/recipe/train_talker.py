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
import shards
from muon import Muon
from render import HOPS_PER_FRAME
from shards import UNITS_PER_FRAME
from talker import PREFIX, SPECIAL_CODEC, SPECIAL_TEXT, TEXT_VOCABULARY, Vocabulary, Voice

RATE, MATRIX_RATE, WARM_UP_STEPS = 2e-3, 6e-3, 60
PREDICTED_SHARE = 0.3


def vocabulary(work):
    """Frames of the speech first, then what else the lexicon's words make at any of the three offsets."""
    path = Path(work) / "frames.txt"
    if not path.exists():
        heard, possible = Counter(), Counter()
        for shard in shards.paths(work, "codes"):
            for sentence in shards.load(shard):
                heard.update(coding.frames_of(sentence["units"]))
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


class Sentences:
    """All sentences of some shards, one after the other, on the device that learns from them."""

    def __init__(self, words, paths, device="cpu"):
        text, codes, lengths, speakers = [], [], [], []
        for path in paths:
            for sentence in shards.load(path):
                ids = words.text_ids(sentence["units"])
                text += ids + [SPECIAL_TEXT["tts_eos"]] + [SPECIAL_TEXT["tts_pad"]] * (len(sentence["codes"]) - len(ids) - 1)
                codes.append(sentence["codes"])
                lengths.append(len(sentence["codes"]))
                speakers.append(shards.speaker_of(path))
        self.lengths, self.speakers = np.array(lengths), np.array(speakers)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.text = torch.tensor(text, dtype=torch.int16, device=device)
        self.codes = torch.from_numpy(np.concatenate(codes)).to(device)

    def __len__(self):
        return len(self.lengths)

    def batch(self, chosen):
        """Text [sentences, frames + 1] and codes [sentences, frames, 16] of some sentences, as long as the longest, and how
        long each is [sentences, 1]."""
        device, longest = self.codes.device, int(self.lengths[chosen].max())
        starts, lengths = (torch.from_numpy(column[chosen]).to(device)[:, None] for column in (self.starts, self.lengths))
        frames = torch.arange(longest + 1, device=device)
        within = frames < lengths
        at = (starts + frames).where(within, 0)
        text = self.text[at].long().where(within, SPECIAL_TEXT["tts_pad"])
        return text, self.codes[at[:, :-1]].long(), lengths

    def batches(self, rng, positions):
        """Numbers of sentences of like length, together about so many positions; a speaker of whom there is less comes a
        whole number of times."""
        heard = Counter(self.speakers)
        repeats = np.array([max(heard.values()) // heard[speaker] for speaker in self.speakers])
        order = rng.permutation(np.repeat(np.arange(len(self)), repeats))
        made = []
        for start in range(0, len(order), positions):
            part = order[start : start + positions]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batch = []
            for at in part:
                batch.append(at)
                if len(batch) * (self.lengths[at] + PREFIX + 1) >= positions:
                    made.append(np.array(batch))
                    batch = []
            made.extend([np.array(batch)] if batch else [])
        rng.shuffle(made)
        return made


class Acoustics:
    """What codes say: amplitudes less the mean of code 0 (principal components), and pitch [n, 72]."""

    def __init__(self, work, device):
        coder = coding.Coder(work, device)
        self.levels, self.scale = coder.levels, coder.levels[0].pow(2).mean().sqrt()
        self.pitches = coder.pitches * torch.tensor([0.3, 0.3] + [0.5] * HOPS_PER_FRAME, device=device)

    def of(self, codes):
        amplitudes = sum(level[codes[:, at + 2]] for at, level in enumerate(self.levels)) / self.scale
        return torch.cat([amplitudes, self.pitches[codes[:, 1]]], 1)


def losses(voice, sentences, chosen, acoustics, rng):
    """Cross entropies: of code 0, and of each of the others [15]; distance of amplitudes and pitch; how often code 1 is
    right."""
    text, codes, lengths = sentences.batch(chosen)
    count, longest, device = len(chosen), text.shape[1] - 1, text.device
    # How much of its own speech each sentence hears: all, or only some of it; and frames lost altogether.
    share = torch.from_numpy(rng.choice([1.0, 0.9, 0.6, 0.0], size=(count, 1), p=[0.3, 0.3, 0.2, 0.2])).to(device)
    acoustic = (torch.rand(count, longest, device=device) < share).float()
    heard = voice.frames(codes, acoustic) * (torch.rand(count, longest, 1, device=device) > 0.05)
    begin = voice.codec_embedding.weight[SPECIAL_CODEC["bos"]].expand(count, 1, -1)
    body = voice.text(text) + torch.cat([begin, heard], 1)
    hidden = voice.talker(torch.cat([voice.prefix(sentences.speakers[chosen]), body], 1))[:, PREFIX:]
    frames = torch.arange(longest + 1, device=device)
    target = F.pad(codes[..., 0], (0, 1)).where(frames < lengths, -100).where(frames != lengths, SPECIAL_CODEC["eos"])
    first = F.cross_entropy(voice.codec_head(hidden).float().flatten(0, 1), target.flatten())
    # Sentences are of like length: what is behind the end of the shorter ones is computed, and left out of the means.
    states, wanted, spoken = hidden[:, :-1].flatten(0, 1), codes.flatten(0, 1), (frames[:-1] < lengths).flatten()
    some = torch.randperm(len(states), device=device)[: int(PREDICTED_SHARE * len(states))]
    predicted = voice.predict(states[some], wanted[some]).float()
    rest = F.cross_entropy(predicted.transpose(1, 2), wanted[some, 1:].where(spoken[some, None], -100), reduction="none").sum(0) / spoken[some].sum()
    right = ((predicted[:, 0].argmax(-1) == wanted[some, 1]) & spoken[some]).sum() / spoken[some].sum()
    distance = F.smooth_l1_loss(voice.acoustic(states).float(), acoustics.of(wanted), beta=0.2, reduction="none").mean(1)
    distance = (distance * spoken).sum() / spoken.sum()
    return first, rest, distance, right


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("minutes", type=float)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--name", default="talker")
    arguments.add_argument("--rate", type=float, default=1.0, help="factor on the learning rates")
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--positions", type=int, default=2_400, help="of sentences, in one step")
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
    optimisers = [Muon(matrices, MATRIX_RATE, weight_decay=0.01),
                  torch.optim.AdamW(others, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)]
    log = progress.Log(arguments.work, arguments.name, voice, optimisers)
    sentences = Sentences(words, shards.paths(arguments.work, "codes"), arguments.device)
    acoustics, rng = Acoustics(arguments.work, arguments.device), np.random.default_rng(log.step)
    print(f"{len(sentences)} sentences, {sentences.lengths.sum() * 0.08 / 3600:.1f} hours", flush=True)
    begin, part = time.time(), 0.0
    while part < 1:
        for batch in sentences.batches(rng, arguments.positions):
            part = (time.time() - begin) / (60 * arguments.minutes)
            if part >= 1:
                break
            factor = arguments.rate * min(1, (log.step + 1) / WARM_UP_STEPS) * max(0.02, 1 - part)
            for optimiser, rate in zip(optimisers, (MATRIX_RATE, RATE)):
                for group in optimiser.param_groups:
                    group["lr"] = rate * factor
            with torch.autocast(arguments.device, torch.bfloat16):
                first, rest, distance, right = losses(voice, sentences, batch, acoustics, rng)
            for optimiser in optimisers:
                optimiser.zero_grad()
            (first + rest.mean() * 2 + rest[0] * 0.2 + distance * 5).backward()
            torch.nn.utils.clip_grad_norm_(voice.parameters(), 2.0)
            for optimiser in optimisers:
                optimiser.step()
            log.add(first=first, pitch=rest[0], right=right, distance=distance, coarse=rest[1], fine=rest[2:].mean())
    log.save()


if __name__ == "__main__":
    main()
