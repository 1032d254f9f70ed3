"""The teacher: hibari-tts' "heart" (Apache-2.0), made to speak on Crier's clock.

Two things about its speech are decided here instead of by its own networks, so that a tiny student can learn it:

* **Durations.** Every sound lasts a whole number of *units* of 640 samples (26.7 ms); three units are one codec frame of
  80 ms. The caller says how many. (The teacher's own unit is 25 ms: its spectra are played 6.7 % slower.)
* **Phase.** A voiced frame holds a whole number of equal pitch periods, the pulse is minimum-phase, and noise is cut from one
  fixed template. So the samples of a frame follow from its spectrum and pitch alone, and a decoder can be trained by
  plain regression: nothing is left to chance that would need an adversary.
"""

from functools import lru_cache

import numpy as np
import onnx
import onnxruntime
import scipy.fft
from hibari import Hibari

from bands import amplitudes

SAMPLE_RATE_HZ = 24_000
FRAME = 1_920
UNITS_PER_FRAME = 3
HOPS_PER_FRAME = 6
HOP = FRAME // HOPS_PER_FRAME
WINDOW = 1_200
BINS = WINDOW // 2 + 1
HARMONICS_MAX_HZ = 11_000.0
PERIODS_MIN, PERIODS_MAX, UNVOICED_PERIODS = 4, 27, 15
# A hop is heard up to half a window before its middle. So late, no sample needs a frame that a causal decoder has not seen.
DELAY = 480
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@lru_cache(maxsize=1)
def _noise_template():
    """One frame of white noise, the same in every frame: flat spectrum, unit variance."""
    noise = np.random.default_rng(1234).standard_normal(FRAME)
    noise = np.fft.irfft(np.exp(1j * np.angle(np.fft.rfft(noise))), FRAME)
    return (noise / noise.std()).astype(np.float32)


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Teacher:
    """hibari's network with its durations taken out (`durations_of`) and put in (`speak`)."""

    # What is below is no pitch, but a glide from and to nothing at the ends of what is voiced.
    LOWEST_HZ = 100.0
    DURATIONS = "/Clip_output_0"
    RAW_DURATIONS = "/Div_40_output_0"

    def __init__(self):
        self.hibari = Hibari()
        self.vocabulary = self.hibari.vocab
        model = onnx.load(self.hibari.model_path)
        extractor = onnx.utils.Extractor(model)
        self._durations = session(extractor.extract_model(["ids", "speed"], [self.RAW_DURATIONS]))
        for node in model.graph.node:
            if node.op_type == "Cast" and node.input[0] == self.DURATIONS:
                node.input[0] = "durations"
        model.graph.input.append(onnx.helper.make_tensor_value_info("durations", onnx.TensorProto.FLOAT, ["L"]))
        self._network = session(model)

    def ids(self, sounds):
        return [0, *(self.vocabulary[sound] for sound in sounds), 0]

    def durations_of(self, sounds):
        """How long the teacher itself would hold each sound, in units (not rounded)."""
        ids = np.asarray([self.ids(sounds)], np.int64)
        return self._durations.run(None, {"ids": ids, "speed": np.ones(1, np.float32)})[0].reshape(-1)[1:-1]

    def speak(self, sounds, durations, lead, tail):
        """What students learn of `sounds` held for `durations` units: amplitudes of hops in bands, and pitch."""
        harmonic, noise, pitch = self.spectra(sounds, durations, lead, tail)
        return amplitudes(harmonic, noise, pitch > 0), pitch

    def spectra(self, sounds, durations, lead, tail):
        """Spectra and pitch of `sounds` held for `durations` units, between `lead` and `tail` units of silence:
        six hops a frame, each with harmonic and noise amplitudes [601] (natural logarithm) and pitch (Hz, 0 unvoiced)."""
        held = np.asarray([lead, *durations, tail], np.float32)
        outputs = self._network.run(
            None,
            {"ids": np.asarray([self.ids(sounds)], np.int64), "speed": np.ones(1, np.float32), "durations": held},
        )
        harmonic, _, noise, free, _, pitch = (output[0] for output in outputs)
        # The network's third branch has a phase of its own; here it is noise like the second.
        noise = 0.5 * np.log(np.exp(2 * np.minimum(noise, 7)) + 0.5 * np.exp(2 * np.minimum(free, 7)))
        return np.minimum(harmonic, 7).T, noise.T, np.where(pitch.reshape(-1) > 40, pitch.reshape(-1), 0.0)


def whole_periods(pitch, lowest_hz):
    """How many pitch periods each frame holds, from the pitch of its hops (below `lowest_hz` it is none): rounded so that the
    error never adds up."""
    voiced = pitch > 0
    frames = len(pitch) // HOPS_PER_FRAME
    if not voiced.any():
        return np.full(frames, UNVOICED_PERIODS, np.int64)
    inner = voiced & np.r_[False, voiced[:-1]] & np.r_[voiced[1:], False] & (pitch > lowest_hz)
    if not inner.any():
        inner = voiced
    filled = np.interp(np.arange(len(pitch)), np.nonzero(inner)[0], pitch[inner])
    wanted = filled.reshape(frames, HOPS_PER_FRAME).mean(1) * FRAME / SAMPLE_RATE_HZ
    periods, error = np.empty(frames, np.int64), 0.0
    for frame in range(frames):
        periods[frame] = np.clip(round(wanted[frame] + 0.5 * error), PERIODS_MIN, PERIODS_MAX)
        error = np.clip(error + wanted[frame] - periods[frame], -0.5, 0.5)
    return periods


def _spectra(signal, hops, window):
    padded = np.pad(signal, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[HOP // 2 :: HOP][:hops] * window
    return scipy.fft.rfft(frames.astype(np.float32), axis=1)


@lru_cache(maxsize=4)
def _normalisation(hops):
    total = np.zeros((hops - 1) * HOP + WINDOW)
    for hop in range(hops):
        total[hop * HOP : hop * HOP + WINDOW] += _HANN**2
    return 1 / np.maximum(total, 0.05)


def minimum_phase(amplitude_log):
    """Spectra of the causal filter with these amplitudes [hops, 601]: cepstrum folded to positive time."""
    cepstrum = scipy.fft.irfft(amplitude_log, WINDOW, axis=1)
    cepstrum[:, 1 : WINDOW // 2] *= 2
    cepstrum[:, WINDOW // 2 + 1 :] = 0
    return np.exp(scipy.fft.rfft(cepstrum, axis=1))


def render(harmonic, noise, voiced, periods):
    """Samples from amplitudes [hops, 601] (natural logarithm), voicing per hop and whole periods per frame; all of it
    DELAY samples late."""
    hops, samples = len(harmonic), len(harmonic) * HOP
    phase = (np.concatenate([[0], np.cumsum(periods[:-1])])[:, None] + periods[:, None] * np.arange(FRAME) / FRAME).reshape(-1)
    pitch = np.repeat(periods, FRAME) * SAMPLE_RATE_HZ / FRAME
    highest = np.floor(HARMONICS_MAX_HZ / np.maximum(pitch, 40)) + 0.5
    turn = 2 * np.pi * (phase % 1)
    divisor = 2 * np.sin(turn / 2)
    limit = np.abs(divisor) < 2e-3
    pulses = np.sin(highest * turn) / np.where(limit, 1, divisor)
    pulses = np.where(limit, highest, pulses) - 0.5
    pulses[~np.repeat(voiced, HOP)] = 0
    noise_samples = np.resize(_noise_template(), samples) * np.sqrt(4 / (3 * WINDOW))
    spectra = _spectra(pulses, hops, _HANN / (WINDOW / 4)) * minimum_phase(harmonic)
    spectra += _spectra(noise_samples, hops, _HANN) * np.exp(noise)
    pieces = scipy.fft.irfft(spectra, WINDOW, axis=1) * _HANN
    signal = np.zeros((hops - 1) * HOP + WINDOW)
    for hop, piece in enumerate(pieces):
        signal[hop * HOP : hop * HOP + WINDOW] += piece
    signal *= _normalisation(hops)
    return np.pad(signal, (DELAY - (WINDOW - HOP) // 2, 0))[:samples].astype(np.float32)
