"""A run's keys: the places that they come from, and the values that are refused."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytefed.cli.options import add_options, given_options
from bytefed.errors import ConfigError
from bytefed.federation.config import KEYS, RunConfig


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument_group("keys"))
    return given_options(parser.parse_args(arguments))


def resolve(text, tmp_path, **options):
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return RunConfig.resolve(path, options)


def test_options_win_over_the_file_and_the_file_over_defaults(tmp_path):
    config = resolve('rounds = 7\nalpha = 0.1\nboards = ["virtual:3"]', tmp_path, **parse("--rounds", "9"))
    assert (config.rounds, config.alpha, config.boards) == (9, 0.1, ("virtual:3",))
    assert config.seed == RunConfig().seed


def test_every_key_is_an_option():
    arguments = []
    for name, key in KEYS.items():
        default = getattr(RunConfig(), name)
        option = "--" + name.replace("_", "-")
        if key.kind is bool:
            arguments.append(option if default else f"--no-{option[2:]}")
        elif key.many:
            arguments += [option, *default]
        else:
            arguments += [option, str(default)]
    assert RunConfig(**parse(*arguments)) == RunConfig()
    assert parse() == {}
    assert parse("--no-central") == {"central": False}


def test_a_file_may_write_keys_as_options_do_and_whole_numbers_for_floats(tmp_path):
    config = resolve('local-epochs = 3\nalpha = 1\nboards = "virtual:2"', tmp_path)
    assert (config.local_epochs, config.alpha, config.boards) == (3, 1.0, ("virtual:2",))
    assert isinstance(config.alpha, float)


@pytest.mark.parametrize(
    ("text", "code", "remedy"),
    [
        ("rounds = [", "E_CONFIG_FILE", "line"),
        ("learnin_rate = 0.1", "E_CONFIG_KEY", "'learning_rate'"),
        ("qwxyz = 1", "E_CONFIG_KEY", "boards"),
        ('rounds = "7"', "E_CONFIG_TYPE", ""),
        ("rounds = true", "E_CONFIG_TYPE", ""),
        ("rounds = 1.5", "E_CONFIG_TYPE", ""),
        ("boards = [1]", "E_CONFIG_TYPE", ""),
        ("central = 1", "E_CONFIG_TYPE", ""),
        ("rounds = 0", "E_CONFIG_RANGE", "--rounds"),
        ("rounds = 65536", "E_CONFIG_RANGE", "--rounds"),
        ("learning_rate = nan", "E_CONFIG_RANGE", "--learning-rate"),
        ("learning_rate = inf", "E_CONFIG_RANGE", "--learning-rate"),
        ("fraction_train = 1.01", "E_CONFIG_RANGE", "--fraction-train"),
        ("batch_size = 256", "E_CONFIG_RANGE", "--batch-size"),
        ('partition = "fair"', "E_CONFIG_CHOICE", "--partition"),
        ('strategy = "fedfoo"', "E_CONFIG_STRATEGY", "--strategy"),
        ('codec = "zip"', "E_CONFIG_CODEC", "--codec"),
        ("boards = []", "E_CONFIG_BOARDS", "virtual:8"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(tmp_path, text, code, remedy):
    with pytest.raises(ConfigError) as caught:
        resolve(text, tmp_path)
    assert caught.value.code == code
    assert remedy in caught.value.remedy


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(ConfigError, match="E_CONFIG_FILE"):
        RunConfig.resolve(tmp_path / "none.toml", {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="E_CONFIG_FILE"):
        RunConfig.resolve(tmp_path / "binary.toml", {})


def strategy_of(key):
    if key.kind is bool:
        return st.booleans()
    if key.choices:
        return st.sampled_from(key.choices)
    if key.kind is int:
        return st.integers(int(key.low), int(key.high))
    if key.kind is float:
        return st.floats(key.low, key.high)
    text = st.text(st.characters(exclude_categories=["Cs"]))
    return st.lists(text, min_size=1).map(tuple) if key.many else text


CHECKED_TEXTS = (
    "codec", "strategy", "budget", "budget_air", "budget_energy", "dp", "epsilon", "delta", "clip",
    "secure_sum", "first_round",
)  # fmt: skip


@given(st.fixed_dictionaries({n: strategy_of(k) for n, k in KEYS.items() if n not in CHECKED_TEXTS}))
def test_the_resolved_file_gives_the_same_configuration_again(values):
    config = RunConfig(**values)
    assert RunConfig.from_toml(config.to_toml(), "test") == config


def test_one_codec_stands_for_both_directions():
    assert RunConfig(codec="float32").codecs == ("float32", "float32")
    assert RunConfig(codec="float32/float32").codecs == ("float32", "float32")


def test_a_resumed_run_may_change_where_but_not_what():
    config = RunConfig(rounds=5)
    again = config.resumed({"rounds": 9, "boards": ("serial:auto",), "alpha": config.alpha})
    assert (again.rounds, again.boards) == (9, ("serial:auto",))
    with pytest.raises(ConfigError, match="E_CONFIG_RESUME") as caught:
        config.resumed({"local_epochs": 1})
    assert "--local-epochs" in caught.value.remedy
