"""Boards whose noise, clip, or budget is broken, each by one exact replacement; the core's tests find each."""

from __future__ import annotations

from core_mutants import CoreMutant

SUITES = ("main.cpp", "test_privacy.cpp", "test_session_noise.cpp")

_SUM, _GAUSS, _PASS = (f"privacy/{name}.cpp" for name in ("clipped_sum", "discrete_gaussian", "noisy_pass"))
_NOISE, _ROUND, _BUDGET = "session/round_noise.cpp", "session/round.cpp", "session/budget.cpp"
_SESSION, _WATCH, _SAMPLES = (
    "session/session_noise.cpp",
    "session/session_watch.cpp",
    "session/session_samples.cpp",
)
_STORE = "learning/sample_store.cpp"
_DRAW = "if (!port_.random(port_.context, key, sizeof key)) return Status::kNoEntropy;"
_SPEND = """  if (!budget_.spend(noise_.cost)) {
    pass_.abandon();
    result_.status = Status::kStorageFailed;
    return false;
  }
"""
_GIVE = "    if (!budget_.give(noise.budget, plan.whole, store_)) return Status::kStorageFailed;\n"

TELL_OF_WINDOWS = (
    CoreMutant(
        "RECORD and LEVEL tell of windows",
        _WATCH,
        "round_.withholds() ? Status::kWithheld : Status::kOk",
        "Status::kOk",
    ),
    CoreMutant(
        "LEVEL tells of windows",
        _WATCH,
        "const Status status = check_raw(link);",
        "const Status status = link.frame_limit > 0 ? Status::kOk : Status::kBusy;",
    ),
)
"""Boards that withhold nothing of their sensor's windows, with noise or with masks."""
MUTANTS = (
    # ---- The noise
    CoreMutant(
        "noise from CONFIG's seed",
        _NOISE,
        _DRAW,
        "std::memset(key, static_cast<int>(config_.seed), sizeof key);",
    ),
    CoreMutant(
        "noise of a source that fails", _NOISE, _DRAW, "port_.random(port_.context, key, sizeof key);"
    ),
    CoreMutant("no noise", _PASS, "static_cast<uint32_t>(discrete_gaussian(random, sigma))", "0"),
    CoreMutant(
        "half the noise", _PASS, "discrete_gaussian(random, sigma))", "discrete_gaussian(random, sigma) / 2)"
    ),
    CoreMutant(
        "no noise on the biases",
        _PASS,
        "  if (done()) return false;\n",
        "  if (row_ >= shape_.features) return false;\n",
    ),
    CoreMutant("sigma is rounded down", _PASS, "- 1) / price + 1;", "- 1) / price - (1u << 20);"),
    CoreMutant("a grid that is too coarse is taken", _PASS, "(whole ? kLeastShareGrid : kLeastGrid)", "0"),
    CoreMutant(
        "a sampler of another distribution", _GAUSS, "bernoulli_exp(random, square % spread, spread)", "true"
    ),
    CoreMutant(
        "0 twice as often",
        _GAUSS,
        "    if (negative && size == 0) continue;  // or 0 would be twice as likely\n",
        "",
    ),
    CoreMutant("no noise below 0", _GAUSS, "return negative ? -size : size;", "return size;"),
    CoreMutant("uniform values that are not", _GAUSS, "if (value < m) return value;", "return value % m;"),
    # ---- The clip
    CoreMutant("the clip is left out", _SUM, "norm * whole <= delta ? whole : delta / norm", "whole"),
    CoreMutant("the clip forgets the bias", _SUM, "uint32_t sum = bias * bias;", "uint32_t sum = 0;"),
    CoreMutant("the clip forgets rounding", _SUM, "  shrink(a, shape.classes, most / X);\n", ""),
    CoreMutant("a clip of twice the length", _SUM, "<< (2 * clipping.grid);", "<< (2 * clipping.grid + 2);"),
    # ---- The budget
    CoreMutant("a round costs nothing", _NOISE, _SPEND, ""),
    CoreMutant("a delta leaves though it is not paid for", _NOISE, _SPEND, "  budget_.spend(noise_.cost);\n"),
    CoreMutant(
        "the budget is written after the delta is made, if at all",
        _BUDGET,
        "!port_.keep_budget(port_.context, record)) return false;",
        "!port_.keep_budget(port_.context, record_)) return false;",
    ),
    CoreMutant(
        "a spent budget pays", _BUDGET, "return cost <= record_.total - record_.spent;", "return cost > 0;"
    ),
    CoreMutant(
        "NOISE gives a budget again",
        _NOISE,
        "  if (guarded()) {",
        "  if (guarded() && noise.budget == 0) {",
    ),
    CoreMutant(
        "a budget that is not kept", _NOISE, _GIVE, "    budget_.give(noise.budget, plan.whole, store_);\n"
    ),
    CoreMutant("a budget for no samples", _NOISE, "    if (store_.empty()) return Status::kNoSamples;\n", ""),
    CoreMutant(
        "more samples renew the budget",
        "session/intake.cpp",
        "  store_.commit(split_of(add_.kind), *record);",
        "  store_.begin_set(store_.set() + 1);\n  store_.commit(split_of(add_.kind), *record);",
    ),
    CoreMutant("half the samples gone, the budget gone", _STORE, "  if (empty()) ++set_;", "  ++set_;"),
    CoreMutant("other samples keep the budget", _STORE, "  if (empty()) ++set_;", ""),
    CoreMutant(
        "an older budget counts for newer samples",
        _BUDGET,
        "record.set - store.set()) > 0",
        "record.set - store.set()) != 0",
    ),
    CoreMutant(
        "older samples come back without their budget",
        _BUDGET,
        "    record_.spent = record.total;\n",
        "    record_.total = 0;\n",
    ),
    CoreMutant(
        "samples after an empty store are the old ones", _BUDGET, "record.set + 1));", "record.set));"
    ),
    CoreMutant(
        "a budget of nonsense",
        _BUDGET,
        "record.total == 0 || record.spent > record.total",
        "record.total == 0",
    ),
    # ---- What is withheld
    CoreMutant(
        "a plain round in spite of the budget",
        _NOISE,
        "  if (!noised_ || !guarded()) return Status::kNoNoise;",
        "  if (!noised_) return Status::kOk;",
    ),
    CoreMutant(
        "a plain round of new samples",
        _NOISE,
        "  if (!noised_ || !guarded()) return Status::kNoNoise;",
        "  if (!noised_) return Status::kNoNoise;\n  if (!guarded()) return Status::kOk;",
    ),
    CoreMutant(
        "two passes for the price of one",
        _NOISE,
        "  } else if (config_.epochs != 1) {\n    return Status::kBadValue;\n",
        "",
    ),
    CoreMutant(
        "statistics are told",
        _ROUND,
        "wants_statistics() && !guarded() ? Work::kEvaluate",
        "wants_statistics() ? Work::kEvaluate",
    ),
    CoreMutant("a personal head is made", _ROUND, "configured_ && !withholds() && (", "configured_ && ("),
    CoreMutant("a personal head of before is kept", _NOISE, "  has_personal_ = false;\n", ""),
    CoreMutant("a delta of before is kept", _SESSION, " || (anew && holds_delta())", ""),
    CoreMutant("error feedback of before is kept", _NOISE, "  start_run(run_);\n", ""),
    CoreMutant(
        "flash brings back what was made without noise",
        _NOISE,
        "  if (guarded() && !clean_) forget_unguarded();\n",
        "",
    ),
    CoreMutant(
        "STORED tells the checksum", _SAMPLES, "round_.guarded() ? 0 : samples.crc()", "samples.crc()"
    ),
    CoreMutant("CLASSIFY finds a threshold", _WATCH, "asked.unknown > 0 && round_.withholds()", "false"),
    *TELL_OF_WINDOWS,
    CoreMutant("NOISE in a round", _SESSION, "!at_rest() || ", ""),
    CoreMutant(
        "BOARD does not tell of the budget",
        "session/session.cpp",
        "if (round_.guarded()) capabilities",
        "if (false) capabilities",
    ),
    CoreMutant(
        "a session that ended leaves its noise",
        _ROUND,
        "configured_ = noised_ = false;",
        "configured_ = false;",
    ),
)
