"""The emulated appliance, seen from outside: QEMU, its serial lines, monitor, sound card and network."""

import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import numpy

RATE_HZ = 48_000
# Sentences are compared by pieces of 0.3 s, each within 0.1 s of its place.
PIECE = RATE_HZ * 3 // 10
SHIFT_MAX = RATE_HZ // 10
# 44 bytes of header, which QEMU completes when it ends.
WAV_HEADER_BYTES = 44
# A question to the inside is asked again after this time without an answer.
ASK_AGAIN_S = 5
# For what takes a moment. An emulated machine on a busy one takes many times as long, and that is no fault.
SOON_TIMEOUT_S = 300


class Failure(Exception):
    """Something did not happen as it should; the words say what."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, timeout_s, what, pause_s=0.3):
    """Waits until condition() is true-ish and returns it."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {timeout_s} s")
        time.sleep(pause_s)


class Line:
    """One end of a serial line: a socket that QEMU listens at."""

    def __init__(self, path):
        self.received = b""
        self.socket = socket.socket(socket.AF_UNIX)
        until(lambda: self.connects(path), SOON_TIMEOUT_S, f"QEMU listens at {path.name}")
        self.socket.setblocking(False)

    def connects(self, path):
        try:
            self.socket.connect(str(path))
            return True
        except OSError:
            return False

    def send(self, data):
        self.socket.setblocking(True)
        self.socket.sendall(data)
        self.socket.setblocking(False)

    def read(self):
        try:
            while data := self.socket.recv(65536):
                self.received += data
        except (BlockingIOError, ConnectionError):
            pass
        return self.received


class Inside(Line):
    """Commands to tests/system/inside. Its port is no terminal: nothing is echoed, and nothing is lost while nobody
    inside reads yet."""

    def __init__(self, path):
        super().__init__(path)
        self.number, self.asked_at = 0, 0.0

    def ask(self, command, timeout_s):
        """A condition for `until`: asks as often as it takes; (status, output) once the answer is there."""
        self.number += 1
        number, self.asked_at = self.number, float("-inf")
        encoded = base64.b64encode(command.encode()).decode()
        pattern = re.compile(rb"^answer %d (\d+) ([A-Za-z0-9+/=]*)$" % number, re.MULTILINE)
        begin = len(self.read())

        def answer():
            if time.monotonic() - self.asked_at > ASK_AGAIN_S:
                self.send(f"ask {number} {timeout_s} {encoded}\n".encode())
                self.asked_at = time.monotonic()
            # Up to the last whole line.
            received = self.read()
            found = pattern.search(received, begin, received.rfind(b"\n") + 1)
            return found and (int(found[1]), base64.b64decode(found[2]).decode(errors="replace"))
        return answer

    def told(self):
        """What commands told by themselves, in order."""
        return re.findall(r"^tell (.*)\n", self.read().decode(errors="replace"), re.MULTILINE)


class Machine:
    """One boot of the appliance. `with Machine(...) as machine:` ends it like a pulled plug."""

    def __init__(self, folder, disk, processors=2, slot="A", boot="kernel", watchdog="poweroff", extra=()):
        self.folder = pathlib.Path(folder)
        self.disk = pathlib.Path(disk)
        self.processors, self.slot, self.boot = processors, slot, boot
        self.watchdog, self.extra = watchdog, list(extra)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.pull_the_plug()

    def path(self, name):
        return self.folder / name

    def start(self):
        for name in ("text", "inside", "monitor", "console.log", "sound.wav"):
            self.path(name).unlink(missing_ok=True)
        # What image.sh made lies two folders above the one of this boot.
        images = self.folder.parent.parent
        command = [
            "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a76", "-smp", str(self.processors), "-m", "1536",
            "-display", "none", *(["-no-reboot"] if self.boot == "kernel" else []),
            "-chardev", f"file,id=console,path={self.path('console.log')}", "-serial", "chardev:console",
            "-drive", f"file={self.disk},format=raw,if=virtio,cache=writeback",
            "-chardev", f"socket,id=text,path={self.path('text')},server=on,wait=off",
            "-device", "pci-serial,chardev=text",
            "-chardev", f"socket,id=inside,path={self.path('inside')},server=on,wait=off",
            "-device", "virtio-serial-pci,max_ports=2", "-device", "virtserialport,nr=1,chardev=inside",
            "-audiodev", f"wav,id=sound,path={self.path('sound.wav')},out.frequency={RATE_HZ}",
            "-device", "qemu-xhci", "-device", "usb-audio,audiodev=sound",
            "-device", "virtio-keyboard-pci",
            "-device", "i6300esb", "-action", f"watchdog={self.watchdog}",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-qmp", f"unix:{self.path('monitor')},server=on,wait=off",
        ]
        if self.boot == "kernel":
            root = {"A": "/dev/vda3", "B": "/dev/vda5"}[self.slot]
            # A kernel without modules needs no first root.
            if (images / "initrd").exists():
                command += ["-initrd", str(images / "initrd")]
            command += ["-kernel", str(images / "Image"), "-append",
                        f"console=ttyAMA0 root={root} rauc.slot={self.slot} panic=-1 loglevel=4"]
        else:
            command += ["-drive", f"if=pflash,index=0,format=raw,file={self.boot}"]
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(command + self.extra, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.path("qemu.log"), "wb"))
        self.text = Line(self.path("text"))
        self.inside = Inside(self.path("inside"))
        self.monitor = Line(self.path("monitor"))
        self.monitor.send(b'{"execute": "qmp_capabilities"}\n')

    def pull_the_plug(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def processor_seconds(self):
        """What the emulator has used of this machine's processors."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def console(self):
        try:
            return self.path("console.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_for_console(self, words, timeout_s=SOON_TIMEOUT_S):
        until(lambda: re.search(words, self.console()) or self.ended(words), timeout_s, f"console says {words!r}")

    def ended(self, what):
        if self.process.poll() is not None:
            raise Failure(f"QEMU ended while waiting for {what!r}: {self.path('qemu.log').read_text()}")

    def wait_for_inside(self, timeout_s):
        """The inside answers as soon as init has started it."""
        self.run("true", timeout_s, check=True)

    def run(self, command, timeout_s=SOON_TIMEOUT_S, check=False):
        """Runs a command inside; returns (status, output)."""
        answer = self.inside.ask(command, timeout_s)
        status, output = until(lambda: self.ended(command) or answer(), timeout_s, f"inside: {command}")
        output = output.replace("\r", "").strip()
        if check and status:
            raise Failure(f"inside: {command}: {output}")
        return status, output

    def status(self):
        code, output = self.run("crier ctl --json status 2>&1")
        try:
            return json.loads(output[output.index("{"):output.rindex("}") + 1]) if code == 0 else None
        except ValueError:
            return None

    def qmp(self, command, **arguments):
        self.monitor.send((json.dumps({"execute": command, "arguments": arguments}) + "\n").encode())

    def press(self, key, hold_ms=100):
        self.qmp("send-key", keys=[{"type": "qcode", "data": key}], **{"hold-time": hold_ms})

    def heard(self):
        """All samples that came out of the sound card, one channel, -1 to 1."""
        try:
            data = self.path("sound.wav").read_bytes()[WAV_HEADER_BYTES:]
        except FileNotFoundError:
            return numpy.zeros(0, numpy.float32)
        samples = numpy.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2)
        return samples[:, 0].astype(numpy.float32) / 32768

    def wait_for_sound(self, since, seconds, timeout_s):
        """Waits until that much sound that is no silence came after sample `since`."""
        def enough():
            self.ended("sound")
            return loud_seconds(self.heard()[since:]) >= seconds
        until(enough, timeout_s, f"{seconds:.1f} s of sound", 1)


def loud_seconds(samples, threshold=0.002):
    """How long it is from the first to the last loud sample."""
    loud = numpy.flatnonzero(numpy.abs(samples) > threshold)
    return (loud[-1] - loud[0]) / RATE_HZ if loud.size else 0.0


def read_wav(path):
    """Samples of a 16-bit file with one channel, at RATE_HZ."""
    import wave
    with wave.open(str(path)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = numpy.frombuffer(file.readframes(file.getnframes()), "<i2").astype(numpy.float32) / 32768
    samples = samples[::channels]
    wanted = int(len(samples) * RATE_HZ / rate)
    return numpy.interp(numpy.arange(wanted) * rate / RATE_HZ, numpy.arange(len(samples)), samples).astype(numpy.float32)


def likeness(heard, expected):
    """How alike the pieces of `expected` are to what is heard about where they belong: 1 is the same, 0 is unrelated.
    By pieces, because an emulated sound card on a busy machine swallows some milliseconds now and then."""
    _, begin = best_place(heard, expected)
    alike = whole = 0.0
    for at in range(0, len(expected) - PIECE // 2, PIECE):
        piece = expected[at: at + PIECE]
        around = heard[max(0, begin + at - SHIFT_MAX): begin + at + len(piece) + SHIFT_MAX]
        energy = float((piece ** 2).sum())
        whole += energy
        if len(around) >= len(piece):
            alike += energy * best_place(around, piece)[0]
    return alike / whole if whole else 0.0


def best_place(heard, expected):
    """Highest normalised correlation of `expected` with a piece of `heard`, and the sample at which that begins."""
    if not len(heard) or not len(expected):
        return 0.0, 0
    size = 1 << (len(heard) + len(expected)).bit_length()
    product = numpy.fft.irfft(numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(expected, size)), size)
    energy = numpy.concatenate([[0], numpy.cumsum(heard.astype(numpy.float64) ** 2)])
    starts = numpy.arange(len(heard))
    ends = numpy.minimum(starts + len(expected), len(heard))
    local = numpy.sqrt(numpy.maximum(energy[ends] - energy[starts], 1e-9))
    whole = max(numpy.sqrt((expected.astype(numpy.float64) ** 2).sum()), 1e-9)
    correlation = product[: len(heard)] / (numpy.maximum(local, 0.2 * whole) * whole)
    place = int(correlation.argmax())
    return float(correlation[place]), place


def copy_disk(source, target):
    """A copy that shares what it can with the original."""
    target = pathlib.Path(target)
    target.unlink(missing_ok=True)
    if subprocess.run(["cp", "--sparse=always", str(source), str(target)]).returncode:
        shutil.copyfile(source, target)
    return target


def config_partition(disk):
    """`disk@@offset` of the FAT partition, as mtools wants it."""
    return f"{disk}@@{partition(disk, 'config')[0]}"


def put_on_card(disk, *sources):
    """Files and folders, on the partition that any computer can open."""
    subprocess.run(["mcopy", "-s", "-o", "-i", config_partition(disk), *map(str, sources), "::"], check=True,
                   env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})


def get_from_card(disk, name):
    result = subprocess.run(["mtype", "-i", config_partition(disk), f"::{name}"], capture_output=True,
                            env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})
    return result.stdout.decode(errors="replace") if result.returncode == 0 else ""


def partition(disk, name):
    """Start and size in bytes of a partition."""
    # Without what sfdisk says of a card that is larger than its image.
    table = subprocess.check_output(["sfdisk", "--json", str(disk)], stderr=subprocess.DEVNULL)
    found = next(part for part in json.loads(table)["partitiontable"]["partitions"] if part["name"] == name)
    return found["start"] * 512, found["size"] * 512
