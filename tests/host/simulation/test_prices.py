"""Air time and energy of a trial: what each round of a board costs, training and codec together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bytefed.cli import main as cli
from bytefed.data import load_task
from bytefed.federation.config import RunConfig
from bytefed.ledger.air import DEFAULT_TABLE, AirTable, Airtime, measured
from bytefed.ledger.mask_work import masked_instructions, setup_instructions
from bytefed.ledger.wire_size import (
    ble_profile,
    connection_bytes,
    round_bytes,
    sealed_profile,
    serial_profile,
)
from bytefed.ledger.work import connection_instructions, round_instructions, sample_instructions
from bytefed.masks.form import Form
from bytefed.simulation.prices import Prices
from bytefed.simulation.trial import by_kind, kind, run_trial

SEALED, TABLE = sealed_profile(ble_profile(247)), AirTable.load()


def test_kinds_add_up_to_the_bytes_and_samples_to_the_training():
    config = RunConfig(
        rounds=11, local_epochs=2, codec="onebit", learning_rate_decay=0.5, learning_rate_rounds=5
    )
    trial = run_trial(config, load_task("digits"), 4, SEALED)
    assert trial.kinds[-1].sum() == 44
    assert trial.kinds[0, kind(spared=True, statistics=False, configures=True)] == 4
    changed = trial.kinds[:, [kind(spared=False, statistics=some, configures=True) for some in (False, True)]]
    assert changed.sum(axis=1)[[4, 5, 9, 10]].tolist() == [0, 4, 4, 8]
    assert (np.diff(trial.trained) == trial.trained[0]).all()
    train = 2 * len(load_task("digits").federated)  # in two epochs
    assert 0.7 * train < trial.trained[0] < 0.8 * train  # a quarter is for the boards' own tests


def test_a_round_costs_radio_codec_seals_and_training():
    prices = Prices.of(SEALED, TABLE, "onebit", 32, 10)
    kinds = np.zeros((2, 8))
    kinds[:, kind(spared=False, statistics=False, configures=False)] = (1, 2)
    air, energy = prices.cumulative(kinds, np.array([300.0, 600.0]))
    packets = round_bytes(measured(SEALED, TABLE.radio.count), 32, 10, "onebit", "onebit")
    data = round_bytes(measured(SEALED, TABLE.radio.data), 32, 10, "onebit", "onebit")
    work = round_instructions(SEALED, "onebit", 32, 10) + 300 * sample_instructions(32, 10)
    airtime = Airtime(packets.wire_down, packets.wire_up, data.wire_down, data.wire_up)
    seconds = work / 42.4e6
    assert air[1] - air[0] == pytest.approx(airtime.seconds(TABLE.radio))
    silent = replace(TABLE.currents, idle=0.0)
    one = Prices.of(SEALED, replace(TABLE, currents=silent), "onebit", 32, 10)
    assert np.diff(one.cumulative(kinds, np.array([300.0, 600.0]))[1])[0] == pytest.approx(
        airtime.energy(TABLE.radio, silent, computing=seconds)
    )
    assert energy[0] > connection_instructions(SEALED) / 42.4e6 * 3.3 * 3.0
    assert connection_bytes(SEALED).handshake > 0


def radio_of(noises: bool) -> float:
    """The radio's energy of a round with CONFIG, where onebit's head and delta of D = 32 and C = 10 take 46 B."""
    which = kind(spared=False, statistics=False, configures=True)
    packets, data = (
        by_kind(measured(SEALED, count), 46, 46, noises=noises)[which]
        for count in (TABLE.radio.count, TABLE.radio.data)
    )
    airtime = Airtime(packets.wire_down, packets.wire_up, data.wire_down, data.wire_up)
    return airtime.energy(TABLE.radio, TABLE.currents)


def test_noise_is_asked_for_drawn_and_paid_for():
    kinds, trained = np.eye(8)[[kind(spared=False, statistics=False, configures=True)]], np.array([100.0])
    plain = Prices.of(SEALED, TABLE, "onebit", 32, 10).cumulative(kinds, trained)
    noisy = Prices.of(SEALED, TABLE, "onebit", 32, 10, noises=True).cumulative(kinds, trained)
    drawn = round_instructions(SEALED, "onebit", 32, 10, noises=True) - round_instructions(
        SEALED, "onebit", 32, 10
    )
    clipped = 100 * (sample_instructions(32, 10, noises=True) - sample_instructions(32, 10))
    worked = (drawn + clipped) / (TABLE.mips * 1e6) * TABLE.currents.compute * TABLE.currents.voltage
    assert noisy[1][0] - plain[1][0] - worked == pytest.approx(radio_of(True) - radio_of(False))  # mJ


def worked(instructions: float) -> float:
    """The processor's energy, mJ."""
    return instructions / (TABLE.mips * 1e6) * TABLE.currents.compute * TABLE.currents.voltage


@pytest.mark.parametrize("shares", [False, True])
def test_hidden_deltas_are_sent_masked_and_worked_for(shares):
    """Energy of a sum, less that of its radio, is that of its instructions."""
    form = Form("int8", 330, 64, statistics=False, shares=shares)
    silent = replace(TABLE, currents=replace(TABLE.currents, compute=0.0))
    kinds = np.zeros((2, 8))
    kinds[1, kind(spared=False, statistics=False, configures=False)] = 1
    both = [Prices.of(SEALED, table, "int8", 32, 10, noises=shares, summed=form) for table in (TABLE, silent)]
    (air, energy), (same, radio) = (each.cumulative(kinds, np.array([0.0, 300.0])) for each in both)
    assert air.tolist() == same.tolist() and np.isfinite([*air, *energy]).all()
    setup = connection_instructions(SEALED) + setup_instructions(SEALED, 64)
    assert energy[0] - radio[0] == pytest.approx(worked(setup))
    # With shares boards train as ever, and make noise in the place of the codec's encoding.
    coded = round_instructions(SEALED, "int8", 32, 10, encodes=False)
    done = coded + masked_instructions(SEALED, form) + 300 * sample_instructions(32, 10)
    assert np.diff(energy - radio)[0] == pytest.approx(worked(done))
    assert coded < round_instructions(SEALED, "int8", 32, 10)


def test_currents_of_ones_own_price_training_and_radio():
    free = replace(TABLE, currents=replace(TABLE.currents, compute=0.0))
    kinds, trained = np.eye(8)[:1], np.array([1000.0])
    usual = Prices.of(SEALED, TABLE, "stc10", 64, 10).cumulative(kinds, trained)
    radio = Prices.of(SEALED, free, "stc10", 64, 10).cumulative(kinds, trained)
    assert usual[0].tolist() == radio[0].tolist()
    assert usual[1][0] > 2 * radio[1][0]


def test_a_cable_has_no_air():
    air, energy = Prices.of(serial_profile(), TABLE, "onebit", 32, 10).cumulative(np.eye(8)[:1], np.ones(1))
    assert np.isnan([*air, *energy]).all()


def test_another_table_prices_the_same_trials_anew(tmp_path, capsys):
    """The table is no part of what was tried, so nothing is tried again."""
    table = tmp_path / "mine.toml"
    table.write_text(
        DEFAULT_TABLE.read_text("utf-8").replace("compute_ma = 3.3", "compute_ma = 330"), "utf-8"
    )
    command = [
        "sweep",
        "--codec",
        "onebit",
        "--seeds",
        "1",
        "--rounds",
        "9",
        "--sweep-dir",
        str(tmp_path / "s"),
    ]
    found = []
    for options in ([], ["--air-table", str(table)]):
        assert cli.main([*command, *options]) == 0
        rows = (tmp_path / "s" / "sweep.csv").read_text("utf-8").splitlines()
        found.append(float(rows[1].split(",")[rows[0].split(",").index("energy_99")]))
        trials = (tmp_path / "s" / "trials.jsonl").read_text("utf-8")
        assert trials.count("\n") == 2
    assert found[1] > 20 * found[0] > 0
    assert "by energy" in capsys.readouterr().out
    assert cli.main([*command, "--air-table", str(tmp_path / "none.toml")]) == 2
    assert "E_CONFIG_AIR" in capsys.readouterr().err
