"""The front end for sound, beside the one that it equals: TensorFlow Lite Micro's, as pymicro-features compiles it."""

from __future__ import annotations

import ctypes
import zlib
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bytefed import _core
from bytefed.errors import ModelError
from bytefed.extractor.sound import FrontEnd
from bytefed.extractor.sound_tables import transform_size

DIGITS = FrontEnd()
WIDE = FrontEnd(rate=16000, frame=480, step=320, bands=40, low=125, high=7500)


# --- the other one


class Config(ctypes.Structure):
    """FrontendConfig of microfrontend/lib/frontend_util.h, with its parts in a row."""

    _fields_ = (
        ("size_ms", ctypes.c_size_t),
        ("step_size_ms", ctypes.c_size_t),
        ("num_channels", ctypes.c_int),
        ("upper_band_limit", ctypes.c_float),
        ("lower_band_limit", ctypes.c_float),
        ("output_scale_shift", ctypes.c_int),
        ("smoothing_bits", ctypes.c_int),
        ("even_smoothing", ctypes.c_float),
        ("odd_smoothing", ctypes.c_float),
        ("min_signal_remaining", ctypes.c_float),  # 1: no noise reduction
        ("enable_pcan", ctypes.c_int),
        ("strength", ctypes.c_float),
        ("offset", ctypes.c_float),
        ("gain_bits", ctypes.c_int),
        ("enable_log", ctypes.c_int),
        ("scale_shift", ctypes.c_int),
    )


class State(ctypes.Structure):
    """FrontendState: the fields that are read here, and room for the others."""

    _fields_ = (
        ("window_size", ctypes.c_size_t),
        ("window", ctypes.POINTER(ctypes.c_int16)),
        ("unread", ctypes.c_size_t * 11),
        ("num_channels", ctypes.c_int),
        ("start_index", ctypes.c_int),
        ("end_index", ctypes.c_int),
        ("frequency_starts", ctypes.POINTER(ctypes.c_int16)),
        ("weight_starts", ctypes.POINTER(ctypes.c_int16)),
        ("widths", ctypes.POINTER(ctypes.c_int16)),
        ("weights", ctypes.POINTER(ctypes.c_int16)),
        ("unweights", ctypes.POINTER(ctypes.c_int16)),
        ("rest", ctypes.c_char * 1024),
    )


class Output(ctypes.Structure):
    """FrontendOutput."""

    _fields_ = (("values", ctypes.POINTER(ctypes.c_uint16)), ("size", ctypes.c_size_t))


class Reference:
    """The front end of the library, without noise reduction and gain control; and its own tables."""

    def __init__(self, library: ctypes.CDLL, like: FrontEnd) -> None:
        self._library, self._like = library, like
        self._state = State()
        a_ms = like.rate // 1000
        config = Config(
            like.frame // a_ms, like.step // a_ms, like.bands, like.high, like.low, 0,
            10, 0.025, 0.06, 1.0, 0, 0.95, 80.0, 21, 1, 6,
        )  # fmt: skip
        assert library.FrontendPopulateState(ctypes.byref(config), ctypes.byref(self._state), like.rate)

    def features(self, samples: np.ndarray) -> np.ndarray:
        found, read = [], ctypes.c_size_t()
        self._library.FrontendReset(ctypes.byref(self._state))
        while len(samples):
            output = self._library.FrontendProcessSamples(
                ctypes.byref(self._state), samples.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(samples)),
                ctypes.byref(read),
            )  # fmt: skip
            samples = samples[read.value :]
            if output.size:
                found.append(np.array(output.values[: output.size], np.uint16))
        return np.array(found, np.uint16).reshape(-1, self._like.bands)

    def tables(self) -> np.ndarray:
        """Our tables with the window and the bands of the library in their place."""
        ours, state = self._like.tables.copy(), self._state
        ours[: self._like.frame] = state.window[: self._like.frame]
        size = 1 << max(5, (self._like.frame - 1).bit_length() - 1)
        bands = self._like.frame + 3 * size + 129
        widths, weights = [], []
        for at in range(self._like.bands + 1):
            start, width = state.weight_starts[at], state.widths[at]
            pairs = zip(
                state.weights[start : start + width], state.unweights[start : start + width], strict=True
            )
            true = [weight for weight, rest in pairs if weight + rest]  # zeros fill up to a multiple of 4
            widths.append(len(true))
            weights += true
        return np.array([*ours[:bands], state.start_index, *widths, *weights], np.int16)


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    found = find_spec("micro_features_cpp")
    if found is None or found.origin is None:
        pytest.skip("pymicro-features, the front end to compare with, is not installed")
    library = ctypes.CDLL(found.origin)
    if not hasattr(library, "FrontendPopulateState"):
        pytest.skip("this build of pymicro-features does not show its front end")
    library.FrontendProcessSamples.restype = Output
    return library


def weights_of(front_end: FrontEnd, tables: np.ndarray) -> np.ndarray:
    """The tables with the bands spelt out, so that two of any lengths compare: the weight of each bin in each band."""
    size, bands = transform_size(front_end.frame), front_end.bands
    fixed = front_end.frame + 3 * size + 129
    first, *widths = tables[fixed : fixed + bands + 2].tolist()
    spelt = np.zeros((bands + 2, size + 1), int)  # a band more at each end, which nobody hears
    bins = np.repeat(np.arange(bands + 1), widths)
    at, weights = first + np.arange(len(bins)), tables[fixed + bands + 2 :]
    spelt[bins, at], spelt[bins + 1, at] = weights, 4096 - weights
    return np.concatenate([tables[:fixed].astype(int), spelt[1:-1].ravel()])


def with_tables(front_end: FrontEnd, tables: np.ndarray) -> FrontEnd:
    """The front end with the tables of another."""
    vars(front_end)["tables"] = tables  # where cached_property keeps it
    return front_end


@st.composite
def front_ends(draw: st.DrawFn) -> FrontEnd:
    """Any front end that both can have: the library counts in milliseconds, and overflows its heap with few bands."""
    rate = draw(st.sampled_from((8000, 16000)))
    frame = draw(st.integers(9, 64 if rate == 8000 else 32))
    sizes = {
        "frame": frame * rate // 1000,
        "step": draw(st.integers(1, frame)) * rate // 1000,
        "bands": draw(st.integers(8, 48)),
        "low": draw(st.integers(0, 500)),
        "high": draw(st.integers(1500, rate // 2 - 200)),
    }
    return FrontEnd(rate=rate, **sizes)


@st.composite
def sounds(draw: st.DrawFn) -> np.ndarray:
    """Sounds of all loudnesses, with what breaks arithmetic: the extremes, silence, lone samples."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(0, 1600))
    kind = draw(st.sampled_from(("noise", "tone", "square", "clicks", "lowest")))
    loudness = 10 ** draw(st.floats(-0.5, 4.6))
    turn = np.arange(count) * draw(st.floats(0, 3.1))
    return {
        "noise": lambda: random.normal(0, loudness, count),
        "tone": lambda: loudness * np.sin(turn),
        "square": lambda: np.where(np.sin(turn) < 0, -32768, 32767),
        "clicks": lambda: np.where(random.random(count) < 0.01, random.choice([-32768, 32767, 1], count), 0),
        "lowest": lambda: np.full(count, -32768),
    }[kind]().clip(-32768, 32767).astype(np.int16)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(front_end=front_ends(), samples=sounds())
@example(front_end=FrontEnd(), samples=np.full(800, -32768, np.int16))
@example(front_end=FrontEnd(), samples=np.where(np.arange(800) == 119, -32768, 0).astype(np.int16))
def test_on_the_same_tables_every_bit_is_the_same(library, front_end, samples):
    reference = Reference(library, front_end)
    found = with_tables(front_end, reference.tables()).features(samples)
    assert np.array_equal(found, reference.features(samples))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(front_end=front_ends())
@example(
    front_end=FrontEnd(rate=8000, frame=72, step=8, bands=8, low=62, high=1500)
)  # a bin on the upper end
def test_the_tables_are_those_of_the_source_as_it_is_written(library, front_end):
    """The library is compiled with float32 where its source has float64: here and there a weight is 1 in 4,096 off.

    For the same reason a bin that lies on an edge between two ranges may be counted to either; it weighs the same.
    """
    ours, theirs = (
        weights_of(front_end, one) for one in (front_end.tables, Reference(library, front_end).tables())
    )
    far = np.abs(ours - theirs)
    assert far.max() <= 1
    assert np.count_nonzero(far) <= 2 * 0.01 * len(front_end.tables)  # a weight counts in two bands


def test_the_tables_of_the_spoken_digits_are_the_library_s(library):
    assert np.array_equal(DIGITS.tables, Reference(library, DIGITS).tables())
    far = np.abs(WIDE.tables.astype(int) - Reference(library, WIDE).tables())
    assert (far > 0).sum() == 4  # one is of the window: 53.49995 rounds to 53, and to 54 in float32


# --- by itself


def test_tables_are_the_same_everywhere():
    found = [zlib.crc32(one.tables.astype("<i2").tobytes()) for one in (DIGITS, WIDE)]
    assert found == [778869986, 737702544]


def test_an_octave_up_is_further_up_and_twice_as_loud_is_44_more():
    t = np.arange(8000) / 8000

    def heard(hertz: float, loudness: float) -> np.ndarray:
        return DIGITS.features((loudness * np.sin(2 * np.pi * hertz * t)).astype(np.int16)).astype(int)

    peaks = [heard(hertz, 8000)[10].argmax() for hertz in (250, 500, 1000, 2000, 3500)]
    assert peaks == sorted(set(peaks))
    loudest = heard(1000, 8000)[10].argmax()
    assert abs((heard(1000, 16000) - heard(1000, 8000))[10, loudest] - 64 * np.log(2)) <= 1
    assert not heard(1000, 0).any()


def test_streams_are_frames_that_do_not_depend_on_each_other():
    samples = np.random.default_rng(1).integers(-9000, 9000, DIGITS.samples).astype(np.int16)
    whole = DIGITS.features(samples)
    assert whole.shape == (DIGITS.frames, DIGITS.bands)
    assert np.array_equal(DIGITS.features(samples[7 * 160 : 7 * 160 + 240])[0], whole[7])
    assert DIGITS.features(samples[:239]).shape == (0, 32)


def test_it_takes_less_memory_than_it_may():
    assert _core.SOUND_RAM < 8192


@pytest.mark.parametrize(
    "sizes",
    [
        {"rate": 11025}, {"frame": 64}, {"frame": 513}, {"step": 0}, {"step": 241}, {"bands": 0}, {"bands": 65},
        {"low": -1}, {"low": 3800}, {"high": 4001}, {"frames": 0}, {"high": 4000},
    ],
)  # fmt: skip
def test_sizes_out_of_range_are_refused(sizes):
    with pytest.raises(ModelError, match="E_MODEL_SOUND"):
        FrontEnd(**sizes)


def test_a_manifest_keeps_it():
    assert FrontEnd.of({"sound": WIDE.document()}) == WIDE
    assert FrontEnd.of({}) is None
    for broken in ({"rate": 8000}, {**WIDE.document(), "rate": "many"}, [], {**WIDE.document(), "bands": 0}):
        with pytest.raises(ModelError, match="E_MODEL_SOUND"):
            FrontEnd.of({"sound": broken})


def test_the_core_refuses_tables_of_other_sizes():
    out = np.empty((1, 32), np.uint16)
    samples = np.zeros(240, np.int16)
    for tables, frame, step in (
        (DIGITS.tables[:-1], 240, 160),
        (DIGITS.tables, 239, 160),
        (DIGITS.tables, 600, 1),
    ):
        with pytest.raises(ValueError, match=r"tables don't fit|out of range"):
            _core.log_mel(samples, tables, frame=frame, step=step, out=out)
