"""The trained voice as a checkpoint in the published layout: `export.py WORK [VERSION]` writes WORK/checkpoint.

Then `crier convert WORK/checkpoint --output voices/default` makes the bundle, as it does of the large model.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

import progress
import talker as sizes
import vocoder as vocoder_sizes
from shards import HIDDEN_FRAMES, SPEAKERS
from talker import SPECIAL_CODEC, SPECIAL_TEXT, TEXT_VOCABULARY, Voice
from train_talker import vocabulary
from vocoder import Vocoder

NAME = "Crier Heart"
KEPT = Path(__file__).parents[1] / "checkpoint"
# The published package never draws the last 1,024 codec ids but the end of speech.
CODEC_IDS = sizes.CODEBOOK_SIZE + 1024


def transformer(prefix, network):
    for at, layer in enumerate(network.layers):
        for name, weight in layer.named_parameters():
            group = "self_attn." if name[1:].startswith(("_proj", "_norm")) else "mlp." if "proj" in name else ""
            yield f"{prefix}.layers.{at}.{group}{name}", weight
    yield f"{prefix}.norm.weight", network.norm.weight


def tensors(voice):
    def padded(table):
        return torch.cat([table, torch.zeros(CODEC_IDS - len(table), table.shape[1])])

    named = dict(transformer("talker.model", voice.talker)) | dict(transformer("talker.code_predictor.model", voice.predictor))
    named |= {
        "talker.model.codec_embedding.weight": padded(voice.codec_embedding.weight),
        "talker.codec_head.weight": padded(voice.codec_head.weight),
        "talker.model.text_embedding.weight": voice.text_rows(),
    }
    for ours, theirs in (("fc1", "linear_fc1"), ("fc2", "linear_fc2")):
        named[f"talker.text_projection.{theirs}.weight"] = getattr(voice, ours).weight
        named[f"talker.text_projection.{theirs}.bias"] = getattr(voice, ours).bias
    for group in range(sizes.GROUPS):
        named[f"talker.code_predictor.model.codec_embedding.{group}.weight"] = voice.group_embedding[group]
        named[f"talker.code_predictor.lm_head.{group}.weight"] = voice.group_head[group]
    # Tables are looked up, never multiplied: half precision is what the bundle keeps of them.
    kind = lambda name: torch.float16 if "embedding" in name else torch.float32
    return {name: tensor.detach().to(kind(name)).contiguous().clone() for name, tensor in named.items()}


def stack(layers, inner, vocabulary_size):
    return dict(hidden_size=sizes.HIDDEN, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=sizes.HEADS,
                num_key_value_heads=sizes.KV_HEADS, head_dim=sizes.HEAD_DIM, rms_norm_eps=sizes.NORM_EPSILON, rope_theta=sizes.THETA,
                vocab_size=vocabulary_size, max_position_embeddings=4096, num_code_groups=16, hidden_act="silu",
                attention_bias=False, attention_dropout=0, use_sliding_window=False, sliding_window=None)


def configuration(version):
    codec = {f"codec_{name}_id": SPECIAL_CODEC[name] for name in ("pad", "bos", "think", "nothink", "think_bos", "think_eos")}
    half = sizes.HEAD_DIM // 2
    sections = [half - 2 * (half * 5 // 16), half * 5 // 16, half * 5 // 16]
    talker = stack(sizes.TALKER_LAYERS, sizes.TALKER_INNER, CODEC_IDS) | codec | dict(
        model_type="qwen3_tts_talker", codec_eos_token_id=SPECIAL_CODEC["eos"], codec_language_id={"english": SPECIAL_CODEC["english"]},
        spk_id={name: SPECIAL_CODEC[name] for name in SPEAKERS}, spk_is_dialect=dict.fromkeys(SPEAKERS, False), text_hidden_size=sizes.HIDDEN,
        text_vocab_size=TEXT_VOCABULARY, position_id_per_seconds=13, pad_token_id=SPECIAL_CODEC["pad"],
        rope_scaling={"interleaved": True, "mrope_section": sections, "rope_type": "default", "type": "default"},
        code_predictor_config=stack(sizes.PREDICTOR_LAYERS, sizes.PREDICTOR_INNER, sizes.CODEBOOK_SIZE)
        | {"model_type": "qwen3_tts_talker_code_predictor", "layer_types": ["full_attention"] * sizes.PREDICTOR_LAYERS})
    text = {f"{name}_token_id": SPECIAL_TEXT[name] for name in ("im_start", "im_end", "tts_pad", "tts_bos", "tts_eos", "assistant")}
    return text | dict(architectures=["Qwen3TTSForConditionalGeneration"], model_type="qwen3_tts", tts_model_type="custom_voice",
                       tts_model_size="0b6", tokenizer_type="qwen3_tts_tokenizer_12hz", talker_config=talker,
                       crier={"name": f"{NAME} {version}", "lexicon": "lexicon.tsv", "text_normalisation": "english", "lead_frames": HIDDEN_FRAMES})


def keep(work, voice, vocoder):
    """What the next training can begin with, in half precision: voices/checkpoint."""
    KEPT.mkdir(exist_ok=True)
    for name, weights in (("talker", voice), ("vocoder", vocoder)):
        half = {key: weight.half() if weight.is_floating_point() else weight for key, weight in weights.items()}
        save_file({key: weight.contiguous() for key, weight in half.items()}, KEPT / f"{name}.safetensors")
    for name in ("codebooks.npz", "frames.txt"):
        shutil.copy(work / name, KEPT / name)


def main(work, version="0.9"):
    work, out = Path(work), Path(work) / "checkpoint"
    (out / "speech_tokenizer").mkdir(parents=True, exist_ok=True)
    words = vocabulary(work)
    voice = Voice("".join(words.alphabet))
    progress.learned(work, "talker", voice)
    save_file(tensors(voice), out / "model.safetensors", metadata={"format": "pt"})
    decoder = Vocoder()
    progress.learned(work, "vocoder", decoder)
    vocoder = decoder.state_dict()
    save_file({f"decoder.{name}": tensor.float().contiguous() for name, tensor in vocoder.items()},
              out / "speech_tokenizer" / "model.safetensors", metadata={"format": "pt"})
    added = {SPECIAL_TEXT["assistant"]: "assistant", SPECIAL_TEXT["line_end"]: "\n", SPECIAL_TEXT["im_start"]: "<|im_start|>",
             SPECIAL_TEXT["im_end"]: "<|im_end|>", SPECIAL_TEXT["tts_pad"]: "<tts_pad>", SPECIAL_TEXT["tts_bos"]: "<tts_text_bos>",
             SPECIAL_TEXT["tts_eos"]: "<tts_text_eod>"}
    configured = dict(codebook_size=sizes.CODEBOOK_SIZE, codebook_dim=vocoder_sizes.CODEBOOK_WIDTH, hidden_size=vocoder_sizes.HIDDEN,
                      latent_dim=vocoder_sizes.LATENT, decoder_dim=vocoder_sizes.DECODER, num_hidden_layers=vocoder_sizes.LAYERS,
                      num_attention_heads=vocoder_sizes.HEADS, num_key_value_heads=vocoder_sizes.HEADS, head_dim=vocoder_sizes.HEAD_DIM,
                      intermediate_size=vocoder_sizes.INNER, sliding_window=vocoder_sizes.WINDOW_FRAMES, num_quantizers=vocoder_sizes.CODEBOOKS,
                      layer_scale_initial_scale=0.1, num_semantic_quantizers=1, semantic_codebook_size=sizes.CODEBOOK_SIZE,
                      rms_norm_eps=vocoder_sizes.NORM_EPSILON, rope_theta=vocoder_sizes.THETA, upsample_rates=vocoder_sizes.RATES,
                      upsampling_ratios=vocoder_sizes.UPSAMPLING, max_position_embeddings=8000,
                      vector_quantization_hidden_dimension=vocoder_sizes.CODEBOOK_WIDTH, attention_bias=False, hidden_act="silu")
    files = {
        "config.json": configuration(version),
        # The likeliest code each time: the voice has one way to say a thing.
        "generation_config.json": dict(do_sample=False, temperature=0.9, top_k=50, top_p=1.0, repetition_penalty=1.0,
                                       subtalker_dosample=False, subtalker_temperature=0.9, subtalker_top_k=50, subtalker_top_p=1.0,
                                       max_new_tokens=400),
        "vocab.json": words.ids,
        "tokenizer_config.json": {"added_tokens_decoder": {id: {"content": content, "special": True} for id, content in added.items()}},
        "speech_tokenizer/config.json": dict(architectures=["Qwen3TTSTokenizerV2Model"], model_type="qwen3_tts_tokenizer_12hz",
                                             input_sample_rate=24_000, output_sample_rate=24_000, decode_upsample_rate=1920,
                                             encode_downsample_rate=1920, encoder_valid_num_quantizers=16, decoder_config=configured),
    }
    for name, content in files.items():
        (out / name).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    (out / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    shutil.copy(work / "lexicon.tsv", out / "lexicon.tsv")
    keep(work, voice.state_dict(), vocoder)
    print(f"{out}: {sum(t.numel() for t in tensors(voice).values()) / 1e6:.1f} M numbers of talker and predictor, "
          f"{sum(t.numel() for t in vocoder.values()) / 1e6:.1f} M of the vocoder")


if __name__ == "__main__":
    main(*sys.argv[1:])
