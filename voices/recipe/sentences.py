"""What the student learns to say: `sentences.py WORK` writes WORK/train.tsv (group, text), and beside this script
held-out.tsv (group, text as written, the words it stands for), which is never learned and belongs to the repository.

Examples and glosses of WordNet 3.0 (Debian's `wordnet-base`, permissive licence) for the breadth of English, and a small
grammar of what an appliance says. All words are written out: the voice reads words, Crier's normaliser makes them.
"""

import random
import re
import sys
from pathlib import Path

PLAIN = re.compile(r"^[A-Za-z][A-Za-z ,.'?!-]*$")
HELD_OUT_PER_GROUP = 40
HELD_OUT = Path(__file__).with_name("held-out.tsv")

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen").split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third "
            "twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth "
            "thirty-first").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
ROOMS = ("kitchen,living room,bedroom,bathroom,hallway,garage,garden,cellar,attic,office,nursery,laundry room,dining room,"
         "front porch,workshop,greenhouse,balcony,entrance,basement,corridor,lobby,exhibition hall,warehouse,first floor").split(",")
DEVICES = ("light,heater,fan,door,window,boiler,pump,camera,alarm,washing machine,dishwasher,dryer,oven,freezer,fridge,"
           "sprinkler,thermostat,lock,gate,doorbell,speaker,router,battery,smoke detector,water valve,air conditioner,"
           "vacuum cleaner,coffee machine,kettle,solar panel,charger,ventilation,blinds,humidifier,sensor,conveyor belt,"
           "motor,compressor,elevator,printer,generator,machine,television,computer,robot").split(",")
STATES = ("open,closed,locked,unlocked,on,off,running,finished,offline,online,low,empty,full,ready,blocked,overheating,"
          "disconnected,charging,charged,idle,armed,disarmed,broken,out of order,available,jammed,too hot,too cold,"
          "switched on,switched off,not responding,starting,stopped").split(",")
WEATHER = "sunny,cloudy,rainy,windy,foggy,stormy,snowy,clear,cold,warm,hot,humid,dry,freezing,icy,mild".split(",")
NAMES = ("Anna Peter Maria John David Helen George Alice Victor Nina Oscar Laura Frank Emma Thomas Olga Ivan Sarah Robert "
         "Julia Michael Sophie Daniel Paul Martin Eva Max Lucy Henry Charlotte").split()
UNITS = ("degrees,percent,minutes,hours,seconds,days,liters,kilograms,meters,kilometers,volts,watts,kilowatts,"
         "kilowatt hours,amperes,bar,hectopascals,dollars,euros,cents,steps,points,files,visitors,messages,kilometers per hour,"
         "degrees Celsius,milligrams,millimeters,hertz,gigabytes,parts per million,revolutions per minute").split(",")


def number(value):
    if value < 20:
        return ONES[value]
    if value < 100:
        return TENS[value // 10] + (f" {ONES[value % 10]}" if value % 10 else "")
    if value < 1000:
        return f"{ONES[value // 100]} hundred" + (f" {number(value % 100)}" if value % 100 else "")
    return f"{number(value // 1000)} thousand" + (f" {number(value % 1000)}" if value % 1000 else "")


class Grammar:
    """Announcements, at random."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, items):
        return self.random.choice(items)

    def amount(self, low, high):
        return number(self.random.randint(low, high))

    def time(self):
        hour, minute = self.random.randint(1, 12), self.random.randint(0, 59)
        if self.random.random() < 0.3:
            return self.one(["half past ", "quarter past ", "quarter to ", "ten past ", "twenty to "]) + number(hour)
        minutes = "o'clock" if minute == 0 else ("oh " if minute < 10 else "") + number(minute)
        return f"{number(hour)} {minutes}" + self.one(["", " in the morning", " in the afternoon", " at night", " a m", " p m"])

    def letters(self):
        return " ".join(self.one("abcdefghijklmnopqrstuvwxyz") for _ in range(self.random.randint(2, 5)))

    def announcement(self):
        one, amount, room, device = self.one, self.amount, self.one(ROOMS), self.one(DEVICES)
        state, name, time = self.one(STATES), self.one(NAMES), self.time()
        return one([
            lambda: f"It is {time}.", lambda: f"The time is {time}.",
            lambda: f"The {room} {device} is {state}.", lambda: f"The {device} in the {room} is {state}.",
            lambda: f"Warning: the {device} in the {room} is {state}.", lambda: f"Attention please. The {device} is {state}.",
            lambda: f"The temperature in the {room} is {amount(0, 40)} degrees.",
            lambda: f"The temperature outside is minus {amount(1, 35)} degrees.",
            lambda: f"The temperature is {amount(0, 40)} point {amount(0, 9)} {one(['degrees', 'degrees Celsius'])}.",
            lambda: f"Today is {one(DAYS)}, {one(MONTHS)} {one(ORDINALS)}.",
            lambda: f"Today is the {one(ORDINALS)} of {one(MONTHS)}, two thousand {amount(1, 60)}.",
            lambda: f"Tomorrow will be {one(WEATHER)} with a high of {amount(0, 40)} and a low of {amount(0, 25)} degrees.",
            lambda: f"The humidity in the {room} is {amount(10, 99)} percent.",
            lambda: f"Your {device} will be finished in {amount(2, 59)} minutes.",
            lambda: f"You have {amount(2, 30)} new messages from {name}.", lambda: f"{name} is at the front door.",
            lambda: f"The alarm is set for {time}.", lambda: f"Timer finished. {amount(1, 90).capitalize()} minutes have passed.",
            lambda: f"Please {one(['check', 'close', 'open', 'restart', 'clean', 'replace', 'inspect', 'turn off', 'turn on', 'unplug'])} "
                    f"the {device} in the {room}.",
            lambda: f"The battery of the {device} is at {amount(1, 100)} percent.",
            lambda: f"Power consumption today is {amount(1, 30)} point {amount(0, 9)} kilowatt hours.",
            lambda: f"Motion detected in the {room}.", lambda: f"Floor {amount(1, 40)}. Doors {one(['opening', 'closing'])}.",
            lambda: f"The next {one(['train', 'bus', 'ferry', 'tram'])} leaves at {time} from platform {amount(1, 20)}.",
            lambda: f"Number {amount(1, 999)}, please go to counter {amount(1, 20)}.",
            lambda: f"Good {one(['morning', 'afternoon', 'evening', 'night'])}, {name}.",
            lambda: f"The wind is {one(['north', 'south', 'east', 'west'])} at {amount(1, 90)} kilometers per hour.",
            lambda: f"Reminder: {one(['call', 'meet', 'visit', 'write to', 'pick up'])} {name} on {one(DAYS)} at {time}.",
            lambda: f"The {device} needs {one(['service', 'cleaning', 'a new filter', 'a new battery', 'an update', 'your attention'])}.",
            lambda: f"Hello, {name}. Welcome {one(['home', 'back', 'to the museum', 'to the exhibition'])}. It is {time}.",
            lambda: f"Code {amount(0, 9)} {amount(0, 9)} {amount(0, 9)} {amount(0, 9)} accepted.",
            lambda: f"{amount(0, 9999).capitalize()} {one(UNITS)}.", lambda: f"It is {amount(0, 999)} {one(UNITS)} {one(['now', 'today', 'so far', 'in all'])}.",
            lambda: f"Room {self.letters()} {amount(1, 400)}.", lambda: f"The code is {self.letters()}.",
            lambda: f"Line {amount(1, 30)} {one(['has stopped', 'is running', 'needs material', 'is ready'])}. Station {amount(1, 60)}.",
            lambda: f"{one(['The queue is full', 'The voice is still loading', 'Update installed', 'Shutting down', 'Ready', 'System ready'])}.",
            lambda: f"Did you {one(['close', 'open', 'lock', 'check'])} the {device} in the {room}?",
            lambda: f"{one(ROOMS).capitalize()}, {one(DEVICES)}, {one(NAMES)}, {one(DAYS)}.",
            lambda: f"{name} and {one(NAMES)} will arrive on {one(DAYS)} at {time}.",
        ])()


class Written:
    """Announcements as people write them, with figures, signs and names; and the words that they stand for."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def numbers(self):
        n, one = self.random.randint, self.random.choice
        whole, tenth, room = n(1, 39), n(1, 9), one(ROOMS)
        return one([
            lambda: (f"It is {whole}.{tenth} °C in the {room}.", f"It is {number(whole)} point {ONES[tenth]} degrees Celsius in the {room}."),
            lambda: (f"The {room} is at {whole} %.", f"The {room} is at {number(whole)} percent."),
            lambda: (f"{n(2, 9)}{n(10, 99)} visitors so far.", None),
            lambda: (f"The pump has run for {whole} h.", f"The pump has run for {number(whole)} hours."),
            lambda: (f"Please pay ${whole}.", f"Please pay {number(whole)} dollars."),
            lambda: (f"Speed: {whole} km/h.", f"Speed: {number(whole)} kilometers per hour."),
            lambda: (f"Line {n(1, 9)} needs {whole} kg of sand.", None),
            lambda: (f"Platform {whole}, track {tenth}.", f"Platform {number(whole)}, track {ONES[tenth]}."),
        ])()

    def times(self):
        n, one = self.random.randint, self.random.choice
        hour, minute, day, month = n(1, 12), n(10, 59), n(1, 31), one(MONTHS)
        half = one(["am", "pm"])
        letters = " ".join(half)
        return one([
            lambda: (f"The bus leaves at {hour}:{minute} {half}.", f"The bus leaves at {number(hour)} {number(minute)} {letters}."),
            lambda: (f"It is {hour}:{minute} {half}.", f"It is {number(hour)} {number(minute)} {letters}."),
            lambda: (f"Today is {month} {day}.", f"Today is {month} {ORDINALS[day - 1]}."),
            lambda: (f"See you on {one(DAYS)} at {hour} {half}.", None),
            lambda: (f"The timer has {minute} min left.", f"The timer has {number(minute)} minutes left."),
        ])()

    def names(self):
        first, second, day = self.random.sample(NAMES, 2) + [self.random.choice(DAYS)]
        return self.random.choice([
            f"{first} and {second} are in the {self.random.choice(ROOMS)}.", f"{first} will call {second} on {day}.",
            f"A letter from {first} for {second}.", f"Good morning, {first}, and welcome to London.",
            f"Mr. Miller is waiting for {first}.", f"Happy birthday, {second}!"]), None


def _sentence(text):
    text = re.sub(r"\s+", " ", text).strip()
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else text + "."


def wordnet(folder):
    examples, glosses = set(), set()
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text("latin-1").splitlines():
            if line.startswith("  ") or "|" not in line:
                continue
            gloss = line.split("|", 1)[1].strip()
            for quoted in re.findall(r'"([^"]+)"', gloss):
                quoted = quoted.strip(" ;,-")
                if 3 <= len(quoted.split()) <= 16 and PLAIN.match(quoted) and "--" not in quoted:
                    examples.add(_sentence(quoted))
            meaning = re.sub(r"\([^)]*\)", "", re.sub(r'"[^"]*"?.*$', "", gloss)).split(";")[0].strip(" ;,:-")
            if 4 <= len(meaning.split()) <= 14 and PLAIN.match(meaning) and "--" not in meaning:
                glosses.add(_sentence(meaning))
    return sorted(examples), sorted(glosses)


def main(work, dictionary="/usr/share/wordnet"):
    work = Path(work)
    work.mkdir(parents=True, exist_ok=True)
    examples, glosses = wordnet(Path(dictionary))
    grammar = Grammar(seed=1)
    announcements = sorted({grammar.announcement() for _ in range(60_000)})
    shuffle = random.Random(2).shuffle
    for group in (examples, glosses, announcements):
        shuffle(group)
    held = [("plain", text, text) for text in examples[:HELD_OUT_PER_GROUP]]
    held += [("glosses", text, text) for text in glosses[:HELD_OUT_PER_GROUP]]
    held += [("announcements", text, text) for text in announcements[:HELD_OUT_PER_GROUP]]
    written = Written(seed=5)
    for group in ("numbers", "times", "names"):
        rows = {}
        while len(rows) < HELD_OUT_PER_GROUP // 2:
            text, words = getattr(written, group)()
            rows[text] = words or re.sub(r"\d+", lambda digits: number(int(digits[0])), text).replace(" kg", " kilograms") \
                .replace(" am", " a m").replace(" pm", " p m")
        held += [(group, text, words) for text, words in rows.items()]
    train = [("examples", text) for text in examples[HELD_OUT_PER_GROUP:]] + [("glosses", text) for text in glosses[HELD_OUT_PER_GROUP:]] \
        + [("announcements", text) for text in announcements[HELD_OUT_PER_GROUP:30_000]]
    shuffle(train)
    (work / "train.tsv").write_text("".join(f"{group}\t{text}\n" for group, text in train), encoding="utf-8")
    HELD_OUT.write_text("".join("\t".join(row) + "\n" for row in held), encoding="utf-8")
    print(f"{len(train)} sentences to learn, {len(held)} held out")


if __name__ == "__main__":
    main(*sys.argv[1:])
