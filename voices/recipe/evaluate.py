"""How well a voice is understood: `evaluate.py WORK [--crier PROGRAM] [--voice BUNDLE] [--speaker NAME] [--teacher] [--json FILE]`.

Held-out sentences, spoken by `crier say` from end to end, are read back by the judge. Reported by group of sentences: word
and character error rate, how much longer or shorter than the teacher it speaks, and what a listener would notice: level
from sentence to sentence, background, clipping, clicks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

import judge

HELD_OUT = Path(__file__).with_name("held-out.tsv")
RATE_HZ = 24_000
WINDOW = RATE_HZ // 50


def say(program, voice, speaker, text, path):
    chosen = [part for option, value in (("--voice", voice), ("--speaker", speaker)) if value for part in (option, value)]
    subprocess.run([program, "say", *chosen, "--wav", path, text], check=True, capture_output=True)
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE_HZ, rate
    return samples


def levels_dbfs(samples):
    """Root mean square of every 20 ms."""
    parts = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return 10 * np.log10((parts**2).mean(1) + 1e-12)


def heard_part(samples):
    """Where it is louder than -45 dBFS, from the first such place to the last (s)."""
    loud = np.nonzero(levels_dbfs(samples) > -45)[0]
    return (loud[-1] - loud[0] + 1) * WINDOW / RATE_HZ if len(loud) else 0.0


def progress(done, total):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done}/{total} {'█' * (30 * done // total):30}")
        sys.stderr.write("\n" if done == total else "")


def table(name, groups):
    print(f"\n{name}\n{'group':14}{'sentences':>10}{'WER %':>8}{'CER %':>8}")
    pairs = [pair for group in groups.values() for pair in group]
    rates = {}
    for group, rows in [*groups.items(), ("all", pairs)]:
        rates[group] = judge.rates(rows)
        print(f"{group:14}{len(rows):>10}{rates[group][0]:>8.1f}{rates[group][1]:>8.1f}")
    return {group: {"wer": round(word, 2), "cer": round(character, 2)} for group, (word, character) in rates.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--crier", default="target/release/crier")
    parser.add_argument("--voice", help="bundle folder; the embedded voice if absent")
    parser.add_argument("--speaker", help="a speaker of the bundle; its first if absent")
    parser.add_argument("--teacher", action="store_true", help="judge the first speaker's teacher too, and compare durations")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--every", type=int, default=1, help="only every n-th sentence")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    whisper = judge.load(arguments.work)
    teacher = None
    if arguments.teacher:
        from hibari import Hibari

        teacher = Hibari()
    rows = [line.rstrip("\n").split("\t") for line in open(HELD_OUT, encoding="utf-8")][:: arguments.every]
    voice_heard, teacher_heard, loudness, background, peaks, ratios, steps, misheard = {}, {}, [], [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for at, (group, text, words) in enumerate(rows):
            samples = say(arguments.crier, arguments.voice, arguments.speaker, text, f"{folder}/said.wav")
            pair = (words, judge.transcribe(whisper, samples))
            voice_heard.setdefault(group, []).append(pair)
            if judge.rates([pair])[0] > 0:
                misheard.append(pair)
            own = levels_dbfs(samples)
            loudness.append(10 * np.log10((10 ** (own[own > -45] / 10)).mean()) if (own > -45).any() else -120.0)
            background.append(float(np.percentile(own, 2)))
            peaks.append(float(np.abs(samples).max()))
            steps.append(float(np.abs(np.diff(samples)).max()))
            if teacher:
                own = teacher(words, seed=0)
                teacher_heard.setdefault(group, []).append((words, judge.transcribe(whisper, own)))
                ratios.append(heard_part(samples) / heard_part(own))
            progress(at + 1, len(rows))
    figures = {"voice": table("voice", voice_heard)}
    if teacher:
        figures["teacher"] = table("teacher", teacher_heard)
        figures["duration_to_teacher"] = {name: round(float(value), 3) for name, value in
                                          (("mean", np.mean(ratios)), ("lowest", np.min(ratios)), ("highest", np.max(ratios)))}
    figures["level_dbfs"] = {"mean": round(float(np.mean(loudness)), 2), "deviation": round(float(np.std(loudness)), 2)}
    figures["background_dbfs_highest"] = round(max(background), 1)
    figures["peak_highest"], figures["step_highest"] = round(max(peaks), 3), round(max(steps), 3)
    print("\n" + "\n".join(f"{name:28}{value}" for name, value in figures.items() if name not in ("voice", "teacher")))
    print("\nnot heard as said:")
    for words, text in misheard[:12]:
        print(f"  {words}\n    {text.strip()}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
