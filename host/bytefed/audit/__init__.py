"""Audits of runs: plays attackers against a run's own virtual boards, and says what they got (docs/audit.md).

    subject.py      the run that is audited: its settings, its data, its heads
    protection.py   the promise of the run's settings, and what a coordinator sees of its boards
    boards.py       virtual boards that hold the run's samples, and what they send
    gradients.py    gradients of single samples, and how one is read
    reading.py      attacks that read samples
    plain_rounds.py the same by rounds without the run's protection
    membership.py   attacks that tell who was in the data
    canaries.py     attacks that bound epsilon from below
    epsilon.py      the bound
    finding.py      what an attack got, in words and numbers
    play.py         all attacks in their order
    page.py         the page for an ethics board

Nothing here talks to a board that somebody has, and nothing is written into the run directory.
"""
