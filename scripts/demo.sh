#!/usr/bin/env bash
# Demonstration in a minute: text by FIFO, MQTT and serial line, a stage killed in mid-sentence, and every sentence
# spoken completely. Played on the sound card if there is one, and recorded to WAV files.
set -euo pipefail
cd "$(dirname "$0")/.."

crier=$PWD/target/release/crier
demo=$PWD/target/demo
export CRIER_CONTROL=$demo/run/control
rm -rf "$demo"
mkdir -p "$demo"

FIFO_TEXT="Hello! Welcome home."
MQTT_TEXT="The washing machine has finished."
SERIAL_TEXT="The temperature in the kitchen is 20 degrees."
KILL_TEXT="The next train leaves at 8:15 from platform 4."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
cleanup() {
    # At every exit, also one by an error or Ctrl-C, so that no process is left behind.
    kill $(jobs -p) 2>/dev/null || true
    wait 2>/dev/null || true
}
trap cleanup EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$demo/mosquitto.conf"
PATH=$PATH:/usr/sbin mosquitto -c "$demo/mosquitto.conf" >"$demo/mosquitto.log" 2>&1 &
# A pair of pseudo-terminals: `crier` opens one end as its serial port, and the demo writes to the other.
socat "PTY,link=$demo/serial,raw,echo=0" "PTY,link=$demo/wire,raw,echo=0" 2>"$demo/socat.log" &

if compgen -G '/dev/snd/pcmC*p' >/dev/null; then
    say "There is a sound card: you will hear it"
    output=$(printf 'output = "alsa"\ndevice = "tee:default,'"'%s'"',wav"' "$demo/all.wav")
else
    output=$(printf 'output = "capture"\nwav_file = "%s"' "$demo/all.wav")
fi
for _ in $(seq 100); do [ -e "$demo/serial" ] && [ -e "$demo/wire" ] && break; sleep 0.05; done
cat >"$demo/crier.toml" <<TOML
[appliance]
id = "demo"
name = "Demo"
state_dir = "$demo/state"
run_dir = "$demo/run"

[player]
$output
volume_percent = 100

[[fifo]]
path = "$demo/say"
mode = "0600"

[[serial]]
device = "$demo/serial"
baud = 115200

[mqtt]
host = "127.0.0.1"
port = $port
TOML
"$crier" validate "$demo/crier.toml"
say "Starting the appliance"
"$crier" serve --config "$demo/crier.toml" 2>"$demo/serve.log" &

status() { "$crier" ctl status --json 2>/dev/null || echo '{}'; }
wait_for() { # what, python expression over the status `s`
    for _ in $(seq 600); do
        if status | python3 -c "import json, sys; s = json.load(sys.stdin); sys.exit(0 if s and ($2) else 1)" 2>/dev/null; then
            return
        fi
        sleep 0.05
    done
    echo "demo.sh: timeout while waiting for: $1; see $demo/serve.log" >&2
    exit 1
}
finished() { wait_for "the end of sentence $1" "s['events'].get('finished', 0) >= $1"; }
wait_for "ready" "s['state']['mode'] == 'idle' and s['device_open']"
wait_for "all inputs open" "len(s['inputs']) == 3 and all(i['up'] for i in s['inputs'].values())"

say "By FIFO:   $FIFO_TEXT"
echo "$FIFO_TEXT" >"$demo/say"
finished 1
say "By MQTT:   $MQTT_TEXT"
mosquitto_pub -h 127.0.0.1 -p "$port" -q 1 -t crier/demo/speak -m "$MQTT_TEXT"
finished 2
say "By serial: $SERIAL_TEXT"
printf '%s\r\n' "$SERIAL_TEXT" >"$demo/wire"
finished 3
vocoder=$(status | python3 -c "import json, sys; print([x['pid'] for x in json.load(sys.stdin)['stages'] if x['name'].endswith('vocoder')][0])")
say "By hand:   $KILL_TEXT  -- and kill -9 for the vocoder while it speaks"
"$crier" ctl say --wait "$KILL_TEXT" >/dev/null &
speaking=$!
sleep 0.08
kill -9 "$vocoder"
wait "$speaking"
"$crier" ctl status

for number in 1 2 3 4; do
    text=$(printf '%s\n' "$FIFO_TEXT" "$MQTT_TEXT" "$SERIAL_TEXT" "$KILL_TEXT" | sed -n "${number}p")
    "$crier" say --wav "$demo/$number.wav" "$text" 2>/dev/null
done
python3 - "$demo" <<'PYTHON'
import sys, wave
demo = sys.argv[1]
def samples(name):
    with wave.open(f"{demo}/{name}.wav") as file:
        return file.readframes(file.getnframes()), file.getframerate(), file.getnchannels()
alone = [samples(n)[0] for n in (1, 2, 3, 4)]
heard, rate, channels = samples("all")
if channels == 1 and rate == 24000:
    whole = heard == b"".join(alone)
    print("  Compared with an undisturbed run, sample by sample:", "identical" if whole else "DIFFERENT")
    sys.exit(0 if whole else 1)
PYTHON
say "What was said is in $demo/all.wav, sentence by sentence in $demo/1.wav to 4.wav"
