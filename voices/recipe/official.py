"""The official package's decoder for 12 Hz codes, without what its codec for 25 Hz needs: that imports torchaudio, which is made
for one version of torch only, and later than torch."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

for name in ("torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi"):
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__spec__ = ModuleSpec(name, None)

from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2DecoderConfig
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Decoder, SnakeBeta
