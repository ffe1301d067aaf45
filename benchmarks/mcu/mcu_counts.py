"""Instruction counts of the core on an emulated Cortex-M4F: `make bench-mcu`.

Runs the image mcu-counts.elf under QEMU's instruction counter, prints the tables, and leaves all figures in
build/bench/mcu.json. With --record the tables also become docs/cost.md, which a test holds against a new run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bytefed.codec import CODECS
from bytefed.masks.form import CODECS as SUMMED

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cost.md"
CODEC_COSTS = ROOT / "host" / "bytefed" / "codec" / "instructions.json"
QEMU = "qemu-system-arm"
MACHINE = ("-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "null")
COUNTER = ("-icount", "shift=10,sleep=on")
AIFES_STEP = {64: 77_687, 128: 152_311, 256: 301_559}  # AIfES 2.2.0 at -O2, C = 10: see the page's text
EXTRACTORS = {
    "digits": 315_383,
    "digits04": 315_391,
    "motion": 648_760,
    "gesture": 257_132,
    "keywords": 661_400,
}
"""Instructions of a window's features, by TensorFlow Lite Micro: the images extractor-NAME.elf tell them. Building
those takes the package that platformio.ini declares, so tests/qemu/test_tflm_features.py looks where it is there."""
EXTRACTOR_STACK = 704  # bytes, of each
_HOP = 49 // 2  # frames from one window to the next

Counts = Mapping[str, int]


def count(image: Path) -> dict[str, int]:
    """Run the image once.

    Args:
        image: mcu-counts.elf.

    Returns:
        Every figure by its name: instructions, or bytes where the name says so.
    """
    command = [
        QEMU,
        *MACHINE,
        *COUNTER,
        "-semihosting-config",
        "enable=on,target=native",
        "-kernel",
        str(image),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{image.name} ended with {done.returncode}: {done.stderr}")
    return {name: int(value) for name, value in (line.split() for line in done.stderr.splitlines())}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; all columns but the first hold figures."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)) + "\n"


def parts_table(counts: Counts, parts: Sequence[tuple[str, str, str]]) -> str:
    """Return a Markdown table of parts: name, key of the figure, and what is in it."""
    return table(
        ["", "instructions", "what"], [[name, f"{counts[key]:,}", what] for name, key, what in parts]
    )


def step_table(counts: Counts) -> str:
    """Return a table of the instructions of a step, for the usual heads."""
    rows = []
    for features in (32, 64, 128, 256):
        steps = {classes: counts[f"sgd_step_d{features}_c{classes}_insn"] for classes in (2, 4, 10)}
        products = 2 * features * 10
        plain = counts[f"sgd_step_plain_d{features}_c10_insn"]
        aifes = AIFES_STEP.get(features)
        rows.append(
            [
                str(features),
                *(f"{step:,}" for step in steps.values()),
                f"{steps[10] / products:.2f}",
                f"{steps[10] / (2 * products):.2f} x",
                f"{plain:,}",
                f"{aifes / steps[10]:.1f} x" if aifes else "",
            ]
        )
    head = ["D", "C = 2", "C = 4", "C = 10", "per MAC", "of the bound", "plain loops", "AIfES"]
    return table(head, rows)


def noise_table(counts: Counts) -> str:
    """Return a table of the instructions of a sample in a round with noise, for the usual heads."""
    rows = [
        [
            f"D = {features}",
            *(f"{counts[f'noise_sample_d{features}_c{classes}_insn']:,}" for classes in (2, 4, 10)),
        ]
        for features in (32, 64, 128, 256)
    ]
    return table(["", "C = 2", "C = 4", "C = 10"], rows)


def cycle_table(counts: Counts) -> str:
    """Return a table of a step's cycles on silicon, with VMUL and VADD (as it is) and with VMLA."""
    rows = []
    for features in (64, 256):
        step = counts[f"sgd_step_d{features}_c10_insn"]
        macs = 2 * features * 10
        extra = features * extra_cycles(10)
        shipped = step + extra
        fused = step - macs + extra + 2 * macs  # one instruction less for each product, but 3 cycles for it
        rows.append([str(features), f"{step:,}", f"{shipped:,.0f}", f"{step - macs:,}", f"{fused:,.0f}"])
    return table(["D", "VMUL, VADD: instructions", "cycles", "VMLA: instructions", "cycles"], rows)


def extra_cycles(classes: int) -> float:
    """Return the cycles of a feature beyond one for each instruction, in both loops (Cortex-M4 TRM, timings).

    VLDM and VSTM of n registers take 1 + n cycles, LDR 2, VMOV of two registers 2, a taken branch 3.
    """
    rows = 3 * classes  # a row is loaded twice and stored once
    per_turn = 2 * (1 + 2 + 2)  # four features, two loops: LDR, two VMOV, branch
    return rows + per_turn / 4


def part_table(counts: Counts) -> str:
    """Return a table of everything else, with D = 64 and C = 10 where a head is involved."""
    at = "_d64_c10_insn"
    step = counts["trainer_epoch_of_32" + at] / 32
    parts: list[tuple[str, float | str, str]] = [
        ("SGD step, batch 1", counts["sgd_step" + at], "the three below, and the biases"),
        ("- weighted sums", counts["weighted_sums" + at], "W x, int8 features made float on the way"),
        ("- softmax, loss and gradient", counts["softmax_gradient" + at], "10 exp, 1 log, 1 division"),
        ("- rank-one update", counts["rank_one_update" + at], "the features made float once more"),
        ("the same in an epoch", round(step), "with the shuffled order and the bookkeeping"),
        ("evaluation of a sample", counts["evaluation_step" + at], "logits and the largest"),
        ("delta", counts["round_delta" + at], "difference, check for NaN, coding, CRC-32: 650 parameters"),
        ("CRC-16", counts["crc16_1000_bytes_insn"] / 1000, "a byte"),
        ("CRC-32", counts["crc32_1000_bytes_insn"] / 1000, "a byte"),
        ("framing, out", framing(counts, "encode", "noise"), "a byte: CRC-16, COBS"),
        ("framing, in", framing(counts, "decode", "noise"), "a byte: COBS, CRC-16"),
        ("framing, in, all zeros", framing(counts, "decode", "zeros"), "a byte: the dearest there is"),
        ("round, downlink", counts["round_downlink" + at], "BEGIN and 2,600 B: link, checks, copy"),
        ("round, training", counts["round_training" + at], "32 samples, one epoch, in slices"),
        ("round, uplink", counts["round_uplink" + at], "RESULT, GET, 2,600 B"),
        ("whole round", counts["round_total" + at], ""),
    ]
    rows = [[name, f"{n:,.1f}" if isinstance(n, float) else f"{n:,}", what] for name, n, what in parts]
    return table(["", "instructions", "what"], rows)


def framing(counts: Counts, direction: str, kind: str) -> float:
    """Return the instructions for each byte of the largest frame."""
    return counts[f"framing_{direction}_{kind}_250_bytes_insn"] / 250


def seal_table(counts: Counts) -> str:
    """Return a table of what sealed links cost a board."""
    parts = [
        ("handshake", "seal_handshake_insn", "the board's side: GREET read, WELCOMED written"),
        ("a stranger's GREET refused", "seal_refused_insn", "no X25519 is done"),
        ("chain up to the key", "seal_key_chain_insn", "once, when the board starts"),
        ("keys of a direction", "seal_direction_keys_insn", "twice a session"),
        ("frame without a body, sealed", "seal_frame_0_insn", ""),
        ("frame with a body of 64 B, sealed", "seal_frame_64_insn", ""),
        ("the same, opened", "open_frame_64_insn", ""),
        ("largest frame, sealed", "seal_frame_239_insn", "a body of 239 B"),
        ("the same, opened", "open_frame_239_insn", ""),
        ("chunk of a blob", "seal_blob_chunk_248_insn", "248 B, hidden or shown"),
        ("tag of a blob", "seal_blob_tag_2600_insn", "2,600 B, once a transfer"),
    ]
    return parts_table(counts, parts)


def mask_table(counts: Counts) -> str:
    """Return a table of what a secure sum costs a board, whatever the codec."""
    parts = [
        ("a board's own point", "masks_begun_insn", "once a run: X25519"),
        ("a neighbour's point", "masks_peer_insn", "once a run: X25519, and the seed"),
        ("what a round's masks are for", "masks_opened_insn", "the digest of plan and head"),
    ]
    return parts_table(counts, parts)


def hiding_table(counts: Counts) -> str:
    """Return a table of the lanes of each codec: made, hidden, and made with a share of the noise."""
    rows = []
    for name in SUMMED:
        at = {boards: f"masks_{CODECS[name].number}_n{boards}" for boards in (8, 64)}
        figures = [counts[f"{at[boards]}_{part}_insn"] for boards in at for part in ("encode", "hidden")]
        share = counts.get(f"{at[64]}_share_insn")
        rows.append([name, *(f"{n:,}" for n in figures), f"{share:,}" if share else ""])
    return table(
        ["", "lanes, 8 boards", "hidden", "lanes, 64 boards", "hidden", "with a share of the noise"], rows
    )


def codec_table(counts: Counts) -> str:
    """Return a table of both directions of each codec."""
    rows = []
    for name, steps in codec_costs(counts).items():
        both = steps["encode"], steps["decode"]
        rows.append([name, *(f"{n:,}" for n in both), *(f"{n / 650:.1f}" for n in both)])
    return table(["codec", "encode", "decode", "encode, a parameter", "decode"], rows)


def watch_table(counts: Counts) -> str:
    """Return a table of what a window costs that is classified and told."""
    parts = [
        (
            "window, classified",
            "watch_window",
            "features to label and confidence: logits, softmax, the largest",
        ),
        ("its question", "watch_question", "CLASSIFY on an open serial link, up to waiting for the sensor"),
        ("its answer", "watch_answer", "the window classified as above, and CLASSIFIED on its way"),
        ("phones", "watch_shown", "in addition, where they may read it: name and per cent as text"),
        (
            "a sample of the search",
            "watch_search",
            "where `--unknown` asks for a threshold: 8 times each own sample",
        ),
    ]
    return parts_table(counts, [(name, f"{key}_d64_c10_insn", what) for name, key, what in parts])


def extractor_table() -> str:
    """Return a table of what a window's features cost, before the head."""
    return table(
        ["model", "instructions of a window's features"], [[name, f"{n:,}"] for name, n in EXTRACTORS.items()]
    )


def sound_table(counts: Counts) -> str:
    """Return a table of what the front end for sound costs."""
    rows = []
    for rate, what in (("8000", "240 samples, 32 bands"), ("16000", "480 samples, 40 bands")):
        frame, heard = counts[f"sound_frame_{rate}_insn"], counts[f"hearing_frame_{rate}_insn"]
        rows.append(
            [
                f"{int(rate):,} a second",
                what,
                f"{frame:,}",
                f"{heard:,}",
                f"{50 * heard:,}",
                f"{counts[f'sound_tables_{rate}_bytes']:,}",
            ]
        )
    return table(
        [
            "samples",
            "a frame",
            "features of a frame",
            "a board's ear, a frame",
            "of a second",
            "tables in flash (B)",
        ],
        rows,
    )


def words_a_second(counts: Counts) -> int:
    """Return the instructions of a second of sound: a frame each 20 ms, and a window's features each hop."""
    return round(50 * (counts["hearing_frame_8000_insn"] + EXTRACTORS["keywords"] / _HOP))


def memory_table(counts: Counts) -> str:
    """Return a table of the memory besides head, delta and samples."""
    rows = [
        ["training state and workspace (C = 10, batch 1)", counts["training_memory_d64_c10_bytes"]],
        ["stack of a training step", counts["training_step_stack_bytes"]],
        ["stack of a whole round", counts["session_stack_bytes"]],
        ["session and serial link, frame buffers included", counts["session_object_bytes"]],
        ["a round with noise: state, part of the session", counts["noise_object_bytes"]],
        ["a secure sum: seeds and keys, part of the session", counts["masks_object_bytes"]],
        ["classifying: state, part of the session", counts["watch_object_bytes"]],
        ["classifying: a window of 300 values and its 64 features", counts["watch_window_bytes"]],
        ["hearing: a frame's samples and its transform, at any rate", counts["sound_object_bytes"]],
        [
            "hearing: the ear with these and its filter, without the window's ring",
            counts["hearing_object_bytes"],
        ],
        ["stack of a window's question, classification and answer", counts["watch_stack_bytes"]],
    ]
    return table(["", "bytes"], [[name, f"{size:,}"] for name, size in rows])


def page(counts: Counts) -> str:
    """Return docs/cost.md."""
    return f"""\
# What the core costs on a Cortex-M4F

Made by `make bench-mcu RECORD=1`; a test fails when a figure here is more than 3 % off.

A figure is the number of instructions that a Cortex-M4F executes, counted by QEMU (`-icount shift=10`: each takes
2^10 ns of virtual time, which a timer of the emulated machine measures) with interrupts off. The image has the
firmware's own sources and flags, GCC 12 at -O2. The counts are exact and repeat from run to run. They are **not**
cycles: the emulator knows no pipeline, no flash wait states, no cache. And they hold for this compiler: another one
orders all but the hand-written loops differently.

## A training step

Softmax regression, batch 1, float32 weights, int8 features; the conversion of the features to float is included.

{step_table(counts)}
- *per MAC*: instructions for each of the 2 D C multiply-accumulates, C = 10. *Of the bound*: that many products and
  sums in separate instructions, as IEEE 754 without fusing asks for, and nothing else, is 1.00.
- *plain loops*: the reference in C++ (`weighted_sums_plain`, `rank_one_update_plain`), same compiler, C = 10. The tuned
  step gives the same bits.
- *AIfES*: how many times fewer than the same step takes in AIfES 2.2.0 (one Dense layer, softmax, cross-entropy, SGD,
  float32, batch 1, C = 10), measured once, in the same way, at -O2: 77,687 instructions at D = 64, 152,311 at 128,
  301,559 at 256. AIfES is the more general library: it chooses layers, optimiser and types at run time.

Estimated cycles, from the timings in Arm's manual and without wait states:

{cycle_table(counts)}
Hence VMUL and VADD in the kernel, although VMLA would count fewer instructions for the same bits.

## A round with noise

A sample's clipped gradient, in integers:

{noise_table(counts)}
The noise on one parameter, a draw of the discrete Gaussian, takes in the mean of a head with D = 64 and C = 10
{counts["noise_parameter_d64_c10_insn"]:,} instructions (epsilon 4, delta 1e-4, 10 rounds).

## Everything else

D = 64 and C = 10 where a head is involved.

{part_table(counts)}
## Codecs

A delta of 650 parameters (D = 64, C = 10); encoding includes the error feedback.

{codec_table(counts)}
## Classifying

CLASSIFY, D = 64 and C = 10, without the sensor and the extractor.

{watch_table(counts)}
On a sealed link the question is opened and the answer sealed, as below. The features of the window come before that,
by TensorFlow Lite Micro with CMSIS-NN at -O2 on the same emulator; `tests/qemu/test_tflm_features.py` holds these
against the images `extractor-NAME.elf`, where `BYTEFED_TFLM_DIR` names the package:

{extractor_table()}
They take {EXTRACTOR_STACK:,} B of stack.

## Hearing

Instructions for sound (SPEC.md, section 7.7), a frame every 20 ms: its features (window, transform, bands, roots and
logarithms); and all that a board's ear does for it with a microphone of 16,000 samples a second: level, half the rate
where the model takes that, features, int8 values in the window's ring.

{sound_table(counts)}
With the extractor `keywords` and a window every 0.48 s, as `bytefed watch` has them, a second takes
{words_a_second(counts):,}.

## Sealed links

SPEC.md, section 10, with Monocypher at -O2 and BLAKE2b's rounds in a loop.

{seal_table(counts)}
The handshake takes {counts["seal_handshake_stack_bytes"]:,} B of stack.

## Secure sums

SPEC.md, section 11: a head with D = 32 and C = 10, with statistics.

{mask_table(counts)}
In a round, lanes are made in place of the codec's encoding. They are then hidden by the board's own mask and by those
that it shares with neighbours, each with its key: 7 neighbours with 8 boards, 14 with 64. For noise of whole boards,
deltas are bounded and get a share of the noise; here with 64 boards.

{hiding_table(counts)}
## Memory

Besides the two heads and the samples:

{memory_table(counts)}
For comparison, the step of AIfES above took 5,536 B of training memory and 3,008 B of stack at D = 64.
"""


def codec_costs(counts: Counts) -> dict[str, dict[str, int]]:
    """Return the figures that `bytefed sweep` shows of each codec: encoding and decoding 650 parameters."""
    return {
        name: {step: counts[f"codec_{codec.number}_{step}_d64_c10_insn"] for step in ("encode", "decode")}
        for name, codec in CODECS.items()
    }


def main() -> int:
    """Count, print, write."""
    parser = argparse.ArgumentParser(description="Instruction counts of the core on an emulated Cortex-M4F.")
    parser.add_argument(
        "--images", type=Path, default=ROOT / "build" / "qemu", help="where `make qemu` built"
    )
    parser.add_argument(
        "--json", type=Path, default=ROOT / "build" / "bench" / "mcu.json", help="all figures"
    )
    parser.add_argument("--record", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    args = parser.parse_args()
    image = args.images / "mcu-counts.elf"
    if shutil.which(QEMU) is None or not image.is_file():
        sys.exit(f"This needs {QEMU} (apt-get install {QEMU}) and {image} (make qemu).")
    counts = count(image)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    text = page(counts)
    print(text)
    if args.record:
        PAGE.write_text(text, encoding="utf-8")
        CODEC_COSTS.write_text(json.dumps(codec_costs(counts), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
