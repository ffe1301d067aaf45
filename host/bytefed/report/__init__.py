"""Reports of runs: one HTML page, and the same figures for papers, spreadsheets and TensorBoard.

The page's charts are drawn by svg.py, not by matplotlib: text that a phone can read, dark mode by style sheet and a
redraw every second beside a running experiment are things that only small SVG of our own gives, with nothing to
install. matplotlib, an extra, draws the same `Chart` objects where paper is the goal: `--png` and `--svg`.

    run_files.py     a run directory, read with suspicion      svg.py, page.py   the page
    chart.py    what a chart shows, not how it looks      paper.py          PNG and SVG by matplotlib
    charts.py   the charts of one run                     tables.py         the numbers as CSV
    compare.py  several runs side by side                 tensorboard.py    event files
                                                          live.py           the page while the run goes on
"""
