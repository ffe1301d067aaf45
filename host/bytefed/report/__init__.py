"""Reports of runs: one HTML page, and the same figures for papers, spreadsheets and TensorBoard.

The page's charts are drawn by svg.py, not by matplotlib: text that a phone can read, dark mode by style sheet and a
redraw every second beside a running experiment are things that only small SVG of our own gives, with nothing to
install. matplotlib, an extra, draws the same `Chart` objects where paper is the goal: `--png` and `--svg`.

    run_files.py    a run directory, read with suspicion    document.py, svg.py     the page's HTML
    chart.py        what a chart shows, not how it looks    one_run.py              its part about one run
    charts.py       the charts of one run                   side_by_side.py         its part about several
    key_figures.py  the tiles of one run                    page.py, live.py        the page, and while the run goes on
    compare.py      several runs, and their spread          paper.py, tables.py     PNG and SVG; the numbers as CSV
    privacy.py, sums.py, claims.py  promises of one run     findings.py             its labels
    tensorboard.py  event files
"""
