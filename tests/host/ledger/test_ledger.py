"""The causes add up, whatever crosses the link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytefed.ledger.account import Account, Part, Role, Said
from bytefed.ledger.count import BLE_FRAMING, CAUSES, SERIAL_FRAMING, ByteCount, LedgerError, split_frame
from bytefed.protocol.direction import Direction

frame = st.tuples(
    st.sampled_from(Direction), st.integers(2, 250), st.integers(0, 2), st.sampled_from(Role), st.booleans(),
    st.integers(0, 248), st.booleans(),
)  # fmt: skip


whole = st.tuples(st.sampled_from(CAUSES), st.sampled_from(Direction), st.integers(0, 99))


@given(st.lists(frame), st.booleans(), st.lists(whole))
def test_causes_always_add_up_in_each_direction(
    items: list[tuple], serial: bool, wholes: list[tuple]
) -> None:
    framing = SERIAL_FRAMING if serial else BLE_FRAMING
    account, port = Account(framing), {Direction.DOWN: 0, Direction.UP: 0}
    for direction, length, padding, role, recovering, payload, ack in items:
        wire = length + framing.crc + framing.stuffing + padding
        account.recovering = recovering
        account.frame(direction, length, wire, role, payload=min(payload, length - 2), ack=ack)
        port[direction] += wire
    for cause, direction, wire in wholes:
        account.whole(direction, cause, wire)
        port[direction] += wire
    count = account.take(port[Direction.DOWN], port[Direction.UP])
    assert count.causes_total == count.wire_total == sum(port.values())
    assert (count.wire_down, count.wire_up) == (port[Direction.DOWN], port[Direction.UP])
    for way, payload, wire in (
        ("down", count.payload_down, count.wire_down),
        ("up", count.payload_up, count.wire_up),
    ):
        assert payload + sum(count.directed()[f"{cause}_{way}"] for cause in CAUSES) == wire
    assert account.take(0, 0) == ByteCount()


def test_a_cause_booked_in_the_wrong_direction_is_told() -> None:
    with pytest.raises(LedgerError, match="E_LEDGER"):
        ByteCount(header=4, header_down=1, wire_down=2, wire_up=2).check()
    ByteCount(header=4, header_down=2, wire_down=2, wire_up=2).check()


@pytest.mark.parametrize("error", [-1, 1])
@pytest.mark.parametrize("direction", Direction)
def test_a_byte_too_many_or_too_few_is_told(direction: Direction, error: int) -> None:
    account = Account(SERIAL_FRAMING)
    account.frame(direction, 10, 14, Role.NEWS)
    port = {"down": 0, "up": 0, direction.value: 14 + error}
    with pytest.raises(LedgerError, match="E_LEDGER"):
        account.take(port["down"], port["up"])


def test_recovering_turns_news_into_retransmission() -> None:
    account = Account(SERIAL_FRAMING)
    account.recovering = True
    account.frame(Direction.DOWN, 10, 14, Role.NEWS)
    account.frame(Direction.DOWN, 2, 6, Role.PROBE)
    assert account.take(20, 0) == ByteCount(
        retransmission=14, retransmission_down=14, probe=6, probe_down=6, wire_down=20
    )


def test_what_is_said_again_is_a_retransmission_whatever_it_carries() -> None:
    account = Account(BLE_FRAMING)
    for name in ("BEGIN", "BEGIN", "RESULT"):
        account.frame(Direction.DOWN, 30, 30, Role.NEWS, payload=20, part=Part(name))
    count = account.take(90, 0)
    assert (count.payload_down, count.header, count.control, count.retransmission) == (40, 4, 16, 30)
    assert count.directed() == dict.fromkeys(count.directed(), 0) | {
        "header_down": 4, "control_down": 16, "retransmission_down": 30,
    }  # fmt: skip


def test_what_crossed_stays_so_when_a_blob_is_cut_otherwise() -> None:
    said = Said("CONFIG")
    assert not said.is_first_time("CONFIG")
    assert [said.is_first_time("head", start, start + 10) for start in (0, 10, 30)] == [True] * 3
    assert [said.is_first_time("head", start, start + 20) for start in (0, 10, 20)] == [False, True, False]
    assert said.is_first_time("delta", 0, 10)


def test_sums_leave_their_terms_alone() -> None:
    one = split_frame(SERIAL_FRAMING, Direction.UP, 60, 65, payload=50)
    total = one
    total += one * 2
    assert one == ByteCount(payload_up=50, header=2, control=8, crc=2, stuffing=2, padding=1, wire_up=65)
    assert total == one * 3
