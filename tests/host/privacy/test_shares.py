"""Noise for whole boards: its price, runs of 64 boards, simulations with the same bits, and sums that are void."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bytefed
from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, board_uid, make_board
from bytefed.cli.main import main
from bytefed.device import hiding
from bytefed.device.device import Device
from bytefed.errors import ConfigError, LinkError
from bytefed.events import BoardTrouble, Event, RoundVoid
from bytefed.federation import secure_sum
from bytefed.federation.config import RunConfig, chosen
from bytefed.federation.experiment import begin
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.private import require_boards
from bytefed.ledger.wire_size import serial_profile
from bytefed.masks.neighbours import are_connected
from bytefed.masks.shares import GRIDS, has_room, least_survivors, rho_of, share_sigma, step_of
from bytefed.privacy.accountant import UNIT, epsilon_of, price
from bytefed.privacy.plan import NoisePlan
from bytefed.protocol.message import WHOLE, Kind, Noise
from bytefed.runs.store import Store
from bytefed.seeds import training_seed
from bytefed.simulation import client_sums
from bytefed.simulation.noise import noise_key
from bytefed.strategies.base import FedAvg

BOARD: dict[str, Any] = {"dp": "board", "epsilon": 8.0, "delta": 1e-3, "secure_sum": True}
KEYS: dict[str, Any] = {"data": "digits", "seed": 5, "rounds": 3, "partition": "iid", **BOARD}


# ---- The price


def pmf(sigma: float) -> np.ndarray:
    """Return the discrete Gaussian on -far..far."""
    far = int(40 * sigma)
    weights = np.exp(-0.5 * (np.arange(-far, far + 1) / sigma) ** 2)
    return weights / weights.sum()


@pytest.mark.parametrize(("sigma", "boards", "shift"), [(0.7, 3, 1), (0.9, 6, 2), (1.5, 4, 3), (3.0, 5, 4)])
def test_the_formula_bounds_the_divergence_of_a_sum_that_is_convolved(
    sigma: float, boards: int, shift: int
) -> None:
    total = pmf(sigma)
    for _ in range(boards - 1):
        total = np.convolve(total, pmf(sigma))
    total = total[total > 1e-290]
    p, q = total[shift:], total[:-shift]
    bound = rho_of(sigma, boards, shift, 1)
    for alpha in (1.5, 2.0, 8.0, 32.0):
        logs = alpha * np.log(p) + (1 - alpha) * np.log(q)
        most = logs.max()
        divergence = (most + math.log(np.exp(logs - most).sum())) / (alpha - 1)
        assert divergence <= alpha * bound * (1 + 1e-9)
    if sigma >= 1.5:  # the sum is all but a discrete Gaussian: nothing is given away
        assert bound == pytest.approx(shift**2 / (2 * boards * sigma**2), rel=1e-3)


@pytest.mark.parametrize("boards", [64, 65, 100, 1000])
@pytest.mark.parametrize(("epsilon", "rounds"), [(2.0, 10), (8.0, 10), (1.0, 50)])
@pytest.mark.parametrize("codec", GRIDS)
def test_three_quarters_of_the_boards_make_the_noise_that_is_paid_for(
    boards: int, epsilon: float, rounds: int, codec: str
) -> None:
    cost, grid = price(epsilon, 1e-3, rounds, whole=True), GRIDS[codec]
    sigma = share_sigma(cost, grid, boards)
    assert rho_of(sigma, boards - boards // 4, 2.0**grid, 5000) <= cost * UNIT + 1e-24
    if sigma > 20:  # and no more than that, but for whole numbers
        assert rho_of(sigma, boards - boards // 4 - 2, 2.0**grid, 5000) > cost * UNIT


def test_the_price_is_what_rho_alone_allows() -> None:
    cost = price(4.0, 1e-3, 10, whole=True)
    rho = 10 * cost * UNIT
    assert epsilon_of(10 * cost, 1e-3) < 4.0  # the Gaussian distribution would allow a little more
    assert rho + 2 * math.sqrt(rho * math.log(1e3)) > 4.0  # the plain formula a little less
    assert cost < price(4.0, 1e-3, 10)
    alpha = np.linspace(1.01, 60, 20_000)
    exact = rho * alpha + np.log((alpha - 1) / alpha) - (np.log(1e-3) + np.log(alpha)) / (alpha - 1)
    assert (
        exact.min() == pytest.approx(4.0, rel=0.01) and exact.min() < 4.0 * 1.001
    )  # Canonne et al. 2020, prop. 12


def test_sizes() -> None:
    assert [least_survivors(boards) for boards in (50, 64, 65, 67, 1000)] == [48, 48, 49, 51, 750]
    assert step_of("float32", 0.5) == 0.5 / 2**16
    assert step_of("int8", 0.5) == np.float32(0.5 * math.sqrt(32) / 64)
    noise = NoisePlan.of_boards(4.0, 1e-3, 10, 0.5, "int8")
    assert (noise.message.grid, noise.message.budget) == (0x80 | 6, 10 * noise.cost)
    assert noise.document()["unit"] == "a whole board"


def test_lanes_have_room_for_what_is_documented() -> None:
    """A lane of int8 has 14 bits at 64 boards: 4,096 for their deltas, and as much for six standard deviations."""
    costs = {epsilon: price(epsilon, 1e-3, 10, whole=True) for epsilon in (0.5, 2.0, 4.0, 8.0)}
    assert all(has_room(codec, costs[epsilon], 64) for codec in GRIDS for epsilon in (2.0, 4.0, 8.0))
    assert has_room("float32", costs[0.5], 64) and not has_room("int8", costs[0.5], 64)
    assert has_room("int8", costs[0.5], 65)  # one bit more
    widest = max(sigma for sigma in range(3, 200) if 6 * sigma * 8 + 4096 < 8192)
    for cost in range(costs[0.5], costs[2.0], 997):
        assert has_room("int8", cost, 64) == (share_sigma(cost, 6, 64) <= widest)


# ---- Runs


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


@pytest.mark.parametrize(("codec", "link"), [("float32", "serial"), ("float32/int8", "ble")])
def test_a_run_that_hides_whole_boards(tmp_path: Path, codec: str, link: str) -> None:
    boards = "loopback:64" if link == "serial" else "virtual-ble:64"
    result = bytefed.run(boards=[boards], directory=tmp_path / "run", codec=codec, central=False, **KEYS)
    found = summary_of(tmp_path / "run")
    predicted = bytefed.estimate(
        features=32, classes=10, clients=64, rounds=3, codec=codec, dp="board", secure_sum=True, link=link
    )
    assert found["estimate_exact"] and found["wire_total"] == predicted.rounds.wire_total
    for phase in ("masks", "unmask"):
        assert found["sessions"][phase]["wire_total"] == getattr(predicted, phase).wire_total
    told = found["privacy"]
    assert (told["unit"], told["epsilon"], told["rounds"]) == ("a whole board", 8.0, 3)
    assert len(told["boards"]) == 64
    assert all(each["spent"] == each["budget"] == 3 * told["cost"] for each in told["boards"].values())
    assert found["secure_sum"]["void"] == 0 and found["secure_sum"]["statistics"] == []
    assert found["secure_sum"]["min_sum"] == 48
    page = result.report(tmp_path / "page.html").read_text()
    assert "Told of a whole board, at most" in page and "Privacy of whole boards" in page
    assert "for fewer than 64 boards" in page and "never fewer than 48, make their noise honestly" in page
    assert "are connected as neighbours and make the whole noise (ceil(3n/4) of them)" in page


def test_an_audit_of_single_boards_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bytefed.run(boards=["loopback:64"], directory=tmp_path / "run", central=False, **{**KEYS, "rounds": 1})
    assert main(["audit", str(tmp_path / "run")]) == 2
    assert "hides whole boards" in capsys.readouterr().err


def test_a_simulation_has_the_bits_of_boards(tmp_path: Path) -> None:
    """Boards draw what simulated clients draw; masks cancel, so the head is the same."""
    for codec in GRIDS:
        config = RunConfig(**chosen({**KEYS, "codec": codec, "boards": ("loopback:64",), "open": True}))
        links = [
            LoopbackTransport(
                make_board(
                    BoardKind(32, 10), board_uid(0, place), noise=partial(noise_key, training_seed(5, place))
                ),
                name=str(place),
                framing="ble",
            )
            for place in range(64)
        ]
        asyncio.run(
            begin(config, tmp_path / codec, lambda event: None, devices=[Device(link) for link in links])
        )
        bytefed.simulate(
            directory=tmp_path / f"{codec} simulated", clients=64, codec=codec, **{**KEYS, "links": ["ble"]}
        )
        with closing(Store.open(tmp_path / codec)) as store:
            number, head = store.head()
        simulated = np.load(tmp_path / f"{codec} simulated" / "head.npy")
        assert number == 3 and head.tobytes() == simulated.tobytes()


# ---- Boards that are lost


class Mortal(LoopbackTransport):
    """A board that is gone for good when it is asked for a kind of message in a round."""

    dies: tuple[int, Kind] | None = None
    dead = False

    async def open(self) -> None:
        if self.dead:
            raise LinkError("E_PORT_MISSING", "gone", "Put it back.")
        await super().open()

    async def write(self, data: bytes) -> None:
        if self.dies is not None and data[0] & 0xF0 == self.dies[1]:
            self.dies = (self.dies[0] - 1, self.dies[1])
            if self.dies[0] <= 0:
                self.dead = True
                await self.close()
                raise LinkError("E_LINK_LOST", "gone", "")
        await super().write(data)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int | None]]:
    """Note how many boards hosts say are in a sum."""
    said: list[int | None] = []
    ask = hiding.ask_keys

    async def noted(*args: Any) -> Any:
        said.append(args[4])
        return await ask(*args)

    monkeypatch.setattr(secure_sum, "ask_keys", noted)
    yield said


@pytest.mark.parametrize(("lost", "void"), [(16, 0), (17, 2)])
def test_a_sum_that_too_few_survive_is_void(
    tmp_path: Path, asked: list[int | None], lost: int, void: int
) -> None:
    links = [
        Mortal(make_board(BoardKind(32, 10), board_uid(0, place)), name=str(place), framing="ble")
        for place in range(66 if lost == 17 else 64)
    ]
    boards = len(links)
    gone = lost + boards // 4 - 16
    for link in links[:gone]:
        link.dies = (2, Kind.BEGIN)  # in round 2
    events: list[Event] = []
    config = RunConfig(
        **chosen({**KEYS, "boards": ("loopback:64",), "open": True, "deadline": 4.0, "quorum": 0.1})
    )
    asyncio.run(begin(config, tmp_path / "run", events.append, devices=[Device(link) for link in links]))
    told = [event.reason for event in events if isinstance(event, RoundVoid)]
    assert set(asked) >= {boards}
    assert summary_of(tmp_path / "run")["secure_sum"]["void"] == len(told) == (1 if void else 0)
    if void:
        assert (
            told[0] == f"{boards - gone} boards are left, and {least_survivors(boards)} make its noise whole"
        )
        assert boards - gone not in asked[:boards] and min(each or 0 for each in asked) >= 48


def ring(boards: int, seed: int) -> list[list[int]]:
    """Neighbours as they were drawn before edges are swapped: seven on either side."""
    return [[(place + step) % boards for step in (*range(-7, 0), *range(1, 8))] for place in range(boards)]


APART = (*range(7), *range(10, 17))
"""Boards of a ring without which 7, 8 and 9 are neighbours of each other alone."""


def test_boards_that_are_left_in_groups_are_found() -> None:
    near, there = ring(64, 0), set(range(64)).difference(APART)
    assert len(there) >= least_survivors(64)
    assert not are_connected(near, there)
    assert are_connected(near, there - {7, 8, 9}) and are_connected(near, there | {10})


def test_no_keys_are_asked_for_where_boards_are_left_in_groups(
    tmp_path: Path, asked: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The masks of each group cancel alone, and a group of three has three shares of the noise."""
    monkeypatch.setattr(secure_sum, "neighbours", ring)
    links = [
        Mortal(make_board(BoardKind(32, 10), board_uid(0, place)), name=str(place), framing="ble")
        for place in range(64)
    ]
    for place in APART:
        links[place].dies = (2, Kind.BEGIN)  # in round 3
    events: list[Event] = []
    config = RunConfig(
        **chosen(
            {**KEYS, "rounds": 4, "boards": ("loopback:64",), "open": True, "deadline": 4.0, "quorum": 0.1}
        )
    )
    asyncio.run(begin(config, tmp_path / "run", events.append, devices=[Device(link) for link in links]))
    told = [(event.round, event.reason) for event in events if isinstance(event, RoundVoid)]
    assert told == [(3, secure_sum.IN_GROUPS)]
    assert asked == [64] * 128 + [50] * 50  # in rounds 1, 2 and 4


def test_a_sum_that_counts_another_number_of_boards_is_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each board counts as one example, so a mask that is left over shows but once in 2^32 times."""
    read = secure_sum.read_total

    def one_more(*args: Any) -> Any:
        found = read(*args)
        return replace(found, examples=found.examples + (args[3] == 2))

    monkeypatch.setattr(secure_sum, "read_total", one_more)
    events: list[Event] = []
    bytefed.run(
        boards=["loopback:64"], directory=tmp_path / "run", central=False, progress=events.append, **KEYS
    )
    told = [event for event in events if isinstance(event, RoundVoid)]
    assert [event.round for event in told] == [2] and "did not cancel" in told[0].reason


def test_a_simulation_has_no_sum_of_boards_that_are_left_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_sums, "neighbours", ring)
    config = RunConfig(**chosen({**KEYS, "boards": ("loopback:64",)}))
    sums = client_sums.ClientSums.of(
        config, LocalTraining.of(config, FedAvg()), np.full(64, 9), [serial_profile()], np.zeros(64, np.int64)
    )
    assert sums is not None
    left = np.setdiff1d(np.arange(64), APART)
    assert sums.close(sums.open(1, 330), left, left).void == secure_sum.IN_GROUPS


def test_a_round_for_which_all_budgets_are_spent_says_that_the_run_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a round that was killed and trained anew by all boards: they have paid for one more than there are."""

    def less(noise: NoisePlan) -> Noise:
        return Noise(noise.clip, noise.cost, noise.grid | WHOLE, noise.cost * (noise.rounds - 1))

    monkeypatch.setattr(NoisePlan, "message", property(less))
    events: list[Event] = []
    with pytest.raises(LinkError, match="64 of 64 have spent their privacy budgets") as caught:
        bytefed.run(
            boards=["loopback:64"], directory=tmp_path / "run", central=False, progress=events.append,
            **{**KEYS, "rounds": 2},
        )  # fmt: skip
    assert caught.value.code == "E_TOO_FEW_BOARDS" and "--resume" not in caught.value.remedy
    assert f"head of round 1 is the run's last: `bytefed export {tmp_path / 'run'}`" in caught.value.remedy
    told = [event.board for event in events if isinstance(event, BoardTrouble)]
    assert len(told) == len(set(told)) == 64  # none is asked again
    assert main(["export", str(tmp_path / "run"), "--to", str(tmp_path / "head"), "--format", "npz"]) == 0


# ---- Refused


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"secure_sum": False}, "only a sum makes whole"),
        ({"codec": "onebit"}, "few levels before the sum"),
        ({"codec": "float32/twobit"}, "few levels before the sum"),
        ({"statistics_rounds": 5}, "no accuracy"),
        ({"min_train_nodes": 47}, "48 boards at least"),
        ({"epsilon": 11.0}, "epsilon"),
        ({"delta": 0.02}, "not below 1 / 64, and there are 64 boards"),
        ({"boards": ["loopback:63"]}, "whole board below 64 boards"),
        ({"codec": "int8", "epsilon": 0.5, "rounds": 10}, "larger than int8 has room for"),
        ({"codec": "int8", "epsilon": 0.5, "rounds": 10, "boards": ["loopback:65"]}, "larger than int8"),
    ],
)
def test_keys_that_do_not_go_together(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        bytefed.run(directory=tmp_path / "run", **{**KEYS, "boards": ["loopback:64"], **keys})
    assert caught.value.remedy


def test_simulations_and_estimates_below_64_boards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="below 64 boards"):
        bytefed.simulate(directory=tmp_path / "run", clients=63, **KEYS)
    for more in ({"clients": 63}, {"clients": 64, "codec": "onebit"}, {"clients": 64, "secure_sum": False}):
        with pytest.raises(ConfigError) as caught:
            bytefed.estimate(features=32, classes=10, rounds=1, dp="board", **{"secure_sum": True, **more})
        assert caught.value.code == "E_CONFIG_PRIVACY"


def test_simulations_and_sweeps_of_noise_without_room_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = ["--dp", "board", "--secure-sum", "--epsilon", "0.5", "--delta", "1e-3", "--rounds", "10"]
    for command in (
        ["simulate", "--run-dir", str(tmp_path / "run"), "--codec", "int8", "--partition", "iid"],
        ["sweep", "--sweep-dir", str(tmp_path / "sweep"), "--codec", "float32", "int8"],
    ):
        assert main([*command, *noise, "--clients", "64", "--data", "digits"]) == 2
        said = capsys.readouterr().err
        assert "larger than int8 has room for" in said and "Give --codec float32" in said


def test_more_boards_than_float32_has_room_for_are_refused() -> None:
    config = RunConfig(**chosen({**KEYS, "boards": ("loopback:64",), "delta": 1e-6}))
    require_boards(config, 32_000)
    with pytest.raises(ConfigError, match="32,768 boards and their noise") as caught:
        require_boards(config, 32_768)
    assert "--codec" not in caught.value.remedy


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = ["--dp", "board", "--secure-sum", "--rounds", "2", "--codec", "int8"]
    assert main(["estimate", *shared, "--features", "32", "--classes", "10", "--clients", "64"]) == 0
    assert "taking off masks" in capsys.readouterr().out
    assert main(
        ["simulate", *shared, "--epsilon", "4", "--delta", "1e-3", "--clients", "64", "--quiet", "--partition", "iid",
         "--data", "synthetic", "--run-dir", str(tmp_path / "run")]
    ) == 0  # fmt: skip
    assert summary_of(tmp_path / "run")["privacy"]["unit"] == "a whole board"
