#!/usr/bin/env python3
"""Speeds and start times: measured into docs/measured.json, and told from there by every document.

    measured.py speed [--runs N]     the default voice and the start of the appliance on this machine
    measured.py boot FILE            what `make test-system ARGUMENTS="--only doors --measured FILE"` measured
    measured.py write                writes the blocks between `<!-- measured: NAME -->` and `<!-- end -->`
    measured.py check                fails where a document says something else; --self-test checks the checking

Figures for the board are estimates, and called so: nothing was measured on one.
"""

import argparse
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STORE = ROOT / "docs/measured.json"
DOCUMENTS = "docs/PERFORMANCE.md", "docs/HARDWARE.md", "voices/default.md"
CRIER = ROOT / "target/release/crier"
# A Cortex-A76 of the board beside a core of the measuring machine; assumed, not measured.
A76_TIMES_SLOWER = 4
# ROM, memory initialisation, SPL, TF-A and U-Boot. The kernel of FriendlyElec's NanoPi R6C (RK3588S, eMMC, Rockchip's
# U-Boot) prints its first line 1.75 s after the processor's counter has started: jakubgs/nixos-config, issue 3.
BEFORE_KERNEL_S = 1.75
READY_TIMEOUT_S = 60


def now():
    return datetime.date.today().isoformat()


def machine():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    return f"{cpuinfo.count('processor	:')} cores of {name.group(1) if name else 'an unknown processor'}"


def version():
    words = subprocess.run([str(CRIER), "--version"], check=True, capture_output=True, text=True).stdout.split()
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout
    return f"{words[-1]} ({commit.strip()})"


def measure_bench(runs):
    results = []
    for run in range(runs):
        print(f"crier bench, {run + 1} of {runs}", file=sys.stderr)
        output = subprocess.run([str(CRIER), "bench", "--json", "--threads", "1"], check=True, capture_output=True, text=True)
        results.append(json.loads(output.stdout))
    return {key: [min(values), statistics.median(values), max(values)]
            for key in results[0] for values in [[result[key] for result in results]]}


def measure_start(runs):
    """Milliseconds from the start of `crier serve` until it is ready, and from the turn of "Ready." to its first samples."""
    ready, first = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            configuration = pathlib.Path(folder) / "crier.toml"
            configuration.write_text(f'[appliance]\nstate_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n'
                                     f'[player]\noutput = "capture"\nwav_file = "{folder}/heard.wav"\n'
                                     '[supervisor]\nready_announcement = "Ready."\n')
            process = subprocess.Popen([str(CRIER), "serve", "--config", str(configuration)], stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
            for line in process.stdout:
                found = re.search(r"msg=ready after_ms=(\d+)", line)
                if found:
                    ready.append(int(found.group(1)))
                if "event=finished" in line:
                    break
            status = subprocess.run([str(CRIER), "ctl", "--socket", f"{folder}/run/control", "--json", "status"], check=True,
                                    capture_output=True, text=True, timeout=READY_TIMEOUT_S).stdout
            first.append(round(find(json.loads(status), "first_audio_ms")))
            process.terminate()
            process.wait()
    return {"ready_ms": [min(ready), statistics.median(ready), max(ready)],
            "first_audio_ms": [min(first), statistics.median(first), max(first)]}


def find(value, key):
    """The first value of a key in nested objects."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    for part in value if isinstance(value, list) else []:
        found = find(part, key)
        if found is not None:
            return found
    return None


def span(values, digits):
    low, high = f"{values[0]:.{digits}f}", f"{values[-1]:.{digits}f}"
    return low if low == high else f"{low} to {high}"


def source(part):
    return f"Measured on {part['date']} with {part['machine']}, crier {part['version']}"


def boot_rows(store):
    """Step, emulated seconds, times the first, and seconds after power on the board, estimated."""
    boot, start = store["boot"], store["speed"]["start"]
    init, ready, sound = (boot["seconds"][step] for step in ("kernel and init", "crier ready", "first sound"))
    # How much slower the emulator is than the machine that it runs on, by the one step that both have done.
    slower = (ready - init) / (start["ready_ms"][0] / 1000)
    board = A76_TIMES_SLOWER / slower
    yield "ROM, memory, U-Boot", "-", "-", f"{BEFORE_KERNEL_S:.1f} s"
    at = BEFORE_KERNEL_S + init * board
    yield "kernel and init are done", f"{init:.1f}", "1.0", f"{at:.1f} s"
    at += start["ready_ms"][0] / 1000 * A76_TIMES_SLOWER
    yield "`crier` can speak", f"{ready:.1f}", f"{ready / init:.1f}", f"{at:.1f} s"
    at += start["first_audio_ms"][0] / 1000 * A76_TIMES_SLOWER
    yield 'first sound of "Ready."', f"{sound:.1f}", f"{sound / init:.1f}", f"{at:.1f} s"


def boot_table(store):
    lines = ["| until | processor seconds, emulated | times the first | after power on the board, estimated |", "|---|---:|---:|---:|"]
    lines += ["| " + " | ".join(row) + " |" for row in boot_rows(store)]
    start = store["speed"]["start"]
    return "\n".join(lines) + (
        f"\n\n{source(store['boot'])}. On that machine itself `crier serve` is ready after {start['ready_ms'][0] / 1000:.2f} s, and"
        f' "Ready." sounds {start["first_audio_ms"][0]} ms after its turn.')


def speed_table(store):
    bench = store["speed"]["bench"]
    rows = (("talker, a step", "talker_cpu_ms_per_step", 2), ("code predictor, a frame", "predictor_cpu_ms_per_frame", 2),
            ("vocoder, a frame", "vocoder_cpu_ms_per_frame", 2))
    lines = ["| the default voice, processor ms a frame (80 ms) | least | median |", "|---|---:|---:|"]
    lines += [f"| {name} | {bench[key][0]:.{digits}f} | {bench[key][1]:.{digits}f} |" for name, key, digits in rows]
    least, median = (sum(bench[key][index] for _, key, _ in rows) for index in (0, 1))
    lines.append(f"| together | {least:.2f} | {median:.2f} |")
    return "\n".join(lines) + (
        f"\n\nTime to first audio {span(bench['first_audio_ms'], 0)} ms, loaded in {span(bench['load_ms'], 0)} ms, RTF "
        f"{span(bench['rtf'], 2)}, {bench['peak_rss_bytes'][-1] / 1e6:.0f} MB of memory at most, the sum over four processes."
        f" {source(store['speed'])}, {store['speed']['runs']} runs of `crier bench --threads 1`.")


BLOCKS = {"boot": boot_table, "speed": speed_table}


def filled(text, store):
    """The text with its blocks as the store has them."""
    return re.sub(r"(<!-- measured: (\w+) -->\n)(.*?)(<!-- end -->)",
                  lambda block: block[1] + BLOCKS[block[2]](store) + "\n" + block[4], text, flags=re.DOTALL)


def load():
    return json.loads(STORE.read_text()) if STORE.exists() else {}


def save(store):
    STORE.write_text(json.dumps(store, indent=2) + "\n")


def check():
    store, wrong = load(), []
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        if "<!-- measured:" not in text:
            wrong.append(f"{name}: has no measured block")
        elif filled(text, store) != text:
            wrong.append(f"{name}: differs from docs/measured.json; run scripts/measured.py write")
    print("\n".join(wrong) or f"{len(DOCUMENTS)} documents say what was measured")
    return 1 if wrong else 0


def self_test():
    store = load()
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        # One digit of a block is changed: it has to be noticed.
        changed = re.sub(r"(<!-- measured: \w+ -->\n.*?)(\d)", lambda found: found[1] + str((int(found[2]) + 1) % 10), text,
                         count=1, flags=re.DOTALL)
        assert changed != text and filled(changed, store) == filled(text, store) != changed, name
    print("a changed digit is noticed")
    return 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", nargs="?", choices=("speed", "boot", "write", "check"))
    arguments.add_argument("file", nargs="?", type=pathlib.Path)
    arguments.add_argument("--runs", type=int, default=7)
    arguments.add_argument("--self-test", action="store_true")
    options = arguments.parse_args()
    if options.self_test:
        return self_test()
    if options.what == "check":
        return check()
    store = load()
    if options.what == "speed":
        store["speed"] = {"date": now(), "machine": machine(), "version": version(), "runs": options.runs,
                          "start": measure_start(options.runs), "bench": measure_bench(options.runs)}
        save(store)
    elif options.what == "boot":
        store["boot"] = {"date": now(), "machine": machine(), "version": version(), **json.loads(options.file.read_text())}
        save(store)
    elif options.what == "write":
        for name in DOCUMENTS:
            path = ROOT / name
            path.write_text(filled(path.read_text(), store))
    else:
        arguments.error("what?")
    return 0


if __name__ == "__main__":
    sys.exit(main())
