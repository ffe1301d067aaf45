"""The front door: what `import bytefed` gives a program (docs/scripting.md says what is stable).

Each function imports what it needs only when it is called, so that importing bytefed takes almost no time. Options
are the keys of ``RunConfig``, which are also the long options of the command line and the keys of its TOML files.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytefed.errors import ConfigError
from bytefed.events import Event, Listener, RunStarted, logged
from bytefed.result import RunResult, load_run
from bytefed.waiting import finish, in_a_loop, in_a_thread

if TYPE_CHECKING:
    from bytefed.data import Task
    from bytefed.device.device import Device
    from bytefed.federation.config import RunConfig
    from bytefed.ledger.planned_run import Prediction
    from bytefed.simulation.sweep_run import SweepProgress, SweepTable
    from bytefed.strategies.base import Strategy

    PathLike = str | os.PathLike[str]


def run(
    config: RunConfig | PathLike | None = None,
    *,
    directory: PathLike | None = None,
    strategy: Strategy | str | None = None,
    progress: Listener | None = None,
    **keys: Any,
) -> RunResult:
    """Train boards over rounds, and count every byte: `bytefed run` for programs.

    Ctrl-C ends it after the round under way; the result then says ``complete`` False, and ``resume`` goes on. It may
    be called where an event loop is running already, as in a notebook: it then works in a thread of its own, and
    Ctrl-C ends it at once with a KeyboardInterrupt; ``resume`` goes on from there as well.

    Args:
        config: A configuration, or the path of a TOML file with one; None for the defaults.
        directory: Run directory, which must not hold a run yet; None for a new one under runs/.
        strategy: A name, or an object with the method ``aggregate`` (see ``Strategy``); None for the configuration's.
        progress: Called with each event, such as ``RoundClosed``; `print` will do. None for
            silence; the log `bytefed.events` has them in any case.
        **keys: Keys of ``RunConfig``; they win over `config`.

    Returns:
        The run's tables, head and summary.

    Raises:
        BytefedError: The run can't begin or go on; the error has a code and a remedy.
    """
    return finish(run_async(config, directory=directory, strategy=strategy, progress=progress, **keys))


async def run_async(
    config: RunConfig | PathLike | None = None,
    *,
    directory: PathLike | None = None,
    strategy: Strategy | str | None = None,
    progress: Listener | None = None,
    **keys: Any,
) -> RunResult:
    """Do the same as ``run`` in the running event loop; after a cancellation ``resume`` can go on with the run."""
    from bytefed.federation.experiment import begin

    resolved, own = _configured(config, strategy, keys)
    ear = _Ear(progress)
    await begin(resolved, _path(directory), ear, own)
    return load_run(ear.directory)


def resume(
    directory: PathLike,
    *,
    strategy: Strategy | None = None,
    progress: Listener | None = None,
    **keys: Any,
) -> RunResult:
    """Go on with a run that was interrupted, or add rounds to one that is complete.

    Args:
        directory: The run directory.
        strategy: The strategy that the run began with, if that was an object.
        progress: As for ``run``.
        **keys: Keys to change, such as ``rounds``.

    Raises:
        ConfigError: E_CONFIG_RESUME for a key that can't change within a run.
        BytefedError: The run can't go on for another reason.
    """
    return finish(resume_async(directory, strategy=strategy, progress=progress, **keys))


async def resume_async(
    directory: PathLike,
    *,
    strategy: Strategy | None = None,
    progress: Listener | None = None,
    **keys: Any,
) -> RunResult:
    """Do the same as ``resume`` in the running event loop."""
    from bytefed.federation.config import checked_keys
    from bytefed.federation.experiment import resume as resumed

    options = checked_keys(_plain(keys), "The call")
    await resumed(Path(directory), options, logged(progress or _silent), strategy)
    return load_run(directory)


def simulate(
    config: RunConfig | PathLike | None = None,
    *,
    clients: int | None = None,
    links: Sequence[str] = ("serial",),
    dropout: float = 0.0,
    check: int = 0,
    threads: int = 0,
    rows: int = 100_000,
    directory: PathLike | None = None,
    strategy: Strategy | str | None = None,
    progress: Listener | None = None,
    **keys: Any,
) -> RunResult:
    """Simulate very many clients without boards, with the same bits and bytes: `bytefed simulate` for programs.

    Args:
        config: As for ``run``; its boards, deadline and faults have no effect here.
        clients: Number of clients, 1 to 10^7; None for 100, or fewer where the data have less than 40 samples for each
            or name their owners.
        links: "serial", "ble" or "ble:MTU", each followed by "=SHARE" if the shares differ.
        dropout: Probability that a client is lost in a round after it took the head, 0 to 1.
        check: Number of clients that also train as virtual boards, to compare weights and bytes.
        threads: Number of threads to train with; 0 for one on each processor.
        rows: The most rows that bytes.csv has with one for each client; if there would be more, it has sums.
        directory: As for ``run``.
        strategy: As for ``run``.
        progress: As for ``run``.
        **keys: Keys of ``RunConfig``; they win over `config`.

    Raises:
        BytefedError: The simulation can't begin or go on; E_CHECK if a board differs from it.
    """
    from bytefed.simulation.links import parse_links
    from bytefed.simulation.run import Environment, Simulation, load_clients

    resolved, own = _configured(config, strategy, {"central": False, **keys})
    environment = Environment(parse_links(links, sealed=not resolved.open), dropout, check, threads, rows)
    resolved.with_strategy(own)  # one that can't be is refused before data are loaded
    assignment = load_clients(resolved, clients)
    listener = logged(progress or _silent)
    simulation = Simulation(resolved, environment, assignment, _path(directory), listener, own)

    if check and in_a_loop():  # the virtual boards that it checks need a loop of their own
        in_a_thread(simulation.run, simulation.stop)
    else:
        simulation.run()
    return load_run(simulation.directory)


def sweep(
    *,
    data: Sequence[str] = ("digits",),
    alpha: Sequence[float] = (0.5,),
    codec: Sequence[str] = (),
    local_epochs: Sequence[int] = (0,),
    fraction_train: Sequence[float] = (1.0,),
    learning_rate: Sequence[float] = (0.0,),
    batch_size: Sequence[int] = (8,),
    strategy: Sequence[str] = ("fedavg",),
    first_round: Sequence[str] = ("usual",),
    seeds: Iterable[int] = range(1, 6),
    clients: int | None = None,
    link: str = "ble",
    mtu: int = 247,
    directory: PathLike = "sweep",
    data_dir: PathLike | None = None,
    references: bool = False,
    air_table: PathLike | None = None,
    progress: SweepProgress | None = None,
    **keys: Any,
) -> SweepTable:
    """Compare codecs, local epochs, participation and strategies over seeds: `bytefed sweep` for programs.

    Args:
        data: Tasks by name. This keyword and all up to `first_round` are the axes of the grid.
        alpha: Dirichlet concentrations of the partition.
        codec: Codecs, NAME or DOWNLINK/UPLINK; () for all (that can be summed). float32 is always among them.
        local_epochs: Passes over a board's own samples in a round; 0 for those by rule.
        fraction_train: Fractions of the boards that train in a round.
        learning_rate: Step sizes; 0 for the rate by rule.
        batch_size: Samples in a step.
        strategy: Strategies by name.
        first_round: Kinds of first rounds; "usual" is always among them.
        seeds: Seeds with which each cell of the grid is tried.
        clients: Number of boards; None for 10, or with `partition="natural"` for as many as a task's data have owners.
        link: "ble" or "serial": the link whose bytes count.
        mtu: ATT MTU of a BLE link, 23 to 517.
        directory: Folder for the trials and the table; a sweep that was stopped goes on there.
        data_dir: Folder with the raw data of tasks that bytefed doesn't ship.
        references: Whether to compare with float32 at its best and on plain features, too.
        air_table: TOML file of radio and currents; None for an nRF52840's.
        progress: Called before each trial with its setting, the number of trials done, and the number of all trials.
        **keys: Keys of ``RunConfig`` that the grid does not vary; `rounds` is 100 unless given.

    Raises:
        ConfigError, DataError, ModelError: A cell of the grid can't be tried; E_CONFIG_AIR for a bad table.
    """
    from bytefed.simulation.sweep_run import plan_sweep, run_sweep

    axes = {
        "data": [*map(os.fspath, data)], "alpha": alpha, "codec": codec, "batch_size": batch_size, "strategy": strategy,
        "local_epochs": local_epochs, "learning_rate": learning_rate, "fraction_train": fraction_train,
    }  # fmt: skip
    plan = plan_sweep(
        axes | {"first_round": first_round}, _swept(keys), seeds=list(seeds), clients=clients, link=link, mtu=mtu,
        references=references, directory=Path(directory), data_dir=_path(data_dir), air_table=_path(air_table),
    )  # fmt: skip
    return run_sweep(plan, progress or (lambda *_: None))


def estimate(
    *,
    features: int = 64,
    classes: int = 10,
    clients: int = 8,
    rounds: int = 20,
    codec: str = "float32",
    link: str = "serial",
    mtu: int = 247,
    open: bool = False,  # noqa: A002 (the option's name)
    fraction_train: float = 1.0,
    min_train_nodes: int = 1,
    learning_rate_rounds: int | None = None,
    statistics_rounds: int = 10,
    seed: int = 42,
    from_head: bool = False,
    dp: str = "",
    secure_sum: bool = False,
    first_round: str = "usual",
) -> Prediction:
    """Predict every byte of a run on a link that loses nothing: exactly what ``run`` counts, not approximately.

    Args:
        features: D of the head, 1 to 4096.
        classes: C of the head, 2 to 64.
        clients: Number of boards, 1 to 10^7.
        rounds: Number of rounds, 1 to 65,535.
        codec: NAME or DOWNLINK/UPLINK, with names of ``CODECS``.
        link: "serial" or "ble".
        mtu: ATT MTU of a BLE link, 23 to 517; 65 at least where it is sealed.
        open: Whether boards have no keys, and their links are OPEN to strangers.
        fraction_train: Fraction of the boards that train in a round, 0 to 1.
        min_train_nodes: The least number of boards that train in a round.
        learning_rate_rounds: Rounds between two steps of the learning rate; 0 if it never changes, None by rule.
        statistics_rounds: Each round with a multiple of this number brings the boards' statistics; 0 for none.
        seed: Seed of the selection.
        from_head: Whether the run begins with a head of its own (``head``), which the first round has to bring.
        dp: "sample" or, with secure_sum, "board" where boards train with noise: one learning rate, no statistics.
        secure_sum: Whether boards hide their deltas: masks are set up and taken off, and no evaluation ends the run.
        first_round: "class_means" where the first round brings these, and boards get another CONFIG after it.

    Returns:
        Bytes by cause, without samples: board_round, rounds, connect, masks, unmask, release, evaluate, total.

    Raises:
        ConfigError: E_CONFIG_RANGE, _CODEC, _CHOICE, _FIRST_ROUND, _PRIVACY or _SECURE_SUM, or E_MTU_SMALL.
    """
    from bytefed.codec import pair
    from bytefed.ledger.estimate import RANGES, check_ranges, link_profile, predict
    from bytefed.ledger.planned_run import PlannedRun

    planned = PlannedRun(
        features=features, classes=classes, codecs=pair(codec), clients=clients, rounds=rounds, seed=seed, dp=dp,
        fraction_train=fraction_train, min_train_nodes=min_train_nodes, statistics_rounds=statistics_rounds,
        learning_rate_rounds=learning_rate_rounds, from_head=from_head, secure_sum=secure_sum,
        first_round=first_round,
    )  # fmt: skip
    check_ranges({"mtu": mtu, **{name: value for name, value in vars(planned).items() if name in RANGES}})
    return predict(link_profile(link, mtu, sealed=not open), planned)


def blob_size(codec: str, features: int, classes: int) -> int:
    """Return the size of one encoded head or update in bytes.

    Args:
        codec: A name of ``CODECS``.
        features: D of the head, 1 to 4096.
        classes: C of the head, 2 to 64.

    Raises:
        ConfigError: E_CONFIG_CODEC or E_CONFIG_RANGE.
    """
    from bytefed.codec import pair
    from bytefed.ledger import wire_size
    from bytefed.ledger.estimate import check_ranges

    check_ranges({"features": features, "classes": classes})
    return wire_size.blob_size(pair(codec)[1], features, classes)


def load_task(
    name: PathLike, data_dir: PathLike | None = None, *, window: int = 0, hop: int = 0, model: str = ""
) -> Task:
    """Load a task: features, labels and the global test set.

    Args:
        name: A task by name ("digits", "gesture", "motion", ...), a model of your own that knows its recordings, an
            .npz file, or a folder of recordings.
        data_dir: Folder with the raw data of tasks that bytefed doesn't ship.
        window: Number of readings in the windows that are cut from a folder's recordings, as with `--window`.
        hop: Number of readings from one window to the next, as with `--hop`; both 0 to cut nothing.
        model: Name of the extractor of a folder that has none, as with `--model`.

    Raises:
        DataError: E_DATA_UNKNOWN for a name that is none of these, or an error in the data.
        ModelError: The task's extractor can't be used.
        ConfigError: E_CONFIG_EXTRA if a package is missing; E_CONFIG_WINDOW for a cut that doesn't fit the data.
    """
    from bytefed.data import Cut
    from bytefed.data import load_task as load

    return load(os.fspath(name), _path(data_dir), Cut(window, hop), model)


@asynccontextmanager
async def open_boards(
    *uris: str,
    model: str = "digits",
    shape: tuple[int, int] | None = None,
    faults: str = "",
    open: bool = False,  # noqa: A002 (the option's name)
) -> AsyncIterator[list[Device]]:
    """Open boards, not connected yet; leaving the block closes them, and stops virtual ones.

    Args:
        *uris: URIs that `--boards` takes: "virtual:2", "serial:auto", "ble:auto", ...
        model: The extractor that virtual boards run.
        shape: D and C of virtual boards that take ready features instead of running an extractor.
        faults: Faults to put on every link, as `--faults` takes them.
        open: Whether virtual boards have no keys, and their links are OPEN to strangers.

    Raises:
        ConfigError: E_CONFIG_BOARDS for an unknown URI, E_CONFIG_FAULTS for unknown faults.
        LinkError: E_NO_BOARDS if `auto` finds none, E_VIRTUAL if virtual boards don't start.
    """
    from bytefed.boards.open import VirtualOptions, open_devices
    from bytefed.boards.virtual import BoardKind
    from bytefed.extractor.manifest import Manifest, model_folder

    if shape is None:
        manifest = Manifest.load(model_folder(model))
        kind = BoardKind(manifest.D, manifest.C, model)
    else:
        kind = BoardKind(*shape)
    async with open_devices(uris, VirtualOptions(kind, sealed=not open), faults) as devices:
        yield devices


def _swept(keys: Mapping[str, Any]) -> RunConfig:
    """Return all that a sweep's grid does not vary; the keys of a budget are refused."""
    from bytefed.federation.config import RunConfig, checked_keys, chosen

    config = RunConfig(**chosen(checked_keys({"rounds": 100, **_plain(keys)}, "The call")))
    if config.limit is not None:
        raise ConfigError(
            "E_CONFIG_BUDGET",
            f"{config.limit.option} is no key of a sweep: it runs all cells for the same rounds.",
            "Leave it out; benchmarks/budget_regret.py compares cells at budgets.",
        )
    return config


def _silent(_event: Event) -> None:
    """Show nothing."""


class _Ear:
    """A listener that passes events on and remembers the run's directory."""

    def __init__(self, progress: Listener | None) -> None:
        self.directory = Path()
        self._progress = logged(progress or _silent)

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.directory = Path(event.directory)
        self._progress(event)


def _configured(
    config: RunConfig | PathLike | None, strategy: Strategy | str | None, keys: Mapping[str, Any]
) -> tuple[RunConfig, Strategy | None]:
    """Return the configuration, and the strategy if it is an object."""
    from bytefed.federation.config import RunConfig, checked_keys
    from bytefed.federation.config import chosen as by_rule
    from bytefed.ledger.budget import KEYS as BUDGETS

    named = {"strategy": strategy} if isinstance(strategy, str) else {}
    given = checked_keys({**_plain(keys), **named}, "The call")
    own = None if isinstance(strategy, str) else strategy
    if isinstance(config, RunConfig):
        # These plan whatever is left at its default.
        if any(given.get(name) for name in (*BUDGETS, "dp", "secure_sum")):
            usual = RunConfig()
            chosen = {name: value for name, value in vars(config).items() if value != getattr(usual, name)}
            return RunConfig(**by_rule({**chosen, **given})), own
        return replace(config, **given), own
    return RunConfig.resolve(_path(config), given), own


def _plain(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys in the form of a TOML file: paths become text, numpy's numbers Python's, sequences lists."""
    return {name: _plain_value(value) for name, value in keys.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else value


def _path(value: PathLike | None) -> Path | None:
    return None if value is None else Path(value)
