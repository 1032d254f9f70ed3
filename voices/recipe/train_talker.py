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
from shards import FRAMES_MAX, UNITS_PER_FRAME
from step import Step
from talker import PREFIX, SPECIAL_CODEC, SPECIAL_TEXT, TEXT_VOCABULARY, Vocabulary, Voice

RATE, MATRIX_RATE, WARM_UP_STEPS = 2e-3, 6e-3, 60
PREDICTED_SHARE = 0.3
# How much of its own speech a sentence hears: all, or only some of it.
SHARES_HEARD, SHARES_PROBABLE = (1.0, 0.9, 0.6, 0.0), (0.3, 0.3, 0.2, 0.2)
# Sentences are padded to one of these, in frames.
LENGTHS = np.array([12, 16, 20, 25, 31, 39, 49, 61, 76, 95, 119, FRAMES_MAX])


def vocabulary(work):
    """Frames of the speech first, then what else the lexicon's words make at any of the three offsets."""
    path = Path(work) / "frames.txt"
    if not path.exists():
        heard, possible = Counter(), Counter()
        for _, sentence in shards.spoken(work, "codes"):
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
    """What was `spoken`, one sentence after the other, on the device that learns from it."""

    def __init__(self, words, spoken, device="cpu"):
        text, codes, lengths, speakers = [], [], [], []
        for speaker, sentence in spoken:
            ids = words.text_ids(sentence["units"])
            text += ids + [SPECIAL_TEXT["tts_eos"]] + [SPECIAL_TEXT["tts_pad"]] * (len(sentence["codes"]) - len(ids) - 1)
            codes.append(sentence["codes"])
            lengths.append(len(sentence["codes"]))
            speakers.append(SPECIAL_CODEC[speaker])
        self.lengths, self.speakers = np.array(lengths), np.array(speakers)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.text = torch.tensor(text, dtype=torch.int16, device=device)
        self.codes = torch.from_numpy(np.concatenate(codes)).to(device)

    def __len__(self):
        return len(self.lengths)

    def batch(self, chosen, longest):
        """Text [sentences, longest + 1] and codes [sentences, longest, 16] of some sentences, how long each is [sentences, 1]
        and who speaks (codec ids) [sentences]."""
        device = self.codes.device
        starts, lengths, speakers = (torch.from_numpy(column[chosen]).to(device) for column in (self.starts, self.lengths, self.speakers))
        frames = torch.arange(longest + 1, device=device)
        within = frames < lengths[:, None]
        at = (starts[:, None] + frames).where(within, 0)
        text = self.text[at].long().where(within, SPECIAL_TEXT["tts_pad"])
        return text, self.codes[at[:, :-1]].long(), lengths[:, None], speakers

    def batches(self, rng, positions):
        """Endlessly: numbers of sentences of like length, about so many positions together, and the longest that there may be
        among them. A speaker of whom there is less comes a whole number of times."""
        heard = Counter(self.speakers.tolist())
        repeats = [max(heard.values()) // heard[speaker] for speaker in self.speakers.tolist()]
        every = np.repeat(np.arange(len(self)), repeats)
        longest = LENGTHS[np.searchsorted(LENGTHS, self.lengths)]
        waiting = {length: [] for length in LENGTHS.tolist()}
        while True:
            for at in rng.permutation(every):
                alike = waiting[length := int(longest[at])]
                alike.append(at)
                if (len(alike) + 1) * (length + PREFIX + 1) > positions:
                    yield np.array(alike), length
                    alike.clear()


class Acoustics:
    """What codes say: amplitudes less the mean of code 0 (principal components), and pitch [n, 136]."""

    def __init__(self, work, device):
        coder = coding.Coder(work, device)
        self.rest, self.scale = coder.rest, coder.levels[0].pow(2).mean().sqrt()
        self.pitches = coder.pitches * torch.tensor([0.3, 0.3] + [0.5] * HOPS_PER_FRAME, device=device)

    def of(self, codes):
        return torch.cat([self.rest(codes) / self.scale, self.pitches[codes[:, 1]]], 1)


def losses(voice, acoustics, text, codes, lengths, speakers, share):
    """Cross entropies: of code 0, and of each of the others [15]; distance of amplitudes and pitch; how often code 1 is
    right. Of its own speech each sentence hears a share [sentences, 1], and some frames are lost altogether."""
    count, longest, device = len(text), codes.shape[1], text.device
    acoustic = (torch.rand(count, longest, device=device) < share).float()
    heard = voice.frames(codes, acoustic) * (torch.rand(count, longest, 1, device=device) > 0.05)
    hidden = voice.states(text, heard, speakers)
    frames = torch.arange(longest + 1, device=device)
    target = F.pad(codes[..., 0], (0, 1)).where(frames < lengths, -100).where(frames != lengths, SPECIAL_CODEC["eos"])
    first = F.cross_entropy(voice.codec_head(hidden).float().flatten(0, 1), target.flatten())
    # What is behind the end of a sentence is computed, and left out of the means.
    states, wanted, spoken = hidden[:, :-1].flatten(0, 1), codes.flatten(0, 1), (frames[:-1] < lengths).flatten()
    some = torch.randint(len(states), (int(PREDICTED_SHARE * len(states)),), device=device)
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
    torch.manual_seed(0)
    words = vocabulary(arguments.work)
    voice = Voice("".join(words.alphabet))
    voice.parts.copy_(words.parts())
    voice.to(arguments.device)
    if arguments.device == "cpu":
        # Two thirds of the time of a step; the first ones take a minute more.
        for layer in (*voice.talker.layers, *voice.predictor.layers):
            layer.compile(dynamic=True)
    matrices = [p for net in (voice.talker, voice.predictor) for p in net.layers.parameters() if p.dim() == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in voice.parameters() if id(p) not in chosen]
    optimisers = [Muon(matrices, MATRIX_RATE, weight_decay=0.01), torch.optim.AdamW(others, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)]
    log = progress.Log(arguments.work, arguments.name, voice, optimisers)
    sentences = Sentences(words, shards.spoken(arguments.work, "codes"), arguments.device)
    acoustics, rng = Acoustics(arguments.work, arguments.device), np.random.default_rng(log.step)
    print(f"{len(sentences)} sentences, {sentences.lengths.sum() * 0.08 / 3600:.1f} hours", flush=True)

    def compute(*inputs):
        first, rest, distance, right = losses(voice, acoustics, *inputs)
        told = dict(first=first, pitch=rest[0], right=right, distance=distance, coarse=rest[1], fine=rest[2:].mean())
        return first + rest.mean() * 2 + rest[0] * 0.2 + distance * 5, told

    step, begin = Step(compute, voice, optimisers, clip=2.0), time.time()
    for chosen, longest in sentences.batches(rng, arguments.positions):
        part = (time.time() - begin) / (60 * arguments.minutes)
        if part >= 1:
            break
        factor = arguments.rate * min(1, (log.step + 1) / WARM_UP_STEPS) * max(0.02, 1 - part)
        share = torch.from_numpy(rng.choice(SHARES_HEARD, size=(len(chosen), 1), p=SHARES_PROBABLE)).float().to(arguments.device)
        log.add(step.run((MATRIX_RATE * factor, RATE * factor), *sentences.batch(chosen, longest), share))
    log.save()


if __name__ == "__main__":
    main()
