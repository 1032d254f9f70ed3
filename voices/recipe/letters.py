"""How letters sound, for words that nobody listed: `letters.py WORK` learns it from WORK/lexicon.tsv and adds it there.

A rule is an entry like any other: `=` and a letter, then the letters around it in a fixed order (one and two to the right, one
to the left, ...; `_` beyond the word), and the timed sounds that the letter makes there, none if it is silent. The
longest that fits counts; there are only those that say something else than the shorter one (an IGTree: Daelemans, van den
Bosch and Weijters 1997). Words are read from their end, where English decides on its stress, and vowels before the main stress
are capitals. `letters.py WORK judge` learns from 95 % of the words and compares with the others.
"""

import random
import re
import sys
from pathlib import Path

import numpy as np

import lexicon

RULE, BEYOND = lexicon.RULE, "_"
LETTERS = "'abcdefghijklmnopqrstuvwxyz" + BEYOND + "AEIOUY"
# Where the letters of a rule stand, seen from the one that sounds.
ORDER = [0, 1, 2, -1, 3, -2, 4, -3, 5, 6]
VOWELS = "æɑɐəɛɜɪiɔʊuʌᵊᵻAIOWY"
MAIN, SECOND = "ˈˌ"
# As long as a stress lasts that no rule has put.
STRESS_UNITS = 2
SOUNDS_PER_LETTER = 2
TWO_SOUNDS = 0.1
ITERATIONS = 6
# Words whose letters are less likely to sound so are spelled or foreign (mean log likelihood of a letter).
LIKELY = -4.0
# A rule of so many letters has to set so many sounds right; a unit too long or too short counts as a part of a sound.
GAINS, UNIT_WEIGHT = [1.0] * 5 + [1.2] * 5, 0.1
BASE, STRESSES = 64, 3


def is_word(key):
    return len(key) > 1 and re.fullmatch("[a-z']*[aeiouy][a-z']*", key) is not None


class Words:
    """Words and their sounds as arrays; a stress belongs to the vowel behind it."""

    def __init__(self, table):
        self.alphabet = sorted({sound for value in table.values() for sound, _ in lexicon.parse(value)} - {MAIN, SECOND})
        self.words, self.letters, self.sounds, self.stresses, self.units = [], [], [], [], []
        for word, value in table.items():
            sounds, stresses, units, stress = [], [], [], (0, 0)
            for sound, length in lexicon.parse(value):
                if sound in (MAIN, SECOND):
                    stress = ((MAIN, SECOND).index(sound) + 1, length)
                    continue
                sounds.append(self.alphabet.index(sound) + 1)
                stresses.append(stress[0])
                units.append((stress[1], length))
                stress = (0, 0)
            if len(sounds) <= SOUNDS_PER_LETTER * len(word):
                self.words.append(word)
                self.letters.append([LETTERS.index(letter) for letter in word])
                self.sounds.append(sounds)
                self.stresses.append(stresses)
                self.units.append(units)

    def groups(self):
        """Words of the same length together: (indices, letters [w, n], lengths [w], sounds [w, longest + 2])."""
        lengths = np.array([len(letters) for letters in self.letters])
        for length in np.unique(lengths):
            at = np.flatnonzero(lengths == length)
            counts = np.array([len(self.sounds[index]) for index in at])
            sounds = np.zeros((len(at), counts.max() + 2), int)
            for row, index in enumerate(at):
                sounds[row, : counts[row]] = self.sounds[index]
            yield at, np.array([self.letters[index] for index in at]), counts, sounds


def steps(likelihood, letters, sounds):
    """What each letter may make from each place on: [letters][0, 1 or 2 sounds] -> (ids of what, likelihood) [w, places]."""
    made = [np.zeros_like(sounds[:, :-1]), sounds[:, :-1] * BASE, sounds[:, :-1] * BASE + sounds[:, 1:]]
    made[1][sounds[:, :-1] == 0] = made[2][sounds[:, 1:] == 0] = BASE * BASE - 1
    ids = [[letter[:, None] * BASE * BASE + what for what in made] for letter in letters.T]
    return [[(id, likelihood[id]) for id in row] for row in ids]


def shifted(values, places):
    return np.pad(values, ((0, 0), (places, 0)))[:, : values.shape[1]]


def advanced(values, places):
    return np.pad(values, ((0, 0), (0, places)))[:, places:]


def expect(likelihood, letters, counts, sounds, total):
    """Adds to `total` how often each letter makes each thing, over all ways to divide the sounds of a word among its letters."""
    ways = steps(likelihood, letters, sounds)
    places = sounds.shape[1] - 1
    ahead = [np.eye(places)[np.zeros(len(letters), int)]]
    for row in ways:
        ahead.append(sum(shifted(ahead[-1] * likely, made) for made, (_, likely) in enumerate(row)))
    behind = np.eye(places)[counts]
    whole = np.maximum((ahead[-1] * behind).sum(1, keepdims=True), 1e-300)
    for row, before in zip(reversed(ways), reversed(ahead[:-1])):
        ends = [advanced(behind, made) * likely for made, (_, likely) in enumerate(row)]
        for (id, _), end in zip(row, ends):
            total += np.bincount(id.ravel(), (before * end / whole).ravel(), len(total))
        behind = sum(ends)


def divide(likelihood, letters, counts, sounds):
    """The likeliest number of sounds of each letter [w, n], and the mean log likelihood of a letter [w]."""
    ways = steps(np.log(likelihood + 1e-12), letters, sounds)
    places = sounds.shape[1] - 1
    best, choices = np.where(np.eye(places)[np.zeros(len(letters), int)] > 0, 0, -1e9), []
    for row in ways:
        reached = np.stack([shifted(best + 1e9 + likely, made) - 1e9 for made, (_, likely) in enumerate(row)])
        choices.append(reached.argmax(0))
        best = reached.max(0)
    at, words = counts.copy(), np.arange(len(letters))
    made = np.zeros(letters.shape, int)
    for index in reversed(range(len(choices))):
        made[:, index] = choices[index][words, at]
        at -= made[:, index]
    return made, best[words, counts] / len(choices)


def align(words):
    """[numbers of sounds that each letter makes] of each word, None where letters and sounds have little in common."""
    # Two sounds are a last resort, or `r` would make all of "ur".
    prior = np.where(np.arange(BASE * BASE) % BASE > 0, TWO_SOUNDS, 1.0)
    prior[-1] = 0
    likelihood = np.tile(prior, len(LETTERS))
    groups = list(words.groups())
    for _ in range(ITERATIONS):
        total = np.zeros(len(likelihood))
        for _, letters, counts, sounds in groups:
            expect(likelihood, letters, counts, sounds, total)
        total = total.reshape(len(LETTERS), -1) * prior
        likelihood = (total / np.maximum(total.sum(1, keepdims=True), 1e-9)).ravel()
    divided = [None] * len(words.words)
    for at, letters, counts, sounds in groups:
        made, likely = divide(likelihood, letters, counts, sounds)
        for index, row, mean in zip(at, made, likely):
            if mean > LIKELY:
                divided[index] = row
    return divided


def examples(words, divided):
    """Of each letter of each word: what is around it [n, ORDER], what it makes (a number) and the units of that [n, 4]."""
    around, made, units = [], [], []
    margin = max(map(abs, ORDER))
    beyond = [LETTERS.index(BEYOND)] * margin
    capital = {LETTERS.index(letter.lower()): LETTERS.index(letter) for letter in "AEIOUY"}
    for letters, sounds, stresses, lengths, parts in zip(words.letters, words.sounds, words.stresses, words.units, divided):
        if parts is None:
            continue
        padded = beyond + letters + beyond
        start, main = 0, max((at for at, stress in enumerate(stresses) if stress == 1), default=-1)
        for at, count in enumerate(parts):
            end = start + count
            near = [padded[at + margin + offset] for offset in ORDER]
            around.append(near if end > main else [capital.get(near[0], near[0]), *near[1:]])
            what = 0
            for sound, stress in zip(sounds[start:end], stresses[start:end]):
                what = what * BASE * STRESSES + sound * STRESSES + stress
            made.append(what)
            length = [unit for pair in lengths[start:end] for unit in pair]
            units.append(length + [0] * (2 * SOUNDS_PER_LETTER - len(length)))
            start = end
    return np.array(around), np.array(made), np.array(units, float)


def value(alphabet, what, units):
    """The timed sounds of a number and its units."""
    parts = []
    while what:
        what, part = divmod(what, BASE * STRESSES)
        parts.insert(0, divmod(part, STRESSES))
    text = ""
    for (sound, stress), (stress_units, sound_units) in zip(parts, units.reshape(-1, 2)):
        marks = (" " + MAIN + SECOND)[stress] + alphabet[sound - 1]
        text += lexicon.timed(marks.strip(), [length for length in (int(stress_units), int(sound_units)) if length])
    return text


def grow(alphabet, around, made, units, gains=GAINS):
    """The rules: key -> timed sounds."""
    rules = {}
    wrong = np.full(len(made), 1e9)
    context = np.zeros(len(made), int)
    kinds, kind = np.unique(made, return_inverse=True)
    left = np.arange(len(made))
    for depth in range(len(ORDER)):
        context[left] = context[left] * 64 + around[left, depth]
        _, first, node = np.unique(context[left], return_index=True, return_inverse=True)
        # What is made most often in each context, and for how long.
        pairs, pair, count = np.unique(node * len(kinds) + kind[left], return_inverse=True, return_counts=True)
        order = np.lexsort((pairs, -count, pairs // len(kinds)))
        best = order[np.searchsorted(pairs[order] // len(kinds), np.arange(len(first)))]
        mean = np.stack([np.bincount(pair, column) for column in units[left].T], 1)[best] / count[best][:, None]
        mean = np.where(mean > 0, np.maximum(1, np.floor(mean + 0.5)), 0)
        said = kinds[pairs[best] % len(kinds)]
        then = np.where(made[left] == said[node], np.minimum(1, UNIT_WEIGHT * np.abs(units[left] - mean[node]).sum(1)), 1)
        chosen = np.bincount(node, wrong[left] - then) >= gains[depth]
        wrong[left] = np.where(chosen[node], then, wrong[left])
        for at in np.flatnonzero(chosen):
            key = RULE + "".join(LETTERS[code] for code in around[left[first[at]], : depth + 1])
            rules[key] = value(alphabet, said[at], mean[at])
        # Where nothing more can be gained nothing is looked for.
        left = left[(np.bincount(node, wrong[left]) >= min(gains))[node]]
    return rules


def learn(table):
    words = Words({word: sounds for word, sounds in table.items() if is_word(word)})
    return grow(words.alphabet, *examples(words, align(words)))


def pronounce(word, rules):
    """[(sound, units)] of a word by rules, exactly as Crier does it (there in Rust)."""

    def fitting(at, is_stressed):
        around = [word[at + offset] if 0 <= at + offset < len(word) else BEYOND for offset in ORDER]
        if is_stressed and word[at] in "aeiouy":
            around[0] = around[0].upper()
        keys = (RULE + "".join(around[:length]) for length in range(len(ORDER), 0, -1))
        return [rules[key] for key in keys if key in rules]

    made, is_stressed = [""] * len(word), False
    for at in reversed(range(len(word))):
        made[at] = fitting(at, is_stressed)[0]
        is_stressed |= MAIN in made[at]
    # Where no rule puts the stress it is on the first letter that has one by any.
    if not is_stressed:
        could = ((at, sounds) for at in range(len(word)) for sounds in fitting(at, False) if MAIN in sounds)
        at, sounds = next(could, (0, made[0]))
        made[at] = sounds
    return stressed(lexicon.parse("".join(made)))


def stressed(sounds):
    """With one main stress: the first, or else the first secondary one, or else one on the first vowel."""
    sounds = list(sounds)
    strongest = MAIN if any(sound == MAIN for sound, _ in sounds) else SECOND
    marks = [at for at, (sound, _) in enumerate(sounds) if sound == strongest]
    vowels = [at for at, (sound, _) in enumerate(sounds) if sound in VOWELS]
    if marks:
        for at in marks:
            sounds[at] = (MAIN if at == marks[0] else SECOND, sounds[at][1])
    elif vowels:
        sounds.insert(vowels[0], (MAIN, STRESS_UNITS))
    return sounds


def differences(one, other):
    """How many have to be put in, left out or changed to make `other` of `one`."""
    row = list(range(len(other) + 1))
    for index, left in enumerate(one):
        before, row[0] = row[0], index + 1
        for at, right in enumerate(other):
            before, row[at + 1] = row[at + 1], min(row[at + 1] + 1, row[at] + 1, before + (left != right))
    return row[-1]


def judge(table):
    words = sorted(filter(is_word, table))
    random.Random(0).shuffle(words)
    held_out = words[: len(words) // 20]
    rules = learn({word: table[word] for word in sorted(words[len(held_out) :])})
    said = [(lexicon.parse(table[word]), pronounce(word, rules)) for word in held_out]
    for name, kept in (
        ("sounds", lambda sounds: [sound for sound, _ in sounds if sound not in (MAIN, SECOND)]),
        ("sounds and stress", lambda sounds: [sound for sound, _ in sounds]),
        ("sounds, stress and durations", lambda sounds: sounds),
    ):
        pairs = [(kept(wanted), kept(got)) for wanted, got in said]
        whole = sum(wanted == got for wanted, got in pairs) / len(pairs)
        wrong = sum(differences(*pair) for pair in pairs) / sum(len(wanted) for wanted, _ in pairs)
        print(f"{name}: {whole:.1%} of {len(pairs)} words, {1 - wrong:.1%} of their parts")


def main(work, wish="add"):
    path = Path(work) / "lexicon.tsv"
    table = {word: sounds for word, sounds in lexicon.read(path).items() if not word.startswith(RULE)}
    if wish == "judge":
        return judge(table)
    rules = learn(table)
    lexicon.write(path, table | rules)
    print(f"{len(rules)} rules, {path.stat().st_size / 1e6:.1f} MB with them")


if __name__ == "__main__":
    main(*sys.argv[1:])
