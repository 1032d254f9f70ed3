"""From codes to samples: the layers and the names of `Qwen3TTSTokenizerV2Decoder`, small.

Causal throughout: a sample depends on the codes of its own frame and of those before.
"""

import torch
import torch.nn.functional as F
from torch import nn

from codes import CODEBOOK_SIZE
from layers import Norm, rotary, rotate

CODEBOOKS, CODEBOOK_WIDTH = 16, 128
LATENT, UPSAMPLING = 192, (2, 2)
LAYERS, HIDDEN, HEADS, HEAD_DIM, INNER, WINDOW_FRAMES, THETA, NORM_EPSILON = 2, 128, 4, 32, 256, 72, 10_000.0, 1e-5
DECODER, RATES, DILATIONS = 256, (8, 5, 4, 3), (1, 3, 9)


class Convolution(nn.Module):
    def __init__(self, into, out, width, dilation=1, groups=1):
        super().__init__()
        self.conv = nn.Conv1d(into, out, width, dilation=dilation, groups=groups)
        self.padding = (width - 1) * dilation

    def forward(self, x):
        return self.conv(F.pad(x, (self.padding, 0)))


class Upsampling(nn.Module):
    """A transposed convolution; what reaches beyond the last frame is cut off."""

    def __init__(self, into, out, width, rate):
        super().__init__()
        self.conv = nn.ConvTranspose1d(into, out, width, stride=rate)

    def forward(self, x):
        return self.conv(x)[..., : x.shape[-1] * self.conv.stride[0]]


class SnakeBeta(nn.Module):
    """x + sin²(αx) / β, both learned as logarithms (Ziyin et al. 2020; BigVGAN, Lee et al. 2023)."""

    def __init__(self, channels):
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return _Snake.apply(x, torch.exp(self.alpha)[None, :, None], 1 / (torch.exp(self.beta)[None, :, None] + 1e-9))


class _Snake(torch.autograd.Function):
    """In one pass forward and one back."""

    @staticmethod
    def forward(context, x, alpha, inverse_beta):
        context.save_for_backward(x, alpha, inverse_beta)
        return _snake(x, alpha, inverse_beta)

    @staticmethod
    def backward(context, gradient):
        return _snake_backward(gradient.contiguous(), *context.saved_tensors)


@torch.compile(dynamic=True)
def _snake(x, alpha, inverse_beta):
    return (x + inverse_beta * torch.sin(x * alpha).square()).to(x.dtype)


@torch.compile(dynamic=True)
def _snake_backward(gradient, x, alpha, inverse_beta):
    double, single = torch.sin(2 * alpha * x), torch.sin(alpha * x)
    return ((gradient * (1 + inverse_beta * alpha * double)).to(x.dtype),
            (gradient * inverse_beta * x * double).sum((0, 2), keepdim=True),
            (gradient * single.square()).sum((0, 2), keepdim=True))


class Residual(nn.Module):
    def __init__(self, width, dilation):
        super().__init__()
        self.act1, self.conv1 = SnakeBeta(width), Convolution(width, width, 7, dilation)
        self.act2, self.conv2 = SnakeBeta(width), Convolution(width, width, 1)

    def forward(self, x):
        return x + self.conv2(self.act2(self.conv1(self.act1(x))))


class Block(nn.Module):
    def __init__(self, into, rate):
        super().__init__()
        out = into // 2
        self.block = nn.Sequential(SnakeBeta(into), Upsampling(into, out, 2 * rate, rate), *(Residual(out, gap) for gap in DILATIONS))

    def forward(self, x):
        return self.block(x)


class ConvNeXt(nn.Module):
    """Liu et al. 2022, causal."""

    def __init__(self, width):
        super().__init__()
        self.dwconv, self.norm = Convolution(width, width, 7, groups=width), nn.LayerNorm(width, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x):
        inner = self.pwconv2(F.gelu(self.pwconv1(self.norm(self.dwconv(x).transpose(1, 2)))))
        return x + (self.gamma * inner).transpose(1, 2)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((HIDDEN,), 0.1))

    def forward(self, x):
        return self.scale * x


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(HIDDEN, HEADS * HEAD_DIM, bias=False) for _ in range(3))
        self.o_proj = nn.Linear(HEADS * HEAD_DIM, HIDDEN, bias=False)

    def forward(self, x, rotation, mask):
        heads = lambda y: y.unflatten(-1, (HEADS, HEAD_DIM)).transpose(1, 2)
        q, k, v = heads(self.q_proj(x)), heads(self.k_proj(x)), heads(self.v_proj(x))
        scores = rotate(q, *rotation) @ rotate(k, *rotation).transpose(2, 3) * HEAD_DIM**-0.5 + mask
        return self.o_proj((torch.softmax(scores, -1).to(v.dtype) @ v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(HIDDEN, INNER, bias=False), nn.Linear(HIDDEN, INNER, bias=False)
        self.down_proj = nn.Linear(INNER, HIDDEN, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.mlp = Attention(), MLP()
        self.input_layernorm, self.post_attention_layernorm = Norm(HIDDEN, NORM_EPSILON), Norm(HIDDEN, NORM_EPSILON)
        self.self_attn_layer_scale, self.mlp_layer_scale = Scale(), Scale()

    def forward(self, x, rotation, mask):
        x = x + self.self_attn_layer_scale(self.self_attn(self.input_layernorm(x), rotation, mask))
        return x + self.mlp_layer_scale(self.mlp(self.post_attention_layernorm(x)))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_proj, self.output_proj, self.norm = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, LATENT), Norm(HIDDEN, NORM_EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, x):
        x = self.input_proj(x)
        frames = torch.arange(x.shape[1], device=x.device)
        rotation = rotary(x.shape[1], HEAD_DIM, THETA, x.device)
        age = frames[:, None] - frames
        mask = torch.zeros(age.shape, device=x.device).masked_fill((age < 0) | (age >= WINDOW_FRAMES), -torch.inf)
        for layer in self.layers:
            x = layer(x, rotation, mask)
        return self.output_proj(self.norm(x))


class Codebook(nn.Module):
    def __init__(self):
        super().__init__()
        # How often each entry was used where codebooks were learned by counting; here always once.
        self.cluster_usage = nn.Parameter(torch.ones(CODEBOOK_SIZE), requires_grad=False)
        self.embedding_sum = nn.Parameter(torch.zeros(CODEBOOK_SIZE, CODEBOOK_WIDTH // 2))


class Quantiser(nn.Module):
    """The sum of one row of each codebook, projected."""

    def __init__(self, count):
        super().__init__()
        layers = [nn.Module() for _ in range(count)]
        for layer in layers:
            layer._codebook = Codebook()
        self.vq = nn.Module()
        self.vq.layers = nn.ModuleList(layers)
        # Only an encoder would need it.
        self.input_proj = nn.Conv1d(CODEBOOK_WIDTH, CODEBOOK_WIDTH // 2, 1, bias=False).requires_grad_(False)
        self.output_proj = nn.Conv1d(CODEBOOK_WIDTH // 2, CODEBOOK_WIDTH, 1, bias=False)

    @property
    def tables(self):
        """The codebooks' entries, to be written to or read."""
        return [layer._codebook.embedding_sum for layer in self.vq.layers]

    def forward(self, codes):
        offsets = torch.arange(codes.shape[1], device=codes.device)[:, None] * CODEBOOK_SIZE
        return self.output_proj(F.embedding(codes + offsets, torch.cat(self.tables)).sum(1).transpose(1, 2))


class Vocoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.quantizer = nn.Module()
        self.quantizer.rvq_first, self.quantizer.rvq_rest = Quantiser(1), Quantiser(CODEBOOKS - 1)
        self.pre_conv, self.pre_transformer = Convolution(CODEBOOK_WIDTH, LATENT, 3), Transformer()
        self.upsample = nn.ModuleList(nn.Sequential(Upsampling(LATENT, LATENT, rate, rate), ConvNeXt(LATENT)) for rate in UPSAMPLING)
        width = DECODER // 2 ** len(RATES)
        self.decoder = nn.ModuleList([Convolution(LATENT, DECODER, 7), *(Block(DECODER >> at, rate) for at, rate in enumerate(RATES)),
                                      SnakeBeta(width), Convolution(width, 1, 7)])

    def forward(self, codes):
        """Samples [batch, frames * 1920] of codes [batch, 16, frames], not clamped."""
        hidden = self.quantizer.rvq_first(codes[:, :1]) + self.quantizer.rvq_rest(codes[:, 1:])
        hidden = self.pre_transformer(self.pre_conv(hidden).transpose(1, 2)).transpose(1, 2)
        for part in (*self.upsample, *self.decoder[:-2]):
            hidden = part(hidden)
        # Where samples are made half precision would be heard, and saves nothing.
        with torch.autocast(codes.device.type, enabled=False):
            hidden = hidden.float()
            for part in self.decoder[-2:]:
                hidden = part(hidden)
        return hidden[:, 0]
