"""The configuration of a run: one flat table of keys, each of them also an option of `bytefed run`.

A key's value comes from the command line, else from the TOML file, else from the default below. The resolved
table is kept with the run, so that a run can be repeated and resumed without remembering how it was started.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar, cast

from bytefed.boards.registry import FORMS
from bytefed.codec import pair
from bytefed.errors import ConfigError, did_you_mean, meant, number_text
from bytefed.federation import class_means, private, summed
from bytefed.ledger import rates
from bytefed.ledger.budget import KEYS as BUDGETS
from bytefed.ledger.budget import RULE, Budget
from bytefed.ledger.planned_run import FIRST_ROUNDS, STATISTICS_ROUNDS
from bytefed.strategies.base import Strategy
from bytefed.strategies.registry import STRATEGIES, canonical, fresh, hyperparameters, make, name_of
from bytefed.toml_file import parse_toml, read_toml

MAX_ROUNDS = 65_535
MAX_SEED = 2**32 - 1
_MOST_SHOWN = 60  # characters of a text that comes from the user


@dataclass(frozen=True)
class Key:
    """The description of one key: its type, range and help.

    Attributes:
        kind: bool, int, float or str: the type of the value, or of each element if ``many``.
        help: One line for `--help`.
        low, high: Least and greatest value of a number, both allowed.
        choices: The only strings allowed; empty if any string is.
        many: Whether the value is a list of strings.
        metavar: Name of the value in `--help`.
        resumable: Whether `--resume` may change the key; a key that decides what is learnt from which samples may not.
    """

    kind: type
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    many: bool = False
    metavar: str | None = None
    resumable: bool = False


def _key(default: Any, kind: type, help: str, **rest: Any) -> Any:  # noqa: A002 (argparse's own word)
    return field(default=default, metadata={"key": Key(kind, help, **rest)})


_NONE: Mapping[str, Any] = MappingProxyType({})


_NOISE_HELP = (
    "boards train with noise. sample: from its board's budget on, each sample's influence on everything that "
    "leaves the board is bounded by --epsilon and --delta, whoever listens, if its source of randomness and its "
    "firmware are honest; not a person with many samples. board: the influence of all that a board has learnt is "
    "bounded so, on sums alone, from 64 boards on, with --secure-sum and a coordinator that keeps to its rules. "
    "Needs --epsilon and --delta (docs/privacy.md)"
)


_SUMS_HELP = (
    "boards hide deltas and statistics under masks: whoever reads the run's directory, or looks into a coordinator "
    "that keeps to the rules, learns their sum alone; no privacy against a coordinator that cheats, and no "
    "robustness against boards (docs/secure_sum.md)"
)

_FIRST_ROUND_HELP = (
    "class_means: round 1 makes a head of the class means of all boards (FedNCM), and each board gets one more CONFIG, "
    "16 B on an open BLE link; pays with many boards and whitened features: 1.1 to 1.5 times fewer bytes at 100, "
    "and little at 10 (docs/codecs.md)"
)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The resolved configuration of a run; every field is a key of the TOML file and an option."""

    boards: tuple[str, ...] = _key(
        ("virtual:8",),
        str,
        f"boards by URI, also mixed: {', '.join(FORMS)}, and those of installed packages",
        many=True,
        metavar="URI",
        resumable=True,
    )
    rounds: int = _key(
        20, int, "rounds to run; with a budget as many as that pays, if not given", low=1, high=MAX_ROUNDS,
        resumable=True,
    )  # fmt: skip
    budget: str = _key(
        "",
        str,
        "bytes on the wire that each board may spend: 50kB, 16KiB; codec, epochs, boards a round and rounds are "
        "planned, but for those that you give (docs/budget.md)",
        metavar="BYTES",
    )
    budget_air: str = _key(
        "", str, "the same as time in the air of each BLE board: 10s, 500ms", metavar="SECONDS"
    )
    budget_energy: str = _key(
        "", str, "the same as energy of each BLE board, by the table of currents: 5mJ", metavar="ENERGY"
    )
    data: str = _key("digits", str, "task, own model, FILE.npz, folder or boards (docs/your-data.md)")
    overwrite: bool = _key(False, bool, "replace what a board took from its sensor", resumable=True)
    model: str = _key("", str, "extractor of a folder by its name (`bytefed model list`)", metavar="NAME")
    data_dir: str = _key(
        "", str, "folder with data sets; it goes before those that aeon ships", metavar="DIR", resumable=True
    )
    partition: str = _key(
        "dirichlet",
        str,
        "how samples are divided among boards",
        choices=("dirichlet", "iid", "shards", "natural"),
    )
    window: int = _key(
        0, int, "readings in a window, to cut a folder's recordings; 0 for the extractor's", low=0,
        high=1 << 20, metavar="N",
    )  # fmt: skip
    hop: int = _key(
        0, int, "readings from one window to the next; 0 for a window's length", low=0, high=1 << 20,
        metavar="N",
    )  # fmt: skip
    samples: int = _key(
        0, int, "most samples that a board gets; 0 for all", low=0, high=2**31 - 1, metavar="N"
    )
    local_test: float = _key(
        0.25, float, "fraction of a board's samples that it tests on, where the data don't say which", low=0.0,
        high=0.9, metavar="FRACTION",
    )  # fmt: skip
    alpha: float = _key(0.5, float, "Dirichlet concentration; small is uneven", low=1e-3, high=1e6)
    shards: int = _key(2, int, "shards per board, for --partition shards", low=1, high=64)
    head: str = _key(
        "",
        str,
        "head to begin with, instead of zeros: a .npz of `bytefed export`, or a simulation's head.npy",
        metavar="FILE",
    )
    seed: int = _key(42, int, "seed of partition, selection and local shuffling", low=0, high=MAX_SEED)
    codec: str = _key("float32", str, "codec of the updates: NAME, or DOWNLINK/UPLINK")
    first_round: str = _key("usual", str, _FIRST_ROUND_HELP, choices=FIRST_ROUNDS)
    strategy: str = _key(
        "fedavg",
        str,
        f"how deltas become a new global head: {', '.join(STRATEGIES)}, or a class of your own as module:Class",
        metavar="NAME",
    )
    beta: float = _key(
        0.2, float, "fraction left out at each end by fedtrimmedavg", low=0.0, high=0.499, metavar="FRACTION"
    )
    num_malicious_nodes: int = _key(0, int, "bad boards that (multi)krum allows for", low=0, high=MAX_ROUNDS)
    num_nodes_to_select: int = _key(1, int, "updates that multikrum keeps", low=1, high=MAX_ROUNDS)
    server_learning_rate: float = _key(1.0, float, "step size of fedavgm", low=1e-6, high=1e3)
    server_momentum: float = _key(0.0, float, "momentum of fedavgm", low=0.0, high=0.999)
    eta: float = _key(
        0.0,
        float,
        "server learning rate of fedadam and fedyogi; 0 for their own, 0.1 and 0.01",
        low=0.0,
        high=1e3,
    )
    beta_1: float = _key(0.9, float, "decay of the first moment of fedadam and fedyogi", low=0.0, high=0.9999)
    beta_2: float = _key(
        0.99, float, "decay of the second moment of fedadam and fedyogi", low=0.0, high=0.9999
    )
    tau: float = _key(1e-3, float, "adaptivity of fedadam and fedyogi", low=1e-12, high=1e3)
    proximal_mu: float = _key(0.0, float, "weight of the proximal term of fedprox", low=0.0, high=1e3)
    norm_bound: float = _key(
        3.0, float,
        "farthest that a board can pull the head (num_examples times norm of the delta), and most that its "
        "num_examples can count, both in medians of the round; 0 for no bound",
        low=0.0, high=1e6, metavar="FACTOR",
    )  # fmt: skip
    local_epochs: int = _key(0, int, rates.EPOCHS_HELP, low=0, high=255)
    batch_size: int = _key(8, int, "samples a step", low=1, high=255)
    learning_rate: float = _key(0.0, float, rates.HELP, low=0.0, high=1e3)
    learning_rate_decay: float = _key(
        1.0, float, "factor on the step size after each learning_rate_rounds rounds", low=0.0, high=1.0
    )
    learning_rate_rounds: int = _key(
        10, int, "rounds between two steps of learning_rate_decay", low=1, high=MAX_ROUNDS
    )
    statistics_rounds: int = _key(
        STATISTICS_ROUNDS,
        int,
        "boards tell their loss and accuracies in each round with a multiple of this number, and after the last;"
        " 0: only then",
        low=0,
        high=MAX_ROUNDS,
    )
    personal: bool = _key(
        False,
        bool,
        "boards also judge their personal heads: the global head, trained further on each board's own samples",
    )
    dp: str = _key("", str, _NOISE_HELP, choices=("", "sample", "board"))
    epsilon: float = _key(
        0.0, float, "most that all rounds may tell of a sample or a board, with --dp; nothing is claimed above 10",
        low=0.0, high=10.0,
    )  # fmt: skip
    delta: float = _key(
        0.0, float, "probability with which --epsilon need not hold, such as 1e-5", low=0.0, high=0.1
    )
    clip: float = _key(
        1.0, float, "largest norm of one sample's gradient, or a board's delta, with --dp; longer ones are shortened",
        low=2.0**-20, high=2.0**20, metavar="NORM",
    )  # fmt: skip
    secure_sum: bool = _key(False, bool, _SUMS_HELP)
    fraction_train: float = _key(
        1.0, float, "fraction of the boards that train in a round", low=0.0, high=1.0
    )
    min_train_nodes: int = _key(1, int, "at least so many boards train in a round", low=1, high=MAX_ROUNDS)
    quorum: float = _key(
        0.5, float, "fraction of a round's boards that must deliver for the round to count", low=0.0, high=1.0,
        resumable=True,
    )  # fmt: skip
    deadline: float = _key(
        60.0, float, "seconds after which a round that has its quorum stops waiting for stragglers", low=0.0,
        high=86_400.0, metavar="SECONDS", resumable=True,
    )  # fmt: skip
    line_rate: int = _key(
        0, int, "bits a second that virtual boards are slowed down to; 0 for as fast as they can", low=0,
        high=2**31, metavar="BAUD", resumable=True,
    )  # fmt: skip
    faults: str = _key(
        "",
        str,
        "faults put on every link, by a seed, to try one's settings: drop=0.01,corrupt=0.001,seed=7",
        metavar="FAULTS",
        resumable=True,
    )
    air_table: str = _key(
        "",
        str,
        "TOML file that says how BLE links and boards are set up, for air_bytes, air_seconds, energy_mj",
        metavar="FILE",
        resumable=True,
    )
    open: bool = _key(
        False, bool, "start virtual boards without keys and leave their links OPEN to strangers, to measure that"
    )  # fmt: skip
    central: bool = _key(
        True,
        bool,
        "also train one head on all samples, to compare with; with --dp only where it is asked for",
    )

    def __post_init__(self) -> None:
        budget = self.limit
        for name, key in KEYS.items():
            if not (name == "rounds" and self.rounds == 0 and budget):  # as many as it pays
                _check(name, key, getattr(self, name))
        object.__setattr__(self, "strategy", canonical(self.strategy))
        private.check(self)
        summed.check(self)
        class_means.check(self)
        pair(self.codec)
        if not self.boards:
            raise ConfigError("E_CONFIG_BOARDS", "No boards are named.", "Give --boards, such as virtual:8.")

    @classmethod
    def resolve(cls, path: Path | None, options: Mapping[str, Any], below: Mapping[str, Any] = _NONE) -> Self:
        """Make a configuration: options win over the file's keys, those over preferences, those over the defaults.

        Args:
            path: The TOML file; None if there is none.
            options: Key to value, for the options on the command line.
            below: Key to value, for what the user prefers on this computer.

        Raises:
            ConfigError: E_CONFIG_FILE, E_CONFIG_KEY, E_CONFIG_TYPE, E_CONFIG_RANGE or E_CONFIG_CHOICE.
        """
        given = _read(path) if path else {}
        made = cls(**chosen({**below, **given, **options}))
        private.refuse_idle_keys(made)
        return made

    @classmethod
    def from_toml(cls, text: str, source: str) -> Self:
        """Read a text that ``to_toml`` wrote."""
        return cls(**_parse(text, source))

    def to_toml(self) -> str:
        """Return the whole table as the text of a TOML file that ``--config`` takes."""
        return "".join(f"{name} = {_toml(getattr(self, name))}\n" for name in KEYS)

    def resumed(self, options: Mapping[str, Any]) -> Self:
        """Return the configuration of a resumed run, with changes to keys that may change within a run.

        Raises:
            ConfigError: E_CONFIG_RESUME for a key that decides what is learnt from which samples.
        """
        _refuse_changes(self, options)
        private.check_resumed(self, options)
        return replace(self, **options)

    def with_strategy(self, given: Strategy | None) -> tuple[Self, Strategy]:
        """Return the configuration that names the strategy of a run and its rates, and the strategy, newly made.

        Args:
            given: A strategy in place of the one that the keys name; None for that one.

        Raises:
            ConfigError: As ``registry.make`` and ``registry.fresh`` raise it; E_CONFIG_RANGE for a
                hyperparameter out of range.
        """
        if given is None:
            return with_rates(self), make(self.strategy, vars(self))
        strategy = fresh(given)
        return with_rates(replace(self, strategy=name_of(strategy), **hyperparameters(strategy))), strategy

    @property
    def limit(self) -> Budget | None:
        """The budget of each board; None for a run without a budget."""
        return Budget.of({name: getattr(self, name) for name in BUDGETS})

    @property
    def codecs(self) -> tuple[str, str]:
        """Names of the codecs of the downlink and of the uplink."""
        return pair(self.codec)


KEYS: dict[str, Key] = {f.name: cast(Key, f.metadata["key"]) for f in fields(RunConfig)}


def budgeted(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that were given, and where a budget is among them, those that its rule chooses.

    `rounds` is 0 then, unless it was given: as many as the budget pays, which is known once the links are.

    Raises:
        ConfigError: E_CONFIG_AMOUNT, E_CONFIG_BUDGET.
    """
    budget = Budget.of({name: str(given.get(name, "")) for name in BUDGETS})
    return dict(given) if budget is None else {"rounds": 0, **RULE, **given}


def chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that were given, and those that a budget, noise or secure sums choose where nobody chose.

    Raises:
        ConfigError: As ``budgeted`` raises it.
    """
    given = {name: value for name, value in given.items() if (name, value) != ("local_epochs", 0)}  # by rule
    return budgeted({**summed.rule(given), **private.rule(given), **given})


_C = TypeVar("_C", bound=RunConfig)


def with_rates(config: _C) -> _C:
    """Return a configuration with the decay of a learning rate by rule, so that a resumed run keeps it."""
    if config.learning_rate or config.learning_rate_decay != 1.0:
        return config
    every = rates.rounds_between(config.rounds)
    return replace(config, learning_rate_decay=rates.FACTOR, learning_rate_rounds=every)


def _refuse_changes(config: RunConfig, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if not KEYS[name].resumable and value != getattr(config, name):
            raise ConfigError(
                "E_CONFIG_RESUME",
                f"{option(name)} can't change within a run: it began with {getattr(config, name)!r}.",
                f"Leave {option(name)} out, or start a new run.",
            )


def option(name: str) -> str:
    """Return the command line's spelling of a key."""
    return "--" + name.replace("_", "-")


def _read(path: Path) -> dict[str, Any]:
    try:
        return checked_keys(read_toml(path), str(path))
    except OSError as error:
        raise ConfigError(
            "E_CONFIG_FILE", f"{path} cannot be read ({error}).", "Name a readable TOML file."
        ) from error
    except ValueError as error:
        raise _no_toml(str(path), error) from error


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return checked_keys(parse_toml(text), source)
    except ValueError as error:
        raise _no_toml(source, error) from error


def _no_toml(source: str, error: ValueError) -> ConfigError:
    return ConfigError("E_CONFIG_FILE", f"{source} is not TOML: {error}.", "Correct that line.")


def checked_keys(document: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return keys with values of the right types: an integer may stand for a float, one string for a list of one.

    Args:
        document: Key to value; a key may be written with hyphens.
        source: The place that they come from, to name it in errors.

    Raises:
        ConfigError: E_CONFIG_KEY for an unknown key, E_CONFIG_TYPE for a value of the wrong type.
    """
    values: dict[str, Any] = {}
    for written, value in document.items():
        name = written.replace("-", "_")
        if name not in KEYS:
            raise ConfigError(
                "E_CONFIG_KEY", f"{source} has an unknown key {_shown(written)}.", _nearest(name)
            )
        values[name] = _converted(name, KEYS[name], value)
    return values


def _toml(value: Any) -> str:
    """Return a value as text for TOML.

    That is JSON's text, floats with all their digits; but TOML has no surrogates, and DEL must be escaped.
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _nearest(name: str) -> str:
    near = meant(name[:_MOST_SHOWN], KEYS)
    return f"Did you mean '{near}'?" if near else f"The keys are: {', '.join(KEYS)}."


def _shown(value: Any) -> str:
    """Return a value as text for an error, cut off if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes whole numbers of 4,300 digits at most
        return "a number that long"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _converted(name: str, key: Key, value: Any) -> Any:
    """Convert a TOML value to the key's type; an integer may stand for a float, one string for a list of one."""
    if key.many:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return tuple(items)
    elif type(value) is key.kind:
        return value
    elif key.kind is float and type(value) is int:
        return float(value) if abs(value) < 2**63 else math.inf * (1 if value > 0 else -1)
    raise ConfigError(
        "E_CONFIG_TYPE",
        f"{name} must be {'a list of strings' if key.many else key.kind.__name__}, not {_shown(value)}.",
        "Correct that key.",
    )


def _check(name: str, key: Key, value: Any) -> None:
    if key.choices and value not in key.choices:
        raise ConfigError(
            "E_CONFIG_CHOICE",
            f"{name} must be one of {', '.join(key.choices)}, not {_shown(value)}.",
            f"{did_you_mean(str(value), key.choices)}Correct {option(name)}.",
        )
    # In this form NaN fails, too.
    if key.kind in (int, float) and not key.low <= value <= key.high:
        raise ConfigError(
            "E_CONFIG_RANGE",
            f"{name} must be {number_text(key.low)} to {number_text(key.high)}, not {_shown(value)}.",
            f"Give {option(name)} a value in that range.",
        )
