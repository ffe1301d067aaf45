"""Rounds over boards that answer, fail, come back, are slow, or are not what the run needs."""

import asyncio
import gc
from types import SimpleNamespace

import numpy as np
import pytest

from bytefed.codec.downlink import whole
from bytefed.data import Samples, Task
from bytefed.data.partition import divide
from bytefed.device.plan import PlannedRound, RoundReply
from bytefed.errors import BoardError, BytefedError, LinkError, StoreError
from bytefed.events import BoardJoined, BoardTrouble, RoundClosed, Stopping
from bytefed.extractor.quantization import Quantization
from bytefed.federation import fleet as fleet_module
from bytefed.federation.assignment import Assignment
from bytefed.federation.closing import Closing
from bytefed.federation.config import RunConfig
from bytefed.federation.coordinator import Coordinator, Schedule
from bytefed.federation.evaluation import evaluate
from bytefed.federation.fleet import Fleet, check_all, connect_all
from bytefed.federation.local_training import LocalTraining
from bytefed.federation.requirements import Requirements
from bytefed.federation.rules import Rules
from bytefed.ledger.count import ByteCount
from bytefed.ledger.rows import SESSION_PHASES
from bytefed.ledger.wire_size import release_bytes, round_bytes, serial_profile
from bytefed.protocol.message import Board, Capability, Result, RoundFlag, Stored
from bytefed.runs.csv_files import Records
from bytefed.runs.store import Store
from bytefed.seeds import select, training_seed
from bytefed.strategies.base import FedAvg, Update

D, C = 3, 2
P = D * C + C
ROUND = round_bytes(serial_profile(), D, C, statistics=True)


def make_task(samples=120):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, C, 2 * samples).astype(np.uint8)
    features = (rng.normal(0, 20, (2 * samples, D)) + 40 * labels[:, None]).clip(-128, 127).astype(np.int8)
    return Task(
        name="two heaps",
        federated=Samples(features[:samples], labels[:samples]),
        test=Samples(features[samples:], labels[samples:]),
        num_classes=C,
        quantization=Quantization(1 / 32, 0),
    )


def stored(capacity=500, train=0, test=0, max_batch=32):
    return Stored(capacity=capacity, train=train, test=test, crc=0, max_batch=max_batch, head=0)


class FakeDevice:
    """A board that trains by adding its number and the round's to the head, and does as it is told."""

    def __init__(self, number):
        self.number = number
        self.uri = f"fake:{number}"
        self.transport = None  # that would know a name
        self.uid = 0xA0 + number
        self.board = Board(self.uid, 0, D, C, 0)
        self.stored = stored()
        self.profile = serial_profile()
        self.connections = 0
        self.introduced = False
        self.shape = (D, C)
        self.rounds = []  # (round, head, plan, train) of each `train`
        self.held = None
        self.uncounted = []  # rounds in which it heard that its last delta did not count
        self.released = []  # (round, whether the delta counted) of each release
        self.owed = self.earlier = 0
        self.trouble = {}  # round: error to raise
        self.unreachable = 0  # connects that fail
        self.keeper = SimpleNamespace(mark="")
        self.gates = {}  # round: event to wait for
        self.delta = lambda round_: np.full(P, (self.number + 1) * round_ / 100, np.float32)
        self.examples = 10 * (number + 1)
        self._count = ByteCount()

    @property
    def name(self):
        return f"{self.uid:016x}"

    def _spend(self, count):
        self._count = self._count + count

    def take_bytes(self):
        count, self._count = self._count, ByteCount()
        count.check()
        return count

    async def connect(self, run):
        self.run = run
        if self.unreachable:
            self.unreachable -= 1
            raise LinkError("E_PORT_NOT_FOUND", f"{self.uri}: no port", "Plug it in.")
        self.connections += 1
        self._spend(ByteCount(header=2, header_down=2, wire_down=2))

    def watch(self, on_away):
        pass

    def owed_before(self, number):
        return self.earlier if self.owed == number else self.owed

    def order_columns(self, order=()):
        assert not order  # who is given samples has the classes in the order of the run

    async def provision(self, samples):
        self.samples = samples
        self.stored = stored(500, len(samples.train_y), len(samples.test_y))
        self._spend(ByteCount(payload_down=50, wire_down=50))

    def holds(self, samples):
        return False

    def plan_round(self, number, head, training, *, train=True, statistics=True, uncounted=False):
        flags = RoundFlag.TRAIN * train | RoundFlag.STATISTICS * statistics | RoundFlag.UNCOUNTED * uncounted
        return PlannedRound(
            number, head, training, flags, whole(head), configures=False, samples=(self.examples, 2)
        )

    async def train(self, planned):
        number, head, train = planned.number, planned.head, planned.trains
        self.rounds.append((number, head.copy(), planned.training, train))
        if planned.flags & RoundFlag.UNCOUNTED:
            self.uncounted.append(number)
        if number in self.gates:
            await self.gates[number].wait()
        if number in self.trouble:
            self._spend(ByteCount(junk=7, wire_up=7))
            error = self.trouble.pop(number)
            if error.code == "E_DELTA_NOT_FINITE":  # which the host finds: the board has made it
                self.earlier, self.owed = self.owed, number
            raise error
        await asyncio.sleep(0)
        examples = self.examples if train else 0
        result = Result(
            status=0, num_examples=examples, loss=0.5, correct=self.examples // 2,
            test_correct=len(self.samples.test_y) // 2, duration=1, crc=1,
        )  # fmt: skip
        delta = self.delta(number) if train else None
        if train and self.owed != number:
            self.earlier = self.owed
        self.owed = number if train else 0
        self._spend(round_bytes(self.profile, D, C, train=train, statistics=planned.statistics))
        return RoundReply(examples, result if planned.statistics else None, delta, head, 0.01, 0.01)

    async def release(self, *, counted):
        self.released.append((self.owed, counted))
        self.owed = 0
        self._spend(release_bytes(self.profile))

    async def close(self):
        pass


class World:
    """A run with fake boards."""

    def __init__(self, directory, boards=3, **keys):
        self.directory = directory
        self.config = RunConfig(
            **{"rounds": 3, "partition": "iid", "deadline": 5.0, "quorum": 0.5, "statistics_rounds": 1} | keys
        )
        self.devices = [FakeDevice(number) for number in range(boards)]
        self.task = make_task()
        self.events = []
        self.heads = {}

    def said(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    async def play(self, script=None, resume=False, devices=None):
        """Run to the end; `script` runs beside it with (world, coordinator)."""
        devices = self.devices if devices is None else devices
        requirements = Requirements.of(self.task, self.config.batch_size)
        if resume:
            store = Store.open(self.directory)
        else:
            assignment = Assignment(self.task, divide(self.task, "iid", len(devices)))
            opened = [(took, None) for took in await connect_all(devices, 1)]
            check_all(devices, requirements, assignment)
            store = Store.create(self.directory, 1, np.zeros(P, np.float32), self.config.to_toml(), {})
            store.enrol([(device.name, "serial", device.profile.security) for device in devices])
        try:
            assignment = Assignment(self.task, divide(self.task, "iid", len(store.clients())))
            fleet = Fleet(store, assignment, requirements, self.config.codec, self.events.append)
            records = Records(store)
            rules, strategy = Rules.of(self.config), FedAvg()
            training = LocalTraining.of(self.config, strategy)
            coordinator = Coordinator(
                Schedule(self.config.rounds, self.config.deadline, self.config.statistics_rounds),
                rules,
                training,
                fleet,
                Closing(self.task, rules, training, strategy, store, self.events.append),
                store,
                records,
                self.events.append,
            )
            self.store = store
            side = asyncio.create_task(script(self, coordinator)) if script else None
            try:
                await (fleet.join_all(devices) if resume else fleet.admit_all(devices, opened))
                return await coordinator.run()
            finally:
                if side:
                    side.cancel()
                await fleet.close()
                records.rewrite()
                self.head = store.head()
                self.deltas = {n: store.deltas(n) for n in range(1, self.config.rounds + 1)}
                self.rows = [row for _, row in store.traffic(["round"])]
                self.sessions = [row for _, row in store.traffic(SESSION_PHASES)]
                self.rounds = store.rounds()
        finally:
            store.close()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "run")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(fleet_module, "_FIRST_SEEK", 0.001)


def expected_head(devices, rounds):
    """Return the head that FedAvg makes of these boards, all in all rounds."""
    head = np.zeros(P, np.float32)
    for number in range(1, rounds + 1):
        updates = [Update(d.number, d.examples, d.delta(number)) for d in devices]
        head = FedAvg().aggregate(head, updates)
    return head


def test_a_run_without_trouble(world):
    assert asyncio.run(world.play())
    number, head = world.head
    assert number == 3
    assert head.tobytes() == expected_head(world.devices, 3).tobytes()
    assert [row.participants for row in world.rounds] == [3, 3, 3]
    score = evaluate(world.task, head, world.task.test)
    assert world.rounds[-1].accuracy_global == score.accuracy
    assert {row.status for row in world.rows} == {"ok"}
    assert all(row.count.wire_total == row.estimate_wire == ROUND.wire_total for row in world.rows)
    assert all(not device.uncounted for device in world.devices)
    assert not any(device.released for device in world.devices)  # the last evaluation has done that
    assert not world.said(BoardTrouble)
    assert len(world.said(RoundClosed)) == 3


def test_every_byte_is_in_one_of_the_two_tables(world):
    asyncio.run(world.play())
    phases = [row.phase for row in world.sessions]
    assert {phase: phases.count(phase) for phase in phases} == {"connect": 3, "provision": 3, "evaluate": 3}
    spent = 3 * (2 + 50 + 3 * ROUND.wire_total + round_bytes(serial_profile(), D, C, train=False).wire_total)
    assert sum(row.count.wire_total for row in (*world.rows, *world.sessions)) == spent
    assert all(row.estimate_wcr == 4 * P for row in world.rows)
    assert all(row.estimate_wcr == 0 for row in world.sessions)


def test_boards_evaluate_the_head_that_they_are_given(world):
    asyncio.run(world.play())
    tested = sum(len(device.samples.test_y) for device in world.devices)
    correct = sum(len(device.samples.test_y) // 2 for device in world.devices)
    assert [row.accuracy_boards for row in world.rounds] == [correct / tested] * 3
    trained = [(n, train) for n, _, _, train in world.devices[0].rounds]
    assert trained == [(1, True), (2, True), (3, True), (3, False)]
    assert [event.accuracy_boards for event in world.said(RoundClosed)] == [None] + [correct / tested] * 2


def test_boards_get_their_own_samples_and_seeds(world):
    asyncio.run(world.play())
    counts = [len(d.samples.train_y) + len(d.samples.test_y) for d in world.devices]
    assert sum(counts) == len(world.task.federated)
    seeds = [device.rounds[0][2].seed for device in world.devices]
    assert seeds == [training_seed(world.config.seed, client) for client in range(3)]


def test_a_delta_is_on_disk_before_the_board_may_forget_it(world):
    """The next round, or the evaluation of the last head, is what lets it forget."""
    device = world.devices[0]
    original, on_disk = device.train, []

    async def train(planned):
        before = range(1, planned.number + (not planned.trains))
        on_disk.extend(device.name in {delta.board for delta in world.store.deltas(each)} for each in before)
        return await original(planned)

    device.train = train
    assert asyncio.run(world.play())
    assert on_disk == [True] * (1 + 2 + 3)


def test_a_run_that_is_stopped_lets_boards_forget(world):
    async def stop(world, coordinator):
        while len(world.said(RoundClosed)) < 1:
            await asyncio.sleep(0)
        coordinator.stop()

    assert not asyncio.run(world.play(stop))
    number, _ = world.head
    assert number < 3
    assert [device.released for device in world.devices] == [[(number, True)]] * 3
    assert [row.phase for row in world.sessions].count("release") == 3
    assert all(row.estimate_difference == 0 for row in world.sessions if row.phase == "release")


def test_only_the_drawn_boards_train(tmp_path):
    world = World(tmp_path / "run", boards=5, fraction_train=0.4, rounds=6)
    asyncio.run(world.play())
    for number in range(1, 7):
        drawn = select(world.config.seed, number, range(5), 2)
        assert [d.board for d in world.deltas[number]] == [world.devices[c].name for c in drawn]
    assert {d.rounds[-1][3] for d in world.devices} == {False}  # but all evaluate the last head


def test_min_train_nodes_wins_over_the_fraction(tmp_path):
    world = World(tmp_path / "run", boards=4, fraction_train=0.0, min_train_nodes=3)
    asyncio.run(world.play())
    assert [row.participants for row in world.rounds] == [3, 3, 3]


def test_a_dead_board_is_named_and_the_round_goes_on(world, quick):
    lost = world.devices[1]
    lost.trouble[2] = LinkError("E_NO_ANSWER", "fake:1: silence", "Reset it.")
    lost.unreachable = 0

    async def unplug(world, coordinator):
        while not lost.rounds:
            await asyncio.sleep(0)
        lost.unreachable = 10**9

    assert asyncio.run(world.play(unplug))
    (trouble,) = world.said(BoardTrouble)
    assert (trouble.board, trouble.round, trouble.code) == (lost.name, 2, "E_NO_ANSWER")
    assert [row.participants for row in world.rounds] == [3, 2, 2]
    (failed,) = [row for row in world.rows if row.status == "failed"]
    assert (failed.board, failed.round, failed.count.junk) == (lost.name, 2, 7)
    assert failed.estimate_wire == ROUND.wire_total


def test_a_board_that_comes_back_takes_part_again(tmp_path, quick):
    world = World(tmp_path / "run", rounds=6)
    lost = world.devices[1]
    lost.trouble[1] = LinkError("E_NO_ANSWER", "fake:1: silence", "Reset it.")
    hold = world.devices[0].gates

    async def hold_round_two(world, coordinator):
        hold[2] = asyncio.Event()
        lost.unreachable = 10**9  # while round 1 lasts
        while 2 not in [number for number, *_ in world.devices[0].rounds]:
            await asyncio.sleep(0)
        lost.unreachable = 0
        while len([e for e in world.said(BoardJoined) if e.board == lost.name]) < 2:
            await asyncio.sleep(0.001)
        hold[2].set()

    assert asyncio.run(world.play(hold_round_two))
    assert [row.participants for row in world.rounds] == [2, 2, 3, 3, 3, 3]
    connects = [row for row in world.sessions if row.phase == "connect" and row.board == lost.name]
    assert len(connects) == 2
    assert connects[1].round >= 1


def test_a_straggler_is_late_and_never_applied(tmp_path):
    world = World(tmp_path / "run", deadline=0.05, quorum=0.6)
    slow = world.devices[2]

    async def let_go_after_round_two(world, coordinator):
        slow.gates[1] = asyncio.Event()
        while len(world.said(RoundClosed)) < 2:
            await asyncio.sleep(0.001)
        slow.gates[1].set()

    hold = world.devices[0].gates

    async def script(world, coordinator):
        hold[3] = asyncio.Event()
        await let_go_after_round_two(world, coordinator)
        while not any(delta.board == slow.name for delta in world.store.deltas(1)):
            await asyncio.sleep(0.001)
        hold[3].set()

    assert asyncio.run(world.play(script))
    assert slow.uncounted == [3]
    late = next(delta for delta in world.deltas[1] if delta.board == slow.name)
    assert (late.status, late.applied) == ("late", False)
    assert [row.participants for row in world.rounds] == [2, 2, 2]
    assert world.head[1].tobytes() == expected_head(world.devices[:2], 3).tobytes()
    assert next(row for row in world.rows if row.board == slow.name).status == "late"
    # rounds.csv has the late row's bytes too.
    assert world.rounds[0].wire_total == 3 * ROUND.wire_total


def late_at_the_end(world):
    """Let the last board deliver for the last round while another evaluates; return it and the script that does it."""
    held, slow = world.devices[0], world.devices[2]
    evaluating, go_on, train = asyncio.Event(), asyncio.Event(), held.train

    async def hold_evaluation(planned):
        if not planned.trains:
            evaluating.set()
            await go_on.wait()
        return await train(planned)

    async def script(world, coordinator):
        slow.gates[1] = asyncio.Event()
        held.train = hold_evaluation
        await evaluating.wait()
        slow.gates[1].set()
        while not slow.owed:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        go_on.set()

    return slow, script


def test_a_board_is_released_only_once_its_delta_is_on_disk(tmp_path):
    world = World(tmp_path / "run", deadline=0.05, quorum=0.6, rounds=1)
    slow, script = late_at_the_end(world)
    said, before_release = [], []  # SQL of the store; of it, before the board was released
    train, release = slow.train, slow.release

    async def train_and_trace(planned):
        reply = await train(planned)
        world.store._db.set_trace_callback(said.append)
        return reply

    async def release_and_look(*, counted):
        before_release.extend(said)
        await release(counted=counted)

    slow.train, slow.release = train_and_trace, release_and_look
    assert asyncio.run(world.play(script))
    assert slow.released == [(1, False)]
    inserted = next(at for at, text in enumerate(before_release) if "INTO deltas" in text)
    committed = before_release.index("COMMIT", inserted)
    modes = [text for text in before_release[:committed] if text.startswith("PRAGMA synchronous")]
    assert modes[-1] == "PRAGMA synchronous = FULL"


def test_a_board_whose_delta_can_not_be_stored_keeps_it(tmp_path):
    world = World(tmp_path / "run", deadline=0.05, quorum=0.6, rounds=1)
    slow, script = late_at_the_end(world)
    end_turn = Store._end_turn

    def end_turn_without_room(store):
        if any(delta.board == slow.name for delta in store.deltas(1)):
            store._db.execute("ROLLBACK")
            store._failure = StoreError("E_DISK_FULL", "no room", "Make room.")
        end_turn(store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_end_turn", end_turn_without_room)
        with pytest.raises(StoreError, match="E_DISK_FULL"):
            asyncio.run(world.play(script))
    assert slow.owed == 1
    assert slow.released == []


def test_without_its_quorum_a_round_waits_beyond_its_deadline(tmp_path):
    world = World(tmp_path / "run", deadline=0.01, quorum=1.0, rounds=1)
    slow = world.devices[2]

    async def script(world, coordinator):
        slow.gates[1] = asyncio.Event()
        await asyncio.sleep(0.1)
        slow.gates[1].set()

    assert asyncio.run(world.play(script))
    assert world.rounds[0].participants == 3


def test_a_round_that_misses_its_quorum_stops_the_run_and_can_be_resumed(tmp_path, quick):
    world = World(tmp_path / "run", quorum=1.0)
    world.devices[0].trouble[2] = LinkError("E_NO_ANSWER", "fake:0: silence", "Reset it.")
    with pytest.raises(LinkError, match="E_QUORUM"):
        asyncio.run(world.play())
    assert world.head[0] == 1
    assert asyncio.run(world.play(resume=True))
    assert world.head[1].tobytes() == expected_head(world.devices, 3).tobytes()
    # Deltas that were on disk were not asked for again.
    assert [n for n, _, _, train in world.devices[1].rounds if train] == [1, 2, 3]
    assert [n for n, _, _, train in world.devices[0].rounds if train] == [1, 2, 2, 3]


def test_too_few_boards(tmp_path):
    world = World(tmp_path / "run", boards=2, min_train_nodes=3, deadline=0.01)
    with pytest.raises(LinkError, match="E_TOO_FEW_BOARDS"):
        asyncio.run(world.play())


def test_a_delta_that_is_not_finite_is_rejected_and_the_board_stays(world):
    world.devices[0].trouble[2] = BoardError("E_DELTA_NOT_FINITE", "NaN", "Smaller rate.")
    assert asyncio.run(world.play())
    assert [row.participants for row in world.rounds] == [3, 2, 3]
    assert [row.status for row in world.rows if row.status != "ok"] == ["rejected"]
    assert world.said(BoardTrouble)[0].code == "E_DELTA_NOT_FINITE"


def test_a_head_that_overflows_ends_the_run(world):
    for device in world.devices:
        device.delta = lambda _: np.full(P, 3e38, np.float32)
    with pytest.raises(BytefedError, match="E_HEAD_NOT_FINITE"):
        asyncio.run(world.play())
    assert world.head[0] == 0
    assert len(world.deltas[1]) == 3


def test_a_full_disk_ends_the_run_and_no_board_is_told_to_forget(world):
    device = world.devices[0]

    async def fill(world, coordinator):
        while not hasattr(world, "store"):
            await asyncio.sleep(0)
        db = world.store._db
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")

    device.delta = lambda _: np.zeros(100_000, np.float32)
    with pytest.raises(StoreError, match="E_DISK_FULL"):
        asyncio.run(world.play(fill))
    assert device.owed == 1
    assert device.released == []


def test_what_ends_a_run_for_several_boards_at_once_is_said_once(tmp_path, caplog):
    world = World(tmp_path / "run", boards=3)
    for device in world.devices:
        device.trouble[1] = StoreError("E_DISK_FULL", "No space left.", "Free some space.")
    with pytest.raises(StoreError, match="E_DISK_FULL"):
        asyncio.run(world.play())
    gc.collect()
    assert [record.message for record in caplog.records] == []  # no "exception was never retrieved"


def test_stopped_after_a_round_and_resumed(tmp_path):
    world = World(tmp_path / "run", rounds=5)

    async def press(world, coordinator):
        while not world.said(RoundClosed):
            await asyncio.sleep(0)
        coordinator.stop()
        coordinator.stop()

    assert not asyncio.run(world.play(press))
    stopped_after = world.head[0]
    assert 1 <= stopped_after < 5
    assert len(world.said(Stopping)) == 1
    assert asyncio.run(world.play(resume=True))
    assert world.head[1].tobytes() == expected_head(world.devices, 5).tobytes()


def test_resuming_a_run_that_is_complete_changes_nothing(world):
    assert asyncio.run(world.play())
    rows, head = world.rows, world.head
    assert asyncio.run(world.play(resume=True))
    assert world.rows == rows
    assert world.head[1].tobytes() == head[1].tobytes()
    assert sum(row.phase == "evaluate" for row in world.sessions) == 3


def test_a_resumed_run_goes_on_without_boards_that_are_away(world, quick):
    world.config = RunConfig(rounds=1, partition="iid")
    assert asyncio.run(world.play())
    world.config = RunConfig(rounds=3, partition="iid")
    world.devices[2].unreachable = 10**9
    stranger = FakeDevice(9)
    assert asyncio.run(world.play(resume=True, devices=[*world.devices, stranger]))
    troubles = {event.code: event.board for event in world.said(BoardTrouble)}
    assert troubles["E_PORT_NOT_FOUND"] == world.devices[2].name
    assert troubles["E_BOARD_UNKNOWN"] == stranger.name
    assert [row.participants for row in world.rounds] == [3, 2, 2]


def test_boards_hear_when_their_last_delta_did_not_count(tmp_path):
    world = World(tmp_path / "run", rounds=6)
    for number in (2, 3):
        world.devices[0].trouble[number] = BoardError("E_DELTA_NOT_FINITE", "NaN", "Smaller rate.")
    assert asyncio.run(world.play())
    assert [device.uncounted for device in world.devices] == [[3, 4], [], []]


def test_a_board_that_never_heard_of_a_round_keeps_what_counted(tmp_path, quick):
    world = World(tmp_path / "run", rounds=6)
    board = world.devices[0]
    board.trouble[2] = LinkError("E_NO_ANSWER", "nothing came", "Wait.")
    board.holds = lambda samples: board.connections > 1
    assert asyncio.run(world.play())
    participants = [row.participants for row in world.rounds]
    assert participants[:2] == [3, 2] and participants[-1] == 3  # away in round 2, back in a later one
    assert [device.uncounted for device in world.devices] == [[], [], []]


def test_a_coordinator_that_comes_after_knows_whose_delta_did_not_count(tmp_path, quick):
    world = World(tmp_path / "run", rounds=1)
    world.devices[0].trouble[1] = BoardError("E_DELTA_NOT_FINITE", "NaN", "Smaller rate.")
    assert asyncio.run(world.play())
    world.config = RunConfig(rounds=3, partition="iid")
    assert asyncio.run(world.play(resume=True))
    assert [device.uncounted for device in world.devices] == [[1, 2], [], []]  # 1: the evaluation after it


@pytest.mark.parametrize("lossy", [False, True])
def test_what_a_lossy_downlink_left_on_a_board_is_remembered(tmp_path, monkeypatch, lossy):
    world = World(tmp_path / "run")
    monkeypatch.setattr("bytefed.federation.coordinator.codec.find", lambda _: SimpleNamespace(lossy=lossy))
    assert asyncio.run(world.play())
    assert asyncio.run(world.play(resume=True))
    for device in world.devices:
        assert (device.held is not None) == lossy
        if lossy:
            assert (device.held == world.head[1]).all()


def test_a_round_says_how_good_the_heads_are_that_the_boards_hold(tmp_path):
    """A board that is not reached holds on to what it has: zeros before the first round."""
    world = World(tmp_path / "run", rounds=2)
    for number in (1, 2):
        world.devices[0].trouble[number] = BoardError("E_DELTA_NOT_FINITE", "NaN", "Smaller rate.")
    assert asyncio.run(world.play())
    rows, task = world.rounds, world.task
    zeros = evaluate(task, np.zeros_like(world.head[1]), task.test).accuracy
    assert rows[0].accuracy_held == zeros
    assert rows[1].accuracy_held == pytest.approx((zeros + 2 * rows[0].accuracy_global) / 3)


def refuse(world, code):
    with pytest.raises(BytefedError, match=code) as caught:
        asyncio.run(world.play())
    assert not world.directory.exists()
    assert not any(hasattr(device, "samples") for device in world.devices)
    return caught.value


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("board", Board(0xA1, Capability.INEXACT, D, C, 0), "E_BOARD_INEXACT"),
        ("board", Board(0xA1, 0, D + 1, C, 0), "E_BOARD_SHAPE"),
        ("board", Board(0xA1, 0, D, C + 1, 0), "E_BOARD_SHAPE"),
        ("stored", stored(max_batch=4), "E_BOARD_BATCH"),
        ("uid", 0xA0, "E_BOARD_TWICE"),
        ("unreachable", 1, "E_PORT_NOT_FOUND"),
        ("stored", stored(capacity=5), "E_BOARD_CAPACITY"),
    ],
)
def test_a_run_does_not_begin_with_a_board_that_does_not_fit(world, field, value, code):
    setattr(world.devices[1], field, value)
    error = refuse(world, code)
    assert error.remedy
    assert "fake:1" in error.message


def test_another_extractor_than_the_runs_is_refused():
    device = FakeDevice(0)
    device.board = Board(device.uid, 1, D, C, 0xBAD)
    with pytest.raises(BoardError, match="E_BOARD_MODEL"):
        Requirements(D, C, 0x600D, 1).check(device)
    Requirements(D, C, 0xBAD, 1).check(device)
    Requirements(D, C, 0, 1).check(device)  # features came ready: whatever it holds is not used
    device.board = Board(device.uid, 0, D, C, 0)
    Requirements(D, C, 0x600D, 1).check(device)  # it has none and gets ready features


@pytest.mark.parametrize(("model", "kind"), [(0x600D, "inputs"), (0, "features")])
def test_boards_with_the_extractor_get_inputs_and_others_features(model, kind):
    task = make_task()
    inputs = np.zeros((len(task.federated), 4, 4, 1), np.int8)
    task = Task(**vars(task) | {"inputs": inputs, "model_hash": 0x600D})
    device = SimpleNamespace(
        board=Board(1, int(bool(model)), D, C, model), stored=stored(), name="x", uri="fake:x"
    )
    samples = Assignment(task, divide(task, "iid", 4)).samples(0, device)
    assert samples.kind == kind
    assert samples.train_x.shape[1:] == ((4, 4, 1) if kind == "inputs" else (D,))
