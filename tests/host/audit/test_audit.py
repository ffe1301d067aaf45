"""Audits of runs, in both directions: attacks find what is there, and nothing where there is nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bytefed._core", reason="needs the compiled core")

import bytefed
from bytefed.audit import canaries, membership, plain_rounds, reading
from bytefed.audit.boards import Boards, Seen
from bytefed.audit.epsilon import Guesses
from bytefed.audit.finding import Bound, Finding, Read
from bytefed.audit.page import page
from bytefed.audit.play import Audit, Effort, _attacks, play
from bytefed.audit.protection import Protection
from bytefed.audit.replay import Replay, replay
from bytefed.audit.subject import Subject
from bytefed.cli.main import main
from bytefed.errors import BytefedError
from bytefed.federation.secure_sum import CLAIM, NOT_CLAIMED
from bytefed.privacy.claims import SAMPLE

D, C, BOARDS, ROUNDS = 12, 4, 3, 4


def quiet(*_: object) -> None:
    pass


def run(folder: Path, **keys: object) -> Path:
    """A run on clouds of features that came ready, with labels of which a few are wrong."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, C, 360)
    X = np.round(30 * (rng.normal(0, 1, (360, D)) + 1.5 * np.eye(C, D)[y])).clip(-128, 127).astype(np.int8)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "clouds.npz", X=X, y=y, test=np.arange(360) % 3 == 0, scale=np.float32(0.03), zero_point=3
    )
    given = {"rounds": ROUNDS, "partition": "iid", "samples": 30, "central": False} | keys
    bytefed.run(
        boards=[f"loopback:{BOARDS}"], data=str(folder / "clouds.npz"), directory=folder / "run", **given
    )
    return folder / "run"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("audited"))


@pytest.fixture(scope="module")
def subject(plain: Path) -> Subject:
    return Subject.load(plain)


def promising(subject: Subject, protection: Protection) -> Subject:
    return replace(subject, protection=protection)


def replayed(subject: Subject) -> Replay:
    clients = range(len(subject.partition))
    return replay(subject, clients, [subject.samples(client) for client in clients], quiet)


# --- what is there is found


def test_every_sample_of_a_plain_run_is_read(subject):
    told: list[tuple[int, int]] = []
    found: Any = reading.weighted(
        subject, range(BOARDS), reading.ALLOWED, lambda done, of: told.append((done, of))
    )
    samples = sum(len(subject.samples(client)) for client in range(BOARDS))
    assert samples > 60
    assert found.outcome.exact == found.outcome.labels == found.outcome.samples == samples
    assert found.outcome.likeness == pytest.approx(1.0)
    assert found.control.exact == 0
    assert abs(found.control.likeness) < 0.2
    assert told[-1] == (found.rounds, found.rounds)
    assert found.bytes > found.rounds * 4 * subject.layer.parameters


def test_boards_refuse_to_give_one_sample_a_round(subject):
    found = reading.weighted(subject, range(BOARDS), reading.WHOLE, quiet)
    assert found.outcome is None
    assert "E_BOARD_BAD_VALUE" in found.refused
    assert found.rounds == 0


def test_a_board_with_one_sample_gives_it_away_in_its_first_round(subject):
    found: Any = reading.singles(subject, 1, quiet)
    assert found.outcome.exact == found.outcome.samples == 32
    assert found.control.exact == 0
    assert found.rounds == 1


def test_deltas_tell_who_was_there_and_canaries_are_found(subject):
    found: Any = membership.by_deltas(subject, replayed(subject))
    assert found.outcome.auc - found.outcome.error > 0.55
    assert abs(found.control.auc - 0.5) < 1.5 * found.control.error
    planted = canaries.Planted.plant(subject, range(BOARDS), 100, 1)
    findings: list[Any] = [
        canaries.honest(subject, planted, quiet),
        canaries.malicious(subject, planted, 1, quiet),
    ]
    for finding in findings:
        assert finding.outcome.epsilon > 1.0
        assert finding.outcome.epsilon <= finding.outcome.most
        assert finding.control.epsilon == 0.0


@pytest.mark.parametrize("keys", [{}, {"codec": "onebit", "fraction_train": 0.7}], ids=["float32", "onebit"])
def test_the_boards_of_an_audit_are_those_of_the_run(keys, tmp_path):
    subject = Subject.load(run(tmp_path, **keys))
    found = replayed(subject)
    assert found.equal == found.compared == sum(map(len, subject.recorded.asked)) > 0


# --- what is not there is not found


class NoiseAlone(Boards):
    """Boards of which a coordinator gets noise that their samples have no part in."""

    def round(self, number, head, asks):
        seen = super().round(number, head, asks)
        noise = np.random.default_rng(number + len(asks))
        return [Seen(each.boards, noise.normal(0, 1e-6, each.delta.shape)) for each in seen]


def test_nothing_is_read_told_or_bounded_where_deltas_are_noise_alone(subject, monkeypatch):
    for module in ("reading", "replay", "canaries"):
        monkeypatch.setattr(f"bytefed.audit.{module}.Boards", NoiseAlone)
    audit = play(subject, Effort(canaries=100), quiet, quiet)
    assert audit.complete
    read: Any = [
        each.outcome
        for each in audit.findings
        if "exact" in ((each.outcome and each.outcome.document()) or {})
    ]
    assert [each.exact for each in read] == [0, 0]
    assert all(abs(each.likeness) < 0.2 for each in read)
    told: Any = audit.findings[4].outcome
    assert abs(told.auc - 0.5) < 1.5 * told.error
    assert [each.outcome.epsilon for each in audit.findings[5:]] == [0.0, 0.0]
    assert audit.replayed.equal == 0
    assert any(remark.startswith("None is equal") for remark in audit.remarks)


def test_a_sum_of_boards_hides_a_boards_single_sample_but_not_from_equations(subject):
    summing = promising(subject, Protection(sums=True))
    assert reading.singles(summing, 1, quiet).outcome.exact == 0
    found = reading.weighted(summing, range(BOARDS), reading.ALLOWED, quiet).outcome
    assert found.exact == found.samples > 60
    assert {each.boards for _, each in replayed(summing).seen} == {(0, 1, 2)}


# --- the audit as a whole


def marks(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.iterdir())
    }


# --- rounds without protection between those with it


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    pytest.importorskip("dp_accounting", reason="needs the extra privacy")
    folder = tmp_path_factory.mktemp("private")
    return Subject.load(run(folder, dp="sample", epsilon=2.0, delta=1e-5))


def test_a_board_with_a_budget_gives_nothing_in_plain_rounds_in_between(private):
    finding = plain_rounds.in_between(private, range(BOARDS), quiet)
    assert finding.refused == "a board with a privacy budget trains with noise alone (E_BOARD_NO_NOISE)"
    assert finding.outcome is None and finding.rounds == 1 and finding.bytes > 0


def test_a_board_of_a_masked_run_gives_nothing_in_plain_rounds_in_between(subject):
    sums = replace(subject, protection=Protection(sums=True))
    finding = plain_rounds.in_between(sums, range(BOARDS), quiet)
    assert finding.refused.endswith("(E_BOARD_NO_MASKS)") and finding.outcome is None


def test_all_attacks_together_leave_the_promise_of_boards_that_make_noise(private):
    audit = play(private, Effort(canaries=100), quiet, quiet)
    assert audit.complete and audit.holds, audit.verdict
    outcomes: Any = [each.outcome for each in audit.findings if each.outcome]
    assert [each.exact for each in outcomes if isinstance(each, Read)] == [0, 0]
    assert all(each.epsilon <= 2.0 < each.most for each in outcomes if isinstance(each, Bound))


def test_the_same_promise_of_the_same_boards_without_their_noise_is_broken(private):
    bare = replace(private, training=replace(private.training, noise=None))
    assert bare.protection == Protection(2.0, 1e-5)
    audit = play(bare, Effort(canaries=100), quiet, quiet)
    assert audit.complete and not audit.holds
    assert "reads 90 of 90 samples exactly" in audit.verdict
    bounds = [each for each in audit.findings if isinstance(each.outcome, Bound)]
    assert not Protection(1.0, 1e-5).verdict(bounds)[0]  # 100 canaries alone show more than this


def test_boards_that_would_train_without_protection_give_everything_away(subject, monkeypatch):
    """The same attack where nothing protects: a run that promises an epsilon, and boards without noise."""
    promised = replace(subject, protection=Protection(epsilon=4.0, delta=1e-3))
    finding: Any = plain_rounds.in_between(promised, range(BOARDS), quiet)
    assert not finding.refused
    assert (
        finding.outcome.exact
        == finding.outcome.samples
        == sum(len(subject.partition.train(client)) for client in range(BOARDS))
    )
    assert finding.control.exact == 0
    monkeypatch.setattr(Boards, "mask", lambda self: None)  # boards that were never told to hide anything
    sums = replace(subject, protection=Protection(sums=True))
    assert plain_rounds.in_between(sums, range(1), quiet).outcome.exact == len(subject.partition.train(0))


def test_the_row_is_there_where_a_run_promises_something(subject, private):
    names = [[name for name, _ in _attacks(Audit(each, Effort()))] for each in (subject, private)]
    assert "reading plain rounds in between" not in names[0]
    assert "reading plain rounds in between" in names[1]


def test_an_audit_prints_what_it_got_and_leaves_the_run_as_it_is(plain, tmp_path, capsys):
    before = marks(plain)
    words = [str(plain), "--canaries", "60", "--boards", "2", "--rounds", "2", "-o", str(tmp_path / "a.html")]
    assert main(["audit", *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert marks(plain) == before
    assert document["complete"]
    assert document["holds"]
    assert (document["boards"], document["rounds"], document["seed"]) == (2, 2, 1)
    assert document["promise"] == {"epsilon": None, "delta": 0.0, "sums": False}
    assert document["replayed"] == {"deltas": 4, "equal": 4}
    assert len(document["findings"]) == 7
    text = (tmp_path / "a.html").read_text()
    assert "does not keep the coordinator from your samples" in text
    assert "<script" not in text
    assert main(["audit", *words]) == 0
    shown = capsys.readouterr().out
    for finding in document["findings"]:
        assert finding["attack"] in shown
        assert finding["attack"] in text


def finding(epsilon: float) -> Finding:
    return Finding("<b>canaries", "any", "how", 1, 1, Bound(epsilon, Guesses(100, 90, 90), 4.0))


def test_a_promise_that_an_attack_breaks_is_said_to_be_broken(subject, monkeypatch, plain, capsys):
    noisy = promising(subject, Protection(2.0, 1e-5))
    kept, broken = (Audit(noisy, Effort(), [finding(epsilon)], complete=True) for epsilon in (1.9, 2.1))
    assert kept.holds
    assert "proves nothing" in kept.verdict
    assert not broken.holds
    assert "does not hold" in broken.verdict
    assert "&lt;b&gt;canaries" in page(broken)
    monkeypatch.setattr("bytefed.audit.play.play", lambda *_: broken)
    assert main(["audit", str(plain)]) == 1
    assert "does not hold" in capsys.readouterr().out


def reading_of(exact: int, chance: int) -> Finding:
    outcome, control = Read(90, exact, 40, 0.5), Read(90, chance, 9, 0.0)
    return Finding("weighted gradients", "any", "how", 1, 1, outcome, control)


def test_samples_that_are_read_break_a_promise_of_noise_as_a_bound_does(subject):
    """No noise that hides a sample lets it be read to the last bit, however small a bound canaries show."""
    bound = finding(0.0)
    for exact, chance, holds in ((0, 0, True), (2, 2, True), (3, 2, False), (90, 0, False)):
        found = [reading_of(exact, chance), bound]
        assert Protection(4.0, 1e-4).verdict(found)[0] is holds
        assert Protection().verdict(found)[0] and Protection(sums=True).verdict(found)[0]
    told = Protection(4.0, 1e-4).verdict([reading_of(3, 2), bound])[1]
    assert told.startswith("The promise does not hold: the run says epsilon 4")
    assert "weighted gradients reads 3 of 90 samples exactly (2 by chance)" in told
    both = Protection(4.0, 1e-4).verdict([reading_of(3, 2), finding(4.5)])[1]
    assert "reads 3 of 90 samples exactly" in both and "at least 4.50" in both


def claims_on(subject: Subject, **promise: Any) -> str:
    """The page of an audit without findings of a run that promises something."""
    return unescape(page(Audit(promising(subject, Protection(**promise)), Effort(), complete=True)))


def test_the_page_says_what_is_claimed_of_noise_and_sums_and_what_not(subject):
    noisy, summed = claims_on(subject, epsilon=4.0, delta=1e-4), claims_on(subject, sums=True)
    both = claims_on(subject, epsilon=4.0, delta=1e-4, sums=True)
    of_noise = [SAMPLE.claim.format(epsilon=4.0, delta=1e-4), *SAMPLE.not_claimed, *SAMPLE.assumptions]
    for text in of_noise:
        assert text in noisy and text in both and text not in summed
    for text in (CLAIM, *NOT_CLAIMED):
        assert text in summed and text in both and text not in noisy


def test_only_a_run_that_promises_nothing_is_said_to_keep_nothing_from_its_coordinator(subject):
    assert "does not keep the coordinator" in claims_on(subject) and "Not claimed" not in claims_on(subject)
    for promise in ({"epsilon": 4.0, "delta": 1e-4}, {"sums": True}):
        assert "does not keep the coordinator" not in claims_on(subject, **promise)


def test_the_settings_of_a_run_decide_what_is_promised(subject):
    class Settings:
        def __init__(self, **keys: object) -> None:
            self.__dict__.update(keys)

    assert Protection.of(subject.recorded.config) == Protection()
    assert Protection.of(Settings(dp="", epsilon=0.0, delta=0.0, secure_sum=True)) == Protection(sums=True)
    assert Protection.of(Settings(dp="sample", epsilon=2.0, delta=1e-5)) == Protection(2.0, 1e-5)


def test_ctrl_c_leaves_what_was_found(subject):
    def watch(name: str, done: int, _: int) -> None:
        if name == "reading weighted gradients" and done == 3:
            raise KeyboardInterrupt

    audit = play(subject, Effort(), watch, quiet)
    assert [each.name for each in audit.findings] == ["single-sample gradients"]
    assert not audit.complete
    assert "Not complete" in page(audit)


# --- runs that can't be audited


def refusal(directory: Path) -> str:
    with pytest.raises(BytefedError) as caught:
        Subject.load(directory)
    assert str(directory) in caught.value.message
    assert caught.value.remedy
    return caught.value.code


def edited(plain: Path, folder: Path, key: str, value: str) -> Path:
    """A copy of a run with another value of a key of its configuration."""
    copy = shutil.copytree(plain, folder / "run")
    with closing(sqlite3.connect(copy / "run.db")) as db, db:
        [[config]] = db.execute("SELECT value FROM meta WHERE key = 'config'")
        lines = [
            f"{key} = '{value}'" if line.startswith(f"{key} = ") else line for line in config.splitlines()
        ]
        db.execute("UPDATE meta SET value = ? WHERE key = 'config'", ("\n".join(lines),))
    return copy


def test_a_run_whose_samples_are_on_boards_alone_is_refused(plain, tmp_path):
    assert refusal(edited(plain, tmp_path, "data", "boards")) == "E_AUDIT_DATA"


def test_code_that_a_run_of_somebody_else_names_is_not_imported(plain, tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refusal(edited(plain, tmp_path, "strategy", "theirs:Mine")) == "E_RUN_FOREIGN"


def test_a_room_of_a_federation_of_rooms_is_refused(plain, tmp_path):
    copy = shutil.copytree(plain, tmp_path / "run")
    with closing(sqlite3.connect(copy / "run.db")) as db, db:
        db.execute("UPDATE boards SET client = client + 7")
    assert refusal(copy) == "E_AUDIT_DATA"


def test_a_run_whose_data_have_changed_is_refused(tmp_path):
    directory = run(tmp_path, rounds=1)
    with np.load(tmp_path / "clouds.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "clouds.npz", **{**arrays, "X": arrays["X"][:, 1:]})
    assert refusal(directory) == "E_AUDIT_DATA"


def test_a_run_with_hardly_a_test_set_is_refused(plain, tmp_path):
    with np.load(plain.parent / "clouds.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "few.npz", **{**arrays, "test": np.arange(360) < 5})
    assert refusal(edited(plain, tmp_path, "data", str(tmp_path / "few.npz"))) == "E_AUDIT_DATA"


def test_the_smallest_audit_is_one(subject):
    audit = play(subject, Effort(boards=1, canaries=1), quiet, quiet)
    assert audit.complete
    assert [each.outcome.epsilon for each in audit.findings[5:]] == [0.0, 0.0]


def test_a_simulation_and_no_run_are_refused(tmp_path):
    np.save(tmp_path / "head.npy", np.zeros(7))
    assert refusal(tmp_path) == "E_AUDIT_SIMULATION"
    assert refusal(tmp_path / "nothing") == "E_RUN_MISSING"
