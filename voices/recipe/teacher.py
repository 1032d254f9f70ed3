"""The teacher: hibari-tts' "heart" (Apache-2.0), made to speak on Crier's clock.

How long each sound lasts is not left to its own network: a whole number of *units* of 640 samples (26.7 ms), and the caller
says how many. Three units are one codec frame of 80 ms. (The teacher's own unit is 25 ms: its spectra are played 6.7 %
slower.) What it would say is played by `render.py`.
"""

import numpy as np
import onnx
import onnxruntime
from hibari import Hibari

from bands import amplitudes
from render import FRAME, HOPS_PER_FRAME, PERIODS_MAX, PERIODS_MIN, SAMPLE_RATE_HZ, UNVOICED_PERIODS


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
