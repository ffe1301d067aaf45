"""Virtual boards that hear: their windows are the front end's own, from recordings to learnt words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from said_words import a_word, save, save_words

from bytefed.boards.hearing import Hearing, Sounds
from bytefed.boards.open import VirtualOptions, open_devices
from bytefed.boards.replay import Recording
from bytefed.boards.virtual import BoardKind, load_extractor, load_recording
from bytefed.cli.capturing import Wish, capture_all
from bytefed.data import audio
from bytefed.device import visit
from bytefed.device.device import Device
from bytefed.device.plan import Samples
from bytefed.errors import BoardError, ConfigError, DataError
from bytefed.extractor.extractor import Extractor, golden_inputs
from bytefed.extractor.manifest import Manifest, model_folder
from bytefed.extractor.sound import MICROPHONE, FrontEnd, ear, halved
from bytefed.protocol.message import (
    VISIT,
    Add,
    AddFlag,
    Capability,
    Capture,
    Captured,
    CaptureFlag,
    Classify,
    Kind,
    Record,
    Recorded,
)

MODEL = Manifest.load(model_folder("keywords"))
FRONT_END = FrontEnd.of(MODEL.document) or FrontEnd()
BYTES = 1568  # of a window
WORDS = ("go", "left", "stop")


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return save_words(tmp_path / "words", WORDS)


def kind(replay: Path) -> BoardKind:
    return BoardKind(MODEL.D, MODEL.C, "keywords", 60, replay=str(replay))


def sounds(path: Path) -> Sounds:
    found = load_recording(kind(path), load_extractor(kind(path)))
    assert isinstance(found, Sounds)
    return found


def inputs_of(samples: NDArray[np.int16]) -> bytes:
    """The extractor's inputs of a window of sound at the model's rate, as the host reads recordings."""
    features = FRONT_END.features(samples).astype(np.float32) / np.float32(audio.UNIT)
    return Extractor.load("keywords").quantize(features).tobytes()


def on_a_board(replay: Path, action: Callable[[Device], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        async with open_devices(["loopback:1"], VirtualOptions(kind(replay))) as (device,):
            await device.connect(VISIT)
            await action(device)

    asyncio.run(asyncio.wait_for(run(), 60))


async def take(device: Device, message: Capture) -> Captured:
    while True:
        _, body = await device.ask(Kind.CAPTURE, message.pack(), Kind.CAPTURED)
        if (captured := Captured.unpack(body)).state == 0:
            return captured


# ---- The ear


@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_an_ear_s_windows_are_the_front_end_s_to_the_bit(scale: float) -> None:
    sound = np.concatenate([a_word(1, seed, 0.7) for seed in range(6)]) * scale
    heard = sound.astype(np.int16)
    at_half = halved(heard)
    one = ear(FRONT_END, MODEL.input_quantization)
    expected = range(0, len(at_half) - FRONT_END.samples + 1, FRONT_END.frames // 2 * FRONT_END.step)
    rest, found = heard, []
    while len(rest):
        rest = rest[one.take(rest) :]
        if (window := one.window()) is not None:
            found.append(window)
    assert len(found) == len(expected) >= 7
    assert found == [inputs_of(at_half[start : start + FRONT_END.samples]) for start in expected]


def test_half_the_rate_keeps_words_and_drops_what_would_fold() -> None:
    seconds = np.arange(MICROPHONE) / MICROPHONE
    for hertz, least, most in (
        (300, 0.99, 1.01),
        (3000, 0.99, 1.01),
        (3600, 0.97, 1.01),
        (4500, 0, 0.012),
        (7000, 0, 0.012),
    ):
        tone = np.asarray(10_000 * np.sin(2 * np.pi * hertz * seconds), np.int16)
        power = np.sqrt(np.mean(halved(tone)[100:].astype(np.float64) ** 2)) * np.sqrt(2) / 10_000
        assert least <= power <= most, hertz


def test_half_of_a_recording_is_what_the_host_reads_at_half_the_rate() -> None:
    """Not to the bit, as the host cuts the spectrum itself off; as close as the filter's bands are."""
    word = np.pad(a_word(0, 3), 4000)
    board, host = halved(word), audio._resampled(word.astype(np.float64), MICROPHONE, 8000)
    delay = 11  # of the filter, in samples of 8,000 a second
    apart = board[delay:] - host[: len(board) - delay]
    assert np.sqrt(np.mean(apart**2)) < 0.03 * np.sqrt(np.mean(host**2))


# ---- Replays


def test_a_capture_hears_its_label_again_and_again(words: Path) -> None:
    """A label without recordings hears any; another board begins with another recording."""
    hearing, other = Hearing(sounds(words), uid=2), Hearing(sounds(words), uid=3)
    found = [hearing.sense(1, True) for _ in range(9)]
    assert None not in found and len(set(found[:4])) == 4
    assert other.sense(1, True) not in (None, found[0])
    assert hearing.sense(7, True) is not None


def test_long_quiet_is_heard_as_it_is(tmp_path: Path) -> None:
    """Nothing is put between its windows, nor where it begins again."""
    room = np.random.default_rng(5).normal(0, 40, 3 * MICROPHONE).astype(np.int16)
    save(tmp_path / "room" / "noise" / "1.wav", room)
    save(tmp_path / "room" / "word" / "1.wav", a_word(0, 1))
    hearing, at_half = Hearing(sounds(tmp_path / "room"), uid=0), halved(np.tile(room, 3))
    hop = FRONT_END.frames // 2 * FRONT_END.step
    expected = [inputs_of(at_half[start : start + FRONT_END.samples]) for start in range(0, 16 * hop, hop)]
    assert [hearing.sense(0) for _ in range(16)] == expected


def test_a_word_in_a_second_of_a_room_starts_its_window_itself(tmp_path: Path) -> None:
    """Silence behind the recording would let the window start where the room does, and cut the word."""
    rooms, words = np.random.default_rng(6).normal(0, 40, (4, MICROPHONE)).astype(np.int16), range(4)
    for room, index in zip(rooms, words, strict=True):
        room[8000:14_400] += a_word(1, index)
        save(tmp_path / "said" / "word" / f"{index}.wav", room)
    save(tmp_path / "said" / "z" / "1.wav", a_word(0, 1))
    hearing = Hearing(sounds(tmp_path / "said"), uid=0)
    for _ in range(8):
        window = np.frombuffer(hearing.sense(0, True) or b"", np.int8).reshape(49, 32).mean(axis=1)
        loud = np.flatnonzero(window > (window.min() + window.max()) / 2)
        assert abs(loud[0] - 9) <= 1 and 18 <= len(loud) <= 24  # 0.4 s, behind a fifth of the window


def test_words_cut_to_a_second_start_a_window_each(tmp_path: Path) -> None:
    """They come without a pause between, and are told apart by how they rise."""
    for index in range(4):
        said = a_word(1, index, 1.0) * np.hanning(MICROPHONE)
        save(tmp_path / "said" / "word" / f"{index}.wav", said.astype(np.int16))
    save(tmp_path / "said" / "z" / "1.wav", a_word(0, 1))
    hearing = Hearing(sounds(tmp_path / "said"), uid=0)
    found = [hearing.sense(0, True) for _ in range(12)]
    assert None not in found and len(set(found[:4])) == 4 and found[:4] == found[4:8] == found[8:]


def test_a_word_is_in_the_window_that_it_starts(words: Path) -> None:
    window = np.frombuffer(Hearing(sounds(words), uid=0).sense(0, True) or b"", np.int8).reshape(49, 32)
    loud = np.flatnonzero(window.mean(axis=1) > -60)
    assert abs(loud[0] - 9) <= 1 and 18 <= len(loud) <= 24  # 0.4 s, behind a fifth of the window


def test_live_windows_come_in_their_own_time_and_share_halves(words: Path) -> None:
    now = [0.0]
    hearing = Hearing(sounds(words), uid=0, period=0.48, clock=lambda: now[0])
    assert hearing.seconds == 0.48 and hearing.sense(-1) is None
    found = []
    for _ in range(60):
        now[0] += 0.24
        found.append(hearing.sense(-1))
    windows = [np.frombuffer(window, np.int8).reshape(49, 32) for window in found if window]
    assert len(windows) == 30
    assert all((after[:25] == before[24:]).all() for before, after in pairwise(windows))


def test_labels_of_the_model_have_their_numbers(words: Path, tmp_path: Path) -> None:
    assert set(sounds(words).labels.tolist()) == {0, 1, 2}
    for word in ("nine", "six"):
        save(tmp_path / "known" / word / "a.wav", a_word(0, 1))
    assert sounds(tmp_path / "known").labels.tolist() == [4, 1]


def test_windows_of_an_npz_file_still_serve(tmp_path: Path) -> None:
    x = np.zeros((10, 49, 1, 32), np.int8)
    np.savez(tmp_path / "windows.npz", X=x, y=np.arange(10, dtype=np.uint8) % 5)
    one = kind(tmp_path / "windows.npz")
    assert isinstance(load_recording(one, load_extractor(one)), Recording)


def test_what_can_t_be_heard_is_refused(tmp_path: Path, words: Path) -> None:
    with pytest.raises(ConfigError, match="E_CONFIG_REPLAY"):
        sounds(tmp_path / "nonesuch")
    (words / "go" / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="E_DATA_FORMAT"):
        sounds(words)
    for label in ("a", "b"):
        (tmp_path / "tables" / label).mkdir(parents=True)
        (tmp_path / "tables" / label / "1.csv").write_text("1,2\n3,4\n")
    with pytest.raises(DataError, match="E_DATA_SOUND"):
        sounds(tmp_path / "tables")


# ---- Boards


def test_a_board_keeps_the_features_of_what_it_heard(words: Path) -> None:
    """A window is larger than the head's memory, into which windows of motion go."""

    async def action(device: Device) -> None:
        assert device.board.capabilities & Capability.HEARS
        on_sound = int(CaptureFlag.ON_SOUND)
        assert await take(device, Capture(0, 5, 2, on_sound)) == Captured(0, 5)
        assert await take(device, Capture(5, 3, 0, 0)) == Captured(0, 3)
        extractor, hearing = Extractor.load("keywords"), Hearing(sounds(words), device.uid)
        taken = b"".join(hearing.sense(2, True) or b"" for _ in range(5))
        taken += b"".join(hearing.sense(0, False) or b"" for _ in range(3))
        features = extractor.extract(np.frombuffer(taken, np.int8).reshape(8, *extractor.input_shape))
        labels, meaning = np.repeat([2, 0], [5, 3]).astype(np.uint8), extractor.quantization
        expected = Samples(
            "features", features, labels, features[:0], labels[:0], meaning.scale, meaning.zero_point
        )
        await device.close()
        await device.connect(VISIT)
        assert device.stored.crc == expected.store_crc()

    on_a_board(words, action)


def test_a_host_gives_it_windows_that_are_larger_than_its_head(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go where windows are classified, which rests meanwhile and tells none of them."""
    monkeypatch.setenv("BYTEFED_REPLAY_SPEED", "100")
    extractor = Extractor.load("keywords")
    inputs = golden_inputs(7, 3, extractor.input_shape)

    def samples(kind: Literal["inputs", "features"], values: NDArray[np.int8]) -> Samples:
        labels, meaning = np.array([2, 0, 1], np.uint8), extractor.quantization
        return Samples(kind, values, labels, values[:0], labels[:0], meaning.scale, meaning.zero_point)

    async def record(device: Device) -> tuple[int, bytes]:
        _, body = await device.ask(Kind.RECORD, Record(0, 0).pack(), Kind.RECORDED)
        return Recorded.unpack(body).window, body[Recorded.size() :]

    async def action(device: Device) -> None:
        before, _ = await record(device)
        one = Add(0, 1, AddFlag.INPUTS | AddFlag.ANEW, 0, 1.0, 0)
        proof = device.session.link.proof_of(bytes(1 + BYTES))
        await device.ask(Kind.ADD, one.pack() + proof, Kind.ADDED)
        await asyncio.sleep(1)  # in which a board that does not rest takes two hundred windows
        await device.provision(samples("inputs", inputs))
        assert device.stored.crc == samples("features", extractor.extract(inputs)).store_crc()
        number, told = await record(device)
        assert 0 < number - before < 100
        assert told not in {one.tobytes()[: len(told)] for one in inputs}

    on_a_board(words, action)


def test_it_says_how_loud_it_is(tmp_path: Path) -> None:
    loud = np.zeros(20_800, np.int16)
    loud[8000:16_000] = np.where(np.arange(8000) % 2, 32767, -32768)
    for word in ("a", "b"):
        save(tmp_path / "loud" / word / "1.wav", loud)

    async def action(device: Device) -> None:
        seen = []
        asked, got = await visit.capture(
            device, 0, 0.96, test=False, on_sound=True, seen=lambda *what: seen.append(what)
        )
        assert (asked, got) == (1, 1) and seen[-1][:2] == (1, 1)
        assert seen[-1][2] is not None and seen[-1][2].clipped == 8000 and seen[-1][2].peak > 1000

    on_a_board(tmp_path / "loud", action)


def test_how_loud_a_capture_was_is_told_where_another_hears_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host asked for raw windows just before: the board goes on with them, and with its count."""
    monkeypatch.setattr(visit, "_PAUSE", 0.2)
    monkeypatch.setenv("BYTEFED_REPLAY_SPEED", "20")
    save(tmp_path / "two" / "a" / "1.wav", a_word(0, 1))
    save(tmp_path / "two" / "b" / "1.wav", np.full(16_000, 32767, np.int16))

    async def action(device: Device) -> None:
        await device.ask(Kind.RECORD, Record(0, 0).pack(), Kind.RECORDED)
        said: list[dict[str, object]] = []
        wish = Wish(["1"], 28, countdown=False, any_time=True)
        assert await capture_all([device], wish, lambda event, words, **facts: said.append(facts))
        await asyncio.sleep(0.1)
        after = await visit.level(device)
        assert after is not None and after.clipped == 65_535
        assert said[0]["clipped"] == 65_535

    on_a_board(tmp_path / "two", action)


def test_each_capture_of_a_label_has_a_level_of_its_own(tmp_path: Path) -> None:
    for word in "ab":
        save(tmp_path / "loud" / word / "1.wav", np.full(16_000, 32767, np.int16))

    async def action(device: Device) -> None:
        said: list[dict[str, object]] = []
        for _ in range(2):
            wish = Wish(["0"], 1, countdown=False, any_time=True)
            assert await capture_all([device], wish, lambda event, words, **facts: said.append(facts))
        assert said[0]["clipped"] == said[-1]["clipped"] != 0

    on_a_board(tmp_path / "loud", action)


def test_a_window_that_a_capture_wrote_over_is_not_told(words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is where windows are recorded: the board waits for the next one."""
    monkeypatch.setenv("BYTEFED_REPLAY_SPEED", "100")

    async def record(device: Device, after: int, offset: int) -> tuple[int, bytes]:
        _, body = await device.ask(Kind.RECORD, Record(after, offset).pack(), Kind.RECORDED)
        return Recorded.unpack(body).window, body[Recorded.size() :]

    async def action(device: Device) -> None:
        number, first = await record(device, 0, 0)
        await take(device, Capture(0, 2, 1, 0))
        later, rest = await record(device, 0, len(first))
        assert later > number and rest

    on_a_board(words, action)


def test_it_classifies_only_once_it_has_learnt(words: Path) -> None:
    async def action(device: Device) -> None:
        with pytest.raises(BoardError, match="E_BOARD_UNTRAINED"):
            await device.ask(Kind.CLASSIFY, Classify(0, 0, 0).pack(), Kind.CLASSIFIED)

    on_a_board(words, action)


def test_a_board_of_motion_does_not_wait_for_sound() -> None:
    async def action() -> None:
        motion = Manifest.load(model_folder("motion"))
        one = BoardKind(motion.D, motion.C, "motion", 20, replay="motion")
        async with open_devices(["loopback:1"], VirtualOptions(one)) as (device,):
            await device.connect(VISIT)
            assert await visit.level(device) is None
            with pytest.raises(BoardError, match="E_BOARD_BAD_VALUE"):
                await take(device, Capture(0, 3, 0, int(CaptureFlag.ON_SOUND)))
            with pytest.raises(BoardError, match="E_BOARD_UNKNOWN_KIND"):
                await device.ask(Kind.LEVEL, b"", Kind.LEVELLED)

    asyncio.run(action())


def test_a_capture_in_silence_ends_and_can_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The board gives up after a minute of its own clock; the same capture afterwards is another one."""
    for word in ("a", "b"):
        save(
            tmp_path / "quiet" / word / "1.wav", np.eye(1, 16_000, dtype=np.int16)[0]
        )  # a microphone has noise
    monkeypatch.setattr(visit, "_PAUSE", 0.01)
    monkeypatch.setattr("bytefed.boards.loopback.now", lambda: time.monotonic() * 60)

    async def action(device: Device) -> None:
        states = []

        async def take_one() -> tuple[int, int]:
            return await visit.capture(
                device, 0, 0.96, test=False, on_sound=True, seen=lambda *what: states.append(what[0])
            )

        assert await take_one() == (1, 0)
        seen = len(states)
        assert await take_one() == (1, 0)
        assert seen > 1 and len(states) - seen > 1  # it waited again
        said: list[str] = []
        wish = Wish(["0"], 0.96, countdown=False)
        assert not await capture_all([device], wish, lambda event, words, **_: said.append(words))
        assert "0 of 1 samples with label 0" in said[0] and "It ended early" in said[0]

    on_a_board(tmp_path / "quiet", action)


def test_a_board_that_gets_no_sound_at_all_is_deaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture ends long before the board would end it, and another one can begin."""
    for word in ("a", "b"):
        save(tmp_path / "quiet" / word / "1.wav", np.zeros(16_000, np.int16))
    monkeypatch.setattr(visit, "_PAUSE", 0.1)

    async def action(device: Device) -> None:
        for _ in range(2):
            with pytest.raises(BoardError, match="E_BOARD_DEAF"):
                await visit.capture(device, 0, 0.96, test=False, on_sound=True, seen=lambda *_: None)
            assert await take(device, Capture(0, 0, 0, 0)) == Captured(0, 0)

    on_a_board(tmp_path / "quiet", action)
