"""Speech as sixteen codes a frame: `codes.py WORK` writes WORK/codebooks.npz, then WORK/codes/SHARD.npz for each shard.

| code | what it is |
|---|---|
| 0 | which sounds the frame holds: 256 clusters of frames with like sounds and like amplitudes |
| 1 | pitch: whole periods, how many more the next frame has, voicing of the six hops |
| 2-15 | amplitudes of six hops, less the mean of code 0: residual vector quantisation of 128 principal components |

They are fixed before anything is trained, so that talker and vocoder are trained side by side.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

import shards
from bands import FLOOR, HARMONIC_BANDS
from render import HOPS_PER_FRAME
from shards import UNITS_PER_FRAME

CODEBOOK_SIZE = 256
COMPONENTS = 128
LEVELS = 14
PITCH_WEIGHTS = torch.tensor([1.0, 0.6] + [2.0] * HOPS_PER_FRAME)
SCALE = 2.0
NOISE_WEIGHT = 0.8


def patches(utterance):
    """Amplitudes of whole frames [frames, 432], centred and scaled."""
    values = torch.from_numpy(utterance["amplitudes"].astype(np.float32)) - FLOOR
    values[:, HARMONIC_BANDS:] *= NOISE_WEIGHT
    return (values / SCALE).reshape(-1, HOPS_PER_FRAME * values.shape[1])


def pitch(utterance):
    """Periods, their change and voicing [frames, 8]; frames without voice have neither periods nor change."""
    periods = torch.from_numpy(utterance["periods"].astype(np.float32))
    voiced = torch.from_numpy(utterance["voiced"].astype(np.float32)).reshape(-1, HOPS_PER_FRAME)
    change = (torch.cat([periods[1:], periods[-1:]]) - periods).clamp(-3, 3)
    any_voice = voiced.amax(1)
    return torch.cat([(periods * any_voice)[:, None], (change * any_voice)[:, None], voiced], 1) * PITCH_WEIGHTS


def frames_of(units):
    return [units[at : at + UNITS_PER_FRAME] for at in range(0, len(units), UNITS_PER_FRAME)]


def nearest(rows, centres):
    return torch.cat([torch.cdist(part, centres).argmin(1) for part in rows.split(8192)])


def k_means(rows, clusters, rounds=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = rows[torch.randperm(len(rows), generator=generator)[:clusters]].clone()
    for _ in range(rounds):
        own = nearest(rows, centres)
        sums = torch.zeros_like(centres).index_add_(0, own, rows)
        counts = torch.bincount(own, minlength=clusters)
        centres = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), centres)
        lost = torch.nonzero(counts == 0).squeeze(1)
        centres[lost] = rows[torch.randint(len(rows), (len(lost),), generator=generator)]
    return centres


class Coder:
    def __init__(self, work, device="cpu"):
        with np.load(Path(work) / "codebooks.npz", allow_pickle=False) as file:
            self.sounds = dict(zip(file["sound_keys"].tolist(), file["sound_codes"].tolist()))
            self.alphabet = {sound: at for at, sound in enumerate(str(file["alphabet"]))}
            tensor = lambda name: torch.from_numpy(file[name]).to(device)
            self.means, self.components, self.levels, self.pitches = map(tensor, ("means", "components", "levels", "pitches"))
            self.sound_rows = tensor("sound_rows")

    def sound_code(self, frame):
        known = self.sounds.get(frame)
        if known is None:
            known = self.sounds[frame] = int(nearest(occupancy([frame], self.alphabet), self.sound_rows)[0])
        return known

    def encode(self, utterance):
        """[frames, 16] codes."""
        first = torch.tensor([self.sound_code(frame) for frame in frames_of(utterance["units"])])
        codes = [first, nearest(pitch(utterance), self.pitches)]
        rest = (patches(utterance) - self.means[first]) @ self.components
        for level in self.levels:
            code = nearest(rest, level)
            rest = rest - level[code]
            codes.append(code)
        return torch.stack(codes, 1)

    def rest(self, codes):
        """What codes 2-15 of [..., frames, 16] add to the mean of code 0, as principal components [..., frames, 128]."""
        return sum(level[codes[..., at + 2]] for at, level in enumerate(self.levels))

    def patch(self, codes):
        """Amplitudes that codes [..., frames, 16] stand for [..., frames, 432]."""
        return self.means[codes[..., 0]] + self.rest(codes) @ self.components.T


def occupancy(frames, alphabet):
    """Which sounds, and a little of when [frames, alphabet]."""
    rows = torch.zeros(len(frames), 2 * len(alphabet))
    for row, frame in zip(rows, frames):
        for at, sound in enumerate(frame):
            row[alphabet[sound]] += 1
            row[len(alphabet) + alphabet[sound]] += (at - 1) * 0.7
    return rows


def make_codebooks(work):
    utterances = [u for _, u in shards.spoken(work, "speech", 12)]
    frames = [frame for u in utterances for frame in frames_of(u["units"])]
    amplitudes = torch.cat([patches(u) for u in utterances])
    alphabet = "".join(sorted({sound for frame in frames for sound in frame}))
    index = {sound: at for at, sound in enumerate(alphabet)}
    counts = Counter(frames)
    kinds = list(counts)
    print(f"{len(frames)} frames, {len(kinds)} kinds, {len(alphabet)} sounds")
    # Cluster the kinds of frames, each weighing as the root of how often it occurs, by sounds and mean amplitudes.
    at_kind = {kind: at for at, kind in enumerate(kinds)}
    own = torch.tensor([at_kind[frame] for frame in frames])
    mean = torch.zeros(len(kinds), amplitudes.shape[1]).index_add_(0, own, amplitudes) / torch.bincount(own)[:, None]
    features = torch.cat([occupancy(kinds, index) * 2, mean / 2], 1)
    repeats = torch.tensor([max(1, round(counts[kind] ** 0.5)) for kind in kinds])
    centres = k_means(features.repeat_interleave(repeats, 0), CODEBOOK_SIZE, 20)
    code_of = nearest(features, centres)
    first = code_of[own]
    sound_rows = torch.zeros(CODEBOOK_SIZE, 2 * len(alphabet)).index_add_(0, code_of, occupancy(kinds, index))
    sound_rows /= torch.bincount(code_of, minlength=CODEBOOK_SIZE).clamp(min=1)[:, None]
    means = torch.zeros(CODEBOOK_SIZE, amplitudes.shape[1]).index_add_(0, first, amplitudes)
    means /= torch.bincount(first, minlength=CODEBOOK_SIZE).clamp(min=1)[:, None]
    total = (amplitudes - amplitudes.mean(0)).pow(2).sum()
    rest = amplitudes - means[first]
    print(f"left after the mean of code 0: {rest.pow(2).sum() / total:.3f}")
    _, vectors = torch.linalg.eigh(rest.T @ rest / len(rest))
    components = vectors.flip(1)[:, :COMPONENTS].contiguous()
    rest = rest @ components
    print(f"kept by {COMPONENTS} components: {rest.pow(2).sum() / (amplitudes - means[first]).pow(2).sum():.4f}")
    levels = []
    for level in range(LEVELS):
        some = rest[torch.randperm(len(rest), generator=torch.Generator().manual_seed(level))[:40_000]]
        levels.append(k_means(some, CODEBOOK_SIZE))
        rest = rest - levels[-1][nearest(rest, levels[-1])]
        print(f"left after code {level + 2}: {rest.pow(2).sum() / total:.4f}", flush=True)
    pitches = torch.cat([pitch(u) for u in utterances])
    unlike = k_means(pitches[torch.randperm(len(pitches))[:60_000]], CODEBOOK_SIZE, 25)
    found = unlike[nearest(pitches, unlike)]
    print(f"right periods: {(found[:, 0].round() == pitches[:, 0]).float().mean():.4f}, voicing off by {(found[:, 2:] - pitches[:, 2:]).abs().mean() / 2:.4f}")
    np.savez(Path(work) / "codebooks.npz", sound_keys=np.array(kinds), sound_codes=code_of.numpy(), sound_rows=sound_rows.numpy(),
             alphabet=np.array(alphabet), means=means.numpy(), components=components.numpy(),
             levels=torch.stack(levels).numpy(), pitches=unlike.numpy())


def main(work):
    torch.set_num_threads(1)
    work = Path(work)
    if not (work / "codebooks.npz").exists():
        make_codebooks(work)
    coder = Coder(work)
    for path in shards.paths(work, "speech"):
        with shards.claimed(work / "codes" / path.name) as ours:
            if not ours:
                continue
            sentences = shards.load(path)
            codes = [coder.encode(u) for u in sentences]
            error = torch.cat([(coder.patch(c) - patches(u)).abs().mean(1) for c, u in zip(codes, sentences)]).mean() * SCALE
            shards.save(work / "codes" / path.name, [{"units": u["units"], "codes": c.numpy().astype(np.uint8)} for u, c in zip(sentences, codes)])
            print(f"{path.name}: amplitudes off by {error:.3f} nepers", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
