"""One training of several that began alike and went on side by side: `average.py WORK OUT NAME...` writes WORK/OUT.pt with the
mean of their weights and of their optimisers' states (local SGD, Stich 2019): what each learned stays, their noise does not.
"""

import sys
from pathlib import Path

import torch


def mean(values):
    first = values[0]
    if isinstance(first, dict):
        return {key: mean([value[key] for value in values]) for key in first}
    if isinstance(first, list):
        return [mean(list(column)) for column in zip(*values, strict=True)]
    if torch.is_tensor(first):
        return torch.stack([value.float() for value in values]).mean(0).to(first.dtype)
    return first


def main(work, out, *names):
    saved = [torch.load(Path(work) / f"{name}.pt", weights_only=False) for name in names]
    whole = {key: mean([training[key] for training in saved]) for key in ("model", "optimisers")}
    whole |= {key: max(training[key] for training in saved) for key in ("step", "trained_s")}
    torch.save(whole, Path(work) / f"{out}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
