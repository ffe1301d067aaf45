"""A board that misbehaves, in each way there is: a coded error that says what to do, and every byte accounted for."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from booked_device import BookedDevice
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_board import UID, Answers, ScriptedBoard, answer, done, error, name_of, result, run_fast

from bytefed.boards.describe import describe
from bytefed.clock import now
from bytefed.device.plan import RoundReply, Samples, TrainingPlan
from bytefed.device.timers import SAVING_FLOOR
from bytefed.errors import BoardError, BytefedError
from bytefed.ledger import wire_size
from bytefed.protocol.message import HEADER_SIZE, Accept, Added, Board, Capability, Kind, Release, Status

PLAN = TrainingPlan("float32", "float32", epochs=1, batch=4, rate=0.1, seed=1)
HEAD = np.zeros(4 * 2 + 2, np.float32)
DELTA = np.linspace(-1, 1, 10).astype("<f4").tobytes()
ANY = np.zeros((3, 4), np.int8)
SAMPLES = Samples("features", ANY, np.zeros(3, np.uint8), ANY[:0], np.zeros(0, np.uint8), 0.1, 0)


def make(**answers: Callable[[bytes], Answers]) -> tuple[ScriptedBoard, BookedDevice]:
    board = ScriptedBoard(**answers)
    return board, BookedDevice(board, rng=random.Random(1))


async def one_round(device: BookedDevice, *, statistics: bool = True) -> RoundReply:
    await device.connect(1)
    return await device.run_round(1, HEAD, PLAN, statistics=statistics)


def fails(device: BookedDevice, code: str, *, connect_only: bool = False) -> BytefedError:
    """Run a round, which must fail with that code; then close: all bytes have a cause."""
    with pytest.raises(BytefedError) as caught:
        run_fast(device.connect(1) if connect_only else one_round(device))
    assert caught.value.code == code, caught.value
    run_fast(device.close())
    count = device.take_bytes()
    assert count.causes_total == count.wire_total
    assert device.transport.sent + device.transport.received == count.wire_total
    return caught.value


def trained(frame: bytes) -> Answers:
    """Return what NEXT is answered by: a round's result."""
    return [result(frame, DELTA, crc=zlib.crc32(DELTA))]


@pytest.mark.parametrize(
    ("capabilities", "least", "most"), [(0, 0.05, 0.15), (Capability.PERSISTENT, SAVING_FLOOR, 0.5)]
)
def test_a_board_that_keeps_its_state_is_given_the_time_to_save(
    capabilities: int, least: float, most: float
) -> None:
    """It may be deaf while it erases a page; another one is asked again as soon as its link allows."""
    asked: list[float] = []

    def save(frame: bytes) -> Answers:
        asked.append(now())
        return [] if len(asked) == 1 else [answer(frame, Kind.SAVED)]

    _, device = make(
        INFO=lambda f: [answer(f, Kind.BOARD, Board(UID, capabilities, 4, 2, 0).pack())], SAVE=save
    )

    async def ask() -> None:
        await device.connect(1)
        await device.ask(Kind.SAVE, b"", Kind.SAVED)

    run_fast(ask())
    assert least <= asked[1] - asked[0] < most


@pytest.mark.parametrize("statistics", [False, True])
def test_a_round(statistics: bool) -> None:
    answers = trained if statistics else (lambda f: [done(f, DELTA, crc=zlib.crc32(DELTA))])
    board, device = make(NEXT=answers)
    reply = run_fast(one_round(device, statistics=statistics))
    assert isinstance(reply, RoundReply)
    assert reply.delta is not None
    assert reply.delta.tobytes() == DELTA
    assert reply.num_examples == 3
    assert (reply.statistics is not None) == statistics
    assert device.name == f"{UID:016x}"
    assert [name_of(frame) for frame in board.heard] == ["HELLO", "NEXT"]
    assert device.take_bytes() == device.take_expected()


def test_a_request_that_is_lost_is_made_again_once_the_board_says_so() -> None:
    heard: list[bytes] = []

    def lose_first(frame: bytes) -> Answers:
        heard.append(frame)
        return trained(frame) if len(heard) > 1 else []

    _, device = make(NEXT=lose_first, POLL=error(Status.NOT_RECEIVED))
    assert isinstance(run_fast(one_round(device)), RoundReply)
    assert heard[0] == heard[1]
    count, expected = device.take_bytes(), device.take_expected()
    assert (count.probe, count.retransmission) == (HEADER_SIZE, HEADER_SIZE + 1 + len(heard[0]))
    assert count.wire_total - count.probe - count.retransmission == expected.wire_total


def test_a_result_that_is_lost_is_asked_for() -> None:
    requests: list[bytes] = []

    def lose(frame: bytes) -> Answers:
        requests.append(frame)
        return []

    _, device = make(NEXT=lose, POLL=trained)
    assert isinstance(run_fast(one_round(device)), RoundReply)
    assert len(requests) == 1
    count, expected = device.take_bytes(), device.take_expected()
    assert count.probe == HEADER_SIZE
    assert count.wire_total - count.probe == expected.wire_total


def test_a_board_that_is_slow_says_how_long_it_takes() -> None:
    polls: list[bytes] = []

    def work(frame: bytes) -> Answers:
        polls.append(frame)
        waiting = [answer(frame, Kind.ACCEPT, Accept(2, 0, 500).pack())]
        return trained(frame) if len(polls) > 2 else waiting

    _, device = make(NEXT=lambda f: [], POLL=work)
    assert isinstance(run_fast(one_round(device)), RoundReply)
    count = device.take_bytes()
    assert count.probe == 3 * HEADER_SIZE + 2 * (HEADER_SIZE + Accept.size())
    assert count.retransmission == 0


def test_the_last_delta_is_released() -> None:
    board, device = make(NEXT=trained, RELEASE=lambda f: [answer(f, Kind.RELEASED)])
    run_fast(one_round(device))
    assert device.owed == 1
    device.take_bytes()
    run_fast(device.release(counted=True))
    assert device.owed == 0
    assert Release.unpack(board.heard[-1][HEADER_SIZE:]) == Release(1, 1)
    assert device.take_bytes() == wire_size.release_bytes(device.profile)


def test_a_board_that_never_answers() -> None:
    board, device = make(HELLO=lambda f: [])
    assert "reset" in fails(device, "E_NO_ANSWER", connect_only=True).remedy
    assert len(board.heard) == 6


def test_a_board_that_falls_silent_is_greeted_again_and_given_up() -> None:
    board, device = make(NEXT=lambda f: [])
    fails(device, "E_NO_ANSWER")
    kinds = [frame[0] for frame in board.heard]
    assert kinds.count(Kind.HELLO) > 3
    assert board.opened > 2


def test_a_board_that_speaks_another_version() -> None:
    _, device = make(HELLO=lambda f: ScriptedBoard.welcome(f, version=9))
    assert "Flash" in fails(device, "E_VERSION", connect_only=True).remedy
    for status in (Status.BAD_VERSION, Status.BAD_LENGTH):  # version 1 finds this HELLO too short
        _, device = make(HELLO=error(status))
        assert "pio run" in fails(device, "E_VERSION", connect_only=True).remedy


@pytest.mark.parametrize(
    "changes", [{"frame_limit": 19}, {"frame_limit": 201}, {"window": 0}, {"window": 33}]
)
def test_a_welcome_that_can_not_be(changes: dict[str, int]) -> None:
    _, device = make(HELLO=lambda f: ScriptedBoard.welcome(f, **changes))
    fails(device, "E_WELCOME", connect_only=True)


@pytest.mark.parametrize("name", ["HELLO", "INFO", "STORE", "NEXT"])
def test_a_truncated_answer(name: str) -> None:
    kind = {"HELLO": Kind.WELCOME, "INFO": Kind.BOARD, "STORE": Kind.STORED, "NEXT": Kind.RESULT}[name]
    _, device = make(**{name: lambda f: [answer(f, kind, b"\x01\x02")]})
    assert fails(device, "E_SHORT_MESSAGE").remedy


def test_a_truncated_result() -> None:
    _, device = make(NEXT=lambda f: [answer(f, Kind.RESULT, b"\x00\x01")])
    fails(device, "E_SHORT_MESSAGE")


def test_an_empty_error() -> None:
    _, device = make(NEXT=lambda f: [answer(f, Kind.ERROR)])
    fails(device, "E_SHORT_MESSAGE")


_PASSED_OVER = (Status.NO_SESSION, Status.NOT_RECEIVED)  # HELLO follows; said of a POLL, not of NEXT


@pytest.mark.parametrize("status", [s for s in Status if s > 1 and s not in _PASSED_OVER] + [200])
def test_each_error_that_a_board_may_answer(status: int) -> None:
    _, device = make(NEXT=error(status))
    label = Status(status).name if status in set(Status) else f"STATUS_{status}"
    caught = fails(device, f"E_BOARD_{label}")
    assert label in caught.message


def test_a_board_that_has_failed_its_self_test_is_shown_as_an_error() -> None:
    _, device = make(INFO=lambda f: [answer(f, Kind.BOARD, Board(UID, Capability.INEXACT, 4, 2, 0).pack())])
    with pytest.raises(BoardError, match="self-test") as caught:
        run_fast(describe(device))
    assert caught.value.code == "E_BOARD_INEXACT" and "`bytefed flash BOARD`" in caught.value.remedy


def test_a_board_that_is_reset_is_greeted_again() -> None:
    failures = iter([error(Status.NO_SESSION)])

    def begin(frame: bytes) -> Answers:
        return next(failures, trained)(frame)

    _, device = make(NEXT=begin)
    assert isinstance(run_fast(one_round(device)), RoundReply)
    count, expected = device.take_bytes(), device.take_expected()
    again = wire_size.connection_bytes(device.profile)
    request, refusal = 2 + 6 + 16 + 40, 2 + 1
    assert count.retransmission == again.wire_total + request + refusal
    assert count.causes_total - count.retransmission == expected.wire_total
    assert (count.payload_down, count.control) == (expected.payload_down, expected.control)
    assert count.causes_total == count.wire_total


def test_samples_that_are_said_again_are_expected_once() -> None:
    lost = iter([error(Status.NO_SESSION)])

    def add(frame: bytes) -> Answers:
        return next(lost, lambda f: [answer(f, Kind.ADDED, Added(0, 0).pack())])(frame)

    _, device = make(ADD=add)

    async def provision() -> None:
        await device.connect(1)
        device.take_bytes(), device.take_expected()
        await device.provision(SAMPLES)

    run_fast(provision())
    count, expected = device.take_bytes(), device.take_expected()
    pushed = wire_size.push_bytes(device.profile, 15)  # this board says that it holds them
    assert expected == wire_size.provision_bytes(device.profile, 5, 3, 0, 40)
    repeated = HEADER_SIZE, Added.size()  # so its ADDED says again what it said to an earlier host
    assert count.control == expected.control - repeated[1]
    assert count.header == expected.header - pushed.header - repeated[0]


def test_another_board_at_the_same_port() -> None:
    uids = iter([UID, UID + 1])
    _, device = make(
        INFO=lambda f: [answer(f, Kind.BOARD, Board(next(uids), 0, 4, 2, 0).pack())],
        NEXT=error(Status.NO_SESSION),
    )
    assert "--resume" in fails(device, "E_OTHER_BOARD").remedy


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_delta_that_is_not_finite(bad: float) -> None:
    delta = DELTA[:-4] + struct.pack("<f", bad)
    _, device = make(NEXT=lambda f: [result(f, delta, crc=zlib.crc32(delta))])
    assert "learning-rate" in fails(device, "E_DELTA_NOT_FINITE").remedy


def test_a_delta_that_is_damaged_each_time() -> None:
    _, device = make(NEXT=lambda f: [result(f, DELTA, crc=1)])
    fails(device, "E_DELTA_CRC")


def test_training_that_diverged() -> None:
    _, device = make(NEXT=lambda f: [result(f, status=Status.NOT_FINITE, loss=float("nan"))])
    assert "learning-rate" in fails(device, "E_BOARD_NOT_FINITE").remedy


def test_garbage_instead_of_answers() -> None:
    rng = random.Random(3)
    _, device = make(HELLO=lambda f: [rng.randbytes(rng.randint(1, 40)) for _ in range(5)])
    fails(device, "E_NO_ANSWER", connect_only=True)


def test_garbage_around_the_right_answers() -> None:
    rng = random.Random(4)

    def noisy(answers: Callable[[bytes], Answers]) -> Callable[[bytes], Answers]:
        return lambda f: [
            bytes((0x50, rng.randrange(256))),
            rng.randbytes(1),
            *answers(f),
            bytes((0xFF, 0xFF, 1)),
        ]

    plain = ScriptedBoard()._answers
    names = ("HELLO", "CONFIG")
    begin = trained
    board, device = make(**{name: noisy(plain[name]) for name in names}, NEXT=noisy(begin))
    assert isinstance(run_fast(one_round(device)), RoundReply)
    run_fast(device.close())
    count = device.take_bytes()
    assert count.junk > 0
    assert count.causes_total == count.wire_total == board.sent + board.received


def test_answers_that_come_twice_stay_on_the_account() -> None:
    plain = ScriptedBoard()._answers
    names = ("HELLO", "CONFIG")
    begin = trained
    _, device = make(
        **{name: lambda f, n=name: plain[n](f) * 2 for name in names}, NEXT=lambda f: begin(f) * 2
    )
    run_fast(device.connect(1))
    device.take_bytes()  # with a second STORED that nobody has read
    run_fast(device.run_round(1, HEAD, PLAN))
    device.take_bytes()
    run_fast(device.close())
    device.take_bytes()


def test_a_board_that_acknowledges_nothing_is_not_sent_to_for_ever() -> None:
    _, device = make(
        HELLO=lambda f: ScriptedBoard.welcome(f, frame_limit=20),
        NEXT=lambda f: [answer(f, Kind.ACCEPT, Accept(1, 0, 0).pack())],
        POLL=lambda f: [bytes((0x80 | f[1] % 4 << 5, 0))],
    )
    with pytest.raises(BytefedError, match="E_NO_ANSWER"):
        run_fast(one_round(device), patience=100_000)


def test_samples_that_do_not_fit_the_boards_buffer() -> None:
    _, device = make()
    wide = np.zeros((3, 40), np.int8)  # a record of 41 B, where the head has 40
    samples = Samples("features", wide, np.zeros(3, np.uint8), wide[:0], np.zeros(0, np.uint8), 0.1, 0)

    async def provision() -> None:
        await device.connect(1)
        await device.provision(samples)

    with pytest.raises(BytefedError, match="E_BOARD_TOO_LARGE"):
        run_fast(provision())


@pytest.mark.parametrize(
    "status", [Status.STORE_FULL, Status.BAD_LABEL, Status.NO_EXTRACTOR, Status.TOO_LARGE, Status.BUSY]
)
def test_samples_that_are_refused(status: Status) -> None:
    _, device = make(ADD=error(status))

    async def provision() -> None:
        await device.connect(1)
        await device.provision(SAMPLES)

    with pytest.raises(BytefedError, match=f"E_BOARD_{status.name}") as caught:
        run_fast(provision())
    assert caught.value.remedy


@settings(max_examples=150)
@given(st.lists(st.lists(st.binary(min_size=1, max_size=40), max_size=3), max_size=40), st.integers(0, 3))
def test_whatever_a_board_says_it_is_a_coded_error(script: list[list[bytes]], honest: int) -> None:
    plain = ScriptedBoard()._answers
    names = ("HELLO", "CONFIG")
    lines = iter(script)

    def say(frame: bytes) -> Answers:
        # The right sequence number, so that the bytes get further than the door.
        return [item[:1] + frame[1:2] + item[2:] for item in next(lines, [])]

    others = (*names[honest:], "NEXT", "POLL", "GET", "DATA")
    board, device = make(**{name: plain[name] for name in names[:honest]}, **dict.fromkeys(others, say))
    try:
        run_fast(one_round(device), patience=1e6)
    except BytefedError as caught:
        assert caught.code.startswith("E_")
        assert caught.code != "E_LEDGER"
    run_fast(device.close())
    count = device.take_bytes()
    assert count.causes_total == count.wire_total == board.sent + board.received
