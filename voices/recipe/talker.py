"""Talker and code predictor: the layers and the prompt of `Qwen3TTSForConditionalGeneration`, small."""

import torch
import torch.nn.functional as F
from torch import nn

from codes import CODEBOOK_SIZE, COMPONENTS
from layers import Norm, rotary, rotate
from render import HOPS_PER_FRAME
from shards import LEAD_FRAMES, SPEAKERS, UNITS_PER_FRAME

GROUPS = 15
HIDDEN, HEADS, KV_HEADS, HEAD_DIM, THETA, NORM_EPSILON = 256, 4, 2, 64, 10_000.0, 1e-6
TALKER_LAYERS, TALKER_INNER = 6, 768
PREDICTOR_LAYERS, PREDICTOR_INNER = 3, 512
SOUNDS_MAX = 64
ACOUSTIC = COMPONENTS + 2 + HOPS_PER_FRAME

# Text ids: frames of sounds from 0 on, then what frames an utterance. Codec ids: codes from 0 on, then the same.
TEXT_VOCABULARY = 4096
SPECIAL_TEXT = {name: TEXT_VOCABULARY - 8 + at for at, name in enumerate(
    ("assistant", "line_end", "im_start", "tts_bos", "tts_eos", "tts_pad", "im_end"))}
SPECIAL_CODEC = {name: CODEBOOK_SIZE + at for at, name in enumerate(
    ("pad", "bos", "eos", "think", "nothink", "think_bos", "think_eos", "english", "russian", *SPEAKERS))}
CODEC_VOCABULARY = CODEBOOK_SIZE + 64
PREFIX, SPEAKER_TAG = 9, 4


class Layer(nn.Module):
    def __init__(self, inner):
        super().__init__()
        linear = lambda into, out: nn.Linear(into, out, bias=False)
        self.input_layernorm, self.post_attention_layernorm = Norm(HIDDEN, NORM_EPSILON), Norm(HIDDEN, NORM_EPSILON)
        self.q_proj, self.k_proj, self.v_proj = (linear(HIDDEN, n * HEAD_DIM) for n in (HEADS, KV_HEADS, KV_HEADS))
        self.o_proj, self.q_norm, self.k_norm = linear(HEADS * HEAD_DIM, HIDDEN), Norm(HEAD_DIM, NORM_EPSILON), Norm(HEAD_DIM, NORM_EPSILON)
        self.gate_proj, self.up_proj, self.down_proj = linear(HIDDEN, inner), linear(HIDDEN, inner), linear(inner, HIDDEN)

    def forward(self, x, cos, sin, cache=None):
        batch, length, _ = x.shape
        heads = lambda y, n: y.view(batch, length, n, HEAD_DIM).transpose(1, 2)
        normed = self.input_layernorm(x)
        q = rotate(self.q_norm(heads(self.q_proj(normed), HEADS)), cos, sin)
        k = rotate(self.k_norm(heads(self.k_proj(normed), KV_HEADS)), cos, sin)
        v = heads(self.v_proj(normed), KV_HEADS)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        if x.is_cuda:
            attended = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=length > 1, enable_gqa=True)
        else:
            # Written out: on a processor this is twice as fast as the fused operation, back and forth.
            q = q.reshape(batch, KV_HEADS, -1, HEAD_DIM)
            scores = (q @ k.transpose(2, 3)).view(batch, HEADS, length, -1) * HEAD_DIM**-0.5
            if length > 1:
                scores = scores + torch.full((length, length), -1e4, dtype=scores.dtype, device=x.device).triu(1)
            attended = torch.softmax(scores, -1).view(batch, KV_HEADS, -1, k.shape[2]) @ v
            attended = attended.view(batch, HEADS, length, HEAD_DIM)
        x = x + self.o_proj(attended.transpose(1, 2).reshape(batch, length, -1))
        normed = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(normed)) * self.up_proj(normed))


class Transformer(nn.Module):
    def __init__(self, layers, inner):
        super().__init__()
        self.layers = nn.ModuleList(Layer(inner) for _ in range(layers))
        self.norm = Norm(HIDDEN, NORM_EPSILON)
        for layer in self.layers:
            for name, weight in layer.named_parameters():
                if weight.dim() == 2:
                    nn.init.normal_(weight, 0, weight.shape[1] ** -0.5 * (0.5 if name.startswith(("o_", "down_")) else 1))
        cos, sin = rotary(512, HEAD_DIM, THETA)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, x, cache=None, position=0):
        cos, sin = self.cos[position : position + x.shape[1]], self.sin[position : position + x.shape[1]]
        for at, layer in enumerate(self.layers):
            x = layer(x, cos, sin, None if cache is None else cache[at])
        return self.norm(x)


class Voice(nn.Module):
    """Everything between text ids and codes."""

    def __init__(self, alphabet):
        super().__init__()
        self.alphabet = alphabet
        self.talker = Transformer(TALKER_LAYERS, TALKER_INNER)
        self.predictor = Transformer(PREDICTOR_LAYERS, PREDICTOR_INNER)
        # A frame of text is learned as the sum of its sounds, each at its place, and a little of its own: so frames that
        # are rare, or were never heard, can be read. What is exported is the sum.
        self.sounds = nn.Parameter(torch.randn(UNITS_PER_FRAME, SOUNDS_MAX, HIDDEN))
        self.own = nn.Parameter(torch.zeros(TEXT_VOCABULARY, HIDDEN))
        text, codec = SPECIAL_TEXT, SPECIAL_CODEC
        before = ["im_start", "assistant", "line_end", *["tts_pad"] * 5, "tts_bos"]
        self.register_buffer("prefix_text", torch.tensor([text[name] for name in before]), persistent=False)
        tags = ("think", "think_bos", "english", "think_eos", "pad", "pad")
        self.register_buffer("prefix_tags", torch.tensor([codec[name] for name in tags]), persistent=False)
        self.register_buffer("parts", torch.full((TEXT_VOCABULARY, UNITS_PER_FRAME), SOUNDS_MAX - 1))
        with torch.no_grad():
            for at, name in enumerate(SPECIAL_TEXT):
                self.own[SPECIAL_TEXT[name]].normal_(0, 1)
        self.fc1, self.fc2 = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.codec_embedding = nn.Embedding(CODEC_VOCABULARY, HIDDEN)
        self.codec_head = nn.Linear(HIDDEN, CODEC_VOCABULARY, bias=False)
        self.group_embedding = nn.Parameter(torch.randn(GROUPS, CODEBOOK_SIZE, HIDDEN) * 0.25)
        self.group_head = nn.Parameter(torch.randn(GROUPS, CODEBOOK_SIZE, HIDDEN) * 0.02)
        # Only while training: the talker's state shall tell the frame's amplitudes and pitch by itself.
        self.acoustic = nn.Linear(HIDDEN, ACOUSTIC)
        nn.init.normal_(self.codec_embedding.weight, 0, 0.5)
        nn.init.normal_(self.codec_head.weight, 0, 0.02)

    def text_rows(self):
        """The embedding table as it is exported, before its projection [vocabulary, 256]."""
        return sum(self.sounds[at][self.parts[:, at]] for at in range(UNITS_PER_FRAME)) * 0.5 + self.own

    def text(self, ids):
        rows = sum(self.sounds[at][self.parts[ids, at]] for at in range(UNITS_PER_FRAME)) * 0.5 + self.own[ids]
        return self.fc2(F.silu(self.fc1(rows)))

    def prefix(self, speakers):
        """The rows before the text [speakers, 9, 256]: role, language, speaker (codec ids)."""
        rows, tags = self.text(self.prefix_text), self.codec_embedding(self.prefix_tags).repeat(len(speakers), 1, 1)
        tags[:, SPEAKER_TAG] = self.codec_embedding(speakers)
        return torch.cat([rows[:3].expand(len(speakers), -1, -1), rows[3:] + tags], 1)

    def frames(self, codes, acoustic=None):
        """What the talker hears of frames [..., 16]; `acoustic` [...] blanks codes 1-15 where it is 0."""
        offset = torch.arange(GROUPS, device=codes.device) * CODEBOOK_SIZE
        rest = F.embedding(codes[..., 1:] + offset, self.group_embedding.view(-1, HIDDEN)).sum(-2)
        return self.codec_embedding(codes[..., 0]) + (rest if acoustic is None else rest * acoustic[..., None])

    def states(self, text, heard, speakers):
        """The talker's states [sentences, frames, 256] as it reads text ids [sentences, frames] and hears what it said before
        [sentences, frames - 1, 256]."""
        begin = self.codec_embedding.weight[SPECIAL_CODEC["bos"]].expand(len(text), 1, -1)
        return self.talker(torch.cat([self.prefix(speakers), self.text(text) + torch.cat([begin, heard], 1)], 1))[:, PREFIX:]

    def predict(self, hidden, codes):
        """Logits [n, 15, K] of codes 1-15 of frames, from the talker's state [n, 256] and the codes before each."""
        offset = torch.arange(GROUPS - 1, device=codes.device) * CODEBOOK_SIZE
        inputs = F.embedding(codes[:, 1:GROUPS] + offset, self.group_embedding.view(-1, HIDDEN))
        inputs = torch.cat([hidden[:, None], self.codec_embedding(codes[:, :1]), inputs], 1)
        states = self.predictor(inputs)[:, 1:]
        return torch.einsum("ngd,gkd->ngk", states, self.group_head)

    def guess(self, hidden, first):
        """All codes [n, 16] of frames, greedily, from the talker's state [n, 256] and code 0 [n]."""
        codes, cache = [first], [[] for _ in self.predictor.layers]
        inputs = torch.stack([hidden, self.codec_embedding(first)], 1)
        for group in range(GROUPS):
            state = self.predictor(inputs, cache, 0 if group == 0 else group + 1)[:, -1]
            codes.append((state @ self.group_head[group].T).argmax(-1))
            inputs = self.group_embedding[group][codes[-1]][:, None]
        return torch.stack(codes, 1)

    @torch.no_grad()
    def speak(self, ids, speaker=SPEAKERS[0], frames_max=400):
        """Codes [frames, 16] of text ids, greedily."""
        cache, out = [[] for _ in self.talker.layers], []
        pad, eos = SPECIAL_TEXT["tts_pad"], SPECIAL_TEXT["tts_eos"]
        text = self.text(torch.tensor([*ids, eos, pad]))
        begin = text[:1] + self.codec_embedding.weight[SPECIAL_CODEC["bos"]]
        rows = torch.cat([self.prefix(torch.tensor([SPECIAL_CODEC[speaker]]))[0], begin])[None]
        position = 0
        while len(out) < frames_max:
            hidden = self.talker(rows, cache, position)[:, -1]
            position += rows.shape[1]
            logits = self.codec_head(hidden)[0]
            logits[CODEBOOK_SIZE : SPECIAL_CODEC["eos"]] = logits[SPECIAL_CODEC["eos"] + 1 :] = -torch.inf
            code = int(logits.argmax())
            if code == SPECIAL_CODEC["eos"]:
                break
            out.append(self.guess(hidden, torch.tensor([code]))[0])
            at = min(len(out), len(ids) + 1)
            rows = (self.frames(out[-1]) + text[at])[None, None]
        return torch.stack(out)


class Vocabulary:
    """Frames of text and their ids: all that occur in the speech and in the lexicon, most frequent first."""

    def __init__(self, frames, alphabet):
        self.frames, self.ids = list(frames), {frame: at for at, frame in enumerate(frames)}
        self.alphabet = {sound: at for at, sound in enumerate(alphabet)}

    def parts(self):
        rows = torch.full((TEXT_VOCABULARY, UNITS_PER_FRAME), SOUNDS_MAX - 1)
        for at, frame in enumerate(self.frames):
            rows[at] = torch.tensor([self.alphabet[sound] for sound in frame])
        return rows

    def text_ids(self, units):
        """Ids of an utterance's text: its frames, the lead not among them."""
        frames = [units[at : at + UNITS_PER_FRAME] for at in range(LEAD_FRAMES * UNITS_PER_FRAME, len(units), UNITS_PER_FRAME)]
        return [self.ids[self.nearest(frame)] for frame in frames]

    def nearest(self, frame):
        """A frame that there is, in place of one that there is not: the middle, then the end gives way."""
        a, b, c = frame
        for other in (frame, a + a + c, a + c + c, a + b + b, b + b + c, a + a + b, b + c + c, a + a + a, c + c + c, b + b + b):
            if other in self.ids:
                return other
        return self.frames[0]
