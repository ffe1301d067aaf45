"""`bytefed estimate`: the classic figure, what it leaves out, and the exact one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytefed.cli.main import main
from bytefed.ledger import wire_size
from bytefed.ledger.estimate import LEFT_OUT, classic, predict
from bytefed.ledger.planned_run import FIRST_ROUNDS, PlannedRun
from bytefed.seeds import select

FLOAT32 = ("float32", "float32")
FOUR = ["--features", "32", "--classes", "10", "--clients", "4"]


def document(capsys, *arguments):
    assert main(["estimate", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_classic_example(capsys):
    assert main(["estimate", "--shape", "100x100x32", "--clients", "100", "--rounds", "100"]) == 0
    out = capsys.readouterr().out
    assert "12,800,000,000 bytes" in out
    assert "12,207.03 MB" in out
    for reason in LEFT_OUT:
        assert reason in out


def test_an_update_may_be_given_in_bytes(capsys):
    result = document(capsys, "--update-bytes", "8946728", "--clients", "1", "--rounds", "100")
    assert result["estimate_wcr"] == 894_672_800
    assert result["estimate_wcr_mb"] == pytest.approx(853.23, abs=0.005)


def test_without_either_the_update_is_the_heads(capsys):
    result = document(capsys, "--features", "32", "--classes", "10", "--clients", "3", "--rounds", "2")
    assert result["update_bytes"] == 4 * (32 * 10 + 10)
    assert result["estimate_wcr"] == 6 * 1320


def test_the_exact_figure_is_the_closed_form(capsys):
    """SPEC.md section 6 by hand: D=32, C=10 on serial is one window of six chunks each way."""
    profile = wire_size.serial_profile()
    w, sealed = profile.w, profile.sealed_w
    chunks = 5 * w(250) + w(2 + 1320 - 5 * 248)
    down = sealed(19) + sealed(7) + chunks + sealed(3)
    up = chunks + sealed(5)
    first, later = sealed(8 + 16) + sealed(13) + up, down + sealed(13) + up
    tenth, evaluation = down + sealed(25) + up, down + sealed(15)
    result = document(capsys, *FOUR, "--rounds", "11")
    assert result["security"] == "sealed"
    assert result["exact"]["board_round"]["wire_total"] == later
    rounds = first + 9 * later + tenth
    assert result["exact"]["rounds"]["wire_total"] == 4 * rounds
    assert result["estimate_wire"] == 4 * (rounds + evaluation + 1 + w(57) + w(90))


def test_the_exact_figure_of_open_links_is_the_closed_form(capsys):
    w = wire_size.serial_profile().w
    chunks = 5 * w(250) + w(2 + 1320 - 5 * 248)
    down = w(9) + w(7) + chunks + w(3)  # BEGIN, ACCEPT, the head, final ACK
    up = chunks + w(5)  # GET and the delta
    first, later, tenth = w(8 + 16) + w(7) + up, down + w(7) + up, down + w(19) + up
    evaluation = down + w(19)
    connection = 1 + w(11) + w(44)
    result = document(capsys, *FOUR, "--rounds", "11", "--open")
    assert result["security"] == "OPEN"
    assert result["exact"]["board_round"]["wire_total"] == later
    rounds = first + 9 * later + tenth
    assert result["exact"]["rounds"]["wire_total"] == 4 * rounds
    assert result["estimate_wire"] == 4 * (rounds + evaluation + connection)


@given(
    st.integers(1, 40), st.integers(1, 10), st.floats(0, 1), st.integers(0, 99), st.integers(0, 12),
    st.sampled_from(FIRST_ROUNDS),
)  # fmt: skip
def test_only_those_who_take_part_are_counted(clients, rounds, fraction, seed, rate_rounds, first_round):
    profile = wire_size.serial_profile()
    planned = PlannedRun(
        features=8, classes=2, codecs=FLOAT32, clients=clients, rounds=rounds, fraction_train=fraction,
        learning_rate_rounds=rate_rounds, seed=seed, first_round=first_round,
    )  # fmt: skip
    got = predict(profile, planned)
    assert got.participants == min(clients, max(1, int(fraction * clients)))
    expected, step_of = (
        0,
        {},
    )  # of a client: the step of the learning rate that it knows, by the kind of round
    for number in range(1, rounds + 1):
        kind = first_round if number == 1 else "usual"
        step = kind, (number - 1) // rate_rounds if rate_rounds else 0
        for client in select(seed, number, range(clients), got.participants):
            down = 0 if number == 1 else 72
            of_board = wire_size.blobs_bytes(
                profile, down, 72, statistics=number % 10 == 0, configures=step_of.get(client) != step
            )
            expected += of_board.wire_total
            step_of[client] = step
    assert got.rounds.wire_total == expected
    got.total.check()


@given(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(1, 10**5))
def test_the_classic_estimate_is_a_product(update, clients, rounds):
    assert classic(update, clients, rounds) == update * clients * rounds


def test_ble(capsys):
    small = document(capsys, "--link", "ble", "--mtu", "23", "--open")
    large = document(capsys, "--link", "ble", "--mtu", "247")
    assert large["estimate_wire"] < small["estimate_wire"]
    assert large["exact"]["board_round"]["crc"] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--shape", "100x"), "E_CONFIG_SHAPE"),
        (("--shape", "0x3"), "E_CONFIG_SHAPE"),
        (("--shape", "axb"), "E_CONFIG_SHAPE"),
        (("--shape", "²x3"), "E_CONFIG_SHAPE"),
        (("--shape", "1" * 5000), "E_CONFIG_SHAPE"),
        (("--codec", "zip"), "E_CONFIG_CODEC"),
        (("--clients", "0"), "E_CONFIG_RANGE"),
        (("--rounds", "-1"), "E_CONFIG_RANGE"),
        (("--update-bytes", "0"), "E_CONFIG_RANGE"),
        (("--fraction-train", "nan"), "E_CONFIG_RANGE"),
        (("--link", "ble", "--mtu", "22"), "E_CONFIG_RANGE"),
        (("--features", "5000"), "E_CONFIG_RANGE"),
        (("--features", "4096", "--classes", "64", "--link", "ble", "--mtu", "23", "--open"), "E_TOO_LARGE"),
        (("--features", "4096", "--classes", "64", "--link", "ble", "--mtu", "65"), "E_TOO_LARGE"),
        (("--link", "ble", "--mtu", "64"), "E_MTU_SMALL"),
    ],
)
def test_what_cannot_be_is_refused(capsys, arguments, code):
    assert main(["estimate", *arguments]) == 2
    err = capsys.readouterr().err
    assert f"error[{code}]" in err
    assert "  -> " in err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--open",),
        ("--link", "ble", "--mtu", "23", "--open"),
        ("--link", "ble", "--mtu", "65"),
        ("--update-bytes", "777"),
        ("--codec", "onebit"),
    ],
)
def test_what_to_expect_where_frames_are_lost(words, capsys):
    def expected(loss):
        assert main(["estimate", "--json", "--loss", str(loss), *words]) == 0
        return json.loads(capsys.readouterr().out)

    exact = expected(0)
    assert "expected" not in exact
    board_round, rounds = exact["exact"]["board_round"]["wire_total"], exact["exact"]["rounds"]["wire_total"]
    before = board_round
    for loss in (1e-9, 0.01, 0.1, 0.5):
        found = expected(loss)
        assert found["exact"] == exact["exact"]
        assert found["expected"]["loss"] == loss
        now = found["expected"]["board_round"]
        assert now > before
        assert found["expected"]["rounds"] == pytest.approx(rounds + 8 * 20 * (now - board_round))
        before = now
    assert expected(1e-9)["expected"]["board_round"] == pytest.approx(board_round)


def test_people_are_told_what_to_expect(capsys):
    assert main(["estimate", "--loss", "0.01"]) == 0
    assert "expect 5,464 B for a board's round (+0.56 %)" in capsys.readouterr().out
    assert main(["estimate", "--loss", "0.01", "--open"]) == 0
    said = capsys.readouterr().out
    assert "Where 1 % of the frames are lost, expect 5,413 B for a board's round (+0.55 %)" in said
    assert "bytefed run --faults drop=0.01" in said
    assert main(["estimate"]) == 0
    assert "are lost" not in capsys.readouterr().out


@pytest.mark.parametrize("loss", ["-0.1", "0.6", "nan"])
def test_a_loss_that_can_not_be(loss, capsys):
    assert main(["estimate", "--loss", loss]) == 2
    assert "E_CONFIG_RANGE" in capsys.readouterr().err
