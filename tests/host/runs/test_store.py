"""The run directory: what is promised of it, through kills and full disks."""

import asyncio
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bytefed.errors import StoreError
from bytefed.ledger.count import ByteCount
from bytefed.ledger.rows import Traffic
from bytefed.runs.directory import DATABASE, coded_errors, refuse_existing
from bytefed.runs.store import Store

P = 6
HEAD = np.zeros(P, np.float32)
A, B = "00000000000000aa", "00000000000000bb"


@pytest.fixture
def store(tmp_path):
    with_run = Store.create(tmp_path / "run", 7, HEAD, "rounds = 3\n", {"python": "3"})
    with_run.enrol([(A, "serial", "sealed"), (B, "ble", "OPEN")])
    yield with_run
    with_run.close()


def commit(store, number=1, board=A, value=1.0, **rest):
    fields = {"num_examples": 10, "loss": 0.5, "correct": 8} | rest
    return store.commit_delta(number, board, np.full(P, value, np.float32), **fields)


def close(store, number=1, applied=(A,), value=1.0):
    head = np.full(P, value, np.float32)
    store.close_round(number, head, list(applied), seconds=1.0, accuracy=0.5, loss=1.0)


def reopen(store):
    store.close()
    return Store.open(store.directory)


def traffic(number=1, board=A, phase="round", status="ok", count=None, **rest):
    count = count or ByteCount(payload_down=3, header=2, wire_down=4, wire_up=1)
    fields = {"estimate_wcr": 3, "estimate_wire": 5, "seconds": 0.5} | rest
    return Traffic(number, board, phase, "serial", "sealed", "float32", status, count, **fields)


def test_what_was_given_is_there_after_reopening(store):
    store.begin_round(1, [A, B])
    assert commit(store, value=2.5) == "ok"
    again = reopen(store)
    assert again.run == 7
    assert again.meta("config") == "rounds = 3\n"
    assert again.clients() == {A: 0, B: 1}
    number, head = again.head()
    assert (number, head.tolist()) == (0, HEAD.tolist())
    (delta,) = again.deltas(1)
    assert (delta.board, delta.status, delta.applied, delta.num_examples) == (A, "ok", False, 10)
    assert (delta.delta == 2.5).all()
    again.close()


def test_a_delta_counts_once(store):
    store.begin_round(1, [A])
    assert commit(store, value=1.0) == "ok"
    assert commit(store, value=2.0) == "ok"
    (delta,) = store.deltas(1)
    assert (delta.delta == 1.0).all()
    assert store.counted(1) == 1


def test_a_late_delta_is_kept_and_never_applied(store):
    store.begin_round(1, [A, B])
    commit(store, board=A)
    close(store, applied=[A])
    assert commit(store, board=B) == "late"
    by_board = {delta.board: delta for delta in store.deltas(1)}
    assert by_board[A].applied
    assert not by_board[B].applied
    assert by_board[B].status == "late"
    assert store.counted(1) == 1
    assert store.rounds()[0].participants == 1


def test_an_early_delta_sent_again_after_the_round_stays_what_it_was(store):
    store.begin_round(1, [A])
    commit(store)
    close(store)
    assert commit(store) == "ok"


def test_head_and_applied_deltas_appear_together(store):
    """A failure in the middle of close_round leaves neither."""
    store.begin_round(1, [A])
    commit(store)
    store._db.execute("CREATE TRIGGER stop BEFORE UPDATE ON rounds BEGIN SELECT RAISE(ABORT, 'stop'); END")
    with pytest.raises(StoreError):
        close(store)
    assert store.head()[0] == 0
    assert not store.deltas(1)[0].applied
    store._db.execute("DROP TRIGGER stop")
    close(store)
    assert store.head()[0] == 1
    assert store.deltas(1)[0].applied


def test_a_round_is_closed_once(store):
    store.begin_round(1, [A])
    close(store, value=1.0)
    with pytest.raises(StoreError):
        close(store, value=2.0)
    assert (store.head()[1] == 1.0).all()


def test_losses_that_are_no_number_survive(store):
    commit(store, loss=float("nan"))
    store.add_traffic(traffic(loss=float("nan"), num_examples=10, correct=3))
    assert store.deltas(1)[0].loss is None
    assert store.traffic(["round"])[0][1].loss is None


def test_attempts_at_one_round_share_a_row(store):
    """The first failed, then the coordinator was killed; after that it went well."""
    store.add_traffic(traffic(status="failed"))
    store.add_traffic(traffic(num_examples=10, loss=0.5, correct=8))
    ((_, row),) = store.traffic(["round"])
    assert row.status == "ok"
    assert row.count == ByteCount(payload_down=6, header=4, wire_down=8, wire_up=2)
    assert (row.estimate_wire, row.seconds, row.num_examples) == (10, 1.0, 10)


def test_connections_each_have_a_row(store):
    for _ in range(3):
        store.add_traffic(traffic(0, phase="connect"))
    assert len(store.traffic(["connect", "provision"])) == 3
    assert store.traffic(["round"]) == []


def test_a_delta_whose_bytes_were_never_written_down_gets_a_row(store):
    store.begin_round(1, [A, B])
    commit(store, board=A)
    commit(store, board=B)
    store.add_traffic(traffic(board=A))
    for _ in range(2):
        store.repair("float32", 24)
        rows = {row.board: row for _, row in store.traffic(["round"])}
        assert set(rows) == {A, B}
        assert rows[A].count is not None
        assert (rows[B].count, rows[B].status, rows[B].link, rows[B].estimate_wcr) == (None, "ok", "ble", 24)
    store.add_traffic(traffic(board=B))
    rows = {row.board: row for _, row in store.traffic(["round"])}
    assert rows[B].count == traffic().count


def test_rounds_add_up(store):
    for number in (1, 2):
        store.begin_round(number, [A, B])
        for board in (A, B):
            commit(store, number, board)
            store.add_traffic(traffic(number, board))
        store.add_traffic(traffic(number, A, phase="connect"))
        close(store, number, [A, B])
    store.add_evaluation(1, A, 3, 4)
    store.add_evaluation(1, B, 1, 4)
    store.add_evaluation(1, B, 4, 4)  # asked again after a resume: the first answer stands
    first, second = store.rounds()
    assert first.accuracy_boards == 0.5
    assert second.accuracy_boards is None
    assert (first.participants, first.wire_down, first.wire_total, first.estimate_wire) == (2, 8, 10, 10)
    assert store.rounds(2) == [second]
    assert store.evaluated(1) == {A, B}


def test_a_round_nobody_paid_for_is_still_a_row(store):
    """All its bytes are lost to a kill; it has no ledger row, only a connection in the same round."""
    store.begin_round(1, [A])
    store.add_traffic(traffic(1, phase="connect"))
    commit(store)
    close(store)
    (row,) = store.rounds()
    assert (row.round, row.wire_total) == (1, 0)


def test_which_deltas_count(store):
    store.begin_round(1, [A])
    store.begin_round(1, [B])  # a resumed attempt, with other boards
    assert store.participants(1) == [A, B]
    commit(store, board=A)
    assert store.counts(A, 1) and store.counts(B)  # not yet closed: one will count, the other was never told
    assert not store.counts(B, 1)
    close(store, applied=[A])
    assert store.counts(A) and not store.counts(B)
    commit(store, board=B)  # late
    assert not store.counts(B) and not store.counts(B, 1)
    store.begin_round(2, [B])
    commit(store, 2, board=B)
    close(store, 2, applied=[B])
    assert store.counts(B) and not store.counts(B, 1)
    store.begin_round(3, [B])
    close(store, 3, applied=[])
    assert not store.counts(B) and store.counts(B, 2) and store.counts(A)
    assert store.counts(A, 9) and store.counts("f" * 16)  # nobody asked them


def test_what_boards_hold(store):
    assert store.held(A) is None
    for value in (1.0, 2.0):
        store.hold(A, np.full(P, value, np.float32))
    assert (store.held(A) == 2.0).all()
    assert store.held(B) is None


def test_a_lossless_downlink_leaves_the_head_that_a_board_trained_from_or_evaluated_last(store):
    def held():
        return {board: np.frombuffer(head, "<f4")[0] for board, head in store.all_held().items()}

    assert held() == {}
    for number in (1, 2):
        store.begin_round(number, [A])
        commit(store, number)
        close(store, number, value=float(number))
        assert held() == {A: number - 1.0}
    store.add_evaluation(2, A, 3, 4)
    store.add_evaluation(1, B, 3, 4)
    assert held() == {A: 2.0, B: 1.0}
    store.hold(B, np.full(P, 9, np.float32))  # a lossy downlink's
    assert held() == {A: 2.0, B: 9.0}


# Permissions to open a run.


def test_a_directory_has_one_coordinator(store):
    script = (
        "import sys\nfrom pathlib import Path\nfrom bytefed.errors import StoreError\n"
        "from bytefed.runs.store import Store\n"
        "try: Store.open(Path(sys.argv[1]))\nexcept StoreError as e: print(e.code)"
    )
    command = [sys.executable, "-c", script, str(store.directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "E_RUN_IN_USE"


def test_a_run_and_its_boards_begin_together(tmp_path):
    twice = [(A, "serial", "sealed"), (A, "serial", "sealed")]
    with pytest.raises(StoreError):
        Store.create(tmp_path, 9, HEAD, "", {}, twice)
    store = Store.create(tmp_path, 9, HEAD, "", {}, [(A, "serial", "sealed"), (B, "ble", "OPEN")], first=4)
    assert store.clients() == {A: 4, B: 5}
    store.close()


def test_a_directory_holds_one_run(store):
    store.close()
    with pytest.raises(StoreError, match="E_RUN_EXISTS") as caught:
        Store.create(store.directory, 8, HEAD, "", {})
    assert f"--resume {store.directory}" in caught.value.remedy


@pytest.mark.parametrize("content", [None, b"", b"not a database, but long enough to look into" * 50])
def test_a_directory_without_a_run(tmp_path, content):
    if content is not None:
        (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path)
    assert caught.value.code == ("E_RUN_CORRUPT" if content else "E_RUN_MISSING")


def test_a_run_of_another_version(store):
    store.set_meta("format", "999")
    store.close()
    with pytest.raises(StoreError, match="E_RUN_FORMAT"):
        Store.open(store.directory)


def test_a_path_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="E_RUN_DIRECTORY"):
        Store.create(tmp_path / "file", 1, HEAD, "", {})


# A disk that does not take it.


def test_a_full_disk_stores_nothing_and_says_so(store):
    store.begin_round(1, [A])
    commit(store, board=A)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="E_DISK_FULL") as caught:
        for number in range(1000):
            commit(store, number, board=B)
    assert "--resume" in caught.value.remedy
    stored = sum(len(store.deltas(number)) for number in range(1000))
    store._db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert commit(store, 2000, board=B) == "ok"
    again = reopen(store)
    assert sum(len(again.deltas(number)) for number in range(1000)) == stored
    again.close()


def test_a_database_that_may_only_be_read(store):
    store._db.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="E_RUN_READ_ONLY"):
        commit(store)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("ENOSPC", "E_DISK_FULL"),
        ("EDQUOT", "E_DISK_FULL"),
        ("EROFS", "E_RUN_READ_ONLY"),
        ("EACCES", "E_RUN_READ_ONLY"),
        ("EIO", "E_RUN_IO"),
    ],
)
def test_what_the_system_says_has_a_code(tmp_path, number, code):
    import errno

    with pytest.raises(StoreError, match=code), coded_errors(tmp_path):
        raise OSError(getattr(errno, number), "no")


# Boards that deliver in the same turn of the event loop.


def seen_by_others(store):
    """Return the boards whose deltas another process sees."""
    with sqlite3.connect(store.directory / DATABASE) as other:
        return [board for (board,) in other.execute("SELECT board FROM deltas ORDER BY board")]


def deliver(store, board):
    with store.gathered():
        return commit(store, board=board)


def test_boards_of_a_turn_share_a_transaction(store):
    said = []

    async def play():
        store._db.set_trace_callback(said.append)
        assert deliver(store, A) == deliver(store, B) == "ok"
        with store.gathered(durable=False):
            store.add_traffic(traffic(board=A))
        assert store.counted(1) == 2
        assert seen_by_others(store) == []
        await asyncio.gather(store.on_disk(), store.on_disk())
        assert seen_by_others(store) == [A, B]

    asyncio.run(play())
    assert [text for text in said if text.split()[0] in ("BEGIN", "COMMIT", "PRAGMA")] == [
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]


def test_a_turn_waits_for_the_disk_for_deltas_alone(store):
    said = []

    async def play():
        store._db.set_trace_callback(said.append)
        with store.gathered(durable=False):
            store.add_traffic(traffic(board=A))
        await store.on_disk()
        with store.gathered(durable=False):
            store.add_traffic(traffic(board=B))
        deliver(store, A)
        await store.on_disk()

    asyncio.run(play())
    assert [text for text in said if text.split()[0] in ("BEGIN", "COMMIT", "PRAGMA")] == [
        "PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE", "COMMIT",
        "BEGIN IMMEDIATE", "COMMIT", "PRAGMA synchronous = FULL", "BEGIN IMMEDIATE", "COMMIT",
    ]  # fmt: skip


def test_a_round_closes_with_all_that_was_gathered(store):
    async def play():
        store.begin_round(1, [A])
        deliver(store, A)
        close(store)
        assert seen_by_others(store) == [A]

    asyncio.run(play())
    assert store.head()[0] == 1


def test_a_run_that_ends_stores_what_was_gathered(store):
    async def play():
        deliver(store, A)
        store.close()

    asyncio.run(play())
    again = Store.open(store.directory)
    assert [delta.board for delta in again.deltas(1)] == [A]
    again.close()


def test_a_turn_that_fails_is_told_to_all_of_its_boards(store):
    async def wait():
        with pytest.raises(StoreError, match="E_DISK_FULL"):
            await store.on_disk()

    async def play():
        deliver(store, A)
        waits = asyncio.gather(wait(), wait())
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="E_DISK_FULL"), store.gathered():
            commit(store, board=B, value=np.float32(1))
            store.hold(B, np.zeros(100_000, np.float32))
        await waits
        store._db.execute("PRAGMA max_page_count = 1000000")
        with pytest.raises(
            StoreError, match="E_DISK_FULL"
        ):  # one that could go on would tell boards that all is well
            store.add_traffic(traffic())

    asyncio.run(play())
    assert seen_by_others(store) == []


# Kills.

_WRITER = """
import sys
from contextlib import closing
from pathlib import Path
import numpy as np
from bytefed.runs.store import Store

store = Store.open(Path(sys.argv[1]))
while True:
    done, head = store.head()
    number = done + 1
    boards = [f"{b:016x}" for b in range(3)]
    store.begin_round(number, boards)
    for board in boards:
        status = store.commit_delta(
            number, board, np.full(6, number, np.float32), num_examples=1, loss=0.0, correct=1
        )
        print(f"delta {number} {board} {status}", flush=True)
    store.close_round(number, head + np.float32(number), boards, seconds=0.0, accuracy=0.0, loss=0.0)
    print(f"head {number}", flush=True)
"""


def kill_after(directory, lines, delay):
    """Run the writer, kill it some time after it has said so many lines; what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(directory)], stdout=subprocess.PIPE, text=True
    )
    with process:
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    return [line.split() for line in said if line.endswith("\n")]


@pytest.mark.slow
def test_what_was_acknowledged_survives_kills(tmp_path):
    seed = 20_260_101
    rng = random.Random(seed)
    directory = Path(tmp_path) / "run"
    Store.create(directory, 1, HEAD, "", {}).close()
    acknowledged = []
    for _ in range(8):
        acknowledged += kill_after(directory, rng.randrange(1, 30), rng.random() * 0.02)
        store = Store.open(directory)  # the lock went with the process
        check_promises(store, acknowledged, seed)
        store.close()
    assert len(acknowledged) > 30


def check_promises(store, acknowledged, seed):
    done, head = store.head()
    for kind, number, *rest in acknowledged:
        boards = {delta.board: delta for delta in store.deltas(int(number))}
        if kind == "head":
            assert int(number) <= done, seed
        else:
            assert boards[rest[0]].status == rest[1] == "ok", seed
    assert (head == sum(range(done + 1))).all(), seed
    for number in range(1, done + 2):
        deltas = store.deltas(number)
        assert len(deltas) <= 3, seed
        assert all(delta.applied == (number <= done) for delta in deltas), seed


def test_the_database_is_as_careful_as_promised(store):
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    with pytest.raises(sqlite3.IntegrityError):
        store._db.execute(
            "INSERT INTO deltas (run, round, board, status, num_examples, correct, delta) VALUES"
            " (1, 1, 'a', 'ok', 1, 1, ''), (1, 1, 'a', 'ok', 1, 1, '')"
        )


def test_the_tables_of_a_simulation_are_not_overwritten(tmp_path):
    np.save(tmp_path / "head.npy", np.zeros(P, np.float32))
    with pytest.raises(StoreError, match="E_RUN_EXISTS"):
        refuse_existing(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_run_is_its_users_alone(tmp_path):
    before = os.umask(0o022)
    try:
        with closing(Store.create(tmp_path / "runs" / "mine", 7, HEAD, "rounds = 3\n", {"python": "3"})):
            for folder in (tmp_path / "runs", tmp_path / "runs" / "mine"):
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)
