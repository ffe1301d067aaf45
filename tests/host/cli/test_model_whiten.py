"""`bytefed model whiten`: it writes a model where whitening pays, and nothing where it does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bytefed.cli.main import main
from bytefed.data import TASKS
from bytefed.extractor import manifest
from bytefed.extractor.extractor import Extractor

pytest.importorskip("tflite_micro", reason="the extractor's runtime is not installed")


@pytest.fixture
def added(monkeypatch, tmp_path):
    """The folder in which models of one's own are kept."""
    folder = tmp_path / "models"
    monkeypatch.setenv(manifest.VARIABLE, str(folder))
    return folder


@pytest.fixture
def apart(tmp_path):
    """A file of digits that digits04_plain has not seen."""
    raw, division = TASKS["digits04_plain"].load()
    own = division.federated[:200]
    file = tmp_path / "apart.npz"
    np.savez(file, X=raw.inputs[own], y=raw.labels[own])
    return file


def test_a_model_is_whitened_and_found_by_its_name(added, apart, capsys):
    assert main(["model", "whiten", "digits04_plain", "--data", str(apart), "--name", "quick", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pays"] and said["whitened_accuracy"] >= said["needed_accuracy"] > said["plain_accuracy"]
    about = manifest.Manifest.load(added / "quick").document
    plain = Extractor.load("digits04_plain")
    assert about["whitening"]["plain_model_hash"] == plain.model_hash != about["model_hash"]
    assert about["whitening"]["made_of"] == about["whitening"]["samples"] == 200
    assert about["classes"] == list("0123456789")
    assert Extractor.load("quick").D == about["D"] == said["directions"]


def test_nothing_is_written_where_it_does_not_pay(added, tmp_path, capsys):
    """Labels that have nothing to do with the inputs."""
    random = np.random.RandomState(0)
    np.savez(tmp_path / "x.npz", X=random.rand(60, 8, 8, 1), y=np.arange(60) % 2)
    status = main(["model", "whiten", "digits_plain", "--data", str(tmp_path / "x.npz"), "--name", "quick"])
    out = capsys.readouterr().out
    assert status == 3
    assert "does not pay" in out and "Nothing was written" in out
    assert not added.exists()


def test_the_wrong_inputs_are_named(added, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", X=np.zeros((40, 5, 5, 1)), y=np.arange(40) % 2)
    assert main(["model", "whiten", "digits_plain", "--data", str(tmp_path / "x.npz")]) == 1
    assert "E_DATA_SHAPE" in capsys.readouterr().err
    np.savez(tmp_path / "x.npz", X=np.zeros((40, 8, 8, 1)))
    assert main(["model", "whiten", "digits_plain", "--data", str(tmp_path / "x.npz")]) == 1
    assert "E_DATA_ARRAY" in capsys.readouterr().err
    assert main(["model", "whiten", "digits_plain", "--task", "motion"]) == 1
    assert "E_DATA_SHAPE" in capsys.readouterr().err
    assert main(["model", "whiten", "digits_plain", "--task", "moton"]) == 1
    assert "Did you mean motion?" in capsys.readouterr().err


def test_a_taken_name_is_refused_before_the_work(added, capsys):
    assert main(["model", "whiten", "digits_plain", "--task", "digits", "--name", "digits"]) == 1
    assert "E_MODEL_EXISTS" in capsys.readouterr().err
