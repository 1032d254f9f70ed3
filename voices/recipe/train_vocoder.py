"""From codes to samples: `train_vocoder.py WORK MINUTES [--codes FOLDER ...]` trains WORK/vocoder.pt, and goes on with it.

The official decoder (`Qwen3TTSTokenizerV2Decoder`), small. As samples follow from the codes (see play.py), it is trained
by regression: distance of loudness in bands, of spectra in five resolutions, and of the samples themselves.

Two of them may learn side by side, on a core each, under two names; `average.py` makes one of them.
"""

import argparse
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import codes as coding
import official
import progress
from bands import mel_bands
from muon import Muon
from teacher import FRAME

SIZES = dict(codebook_size=coding.CODEBOOK_SIZE, codebook_dim=128, hidden_size=128, latent_dim=192, decoder_dim=256,
             num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, head_dim=32, intermediate_size=256,
             sliding_window=72, num_quantizers=16, layer_scale_initial_scale=0.1)
RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64), (128, 32))
# In how many bands loudness is compared, for each window. It alone decides what is understood: with the bands of a vocoder
# of 210 minutes set right, words misheard fell from 15.2 to 6.0 %; with those of 1 to 4 kHz only, to 9.2; below, to 14.5.
BANDS, BELOW_1_KHZ, BELOW_1_KHZ_WEIGHT = {1024: 64, 512: 48, 256: 24}, 0.31, 0.3
BANDS_WEIGHT, SAMPLES_WEIGHT, OFFSET_WEIGHT = 4.0, 0.2, 100.0
BATCH, SEGMENT_FRAMES, SKIPPED_FRAMES = 6, 12, 2
RATE, RATE_LAST, WARM_UP_STEPS = 4e-3, 1e-4, 100
# Of all that is no matrix, as a part of RATE: biases that move as one add up to steps too long for the rest.
OTHERS_RATE = 0.1


class _Snake(torch.autograd.Function):
    """SnakeBeta in one pass forward and one back."""

    @staticmethod
    def forward(context, x, alpha, inverse_beta):
        context.save_for_backward(x, alpha, inverse_beta)
        return _snake(x, alpha, inverse_beta)

    @staticmethod
    def backward(context, gradient):
        x, alpha, inverse_beta = context.saved_tensors
        of_x, of_alpha, of_beta = _snake_backward(gradient.contiguous(), x, alpha, inverse_beta)
        return of_x, of_alpha, of_beta


@torch.compile(dynamic=True)
def _snake(x, alpha, inverse_beta):
    return (x + inverse_beta * torch.sin(x * alpha).square()).to(x.dtype)


@torch.compile(dynamic=True)
def _snake_backward(gradient, x, alpha, inverse_beta):
    double, single = torch.sin(2 * alpha * x), torch.sin(alpha * x)
    return ((gradient * (1 + inverse_beta * alpha * double)).to(x.dtype),
            (gradient * inverse_beta * x * double).sum((0, 2), keepdim=True),
            (gradient * single.square()).sum((0, 2), keepdim=True))


def _fused_snake(self, x):
    return _Snake.apply(x, torch.exp(self.alpha)[None, :, None], 1 / (torch.exp(self.beta)[None, :, None] + 1e-9))


def model(work):
    """The decoder, its codebooks begun with what the codes stand for."""
    config = official.Qwen3TTSTokenizerV2DecoderConfig(**SIZES)
    config._attn_implementation = "eager"
    decoder = official.Qwen3TTSTokenizerV2Decoder(config)
    coder = coding.Coder(work)
    width = SIZES["codebook_dim"] // 2
    with torch.no_grad():
        scale = 1 / coder.levels[0].pow(2).mean().sqrt()
        first, rest = decoder.quantizer.rvq_first.vq.layers, decoder.quantizer.rvq_rest.vq.layers
        first[0]._codebook.embedding_sum.copy_((coder.means - coder.means.mean(0)) @ torch.linalg.svd(
            coder.means - coder.means.mean(0), full_matrices=False)[2][:width].T * scale * 0.5)
        for layer, level in zip(rest[1:], coder.levels):
            layer._codebook.embedding_sum.copy_(level * scale)
        rest[0]._codebook.embedding_sum.copy_(_pitch_rows(coder, width))
        for name, parameter in decoder.named_parameters():
            if name.endswith("cluster_usage"):
                parameter.requires_grad = False
            if name.endswith("gamma"):
                parameter.fill_(0.1)
    return decoder


def _pitch_rows(coder, width):
    """Where in its turn the pitch is at several points of the frame, besides pitch and voicing themselves."""
    values = coder.pitches / coding.PITCH_WEIGHTS
    periods, change, voiced = values[:, :1].round(), values[:, 1:2], values[:, 2:]
    rows = torch.randn(len(values), width, generator=torch.Generator().manual_seed(0)) * 0.1
    parts = torch.tensor([2, 3, 4, 5, 6, 8, 10, 12, 16, 24.0])
    turns = 2 * np.pi * periods / parts * voiced.amax(1, keepdim=True)
    known = torch.cat([turns.cos(), turns.sin(), (periods - 15) / 5, change, voiced * 2 - 1], 1)
    rows[:, : known.shape[1]] = known
    return rows


@lru_cache(maxsize=1)
def _mask(frames, device):
    """What attention does not see [1, 1, frames, frames]. The official package makes it anew each time, for a seventh of the
    time of a step."""
    age = torch.arange(frames, device=device)[:, None] - torch.arange(frames, device=device)
    hidden = (age < 0) | (age >= SIZES["sliding_window"])
    return torch.zeros(1, 1, frames, frames, device=device).masked_fill(hidden, -torch.inf)


def decode(decoder, codes):
    """Samples [batch, frames * 1920] of codes [batch, 16, frames], not clamped."""
    hidden = decoder.pre_conv(decoder.quantizer.decode(codes)).transpose(1, 2)
    masks = dict.fromkeys(("full_attention", "sliding_attention"), _mask(hidden.shape[1], hidden.device))
    hidden = decoder.pre_transformer(inputs_embeds=hidden, attention_mask=masks).last_hidden_state.permute(0, 2, 1)
    for blocks in decoder.upsample:
        for block in blocks:
            hidden = block(hidden)
    for block in decoder.decoder[:-2]:
        hidden = block(hidden)
    # Where samples are made half precision would be heard, and saves nothing.
    with torch.autocast(codes.device.type, enabled=False):
        hidden = hidden.float()
        for block in decoder.decoder[-2:]:
            hidden = block(hidden)
    return hidden[:, 0]


@lru_cache(maxsize=len(BANDS))
def _bands(window, device):
    """Mel bands [bins, bands], and what each of them weighs [bands], one in all."""
    count = BANDS[window]
    weights = torch.where(torch.arange(count) < count * BELOW_1_KHZ, BELOW_1_KHZ_WEIGHT, 1.0)
    return torch.from_numpy(mel_bands(count, window // 2 + 1)).to(device), (weights / weights.sum()).to(device)


def distance(made, wanted):
    """Of loudness in bands (nepers); of spectra, logarithmic and linear; of the samples; and the part of the energy that is
    wrong. A constant offset is none of these: every step of a bias moves it a little, in silence that little is several
    nepers, and its gradient was five times that of all else together."""
    offset = made.mean(1, keepdim=True)
    made = made - offset
    total = loudness = 0.0
    for window, hop in RESOLUTIONS:
        hann = torch.hann_window(window, device=made.device)
        a, b = (torch.stft(x, window, hop, window, hann, return_complex=True).abs() for x in (made, wanted))
        floor = 1e-3 * window**0.5
        total = total + F.l1_loss(torch.log(a + floor), torch.log(b + floor)) + (a - b).abs().mean() / (4 * b.mean().clamp(min=1e-3))
        if window in BANDS:
            bands, weights = _bands(window, made.device)
            a, b = (torch.log(x.square().transpose(1, 2) @ bands + floor**2) / 2 for x in (a, b))
            loudness = loudness + (a - b).abs().mean((0, 1)) @ weights
    samples = (made - wanted).abs().mean() / wanted.abs().mean().clamp(min=3e-3)
    wrong = (made - wanted).detach().pow(2).sum() / wanted.pow(2).sum()
    return loudness / len(BANDS), total / len(RESOLUTIONS), samples, offset.square().mean(), wrong


class Speech:
    """Random pieces of all shards in these folders that were played."""

    def __init__(self, work, folders, seed):
        self.random = np.random.default_rng(seed)
        self.samples, self.codes, self.starts = [], [], []
        for played in sorted(path for folder in folders for path in (Path(work) / folder).glob("*-[0-9]*[0-9].npy")):
            with np.load(Path(work) / "speech" / played.with_suffix(".npz").name) as shard, np.load(played.with_suffix(".npz")) as file:
                lengths, base = shard["frames"], len(self.samples)
                self.samples.append(np.load(played, mmap_mode="r"))
                self.codes.append(file["codes"])
            ends = np.cumsum(lengths)
            for end, length in zip(ends, lengths):
                if length >= SEGMENT_FRAMES:
                    self.starts.append((base, end - length, length))

    def batch(self):
        codes, samples = [], []
        for index in self.random.integers(len(self.starts), size=BATCH):
            shard, start, length = self.starts[index]
            start += self.random.integers(length - SEGMENT_FRAMES + 1)
            codes.append(self.codes[shard][start : start + SEGMENT_FRAMES])
            samples.append(self.samples[shard][start * FRAME : (start + SEGMENT_FRAMES) * FRAME])
        return (torch.from_numpy(np.stack(codes)).long().transpose(1, 2),
                torch.from_numpy(np.stack(samples).astype(np.float32) / 32768))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("minutes", type=float)
    arguments.add_argument("--codes", nargs="+", default=["codes"], help="folders of codes: the teacher's, and the student's own")
    arguments.add_argument("--name", default="vocoder")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rate", type=float, default=RATE)
    arguments.add_argument("--device", default="cpu")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    official.SnakeBeta.forward = _fused_snake
    decoder = model(arguments.work).to(arguments.device)
    trained = [p for p in decoder.parameters() if p.requires_grad]
    kernels = [p for name, p in decoder.named_parameters() if p.dim() > 1 and min(p.flatten(1).shape) > 8 and "codebook" not in name]
    chosen = {id(p) for p in kernels}
    optimisers = [Muon(kernels, arguments.rate), torch.optim.AdamW([p for p in trained if id(p) not in chosen], arguments.rate, betas=(0.8, 0.98))]
    log = progress.Log(arguments.work, arguments.name, decoder, optimisers)
    speech = Speech(arguments.work, arguments.codes, seed=[log.step, *arguments.name.encode()])
    cut = SKIPPED_FRAMES * FRAME
    begin = time.time()
    while (part := (time.time() - begin) / (60 * arguments.minutes)) < 1:
        rate = RATE_LAST + (arguments.rate - RATE_LAST) * (1 - part)
        for optimiser, share in zip(optimisers, (1, OTHERS_RATE)):
            for group in optimiser.param_groups:
                group["lr"] = share * rate * min(1, (log.step + 1) / WARM_UP_STEPS)
        codes, wanted = (tensor.to(arguments.device) for tensor in speech.batch())
        with torch.autocast(arguments.device, torch.bfloat16):
            made = decode(decoder, codes)[:, cut:]
        loudness, spectra, samples, offset, wrong = distance(made, wanted[:, cut:])
        for optimiser in optimisers:
            optimiser.zero_grad()
        (BANDS_WEIGHT * loudness + spectra + SAMPLES_WEIGHT * samples + OFFSET_WEIGHT * offset).backward()
        norm = torch.nn.utils.clip_grad_norm_(decoder.parameters(), 3.0)
        for optimiser in optimisers:
            optimiser.step()
        log.add(loudness=loudness.item(), spectra=spectra.item(), samples=samples.item(), wrong=wrong.item(), norm=float(norm))
    log.save()


if __name__ == "__main__":
    main()
