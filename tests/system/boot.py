#!/usr/bin/env python3
"""Boots the emulated appliance and drives it by its doors, as docs/SPECIFICATION.md promises.

    boot.py IMAGES [--cuts N] [--only NAME]... [--side-by-side N]

IMAGES is what tests/system/image.sh made. What is heard is judged by content: as long as this machine's own render of
the sentence, and like it. Prints a table; ends with 1 if anything failed. Two groups of tests run side by side, because
an emulated machine rarely keeps more than one processor busy.
"""

import argparse
import concurrent.futures
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import traceback

from machine import (SOON_TIMEOUT_S, Failure, Machine, copy_disk, free_port,
                     likeness, loud_seconds, partition, put_on_card, read_wav,
                     until)

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CRIER = REPOSITORY / "target/release/crier"
# How long the tests wait, in seconds. What is tested is what happens, not how fast: emulated processors on a machine that
# does other things as well may take many times as long as usual, and a limit only costs time where something is broken.
SPEECH_TIMEOUT_S = 600
BOOT_TIMEOUT_S = 600
# Rounding differs between processors, so draws may; another sentence is below 0.47.
LIKENESS_MIN = 0.55
# An announcement during which this many runs of the appliance ended is taken to be the reason, and given up with a word:
# ATTEMPTS_MAX of appliance/announce.
RUNS_MAX = 3
# Lines that tell of a fault, and those of them that only the emulated sound card gives rise to.
COMPLAINT = re.compile(r"(?i)\b(errors?|failed|failure|fails|cannot|can't|unable|unknown|warning|bad|not found|no such|level=warn)\b")
OF_THE_EMULATOR = re.compile(r"xhci_hcd .* TRB DMA ptr")
# QEMU's sound card forgets what it still holds when the guest closes it.
TAIL_S = 0.7
CONFIGURATION = """
[appliance]
name = "Kitchen"

[player]
device = "plughw:0"

[[serial]]
device = "/dev/ttyS0"
baud = 115200
dialect = "line"

[[fifo]]
path = "{{run_dir}}/say"

[[button]]
key = "KEY_F1"
press = {{ say = "The button at the front door works." }}

[mqtt]
host = "10.0.2.2"
port = {port}
tls = true
ca_file = "/data/mqtt/ca.pem"
username = "crier"
password_file = "/data/mqtt/password"

[watchdog]
device = "/dev/watchdog"
# A killed stage takes long to come back on a busy machine, and the appliance is silent meanwhile.
timeout_s = 90

[supervisor]
ready_announcement = "Ready."
stage_start_timeout_s = 300
stage_progress_timeout_ms = 300000
"""


class Broker:
    """mosquitto on this machine, on a port of its own, with a password and a certificate that a made-up authority vouches
    for. `folder/card/mqtt` is what its clients need."""

    def __init__(self, folder):
        self.port, self.card = free_port(), folder / "card/mqtt"
        self.card.mkdir(parents=True, exist_ok=True)
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        alternatives = "subjectAltName=IP:10.0.2.2,IP:127.0.0.1"
        for command in (
                f"openssl req -x509 {key} -keyout ca.key -out {self.card}/ca.pem -subj /CN=authority",
                f"openssl req -x509 {key} -keyout broker.key -out broker.pem -subj /CN=broker -CA {self.card}/ca.pem -CAkey ca.key "
                f"-addext basicConstraints=critical,CA:FALSE -addext {alternatives}",
                "mosquitto_passwd -c -b passwords crier opensesame"):
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        (self.card / "password").write_text("opensesame\n")
        configuration = folder / "mosquitto.conf"
        configuration.write_text(f"listener {self.port} 127.0.0.1\nuser root\npassword_file {folder}/passwords\n"
                                 f"certfile {folder}/broker.pem\nkeyfile {folder}/broker.key\n")
        self.process = subprocess.Popen(["mosquitto", "-c", str(configuration)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def client(self, program, *arguments):
        command = [program, "-h", "127.0.0.1", "-p", str(self.port), "--cafile", str(self.card / "ca.pem"), "-u", "crier",
                   "-P", "opensesame", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=SOON_TIMEOUT_S)

    def publish(self, topic, message):
        result = self.client("mosquitto_pub", "-q", "1", "-t", topic, "-m", message)
        assert result.returncode == 0, result.stderr

    def speak_topic(self):
        """The topic that an appliance which is there listens to."""
        listening = self.client("mosquitto_sub", "-t", "crier/+/availability", "-C", "1", "-W", "5", "-v")
        topic, _, value = listening.stdout.strip().partition(" ")
        return topic.replace("availability", "speak") if value == "online" else None

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Offer(http.server.ThreadingHTTPServer):
    """A folder on this machine that the appliance can download from."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), functools.partial(self.Handler, directory=str(folder)))
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass


class Report:
    """What was promised, and whether it holds."""

    def __init__(self):
        self.rows, self.numbers = [], []

    def check(self, name, promise, test):
        begin = time.monotonic()
        try:
            test()
            outcome, words = "ok", ""
        except Exception as error:  # every kind of failure is a row of the table
            outcome, words = "FAILED", str(error)
            if not isinstance(error, (Failure, AssertionError)):
                words += "\n" + traceback.format_exc()
        seconds = time.monotonic() - begin
        self.rows.append((outcome, name, promise, seconds, words))
        # One call a row: groups that run side by side print here.
        line = f"{outcome:7} {name:16} {promise} ({seconds:.0f} s)"
        print("\n        ".join([line, *words.splitlines()]) + "\n", end="", flush=True)
        return outcome == "ok"

    def number(self, words):
        self.numbers.append(words)
        print(f"        {words}", flush=True)

    def finish(self):
        print("\nPromise                                                                            Outcome  Seconds")
        for outcome, _, promise, seconds, _ in self.rows:
            print(f"{promise:82.82} {outcome:7} {seconds:8.0f}")
        print("\n".join(self.numbers))
        failed = sum(outcome != "ok" for outcome, *_ in self.rows)
        print(f"{len(self.rows) - failed} passed, {failed} failed")
        return 1 if failed or not self.rows else 0


class Suite:
    """The tests, in the order that spares boots."""

    def __init__(self, images, report, cuts):
        self.images, self.report, self.cuts = images, report, cuts
        self.work = images / "work"
        self.work.mkdir(exist_ok=True)
        release = (images / "root/etc/crier-release").read_text()
        self.compatible = re.search("^COMPATIBLE=(.*)$", release, re.MULTILINE).group(1)
        self.steps = {}
        self.renders, self.rendering = {}, threading.Lock()

    def render(self, text):
        """What this machine's own build says."""
        with self.rendering:
            if text not in self.renders:
                path = self.work / f"render-{len(self.renders)}.wav"
                subprocess.run([str(CRIER), "say", "--wav", str(path), text], check=True, capture_output=True,
                               timeout=SPEECH_TIMEOUT_S)
                self.renders[text] = read_wav(path)
            return self.renders[text]

    def expect(self, machine, text, act):
        """Acts, and listens for the sentence."""
        expected = self.render(text)
        seconds = loud_seconds(expected)
        since = len(machine.heard())
        act()
        machine.wait_for_sound(since, seconds - TAIL_S, SPEECH_TIMEOUT_S)
        self.idle(machine)
        time.sleep(1)
        heard = machine.heard()[since:]
        like, length = likeness(heard, expected), loud_seconds(heard)
        if like < LIKENESS_MIN:
            raise Failure(f"heard {length:.2f} s of something else: likeness {like:.2f}")
        if not seconds - TAIL_S <= length < 1.15 * seconds + 0.4:
            raise Failure(f"heard {length:.2f} s, the sentence has {seconds:.2f} s")
        self.report.number(f"likeness {like:.2f}, {length:.2f} s for {seconds:.2f} s")

    @staticmethod
    def idle(machine):
        until(lambda: (machine.status() or {"state": {}})["state"].get("mode") == "idle", SPEECH_TIMEOUT_S,
              "the appliance is idle", 1)

    def fresh(self, name):
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        return folder, copy_disk(self.images / "crier.img", folder / "disk.img")

    def speaks(self, machine):
        return until(lambda: machine.ended("crier") or machine.status(), BOOT_TIMEOUT_S, "crier ctl status answers", 1)

    def boot(self, machine):
        machine.wait_for_inside(BOOT_TIMEOUT_S)
        self.speaks(machine)

    # One long boot: all the doors.

    def doors(self):
        broker = Broker(self.work)
        folder, disk = self.fresh("doors")
        card = folder / "crier.toml"
        card.write_text(CONFIGURATION.format(port=broker.port))
        put_on_card(disk, card, broker.card)
        machine = Machine(folder, disk)
        try:
            machine.start()
            check = self.report.check
            if not check("boot", "it boots, and says that it is ready", lambda: self.ready(machine)):
                print(machine.console()[-3000:])
                return
            check("console", "a good start has no line on the console that tells of a fault", lambda: self.no_complaint(machine))
            check("take-over", "crier.toml of the card is taken over at the first start, and no password is left on it",
                  lambda: self.taken_over(machine))
            check("hardening", "root read-only, data noexec,nosuid,nodev, no password, each stage is a user of its own",
                  lambda: self.hardening(machine))
            check("grown", "the data partition grows to the end of the card", lambda: self.grown(machine))
            check("serial", "a line on the serial port is spoken",
                  lambda: self.expect(machine, "The next train leaves at 8:15.",
                                      lambda: machine.text.send(b"The next train leaves at 8:15.\n")))
            check("mqtt", "a message of a broker on the network, encrypted and with a password, is spoken", lambda: self.mqtt(machine, broker))
            check("fifo", "a line in the FIFO is spoken",
                  lambda: self.expect(machine, "Somebody is at the door.", lambda: machine.run(
                      "echo 'Somebody is at the door.' > /run/crier/say", check=True)))
            check("button", "a key press is spoken",
                  lambda: self.expect(machine, "The button at the front door works.", lambda: machine.press("f1")))
            stages = "talker", "predictor", "vocoder", "player", "intake"
            for stage in stages:
                check(f"kill-{stage}", f"after kill -9 of {stage} while speaking the sentence is whole",
                      lambda stage=stage: self.kill(machine, stage))
            check("restarts", "each of them was started anew once, and nothing else", lambda: self.restarts(machine, stages))
            check("disk-full", "on a full data partition announcements are taken or refused with a word, nothing ends", lambda: self.disk_full(machine))
            check("watchdog", "the watchdog bites when crier hangs", lambda: self.hang(machine))
        finally:
            machine.pull_the_plug()
            broker.stop()

    def start_alone(self):
        """The first part of `doors`, for what measures nothing but the start."""
        folder, disk = self.fresh("start")
        card = folder / "crier.toml"
        card.write_text('[player]\ndevice = "plughw:0"\n[supervisor]\nready_announcement = "Ready."\nstage_start_timeout_s = 300\n')
        put_on_card(disk, card)
        with Machine(folder, disk) as machine:
            self.report.check("boot", "it boots, and says that it is ready", lambda: self.ready(machine))

    def ready(self, machine):
        """Boot to speech, in processor seconds of the emulator: other than seconds they are the same on a busy machine."""
        steps = {}
        machine.wait_for_inside(BOOT_TIMEOUT_S)
        steps["kernel and init"] = machine.processor_seconds()
        machine.wait_for_console("msg=ready", BOOT_TIMEOUT_S)
        steps["crier ready"] = machine.processor_seconds()
        machine.wait_for_sound(0, 0.1, SPEECH_TIMEOUT_S)
        steps["first sound"] = machine.processor_seconds()
        self.steps = steps
        first = steps["kernel and init"]
        self.report.number("boot to speech: " + ", ".join(
            f"{name} {seconds:.0f} s ({seconds / first:.2f})" for name, seconds in steps.items())
            + f" of the emulator's processor time (times the first); {time.monotonic() - machine.started_at:.0f} s in all")
        self.idle(machine)

    def no_complaint(self, machine):
        """Debian's U-Boot complains of what it lacks, and is not the image's."""
        own_loader = not (self.images / "initrd").exists()
        console = machine.console() if own_loader else machine.console().rpartition("Starting kernel ...")[2]
        complaints = [line for line in console.splitlines() if COMPLAINT.search(line) and not OF_THE_EMULATOR.search(line)]
        assert not complaints, "\n".join(complaints)

    def taken_over(self, machine):
        _, output = machine.run("readlink /run/crier/crier.toml; cat /data/crier.toml")
        assert output.startswith("/data/crier.toml"), output
        assert 'name = "Kitchen"' in output, output
        _, output = machine.run("stat -c '%a %U %n' /data/mqtt/*; ls /config/mqtt; ls -l /data/voices /data/chimes")
        assert output.splitlines()[:2] == ["400 crier-intake /data/mqtt/ca.pem", "400 crier-intake /data/mqtt/password"], output
        assert "password" not in output.split("/data/mqtt/password")[1], output

    def hardening(self, machine):
        _, mounts = machine.run("cat /proc/mounts")
        root = re.search(r"^\S+ / squashfs (\S+)", mounts, re.MULTILINE)
        assert root and "ro" in root.group(1).split(","), mounts
        data = re.search(r"^\S+ /data ext4 (\S+)", mounts, re.MULTILINE)
        assert data and {"noexec", "nosuid", "nodev"} <= set(data.group(1).split(",")), mounts
        assert re.search(r"^\S+ /etc tmpfs", mounts, re.MULTILINE), mounts
        _, output = machine.run("touch /usr/x 2>&1; cut -d: -f1,2 /etc/shadow")
        assert "Read-only" in output, output
        users = self.users(machine)
        wanted = {stage: [f"crier-{stage}", groups, "0000000000000000", "1"] for stage, groups in (
            ("talker", ""), ("predictor", ""), ("vocoder", ""), ("player", "audio"), ("intake", "dialout input"))}
        assert users == wanted, users
        assert re.search(r"^root:!$", output, re.MULTILINE), output
        _, hostname = machine.run("hostname")
        assert re.fullmatch(r"crier-[0-9a-f]{6}", hostname), hostname
        _, listening = machine.run("netstat -ltn | grep -c LISTEN")
        assert listening == "0", listening

    @staticmethod
    def users(machine):
        """User, further groups, capabilities and no_new_privs of each stage."""
        _, output = machine.run(
            "for p in $(pidof crier); do s=$(tr '\\000' ' ' </proc/$p/cmdline | sed -n 's/.* stage \\([a-z]*\\).*/\\1/p'); "
            "[ -n \"$s\" ] && echo \"$s;$(stat -c %U /proc/$p);$(sed -n 's/^Groups:.//p' /proc/$p/status);"
            "$(sed -n 's/^CapEff:.//p' /proc/$p/status);$(sed -n 's/^NoNewPrivs:.//p' /proc/$p/status)\"; done; "
            "cat /etc/group")
        names = dict(re.findall(r"^(\S+):x:(\d+):", output, re.MULTILINE))
        names = {number: name for name, number in names.items()}
        stages = {}
        for line in output.splitlines():
            if line.count(";") == 4:
                stage, user, groups, *rest = line.split(";")
                further = sorted(names[number] for number in groups.split() if names[number] != user)
                stages[stage] = [user, " ".join(further), *rest]
        return stages

    def grown(self, machine):
        _, output = machine.run("df -k /data | tail -n1")
        size_kib = int(output.split()[1])
        assert size_kib > 200 * 1024, output

    def mqtt(self, machine, broker):
        topic = until(broker.speak_topic, SOON_TIMEOUT_S, "the appliance is known to the broker")
        self.expect(machine, "Dinner is ready in the kitchen.", lambda: broker.publish(topic, "Dinner is ready in the kitchen."))

    def stage_pid(self, machine, stage):
        _, output = machine.run(
            f"for p in $(pidof crier); do tr '\\000' ' ' </proc/$p/cmdline | grep -q 'stage {stage}' && echo pid $p; done")
        found = re.search(r"pid (\d+)", output)
        return found.group(1) if found else None

    def kill(self, machine, stage):
        """The stage dies while the sentence is being made; it comes back, and the sentence is whole."""
        text = "The washing machine is ready."

        def act():
            machine.text.send(text.encode() + b"\n")
            if stage == "intake":
                time.sleep(1)
            else:
                since = len(machine.heard())
                machine.wait_for_sound(since, 0.1, SPEECH_TIMEOUT_S)
            machine.run(f"kill -9 {before}", check=True)

        before = self.stage_pid(machine, stage)
        assert before, f"there is no {stage}"
        self.expect(machine, text, act)
        after = until(lambda: self.stage_pid(machine, stage), SOON_TIMEOUT_S, f"{stage} is back")
        assert after != before, "it was not killed"

    def restarts(self, machine, stages):
        restarts = {stage["name"].split("/")[-1]: stage["restarts"] for stage in machine.status()["stages"]}
        assert restarts == dict.fromkeys(stages, 1), restarts

    def disk_full(self, machine):
        machine.run("dd if=/dev/zero of=/data/fill bs=64k 2>/dev/null; dd if=/dev/zero of=/data/fill2 bs=512 2>/dev/null",
                    timeout_s=SPEECH_TIMEOUT_S)
        code, output = machine.run("df -k /data | tail -n1; crier ctl say 'Full.' 2>&1")
        assert re.search(r"accepted|full|space|disk", output.splitlines()[-1]), output
        assert re.search(r"\s100% ", output), f"it is not full: {output}"
        pids = machine.run("pidof crier")[1]
        assert pids, "crier ended"
        assert machine.status(), "it does not answer any more"
        machine.run("rm -f /data/fill /data/fill2", check=True)
        self.report.number(f"on a full disk: {output.splitlines()[-1][:150]}")
        until(lambda: machine.run("crier ctl say 'Once more.'")[0] == 0, SOON_TIMEOUT_S, "it takes announcements again", 1)
        self.idle(machine)

    def hang(self, machine):
        _, output = machine.run("for p in $(pidof crier); do tr '\\000' ' ' </proc/$p/cmdline | grep -q 'crier serve' "
                                "&& kill -STOP $p && echo stopped; done")
        assert "stopped" in output, output
        until(lambda: machine.process.poll() is not None, SOON_TIMEOUT_S, "the watchdog ends the machine")

    # Power cuts: what was acknowledged is there afterwards.

    def power_cuts(self):
        """QEMU's end takes what the guest has not written yet; what it wrote and did not flush survives, other than on
        a real disk."""
        folder, disk = self.fresh("cuts")
        kept, events = [], []
        # The last boot only looks.
        for cut in range(self.cuts + 1):
            machine = Machine(folder, disk)
            try:
                machine.start()
                self.boot(machine)
                machine.run("crier ctl pause", check=True)
                self.nothing_is_lost(machine, cut, kept, events)
                if cut < self.cuts:
                    self.announce_until_cut(machine, cut)
            finally:
                machine.pull_the_plug()
            events += self.events(machine)
            told = [words.removeprefix("kept ") for words in machine.inside.told()]
            assert told or cut == self.cuts, f"nothing was acknowledged before cut {cut + 1}"
            kept += told
        finished, given_up = self.ended(events)
        self.report.number(f"power cuts: {self.cuts}, {len(kept)} announcements acknowledged, 0 lost; {len(finished)} were said "
                           f"to their end meanwhile, {len(given_up)} given up because {RUNS_MAX} cuts fell into them")

    @staticmethod
    def announce_until_cut(machine, cut):
        """Leaves a loop inside that tells each name once it is acknowledged, for a time that differs from cut to cut."""
        machine.run(f"""i=0
            while :; do
                crier ctl say --id cut-{cut}-$i "Number $i." && echo "tell kept cut-{cut}-$i" >&3
                i=$((i + 1))
            done >/dev/null 2>&1 &""", check=True)
        until(machine.inside.told, SOON_TIMEOUT_S, "announcements are taken")
        time.sleep(2.3 + 0.37 * cut)

    def nothing_is_lost(self, machine, cut, kept, events):
        """What was acknowledged before any cut is in the queue, was said to its end, or was given up with a word."""
        errors = machine.run("dmesg | grep -i 'ext4.*error'")[1]
        assert not errors, f"after cut {cut}: {errors}"
        code, output = machine.run("crier ctl --json queue")
        assert code == 0, f"after cut {cut} the queue cannot be read: {output}"
        there = {entry["id"] for entry in json.loads(output)}.union(*self.ended(events + self.events(machine)))
        missing = [name for name in kept if name not in there]
        assert not missing, f"after cut {cut}: {missing} were acknowledged and are gone: {output[:500]}"

    @staticmethod
    def events(machine):
        """What became of announcements in this boot, by the console: pairs of name and event."""
        return re.findall(r"announcement=(cut-\d+-\d+) event=(\w+)", machine.console())

    @staticmethod
    def ended(events):
        """What was said to its end, and what was given up because too many runs ended while it was being said."""
        finished = {name for name, event in events if event == "finished"}
        given_up = {name for name, event in events
                    if event == "failed" and events.count((name, "started")) >= RUNS_MAX}
        return finished, given_up

    # Eight processors in two clusters.

    def clusters(self):
        """The emulated clusters are equally fast, so the configuration says what the board's capacities would."""
        folder, disk = self.fresh("clusters")
        card = folder / "crier.toml"
        card.write_text("""[cpu]
talker_threads = 3
talker_processors = [4, 5, 6]
vocoder_threads = 1
vocoder_processors = [7]
player_processors = [0]
intake_processors = [1, 2]
[player]
device = "plughw:0"
[supervisor]
stage_start_timeout_s = 300
""")
        put_on_card(disk, card)
        wanted = {"talker": "4-6", "predictor": "4-6", "vocoder": "7", "player": "0", "intake": "1-2"}
        with Machine(folder, disk, processors="8,sockets=1,clusters=2,cores=4,threads=1") as machine:
            self.boot(machine)
            until(lambda: self.pinned(machine) == wanted, BOOT_TIMEOUT_S, f"stages run on {wanted}")
            _, topology = machine.run("cat /sys/devices/system/cpu/cpu0/topology/cluster_cpus_list")
            self.report.number(f"processors of the stages: {self.pinned(machine)}; first cluster: {topology}")

    @staticmethod
    def pinned(machine):
        """Where every thread of each stage may run."""
        _, output = machine.run(
            "for p in $(pidof crier); do s=$(tr '\\000' ' ' </proc/$p/cmdline | sed -n 's/.* stage \\([a-z]*\\).*/\\1/p'); "
            "[ -n \"$s\" ] && echo $s $(sed -n 's/Cpus_allowed_list:.//p' /proc/$p/status); done")
        return dict(line.split() for line in output.splitlines() if len(line.split()) == 2)

    # Two slots, by U-Boot.

    def slots(self):
        folder, disk, flash = self.with_loader("slots")
        check = self.report.check
        check("slot-good", "U-Boot starts slot A; crier's self-test marks it good",
              lambda: self.slot_good(folder, disk, flash))
        check("slot-corrupt", "a corrupt root falls back to the other slot by itself",
              lambda: self.slot_corrupt(folder, disk, flash))

    def updates(self):
        folder, disk, flash = self.with_loader("slots-update")
        self.report.check("slot-update", "a signed update runs after a reboot; a foreign, older or truncated one is refused inside",
                          lambda: self.slot_update(folder, disk, flash))

    def bad_slots(self):
        folder, disk, flash = self.with_loader("slots-bad")
        check = self.report.check
        check("slot-crash", "a slot whose crier never runs falls back to the other",
              lambda: self.slot_crash(folder, disk, flash))
        check("slot-spent", "where both slots are bad, one that starts stays on and says what is wrong",
              lambda: self.slot_spent(folder, disk, flash))

    def with_loader(self, name):
        """A fresh disk, and U-Boot in the machine's flash."""
        folder, disk = self.fresh(name)
        flash = folder / "flash.img"
        loader = (self.images / "u-boot.bin").read_bytes()
        flash.write_bytes(loader.ljust(64 << 20, b"\0"))
        return folder, disk, flash

    def slot_good(self, folder, disk, flash):
        with Machine(folder, disk, boot=flash, watchdog="reset") as machine:
            machine.wait_for_console("starting slot A, 2 attempts left", BOOT_TIMEOUT_S)
            self.boot(machine)
            assert "rauc.slot=A" in machine.run("cat /proc/cmdline")[1]
            self.marked_good(machine, "A")
            self.no_complaint(machine)

    @staticmethod
    def marked_good(machine, slot):
        """Waits for the end of the self-test, which is a minute long and says it twice."""
        def good():
            failure = re.search(r"self-test: .*", machine.console())
            if failure:
                raise Failure(failure.group(0))
            return f"BOOT_{slot}_LEFT=3" in machine.run("fw_printenv 2>&1")[1]
        until(good, SPEECH_TIMEOUT_S, f"slot {slot} is marked good", 3)
        state = machine.run("fw_printenv")[1]
        assert f"BOOT_GOOD={slot}" in state and "BOOT_ROUND=0" in state, state

    @staticmethod
    def destroy(disk, name):
        start, _ = partition(disk, name)
        with open(disk, "r+b") as file:
            file.seek(start)
            file.write(b"\xa5" * (1 << 20))

    def slot_update(self, folder, disk, flash):
        """By the image's own tool, RAUC and dm-verity, as on the board."""
        foreign = folder / "foreign-keys"
        subprocess.run([str(REPOSITORY / "scripts/development-keys.sh"), str(foreign)], check=True)
        start, size = partition(disk, "boot_a")
        kernel = folder / "kernel.vfat"
        with open(disk, "rb") as file:
            file.seek(start)
            kernel.write_bytes(file.read(size))
        # What is refused, or overwritten at once, may be small.
        small = folder / "small"
        small.write_bytes(os.urandom(1 << 20))
        self.bundle(folder, "foreign", "99.0.0", foreign, small, small)
        self.bundle(folder, "older", "0.0.1", self.images / "keys", small, small)
        self.bundle(folder, "newer", "99.0.0", self.images / "keys", self.root_with(
            folder, {"etc/crier-release": f"VERSION=99.0.0\nCOMPATIBLE={self.compatible}\n"}), kernel)
        with Machine(folder, disk, boot=flash, watchdog="reset") as machine, Offer(folder) as offer:
            self.boot(machine)
            for name in ("foreign", "older", "newer"):
                machine.run(f"wget -q -O /data/{name}.raucb http://10.0.2.2:{offer.port}/{name}.raucb", SPEECH_TIMEOUT_S, check=True)
            machine.run("head -c 700000 /data/newer.raucb >/data/truncated.raucb", check=True)
            for command, words in (("crier-update /data/foreign.raucb", "not signed by this image's maker"),
                                   ("crier-update /data/truncated.raucb", "damaged"),
                                   ("crier-update /data/older.raucb", "is not newer than"),
                                   ("rauc install /data/foreign.raucb", "signature"),
                                   ("rauc install /data/truncated.raucb", "signature"),
                                   ("rauc install /data/older.raucb", "version")):
                code, output = machine.run(command + " 2>&1")
                assert code and words in output.lower(), f"{command}: {code}, {output}"
            assert "BOOT_ORDER=A B" in machine.run("fw_printenv")[1]
            machine.run("crier-update --allow-older /data/older.raucb 2>&1", SPEECH_TIMEOUT_S, check=True)
            machine.run("crier-update /data/newer.raucb 2>&1", SPEECH_TIMEOUT_S, check=True)
            machine.run("(sleep 1; reboot) >/dev/null 2>&1 &", check=True)
            machine.wait_for_console("starting slot B, 2 attempts left", BOOT_TIMEOUT_S)
            self.boot(machine)
            _, output = machine.run("cat /proc/cmdline /etc/crier-release")
            assert "rauc.slot=B" in output and "VERSION=99.0.0" in output, output
            self.marked_good(machine, "B")

    def bundle(self, folder, name, version, keys, root, kernel):
        """A bundle as post-image.sh makes it."""
        work, target = folder / "bundle", folder / f"{name}.raucb"
        shutil.rmtree(work, ignore_errors=True)
        target.unlink(missing_ok=True)
        work.mkdir()
        manifest = (REPOSITORY / "board/cm3588/rauc/manifest.raucm").read_text()
        (work / "manifest.raucm").write_text(manifest.replace("@VERSION@", version).replace("crier-cm3588", self.compatible))
        os.link(root, work / "rootfs.squashfs")
        os.link(kernel, work / "boot.vfat")
        subprocess.run(["rauc", f"--cert={keys}/signing.pem", f"--key={keys}/signing.key", f"--keyring={keys}/keyring.pem",
                        "bundle", str(work), str(target)], check=True, capture_output=True)

    def root_with(self, folder, files):
        """The root file system with some files replaced."""
        tree, target = folder / "altered", folder / "altered.squashfs"
        shutil.rmtree(tree, ignore_errors=True)
        target.unlink(missing_ok=True)
        # Nothing is copied that stays the same.
        subprocess.run(["cp", "-al", str(self.images / "root"), str(tree)], check=True)
        for name, text in files.items():
            mode = (tree / name).stat().st_mode
            (tree / name).unlink()
            (tree / name).write_text(text)
            (tree / name).chmod(mode)
        subprocess.run(["mksquashfs", str(tree), str(target), "-quiet", "-no-progress", "-all-root", "-comp", "zstd",
                        "-Xcompression-level", "3"], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
        return target

    def slot_corrupt(self, folder, disk, flash):
        self.destroy(disk, "root_a")
        with Machine(folder, disk, boot=flash, watchdog="reset") as machine:
            machine.wait_for_console("starting slot B", 3 * BOOT_TIMEOUT_S)
            self.boot(machine)
            assert "rauc.slot=B" in machine.run("cat /proc/cmdline")[1]
            attempts = machine.console().count("starting slot A")
            assert attempts == 3, f"slot A was tried {attempts} times"

    def slot_crash(self, folder, disk, flash):
        """The root of slot A is whole but its crier never answers: init starts it again and again, nobody marks it."""
        broken = self.root_with(folder, {"usr/bin/crier": "#!/bin/sh\nexit 70\n", "etc/crier/self-test": "ANSWERS_S=10\n"})
        start, size = partition(disk, "root_a")
        assert broken.stat().st_size <= size
        with open(disk, "r+b") as file:
            file.seek(start)
            file.write(broken.read_bytes())
        with Machine(folder, disk, boot=flash, watchdog="reset") as machine:
            # By the console: crier itself says that it is ready, in slot B.
            machine.wait_for_console(r"starting slot B[\s\S]*msg=ready", 4 * BOOT_TIMEOUT_S)
            # For what comes next: each slot has one attempt left, and both were used up before.
            for name, value in (("BOOT_A_LEFT", 1), ("BOOT_B_LEFT", 1), ("BOOT_ROUND", 1)):
                machine.run(f"fw_setenv {name} {value} && sync", check=True)

    def slot_spent(self, folder, disk, flash):
        """Slot A has no crier that works, and now slot B has no root either."""
        self.destroy(disk, "root_b")
        with Machine(folder, disk, boot=flash, watchdog="reset") as machine:
            machine.wait_for_console(r"the machine starts again[\s\S]*no slot has attempts left[\s\S]*does not answer; "
                                     "neither slot is good, and slot A goes on", 4 * BOOT_TIMEOUT_S)
            starts = machine.console().count("starting slot")
            # A machine that starts again does so after two seconds.
            time.sleep(20)
            code, state = machine.run("cat /proc/cmdline; fw_printenv")
            assert "rauc.slot=A" in state and "BOOT_ROUND=2" in state and "BOOT_A_LEFT=3" in state, state
            assert machine.console().count("starting slot") == starts, "it starts again"

    # What an owner without a shell has: a stick.

    def sticks(self):
        """Reports are read on this machine from the images of the sticks, what is said from the console's log; two of the
        sentences are listened to."""
        folder, disk, flash = self.with_loader("stick")
        check = self.report.check
        first = self.stick_with_everything(folder)
        machine = Machine(folder, disk, boot=flash, watchdog="reset", extra=[
            "-drive", f"if=none,id=first,file={first},format=raw", "-device", "usb-storage,drive=first,id=first,removable=on"])
        try:
            machine.start()
            if not check("stick-start", "a stick that is there at the start brings configuration, a voice and certificates",
                         lambda: self.stick_at_start(machine, first)):
                print(machine.console()[-3000:])
                return
            check("stick-error", "an invalid configuration is told by line, written to the stick, and changes nothing; the diagnosis is written",
                  lambda: self.stick_with_error(machine, folder))
            check("stick-systems", "exFAT and ext4 are taken, links on ext4 are not followed, and other labels not mounted",
                  lambda: self.stick_file_systems(machine, folder))
            check("stick-update", "a stick pulled out in mid copy changes nothing; plugged in again its update is installed and works",
                  lambda: self.stick_update(machine, folder, disk))
        finally:
            machine.pull_the_plug()

    @staticmethod
    def fat(path, megabytes, label, *sources):
        """An image of a stick: FAT without a partition table."""
        path.unlink(missing_ok=True)
        subprocess.run(["mkfs.vfat", "-C", "-n", label, str(path), str(megabytes << 10)], check=True, capture_output=True)
        if sources:
            subprocess.run(["mcopy", "-s", "-i", str(path), *map(str, sources), "::"], check=True)
        return path

    @staticmethod
    def on_fat(image, *names):
        """Names and contents of files of a stick."""
        listing = subprocess.run(["mdir", "-b", "-/", "-i", str(image), "::"], capture_output=True, text=True).stdout.split("\n")
        found = [name for name in listing if any(re.search(pattern, name) for pattern in names)]
        return {name: subprocess.run(["mtype", "-i", str(image), name], capture_output=True).stdout.decode(errors="replace")
                for name in found if not name.endswith("/")}

    def stick_with_everything(self, folder):
        content = folder / "content"
        shutil.rmtree(content, ignore_errors=True)
        (content / "voices").mkdir(parents=True)
        (content / "certificates").mkdir()
        shutil.copytree(REPOSITORY / "voices/default", content / "voices/heart")
        (content / "voices/broken.voice").write_text("nonsense")
        (content / "certificates/ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        (content / "crier.toml").write_text("""[appliance]
name = "Stick"
[player]
device = "plughw:0"
[voices.heart]
bundle = "/data/voices/heart"
[watchdog]
device = "/dev/watchdog"
timeout_s = 90
[supervisor]
stage_start_timeout_s = 300
stage_progress_timeout_ms = 300000
""")
        return self.fat(folder / "first.img", 64, "CRIER", *content.iterdir())

    def plug(self, machine, name, image, throttle=""):
        machine.qmp("human-monitor-command", **{"command-line": f"drive_add 0 if=none,id={name},file={image},format=raw,file.locking=off{throttle}"})
        machine.qmp("device_add", driver="usb-storage", id=name, drive=name, removable=True)

    @staticmethod
    def pull(machine, name):
        machine.qmp("device_del", id=name)

    @staticmethod
    def said(machine, sentence, since=0, timeout_s=SPEECH_TIMEOUT_S):
        """Waits until the appliance was given a sentence; returns the length of the console's log."""
        pattern = "msg=sentence text=" + re.escape(f'"{sentence}"')
        until(lambda: machine.ended(sentence) or re.search(pattern, machine.console()[since:]), timeout_s, f"it says {sentence!r}", 1)
        return len(machine.console())

    def stick_at_start(self, machine, image):
        self.boot(machine)
        for sentence in ("The new configuration is in use.", "One voice was installed.", "The certificates were installed.",
                         "One file could not be used.", "The stick can be removed."):
            self.said(machine, sentence)
        self.idle(machine)
        _, output = machine.run("readlink /run/crier/crier.toml; cat /data/crier.toml; stat -c '%a %U' /data/mqtt/ca.pem; "
                                "crier voice verify /data/voices/heart; ls -a /data/voices /data/stick; grep crier-stick /proc/mounts")
        for words in ("/data/crier.toml", 'name = "Stick"', "400 crier-intake", "all match"):
            assert words in output, f"{words}: {output}"
        assert "broken" not in output and "crier-stick" not in output, output
        status = until(machine.status, SOON_TIMEOUT_S, "status")
        assert status["name"] == "Stick" and "heart" in status["state"]["voices"], status
        self.pull(machine, "first")
        files = self.on_fat(image, r"crier-.*\.txt")
        assert "voices/broken.voice" in files["::/crier-errors.txt"], files
        assert 'bundle = "/data/voices/heart"' in files["::/crier-voices.txt"], files

    def stick_with_error(self, machine, folder):
        content = folder / "crier.toml"
        content.write_text("# line\n" * 10 + "[player]\nvolume_percent = 300\n")
        (folder / "diagnose").write_text("")
        image = self.fat(folder / "error.img", 16, "crier", content, folder / "diagnose")
        before = machine.run("sha256sum /data/crier.toml")[1]
        since, silence = len(machine.console()), len(machine.heard())
        self.plug(machine, "error", image)
        self.said(machine, "The stick can be removed.", since)
        self.idle(machine)
        heard = machine.heard()[silence:]
        for sentence in "The configuration has an error in line 12.", "The diagnosis is on the stick.":
            like = likeness(heard, self.render(sentence))
            assert like >= LIKENESS_MIN, f"{sentence!r}: likeness {like:.2f}"
            self.report.number(f"{sentence} likeness {like:.2f}")
        assert machine.run("sha256sum /data/crier.toml")[1] == before
        self.pull(machine, "error")
        files = self.on_fat(image, "crier-", "diagnose$")
        assert "crier.toml:12:" in files["::/crier-errors.txt"] and "::/diagnose" not in files, files.keys()
        diagnosis = {name.rsplit("/", 1)[-1]: text for name, text in files.items() if "crier-diagnose-" in name}
        assert '"version"' in diagnosis["status.json"] and "msg=ready" in diagnosis["log.txt"], diagnosis.keys()
        assert "copy by CPUs" in diagnosis["board-report.md"], diagnosis["board-report.md"]
        assert "Linux version" in diagnosis["kernel.txt"] and "VERSION=" in diagnosis["version.txt"], diagnosis.keys()

    def stick_file_systems(self, machine, folder):
        exfat = folder / "exfat.img"
        exfat.unlink(missing_ok=True)
        with open(exfat, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["mkfs.exfat", "-L", "CRIER", str(exfat)], check=True, capture_output=True)
        since = len(machine.console())
        self.plug(machine, "exfat", exfat)
        since = self.said(machine, "The stick has nothing for this appliance.", since)
        self.pull(machine, "exfat")
        content, ext4 = folder / "ext4", folder / "ext4.img"
        shutil.rmtree(content, ignore_errors=True)
        (content / "certificates").mkdir(parents=True)
        (content / "certificates/key.pem").symlink_to("/etc/shadow")
        (content / "certificates/client.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        for label in ("OTHER", "CRIER"):
            ext4.unlink(missing_ok=True)
            subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", label, "-d", str(content), str(ext4), "16M"], check=True,
                           capture_output=True)
            self.plug(machine, f"ext4-{label}", ext4)
            if label == "OTHER":
                time.sleep(20)
                assert "msg=sentence" not in machine.console()[since:], machine.console()[since:]
            else:
                since = self.said(machine, "The certificates were installed.", since)
                self.said(machine, "The stick can be removed.")
            self.pull(machine, f"ext4-{label}")
            time.sleep(3)
        _, output = machine.run("ls /data/mqtt; grep crier-stick /proc/mounts")
        assert "client.pem" in output and "key.pem" not in output and "crier-stick" not in output, output

    def stick_update(self, machine, folder, disk):
        start, size = partition(disk, "boot_a")
        kernel = folder / "kernel.vfat"
        with open(disk, "rb") as file:
            file.seek(start)
            kernel.write_bytes(file.read(size))
        self.bundle(folder, "newer", "99.0.0", self.images / "keys", self.root_with(
            folder, {"etc/crier-release": f"VERSION=99.0.0\nCOMPATIBLE={self.compatible}\n"}), kernel)
        content = folder / "update"
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        shutil.move(folder / "newer.raucb", content / "newer.raucb")
        image = self.fat(folder / "update.img", 256, "CRIER", content)
        # Two megabytes a second: the stick is pulled out long before the end.
        since = len(machine.console())
        self.plug(machine, "pulled", image, ",throttling.bps-read=2000000")
        since = self.said(machine, "Update found.", since)
        time.sleep(5)
        self.pull(machine, "pulled")
        since = self.said(machine, "The stick was removed too early.", since)
        _, output = machine.run("ls -R /data/stick; fw_printenv BOOT_ORDER; grep crier-stick /proc/mounts; crier ctl status >/dev/null && echo there")
        assert "BOOT_ORDER=A B" in output and "there" in output and "crier-stick" not in output, output
        self.plug(machine, "update", image)
        since = self.said(machine, "Installed, restarting.", since, 2 * SPEECH_TIMEOUT_S)
        machine.wait_for_console("starting slot B, 2 attempts left", BOOT_TIMEOUT_S)
        self.boot(machine)
        assert "VERSION=99.0.0" in machine.run("cat /etc/crier-release")[1]
        # The stick is still there: it is not installed again.
        self.said(machine, "The update works.", since, 2 * SPEECH_TIMEOUT_S)
        self.marked_good(machine, "B")
        console = machine.console()[since:]
        assert "Update found." not in console and machine.run("ls /data/stick")[1] == "update", console[-2000:]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("images", type=pathlib.Path)
    arguments.add_argument("--cuts", type=int, default=4, help="power cuts (each costs a boot)")
    arguments.add_argument("--only", action="append", help="only the groups whose names begin so: doors, cuts, clusters, slots, stick")
    arguments.add_argument("--measured", type=pathlib.Path, help="write the processor seconds of the start there, for scripts/measured.py")
    arguments.add_argument("--side-by-side", type=int, default=2, help="groups that run at the same time")
    options = arguments.parse_args()
    report = Report()
    suite = Suite(options.images.resolve(), report, options.cuts)
    # The longest first, so that none of them is alone at the end.
    groups = {
        "stick": suite.sticks,
        "doors": suite.doors,
        "slots-update": suite.updates,
        "slots": suite.slots,
        "slots-bad": suite.bad_slots,
        "cuts": lambda: report.check("cuts", f"after {options.cuts} power cuts nothing acknowledged is lost",
                                     suite.power_cuts),
        "clusters": lambda: report.check("clusters", "with eight processors in two clusters each stage runs on those it was given",
                                         suite.clusters),
    }
    if options.only == ["start"]:
        groups = {"start": suite.start_alone}
    with concurrent.futures.ThreadPoolExecutor(options.side_by_side) as lanes:
        running = [lanes.submit(group) for name, group in groups.items()
                   if not options.only or any(name.startswith(word) for word in options.only)]
    for group in running:
        group.result()
    if options.measured:
        options.measured.write_text(json.dumps({"seconds": suite.steps}))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
