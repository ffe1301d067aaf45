"""Gateways without Flower: the rooms' means make the flat run's heads, and bytes add up."""

from __future__ import annotations

import asyncio
import csv
import os
import re
import socket
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")
if os.name != "posix":
    pytest.skip("gateways serve local sockets of POSIX", allow_module_level=True)

from bytefed.boards.loopback import LoopbackTransport
from bytefed.boards.virtual import BoardKind, board_uid, make_board
from bytefed.cli.main import main
from bytefed.data import load_task
from bytefed.device.device import Device
from bytefed.errors import BytefedError
from bytefed.federation import evaluation as central
from bytefed.federation import secure_sum
from bytefed.federation.assignment import Assignment
from bytefed.federation.config import RunConfig, chosen
from bytefed.federation.experiment import Experiment, air_table, task_and_boards
from bytefed.federation.rules import initial_head
from bytefed.gateway.client import ask
from bytefed.gateway.server import Gateway, Room
from bytefed.gateway.wide_area import WideArea
from bytefed.head import Head
from bytefed.ledger.air import DEFAULT_TABLE
from bytefed.ledger.wire_size import BLUEFRUIT_WINDOW
from bytefed.runs.store import Store
from bytefed.strategies.base import FedAvg

BOARDS, ROUNDS = 3, 4


@pytest.fixture
def features(tmp_path):
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 240)
    path = tmp_path / "heaps.npz"
    np.savez(path, X=(rng.normal(0, 1, (240, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32), y=y)
    return str(path)


def config(features: str, **more) -> RunConfig:
    return RunConfig(
        boards=(f"loopback:{BOARDS}",), data=features, partition="iid", norm_bound=0.0, seed=7, **more
    )


@asynccontextmanager
async def serving(plan: RunConfig, folder: Path, number: int, clients: int = 2 * BOARDS):
    """A gateway, and the path of its socket."""
    plan, strategy = plan.with_strategy(FedAvg())
    first = number * BOARDS
    async with task_and_boards(plan, lambda _: None, uid_seed=first) as (task, devices):
        assignment = Assignment.divided(plan, task, clients)
        experiment = Experiment(plan, strategy, air_table(plan), assignment)
        gateway = Gateway(Room(experiment, first, folder / f"room{number}"), devices, None, lambda _: None)
        socket = folder / f"{number}.sock"
        work = asyncio.create_task(gateway.serve(socket))
        while not socket.exists():
            await asyncio.sleep(0.01)
        try:
            yield socket
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def combine(answers):
    """Average the rooms' means as Flower's FedAvg does."""
    examples = [answer["num_examples"] for answer, _ in answers]
    total = sum(n * mean.astype(np.float64) for n, (_, mean) in zip(examples, answers, strict=True))
    return (total / sum(examples)).astype(np.float32)


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("codec", ["float32", "onebit"])
def test_rooms_equal_one_flat_run(tmp_path, features, codec):
    async def rooms():
        task, found = load_task(features), []
        head = initial_head(task)
        async with AsyncExitStack() as stack:
            plan = config(features, codec=codec)
            sockets = [await stack.enter_async_context(serving(plan, tmp_path, k)) for k in range(2)]
            for number in range(1, ROUNDS + 1):
                answers = await asyncio.gather(*(ask(socket, 9, number, head) for socket in sockets))
                head = combine(answers)
                link = sum(answer["link_bytes"] for answer, _ in answers)
                found.append((central.evaluate(task, head, task.test).accuracy, link))
        return found

    found = asyncio.run(rooms())
    flat = [
        "run",
        "--boards",
        f"loopback:{2 * BOARDS}",
        "--data",
        features,
        "--partition",
        "iid",
        "--seed",
        "7",
    ]
    flat += ["--norm-bound", "0", "--no-central", "--quiet", "--rounds", str(ROUNDS), "--codec", codec]
    assert main([*flat, "--run-dir", str(tmp_path / "flat")]) == 0
    for (accuracy, link), row in zip(found, rows(tmp_path / "flat" / "rounds.csv"), strict=True):
        assert accuracy == pytest.approx(float(row["accuracy_global"]), abs=1e-6)
        assert link == int(row["wire_total"])
    for number in range(2):
        ledger = rows(tmp_path / f"room{number}" / "00000009" / "bytes.csv")
        assert len(ledger) == ROUNDS * BOARDS


SUMS: dict[str, Any] = {"secure_sum": True, "min_train_nodes": 3, "statistics_rounds": 2}


async def two_rooms(folder: Path, features: str, **more: Any) -> list[list[tuple[dict[str, Any], Head]]]:
    """Train in two rooms, and return their answers, round by round."""
    folder.mkdir()
    head, found = initial_head(load_task(features)), []
    async with AsyncExitStack() as stack:
        plan = config(features, **more)
        sockets = [await stack.enter_async_context(serving(plan, folder, k)) for k in range(2)]
        for number in range(1, ROUNDS + 1):
            answers = await asyncio.gather(*(ask(socket, 9, number, head) for socket in sockets))
            head = combine(answers)
            found.append(answers)
    return found


def test_a_room_passes_on_a_sum_that_it_could_not_take_apart(tmp_path, features):
    """Sums of float32 are in fixed point: the mean of a room is the one that it would have read in the open."""
    hidden = asyncio.run(two_rooms(tmp_path / "hidden", features, **SUMS))
    plain = asyncio.run(two_rooms(tmp_path / "plain", features, statistics_rounds=2))
    for number, (ours, theirs) in enumerate(zip(hidden, plain, strict=True), 1):
        for room, ((answer, mean), (expected, same)) in enumerate(zip(ours, theirs, strict=True)):
            assert np.abs(mean - same).max() < 1e-5
            assert answer["num_examples"] == expected["num_examples"]
            assert answer["participants"] == answer["boards"] == BOARDS
            assert (answer["loss"] is None) == (number % 2 == 1)
            if answer["loss"] is not None:  # each board rounds its own down to 1/256
                assert expected["loss"] - 0.01 < answer["loss"] <= expected["loss"] + 1e-4
            with closing(Store.open(tmp_path / "hidden" / f"room{room}" / "00000009")) as store:
                assert [delta.delta.size for delta in store.deltas(number)] == [0] * BOARDS
                assert store.sum_of(number).examples == answer["num_examples"]
    sessions = rows(tmp_path / "hidden" / "room0" / "00000009" / "sessions.csv")
    phases = [row["phase"] for row in sessions]
    assert phases.count("masks") == 2 * BOARDS and phases.count("unmask") == ROUNDS * BOARDS
    assert all(row["wire_total"] == row["estimate_wire"] for row in sessions)


def test_a_room_whose_sum_cannot_be_read_has_no_answer_and_goes_on(tmp_path, features, monkeypatch):
    ask_keys = secure_sum._ask_keys

    async def silent(fleet, number, *rest, **more):
        keys = await ask_keys(fleet, number, *rest, **more)
        return {} if number == 2 else keys

    monkeypatch.setattr(secure_sum, "_ask_keys", silent)

    async def run():
        head = initial_head(load_task(features))
        async with serving(config(features, **SUMS), tmp_path, 0) as socket:
            _, head = await ask(socket, 9, 1, head)
            for _ in range(2):  # and it is never begun again
                with pytest.raises(BytefedError, match="E_ROUND_VOID"):
                    await ask(socket, 9, 2, head)
            answer, mean = await ask(socket, 9, 3, head)
            assert answer["participants"] == BOARDS and np.abs(mean - head).max() > 0

    asyncio.run(run())
    sessions = rows(tmp_path / "room0" / "00000009" / "sessions.csv")
    assert [row["round"] for row in sessions if row["phase"] == "unmask"].count("2") == BOARDS


NOISE: dict[str, Any] = {
    "secure_sum": True, "epsilon": 8.0, "delta": 1e-3, "rounds": 2, "data": "digits", "partition": "iid",
}  # fmt: skip


@pytest.mark.parametrize("dp", ["board", "sample"])
def test_the_noise_of_a_room_is_its_own(tmp_path, dp):
    """With 64 boards or more its sum hides any of them, for as many rounds as the noise was planned for."""
    plan = RunConfig(**chosen({**NOISE, "dp": dp, "boards": ("loopback:64",)}))

    async def run():
        head = initial_head(load_task("digits"))
        async with serving(plan, tmp_path, 0, clients=64) as socket:
            answer, head = await ask(socket, 9, 1, head)
            assert answer["participants"] == 64 and answer["loss"] is None
            assert (answer["num_examples"] == 64) == (dp == "board")
            _, head = await ask(socket, 9, 2, head)
            with pytest.raises(BytefedError, match="0 deltas"):  # both rounds are paid
                await ask(socket, 9, 3, head)
            with pytest.raises(BytefedError, match="have spent their privacy budgets"):
                await ask(socket, 9, 3, head)

    asyncio.run(run())


def test_a_room_of_fewer_than_64_boards_has_no_noise_for_whole_boards(tmp_path, capsys):
    command = ["gateway", "--socket", str(tmp_path / "s"), "--boards", "loopback:63", "--partition", "iid"]
    assert main([*command, "--secure-sum", "--dp", "board", "--epsilon", "8", "--delta", "1e-3"]) == 2
    assert "below 64 boards" in capsys.readouterr().err and not (tmp_path / "s").exists()


def test_a_room_of_two_boards_has_no_secure_sum(tmp_path, capsys):
    command = ["gateway", "--socket", str(tmp_path / "s"), "--boards", "loopback:2", "--secure-sum"]
    assert main(command) == 2
    assert "E_CONFIG_SECURE_SUM" in capsys.readouterr().err and not (tmp_path / "s").exists()


def test_a_room_has_personal_heads(tmp_path, features):
    async def run():
        head = initial_head(load_task(features))
        async with serving(config(features, personal=True, statistics_rounds=1), tmp_path, 0) as socket:
            for number in (1, 2):
                _, head = await ask(socket, 9, number, head)

    asyncio.run(run())
    first, second = rows(tmp_path / "room0" / "00000009" / "rounds.csv")
    assert 0 < float(first["accuracy_personal"]) <= 1
    assert not second["accuracy_personal"]  # the next round would tell


def test_a_new_gateway_goes_on_with_a_run(tmp_path, features):
    async def run():
        plan, task = config(features), load_task(features)
        head = initial_head(task)
        async with serving(plan, tmp_path, 0) as socket:
            answer, mean = await ask(socket, 9, 1, head)
            again = await ask(socket, 9, 1, head)  # what is over is answered once more, not trained once more
            assert again[0]["link_bytes"] == answer["link_bytes"]
            assert again[1].tobytes() == mean.tobytes()
        async with serving(plan, tmp_path, 0) as socket:
            answer, _ = await ask(socket, 9, 2, mean)
            assert answer["participants"] == BOARDS
            answer, _ = await ask(socket, 10, 1, head)  # another run
            assert answer["participants"] == BOARDS
        return len(rows(tmp_path / "room0" / "00000009" / "rounds.csv"))

    assert asyncio.run(run()) == 2


def ble_boards(count):
    """Boards behind ATT values, without a radio."""
    kind = BoardKind(6, 3, None, 200, 32, BLUEFRUIT_WINDOW)
    boards = [make_board(kind, board_uid(0, number)) for number in range(count)]
    return [Device(LoopbackTransport(board, name=str(n), framing="ble")) for n, board in enumerate(boards)]


def test_the_air_table_is_the_rooms_too(tmp_path, features):
    table = DEFAULT_TABLE.read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(re.sub(r"(?m)^data_length = .*", "data_length = 27", table))

    async def air_bytes(name, **more):
        plan, strategy = config(features, **more).with_strategy(FedAvg())
        assignment = Assignment.divided(plan, load_task(features), BOARDS)
        room = Room(Experiment(plan, strategy, air_table(plan), assignment), 0, tmp_path / name)
        gateway = Gateway(room, ble_boards(BOARDS), None, lambda _: None)
        work = asyncio.create_task(gateway.serve(tmp_path / f"{name}.sock"))
        while not (tmp_path / f"{name}.sock").exists():
            await asyncio.sleep(0.01)
        await ask(tmp_path / f"{name}.sock", 9, 1, initial_head(assignment.task))
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        ledger = rows(tmp_path / name / "00000009" / "bytes.csv")
        assert len(ledger) == BOARDS
        return sum(int(row["air_bytes"]) for row in ledger)

    usual = asyncio.run(air_bytes("usual"))
    assert asyncio.run(air_bytes("again")) == usual
    assert asyncio.run(air_bytes("short", air_table=str(tmp_path / "short.toml"))) > usual


def test_an_air_table_that_is_not_there_ends_with_a_code(tmp_path, features, capsys):
    command = ["gateway", "--socket", str(tmp_path / "a.sock"), "--boards", "loopback:2", "--data", features]
    assert main([*command, "--air-table", str(tmp_path / "none.toml")]) == 2
    assert "error[E_CONFIG_AIR]" in capsys.readouterr().err


def test_what_it_cannot_serve_has_a_code(tmp_path, features):
    async def run():
        async with serving(config(features), tmp_path, 0) as socket:
            with pytest.raises(BytefedError, match="E_GATEWAY_REQUEST"):
                await ask(socket, 9, 1, np.zeros(5, np.float32))
            assert socket.stat().st_mode & 0o077 == 0
        with pytest.raises(BytefedError, match="E_GATEWAY"):
            await ask(socket, 9, 1, np.zeros(21, np.float32))

    asyncio.run(run())


def test_too_many_boards_for_the_partition(tmp_path, features):
    async def run():
        async with serving(config(features), tmp_path, 2):
            pass

    with pytest.raises(BytefedError, match="E_CONFIG_CLIENTS"):
        asyncio.run(run())


def test_the_forwarder_counts_each_byte():
    async def run():
        async def answer(reader, writer):
            writer.write(2 * await reader.readexactly(1000))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        wide_area = WideArea("127.0.0.1", server.sockets[0].getsockname()[1])
        port = await wide_area.start(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes(1000))
        assert len(await reader.read(-1)) == 2000
        writer.close()
        assert wide_area.take() == (2000, 1000)
        assert wide_area.take() == (0, 0)
        await wide_area.close()
        server.close()

    asyncio.run(run())


def test_only_a_socket_is_removed(tmp_path, features):
    plan, strategy = config(features).with_strategy(FedAvg())
    precious = tmp_path / "0.sock"
    precious.write_text("a thesis")

    async def serve():
        async with task_and_boards(plan, lambda _: None) as (task, devices):
            experiment = Experiment(plan, strategy, air_table(plan), Assignment.divided(plan, task, BOARDS))
            room = Room(experiment, 0, tmp_path / "room")
            async with asyncio.timeout(30):  # one that serves there would never end
                await Gateway(room, devices, None, lambda _: None).serve(precious)

    with pytest.raises(BytefedError, match="E_GATEWAY_SOCKET"):
        asyncio.run(serve())
    assert precious.read_text() == "a thesis"
    precious.unlink()
    with closing(socket.socket(socket.AF_UNIX)) as left_behind:
        left_behind.bind(str(precious))

    async def serve_again():
        async with serving(config(features), tmp_path, 0) as path:
            assert path.is_socket()

    asyncio.run(serve_again())
