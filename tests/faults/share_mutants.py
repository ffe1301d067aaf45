"""Boards whose share of noise is broken, each by one exact replacement; the core's tests find each."""

from __future__ import annotations

from core_mutants import CoreMutant

SUITES = ("main.cpp", "test_noise_share.cpp", "test_secure_sum.cpp", "test_session_share.cpp")

_SHARE, _PASS, _CODEC, _MASKS = (
    "privacy/noise_share.cpp",
    "privacy/noisy_pass.cpp",
    "secure_sum/sum_codec.cpp",
    "secure_sum/masks.cpp",
)
_NOISE, _ROUND_MASKS, _DELTA = "session/round_noise.cpp", "session/round_masks.cpp", "session/round_delta.cpp"
_SIGMA = "plan.sigma(least_survivors(scale.boards))"
_DRAW = """  uint8_t key[kKeySize];
  if (!port_.random(port_.context, key, sizeof key)) {
"""
_SPEND = "  if (!budget_.spend(noise_.cost)) {\n"

MUTANTS = (
    # ---- The clip
    CoreMutant("the clip is left out", _SHARE, "norm <= delta ? inverse : delta / root", "inverse"),
    CoreMutant(
        "the clip forgets rounding",
        _SHARE,
        "  while (rounded_square(values, count, f) > most) f *= kSmaller;\n",
        "",
    ),
    CoreMutant("a clip of twice the length", _SHARE, "1u << grid)", "1u << (grid + 1))"),
    CoreMutant("integers of twice the length", _SHARE, "<< (2 * grid);", "<< (2 * grid + 2);"),
    CoreMutant(
        "training that diverged is told of",
        _DELTA,
        "if (shares()) return mask_share();",
        "if (shares() && all_finite(memory_.local, parameters())) return mask_share();",
    ),
    CoreMutant(
        "a board counts by its samples", _ROUND_MASKS, "words[kSumWords] = {1}", "words[kSumWords] = {6}"
    ),
    CoreMutant(
        "a size that no noise hides", _ROUND_MASKS, "words[kSumWords] = {1}", "words[kSumWords] = {1, 9}"
    ),
    CoreMutant("error feedback", _CODEC, "  sums.clear(layout.lanes);\n", ""),
    CoreMutant(
        "each board rotates in its own way",
        _ROUND_MASKS,
        "uplink_seed(0, request_.round)};\n  encode_share",
        "delta_seed_};\n  encode_share",
    ),
    # ---- The noise
    CoreMutant(
        "no noise", _CODEC, "add_noise(IntegerSums(values), 0, lanes,", "add_noise(IntegerSums(values), 0, 0,"
    ),
    CoreMutant("noise that all boards make whole, none lost", _CODEC, _SIGMA, "plan.sigma(scale.boards)"),
    CoreMutant("each board makes the whole noise", _CODEC, _SIGMA, "plan.sigma()"),
    CoreMutant(
        "half of the boards are to make it whole",
        _SHARE,
        "boards - boards / 4",
        "boards - boards / 2",
    ),
    CoreMutant("shares that are too narrow", _PASS, "whole ? kLeastShare : 1", "1"),
    CoreMutant(
        "a grid that is too coarse", _PASS, "(whole ? kLeastShareGrid : kLeastGrid)", "(whole ? 5 : 8)"
    ),
    CoreMutant("the price of one board alone", _PASS, "static_cast<uint64_t>(cost) * boards", "cost"),
    CoreMutant(
        "noise of a source that fails",
        _ROUND_MASKS,
        _DRAW + "    result_.status = Status::kNoEntropy;\n    return false;\n  }\n  const SumLayout",
        "  uint8_t key[kKeySize];\n  port_.random(port_.context, key, sizeof key);\n  const SumLayout",
    ),
    CoreMutant(
        "noise of the wrong lanes' levels",
        _CODEC,
        "(kLevels[codec] == 0 || kLevels[codec] == 255)",
        "true",
    ),
    CoreMutant("a share that nothing hides", _NOISE, "    if (!masked_) return Status::kNoMasks;\n", ""),
    # ---- The budget
    CoreMutant("a round costs nothing", _ROUND_MASKS, _SPEND, "  if (false) {\n"),
    CoreMutant(
        "a blob leaves though it is not paid for",
        _ROUND_MASKS,
        _SPEND,
        "  if (!budget_.spend(noise_.cost), false) {\n",
    ),
    CoreMutant(
        "a budget of samples pays for shares",
        _NOISE,
        "    if (budget_.whole() != plan.whole) return Status::kBudgetSpent;\n",
        "",
    ),
    CoreMutant(
        "a budget that forgets its kind",
        "session/budget.cpp",
        "record_.spent + cost, record_.set, record_.whole}",
        "record_.spent + cost, record_.set, 0}",
    ),
    # ---- The survivors
    CoreMutant(
        "the least number of survivors is ignored",
        _ROUND_MASKS,
        "boards < least_ ? Status::kTooFew : Status::kOk",
        "Status::kOk",
    ),
    CoreMutant("one survivor fewer", _ROUND_MASKS, "boards < least_ ?", "boards + 1 < least_ ?"),
    CoreMutant("no least number", _ROUND_MASKS, "least_ = least_survivors(boards);", "least_ = 0;"),
    CoreMutant(
        "more survivors than there can be",
        _ROUND_MASKS,
        "  if (boards > masks_.plan().boards - lost) return Status::kBadValue;\n",
        "",
    ),
    CoreMutant(
        "a least number that stays for sums without noise", _ROUND_MASKS, "  least_ = 0;\n", "  least_ = 1;\n"
    ),
    # ---- The masks
    CoreMutant(
        "masks without the price",
        _MASKS,
        "      .add(&share.cost, share.cost != 0 ? sizeof share.cost : 0)\n",
        "",
    ),
    CoreMutant(
        "masks without the grid", _MASKS, "      .add(&grid, share.cost != 0 ? sizeof grid : 0)\n", ""
    ),
)
