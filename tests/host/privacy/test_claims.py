"""The words of what noise and secure sums claim, and do not: documents, summaries and --help say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from bytefed.cli.parser import build_parser
from bytefed.federation.secure_sum import CLAIM, NOT_CLAIMED
from bytefed.privacy.claims import BOARD, SAMPLE

DOCS = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file()) / "docs"


def words_of(page: str) -> str:
    """A page without its marks, and with paths from the root for links."""
    return (DOCS / page).read_text().replace("**", "").replace("[audit.md](audit.md)", "docs/audit.md")


def test_the_page_about_sums_claims_what_a_run_with_sums_does() -> None:
    text = words_of("secure_sum.md")
    assert CLAIM[1:] in text
    for line in NOT_CLAIMED:
        assert f"- {line}" in text


def test_the_threat_model_claims_what_runs_with_noise_and_sums_do() -> None:
    text = words_of("security.md")
    for claim in (SAMPLE.claim, BOARD.claim, CLAIM):
        assert claim.replace("{epsilon:g}", "E").replace("{delta:g}", "D") in text
    for line in (*SAMPLE.not_claimed, *BOARD.not_claimed, *NOT_CLAIMED):
        assert f"- {line}\n" in text


@pytest.mark.parametrize("command", ["run", "simulate", "sweep"])
def test_help_says_what_is_claimed_and_what_is_not(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser(command).parse_args([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "each sample's influence on everything that leaves the board",
        "whoever listens, if its source of randomness and its firmware are honest",
        "not a person with many samples",
        "from 64 boards on",
        "nothing is claimed above 10",
        "no privacy against a coordinator that cheats, and no robustness against boards",
    ):
        assert words in text, words
