"""What the layers of talker, code predictor and vocoder have in common."""

import torch
import torch.nn.functional as F
from torch import nn


def rotary(length, head_dim, theta, device=None):
    """Cosines and sines [length, head_dim] of rotary positions (Su et al. 2021), halves side by side."""
    angles = torch.arange(length, device=device)[:, None] / theta ** (torch.arange(0, head_dim, 2, device=device) / head_dim)
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Norm(nn.Module):
    """By the root mean square, in floats."""

    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.epsilon)
