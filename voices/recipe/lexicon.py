"""How words sound, and for how long: `lexicon.py WORK` writes WORK/lexicon.tsv (word TAB timed sounds).

A timed sound is a character of the teacher's alphabet (Kokoro's IPA) and the number of units of 26.7 ms that it lasts, 1
where no number stands: `cat` is `k2ˈ3æ3t2`. Sounds are those of the teacher's own grapheme-to-phoneme rules, the way it says
the word amid a sentence where the corpus has it; durations are the mean of what the teacher gives it in several contexts.
"""

import random
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

WORD = re.compile(r"[a-z']+")
# Between words and at the ends: `~` holds the sound before it.
PAUSES = {" ": " 2", ",": "~3,3", ";": "~4;3", ":": "~6:3", ".": "~9.3", "!": "~9!3", "?": "~9?3", "—": "~4,3", "…": "~6,3"}
LETTER_A = "A"
# Regular endings, for words that are not in the lexicon but whose stem is.
ENDINGS = {"-s": "s3", "-z": "z3", "-ᵻz": "ᵻ2z3", "-t": "t2", "-d": "d2", "-ᵻd": "ᵻ2d2", "-ing": "ɪ3ŋ3"}
# What begins so is no word: how a letter sounds (`letters.py`).
RULE = "="
DURATION_MAX = 3.6
LINKS = "the of in a and for with to that is".split()


def timed(sounds, durations):
    return "".join(sound + (str(units) if units > 1 else "") for sound, units in zip(sounds, durations))


def parse(text):
    """[(sound, units)] of timed sounds."""
    return [(sound, int(units or 1)) for sound, units in re.findall(r"([^0-9])([0-9]*)", text)]


def whole(durations):
    """Whole units, at least one each, whose sum is that of `durations`: remainders go to the largest."""
    floor = np.maximum(1, np.floor(durations)).astype(int)
    missing = int(round(durations.sum())) - floor.sum()
    for index in np.argsort(-(durations - floor))[: max(0, missing)]:
        floor[index] += 1
    return floor


def read(path):
    return dict(line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8"))


def write(path, table):
    """In the order of bytes, as Crier looks for them."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{word}\t{table[word]}\n" for word in sorted(table, key=lambda word: word.encode()))


class Spelling:
    """Text as timed sounds, exactly as Crier's `pronounce` does it (there in Rust)."""

    def __init__(self, lexicon):
        self.lexicon = lexicon

    def timed(self, text):
        """[(sound, units)], or None where a word is not known. Text: words of small letters and punctuation."""
        pieces = re.findall(r"[a-z']+|[^a-z']+", text)
        out = []
        for index, piece in enumerate(pieces):
            if WORD.fullmatch(piece):
                if piece == "a":
                    neighbours = [pieces[at] for at in (index - 2, index + 2) if 0 <= at < len(pieces)]
                    if any(len(other) == 1 and other not in "ai" for other in neighbours):
                        piece = LETTER_A
                known = self.lexicon.get(piece)
                if known is None:
                    return None
                out += parse(known)
            else:
                mark = next((c for c in piece if c in PAUSES and c != " "), " ")
                for sound, units in parse(self.lexicon[mark]):
                    if sound != "~":
                        out.append((sound, units))
                    elif out:
                        out[-1] = (out[-1][0], out[-1][1] + units)
                if mark in ",;:—…" and index + 1 < len(pieces):
                    out += parse(self.lexicon[" "])
        return out


def pronunciations(teacher, words, sentences):
    """word -> sounds. As the teacher reads it amid sentences if it occurs there, otherwise on its own."""
    g2p, alphabet = teacher.hibari.g2p, teacher.vocabulary
    seen = defaultdict(Counter)
    for text in sentences:
        for token in g2p.phonemize_tokens(g2p.tokenize(text))[:-2]:
            word = token.text.lower()
            if WORD.fullmatch(word) and token.phonemes:
                seen[word][token.phonemes] += 1
    result = {}
    for word in sorted(words):
        sounds = seen[word].most_common(1)[0][0] if word in seen else g2p(word).rstrip(".")
        sounds = "".join(sound for sound in sounds.replace(" ", "") if sound in alphabet and sound not in ",.;:!?—…\"()“”")
        if sounds:
            result[word] = sounds
    # Words whose sounds on their own are not those amid a sentence, and letters.
    result |= {"the": "ðə", "a": "ɐ" if "ɐ" in alphabet else "ə", LETTER_A: "ˈA"}
    for letter in "bcdefghjklmnopqrstuvwxyz":
        result[letter] = g2p(letter.upper()).replace(" ", "")
    return result


def mean_durations(teacher, sounds_of, sentences, contexts=2):
    """word -> mean duration of each of its sounds over contexts: real sentences, then words at random between small ones."""
    rng = random.Random(4)
    total, count = {}, Counter()

    def measure(words):
        text, spans = "", []
        for word in words:
            spans.append((len(text), len(text) + len(sounds_of[word])))
            text += sounds_of[word] + " "
        durations = teacher.durations_of(text.rstrip() + ".")
        for word, (start, end) in list(zip(words, spans))[1:-1]:
            total[word] = total.get(word, 0) + durations[start:end]
            count[word] += 1

    for text in sentences:
        words = WORD.findall(text.lower())
        if 3 <= len(words) <= 20 and all(word in sounds_of for word in words):
            measure(words)
    for _ in range(contexts):
        rest = [word for word in sounds_of if count[word] < contexts]
        rng.shuffle(rest)
        for start in range(0, len(rest), 6):
            between = [rng.choice(LINKS) for _ in range(7)]
            measure(["so", *(word for pair in zip(between, rest[start : start + 6]) for word in pair), "of", "it"])
    # Now and then the teacher pauses after a word of such a list, and counts the pause as its last sound.
    return {word: np.minimum(total[word] / count[word], DURATION_MAX) for word in total}


def main(work):
    from teacher import Teacher

    work, teacher = Path(work), Teacher()
    sentences = [line.split("\t")[1].rstrip("\n") for line in open(work / "train.tsv", encoding="utf-8")]
    words = {word for text in sentences for word in WORD.findall(text.lower())}
    words |= {word.lower() for word in teacher.hibari.g2p.lexicon.golds.d if WORD.fullmatch(word.lower())}
    words = {word for word in words if word.strip("'")}
    sounds = pronunciations(teacher, words, sentences[:12_000])
    means = mean_durations(teacher, sounds, sentences[:8_000])
    table = {word: timed(sounds[word], whole(means[word])) for word in means} | PAUSES | ENDINGS
    write(work / "lexicon.tsv", table)
    print(f"{len(table)} entries, {(work / 'lexicon.tsv').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
