"""Bytes, time and energy in the air: the formulas of SPEC.md section 9."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bytefed.errors import ConfigError
from bytefed.ledger.air import DEFAULT_TABLE, AirTable, Airtime, Currents, measured
from bytefed.ledger.wire_size import ble_profile, round_bytes

RADIO = replace(AirTable.load().radio, phy=1, data_length=251, interval=0.03, packets=3, encrypted=False)


def test_a_full_value_on_le_1m() -> None:
    assert RADIO.count(244) == 1
    assert RADIO.data(244) == 251 + 10  # preamble 1, access address 4, header 2, CRC 3
    assert RADIO.pair_time(251) == pytest.approx((251 + 10 + 10) * 8e-6 + 300e-6)
    assert RADIO.packets_per_event == 3
    assert replace(RADIO, packets=100).packets_per_event == 12


def test_short_packets_cut_a_value() -> None:
    short = replace(RADIO, data_length=27)
    assert (short.count(20), short.count(21), short.count(244)) == (1, 2, 10)
    assert Airtime.of(short, {244: 1}, {}).bytes(short) == 251 + 10 * 10 + 10 * 10
    assert replace(short, encrypted=True).data(20) == 27 + 14


def test_the_throughput_that_adafruit_measured() -> None:
    """Adafruit_nRF52_Arduino issue 318: 172 kB/s at 187.5 ms on LE 2M."""
    radio = replace(RADIO, phy=2, interval=0.1875, packets=1000)
    values = {244: 1_000_000 // 244, 1_000_000 % 244: 1}
    assert 1e-3 * 1_000_000 / Airtime.of(radio, {}, values).seconds(radio) == pytest.approx(172.0, abs=0.05)


def test_each_direction_fills_its_own_events() -> None:
    airtime = Airtime.of(RADIO, {244: 4}, {2: 1})
    assert airtime.seconds(RADIO) == pytest.approx(3 * 0.03)


def test_energy_adds_what_the_board_sends_hears_and_computes() -> None:
    currents = Currents(voltage=3.0, transmit=5.0, receive=4.0, compute=2.0, idle=0.0)
    airtime = Airtime.of(RADIO, {244: 1}, {2: 1})
    transmitting, receiving = (2 + 7 + 10 + 10) * 8e-6, (244 + 7 + 10 + 10) * 8e-6
    expected = 3.0 * (5.0 * transmitting + 4.0 * receiving + 2.0 * 0.5)
    assert airtime.energy(RADIO, currents, computing=0.5, elapsed=9.0) == pytest.approx(expected)


@pytest.mark.parametrize(("elapsed", "whole"), [(0.0, 0.06 + 0.5), (0.5, 0.06 + 0.5), (9.0, 9.0)])
def test_energy_has_a_term_for_the_time_without_work(elapsed: float, whole: float) -> None:
    """All the time that is left: of the row's, or of the least that radio and training take one after the other."""
    currents = Currents(voltage=3.0, transmit=0.0, receive=0.0, compute=0.0, idle=0.01)
    airtime = Airtime.of(RADIO, {244: 1}, {2: 1})
    assert airtime.seconds(RADIO) == pytest.approx(0.06)
    busy = (2 + 7 + 10 + 10 + 244 + 7 + 10 + 10) * 8e-6 + 0.5
    energy = airtime.energy(RADIO, currents, computing=0.5, elapsed=elapsed)
    assert energy == pytest.approx(3.0 * 0.01 * (whole - busy))


def test_the_table_says_what_an_idle_board_draws(tmp_path: Path) -> None:
    """A table of before there was such a figure has none of it, as of all that it says nothing about."""
    assert AirTable.load().currents.idle > 0
    path = tmp_path / "old.toml"
    text = DEFAULT_TABLE.read_text(encoding="utf-8")
    path.write_text(
        "".join(line for line in text.splitlines(keepends=True) if "idle_ma" not in line), encoding="utf-8"
    )
    assert AirTable.load(path).currents.idle == 0


@pytest.mark.parametrize("mtu", [23, 185, 247])
@pytest.mark.parametrize("codec", ["float32", "int8"])
def test_the_closed_forms_add_up_any_measure(mtu: int, codec: str) -> None:
    profile = ble_profile(mtu)
    plain = round_bytes(profile, 64, 10, codec, codec)
    same = round_bytes(measured(profile, lambda n: n), 64, 10, codec, codec)
    packets = round_bytes(measured(profile, RADIO.count), 64, 10, codec, codec)
    data = round_bytes(measured(profile, RADIO.data), 64, 10, codec, codec)
    assert (same.wire_down, same.wire_up) == (plain.wire_down, plain.wire_up)
    assert data.wire_total == plain.wire_total + packets.wire_total * (7 + 10)


def test_a_table_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = DEFAULT_TABLE.read_text(encoding="utf-8")
    path.write_text(text.replace("interval_ms = 30", "interval_ms = 15"), encoding="utf-8")
    assert AirTable.load(path).radio.interval == 0.015
    for bad in ("interval_ms = 1", "interval_ms = true", 'interval_ms = "soon"', ""):
        path.write_text(text.replace("interval_ms = 30", bad), encoding="utf-8")
        with pytest.raises(ConfigError, match=r"E_CONFIG_AIR.*interval_ms"):
            AirTable.load(path)
    with pytest.raises(ConfigError, match="E_CONFIG_AIR"):
        AirTable.load(tmp_path / "nowhere.toml")
