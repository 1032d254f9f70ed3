"""Where a training stands: saved every minute and at the end, so that it can be stopped at any time; losses as a picture."""

import json
import time
import zlib
from pathlib import Path

import torch
from safetensors.torch import load_file

SAVE_EVERY_S = 60
PRINT_EVERY_S = 10


def weights(work, name, model):
    """Puts the weights of `WORK/NAME.pt` into the model, or those of `WORK/NAME.safetensors`, which may be in half precision.
    Returns what else a training needs to go on: nothing in the latter case, None if there are neither."""
    path, half = Path(work) / f"{name}.pt", Path(work) / f"{name}.safetensors"
    if path.exists():
        saved = torch.load(path, weights_only=False, map_location="cpu")
        model.load_state_dict(saved.pop("model"))
        return saved
    if half.exists():
        dtypes = {key: tensor.dtype for key, tensor in model.state_dict().items()}
        model.load_state_dict({key: weight.to(dtypes[key]) for key, weight in load_file(half).items()})
        return {}
    return None


def learned(work, name, model):
    """The same, where there must be weights. Returns when they were learned (s since 1970)."""
    if weights(work, name, model) is None:
        raise FileNotFoundError(f"{work}: neither {name}.pt nor {name}.safetensors: train the {name} first, or take what there is (make resume)")
    return next(path.stat().st_mtime for suffix in (".pt", ".safetensors") if (path := Path(work) / f"{name}{suffix}").exists())


class Log:
    """Loads what `weights` finds; gathers losses, prints them, and writes `NAME.pt` and `NAME.jsonl`."""

    def __init__(self, work, name, model, optimisers):
        self.path, self.model, self.optimisers = Path(work) / f"{name}.pt", model, optimisers
        self.step, self.trained_s, self.recent, self.count = 0, 0.0, {}, 0
        if saved := weights(work, name, model):
            for ours, theirs in zip(optimisers, saved["optimisers"]):
                ours.load_state_dict(theirs)
            self.step, self.trained_s = saved["step"], saved["trained_s"]
            print(f"goes on after step {self.step}, {self.trained_s / 60:.0f} minutes", flush=True)
        elif saved is not None:
            print("begins with the weights that there are", flush=True)
        # Whoever goes on draws other numbers than before, and two that learn side by side draw different ones.
        torch.manual_seed(zlib.crc32(f"{name} {self.step}".encode()))
        self.printed = self.saved = self.last = time.time()

    def add(self, losses):
        """Numbers on any device by name. Not looked at before they are printed, for a GPU would be waited for."""
        self.step += 1
        self.count += 1
        self.recent = {key: value + self.recent.get(key, 0) for key, value in losses.items()}
        now = time.time()
        self.trained_s += now - self.last
        self.last = now
        if now - self.printed > PRINT_EVERY_S:
            mean = {key: float(value) / self.count for key, value in self.recent.items()}
            print(f"step {self.step} {self.trained_s / 60:.1f} min {(now - self.printed) / self.count:.3f} s/step  "
                  + "  ".join(f"{key} {value:.4f}" for key, value in mean.items()), flush=True)
            with open(self.path.with_suffix(".jsonl"), "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.step, "minutes": round(self.trained_s / 60, 2)} | {k: round(v, 5) for k, v in mean.items()}) + "\n")
            self.printed, self.recent, self.count = now, {}, 0
        if now - self.saved > SAVE_EVERY_S:
            self.save()
            self.saved = now

    def save(self):
        new = self.path.with_suffix(".new")
        torch.save({"model": self.model.state_dict(), "optimisers": [o.state_dict() for o in self.optimisers],
                    "step": self.step, "trained_s": self.trained_s}, new)
        new.rename(self.path)
