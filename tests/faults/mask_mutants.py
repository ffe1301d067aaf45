"""Boards that tell without masks, or whose masks are broken, by one exact replacement; the core's tests find each."""

from __future__ import annotations

from core_mutants import CoreMutant
from noise_mutants import TELL_OF_WINDOWS

SUITES = ("main.cpp", "test_secure_sum.cpp", "test_session_masks.cpp")

_MASKS, _CODEC = "secure_sum/masks.cpp", "secure_sum/sum_codec.cpp"
_ROUND, _DELTA, _ROUND_MASKS = "session/round.cpp", "session/round_delta.cpp", "session/round_masks.cpp"
_SESSION, _WATCH = "session/session_masks.cpp", "session/session_watch.cpp"
_KEEP = "kept_ && !masked_;  // the keys of a masked delta are lost with the power, and so is its round"

MUTANTS = (
    # ---- Masks
    CoreMutant("masks without the head", _MASKS, "      .add(head, sizeof(float) * count)\n", ""),
    CoreMutant("masks without CONFIG", _MASKS, "      .add(training, sizeof training)\n", ""),
    CoreMutant("masks with CONFIG's seed", _MASKS, "  config.seed = 0;\n", ""),
    CoreMutant("masks without the round", _MASKS, "      .add(&round, sizeof round)\n", ""),
    CoreMutant("masks without the step", _MASKS, "      .add(&step, sizeof step)\n", ""),
    CoreMutant("masks without the plan", _MASKS, "      .add(plan + kSetup, sizeof plan - kSetup)\n", ""),
    CoreMutant("masks without the statistics' bit", _MASKS, "statistics ? 1 : 0", "0"),
    CoreMutant("masks of another run", _MASKS, ".add(&run, sizeof run)", ""),
    CoreMutant("no own mask", _MASKS, "  add_mask(own_, false, layout, blob);\n", ""),
    CoreMutant(
        "an own key that is the same in each round", _MASKS, "  std::memcpy(own_, own, kMaskKeySize);\n", ""
    ),
    CoreMutant("masks that all boards add", _MASKS, "(smaller_ >> i & 1u) != 0", "false"),
    CoreMutant(
        "masks without the last neighbour",
        _MASKS,
        "i < neighbours(); ++i) {\n    uint8_t key",
        "i + 1 < neighbours(); ++i) {\n    uint8_t key",
    ),
    CoreMutant(
        "a mask of a key that is not twice there",
        _MASKS,
        "    std::memcpy(twice + kMaskKeySize, key, kMaskKeySize);\n",
        "    std::memset(twice + kMaskKeySize, 0, kMaskKeySize);\n",
    ),
    CoreMutant(
        "words without masks",
        _MASKS,
        "    word += (stream.word() ^ flip) - flip;\n",
        "    if (layout.bits == 32) word += (stream.word() ^ flip) - flip;\n",
    ),
    CoreMutant(
        "lanes without masks",
        _MASKS,
        "reader.take() + ((stream.lane(layout.bits) ^ flip) - flip)",
        "reader.take()",
    ),
    CoreMutant(
        "lanes of a stream that starts anew",
        _MASKS,
        "      held_ = next >> (bits - held_bits_);\n",
        "      held_ = next;\n",
    ),
    # ---- Setup
    CoreMutant(
        "a point of low order is taken",
        _MASKS,
        "order != 0 && x25519(secret_, points, shared)",
        "order != 0 && (x25519(secret_, points, shared), true)",
    ),
    CoreMutant("the own point is taken", _MASKS, "order != 0 && ", ""),
    CoreMutant("a place beyond the neighbours", _MASKS, " || first + count > neighbours()", ""),
    CoreMutant("masks before all neighbours are known", _MASKS, "begun() && known_ == all()", "begun()"),
    CoreMutant("a plan for nobody", _MASKS, "plan.boards >= kLeast && ", ""),
    CoreMutant("a sum of two", _MASKS, "plan.min_sum >= kLeast", "plan.min_sum >= 2"),
    CoreMutant(
        "a sum of more than can be",
        _MASKS,
        " &&\n         plan.min_sum <= neighbours_of(plan.boards) + 1",
        "",
    ),
    CoreMutant("a reference of nothing", _MASKS, "plan.reference != 0 && ", ""),
    CoreMutant(
        "the same MASK begins anew", _ROUND_MASKS, "  if (masks_.is_set_up(plan)) return Status::kOk;\n", ""
    ),
    CoreMutant(
        "a secret of a source that fails",
        _ROUND_MASKS,
        "if (!port_.random(port_.context, secret, sizeof secret)) return Status::kNoEntropy;",
        "port_.random(port_.context, secret, sizeof secret);",
    ),
    CoreMutant(
        "setup in a round",
        _SESSION,
        "  return at_rest() && !holds_delta() && asked_run_ != kVisit;\n",
        "  return !holds_delta() && asked_run_ != kVisit;\n",
    ),
    CoreMutant(
        "setup while a delta waits",
        _SESSION,
        "  return at_rest() && !holds_delta() && asked_run_ != kVisit;\n",
        "  return at_rest() && asked_run_ != kVisit;\n",
    ),
    # ---- The unmask rule
    CoreMutant(
        "UNMASK is answered twice",
        _MASKS,
        "  return told_ && survivors != survivors_ ? Status::kMasksUsed : Status::kOk;\n",
        "  return Status::kOk;\n",
    ),
    CoreMutant("UNMASK is answered once alone", _MASKS, "told_ && survivors != survivors_ ?", "told_ ?"),
    CoreMutant(
        "the last round's UNMASK counts", _MASKS, "  used_ = round;\n  told_ = false;\n", "  used_ = round;\n"
    ),
    CoreMutant(
        "min_sum ignored", _MASKS, "  if (ones(survivors) + 1 < plan_.min_sum) return Status::kTooFew;\n", ""
    ),
    CoreMutant(
        "min_sum off by one",
        _MASKS,
        "ones(survivors) + 1 < plan_.min_sum",
        "ones(survivors) + 2 < plan_.min_sum",
    ),
    CoreMutant(
        "survivors that are no neighbours",
        _MASKS,
        "  if ((survivors & ~all()) != 0) return Status::kBadValue;\n",
        "",
    ),
    CoreMutant(
        "the keys of survivors are told",
        _MASKS,
        "    if ((survivors >> i & 1u) == 0) make_key",
        "    if ((survivors >> i & 1u) != 0) make_key",
    ),
    CoreMutant(
        "UNMASK of another round",
        _ROUND_MASKS,
        "  if (unmask.round != number_) return unmask.round < number_ ? Status::kStaleRound : Status::kBadValue;\n",
        "",
    ),
    CoreMutant("UNMASK before there is a blob", _ROUND_MASKS, "  if (!kept_) return Status::kBusy;\n", ""),
    CoreMutant(
        "keys that don't fit the frame", _SESSION, "kHeaderSize + size > outbox_.message_limit()", "false"
    ),
    # ---- Masked or not at all
    CoreMutant(
        "a masked run ends with its setup",
        _ROUND,
        "  masked_ = masked_ && run == run_;\n",
        "  masked_ = false;\n",
    ),
    CoreMutant("a masked run never ends", _ROUND, "  masked_ = masked_ && run == run_;\n", ""),
    CoreMutant("the seeds stay when the run begins anew", _ROUND, "  masks_.forget();\n", ""),
    CoreMutant(
        "a plain round before the setup is whole",
        _SESSION,
        "  if (!round_.can_mask()) return Status::kNoMasks;\n",
        "  if (!round_.can_mask()) return Status::kOk;\n",
    ),
    CoreMutant("the delta leaves without masks", _DELTA, "  if (masked_) return mask_delta();\n", ""),
    CoreMutant(
        "a blob is made anew in the same round",
        _ROUND_MASKS,
        "  if (request.round <= masks_.used()) return Status::kMasksUsed;\n",
        "",
    ),
    CoreMutant("another step is the same request", _ROUND, " && request.step == request_.step", ""),
    CoreMutant("a masked delta outlives its keys", _DELTA, _KEEP, "kept_;"),
    CoreMutant("flash forgets that the run is masked", _DELTA, "  record.masked = masked_;\n", ""),
    CoreMutant(
        "a blob without own key, since the source fails",
        _ROUND_MASKS,
        "    result_.status = Status::kNoEntropy;\n    return false;\n  }\n  masks_.hide(",
        "  }\n  masks_.hide(",
    ),
    CoreMutant("a codec whose positions are data", _CODEC, "return codec < sizeof kLevels;", "return true;"),
    CoreMutant(
        "any step",
        _ROUND_MASKS,
        "{codec, masks_.plan().boards, request.step, 0}.valid()",
        "{codec, 1, 1.0f, 0}.valid()",
    ),
    CoreMutant("a blob that memory has no room for", _ROUND_MASKS, ".size() <= room ?", ".size() > 0 ?"),
    CoreMutant("statistics are told", _ROUND, "  if (masked_) withhold_statistics();\n", ""),
    CoreMutant("a personal head is made", _ROUND, "configured_ && !withholds() && (", "configured_ && ("),
    CoreMutant("a personal head of before is kept", _ROUND_MASKS, "  has_personal_ = false;\n", ""),
    CoreMutant("CLASSIFY finds a threshold", _WATCH, "asked.unknown > 0 && round_.withholds()", "false"),
    *TELL_OF_WINDOWS,
    CoreMutant(
        "noisy deltas by a plan that came in the middle",
        "session/round_noise.cpp",
        "pass_.make_delta(rate_)",
        "pass_.make_delta(config_.rate)",
    ),
    CoreMutant(
        "a codec that CONFIG changes before the head is whole",
        _ROUND,
        "    delta_seed_ = uplink_seed(config_.seed, request_.round);\n",
        "    delta_codec_ = static_cast<Codec>(codec_of(config_.codec_up));\n"
        "    delta_seed_ = uplink_seed(config_.seed, request_.round);\n",
    ),
    CoreMutant(
        "a visit that takes a board from its rounds",
        _SESSION,
        "return at_rest() && !holds_delta() && asked_run_ != kVisit;",
        "return at_rest() && !holds_delta();",
    ),
    CoreMutant(
        "no word of other samples",
        "session/session.cpp",
        "(!whole || round_.masked()) && round_.has_delta()",
        "!whole && round_.has_delta()",
    ),
    # ---- Sums
    CoreMutant(
        "a sum that wraps around",
        _CODEC,
        "return {words, padded(count), digits(levels_of(codec) * boards)};",
        "return {words, padded(count), digits(levels_of(codec) * boards) - 1};",
    ),
    CoreMutant(
        "each board rotates in its own way",
        _ROUND_MASKS,
        "uplink_seed(0, request_.round)};\n  const float",
        "delta_seed_};\n  const float",
    ),
    CoreMutant("no error feedback", _ROUND_MASKS, "lossy ? memory_.residual[i] : 0.0f", "0.0f"),
    CoreMutant("all boards weigh the same", _ROUND_MASKS, "memory_.local[i] * weight", "memory_.local[i]"),
    CoreMutant(
        "a word that wraps around",
        _CODEC,
        "value < static_cast<float>(most) ? static_cast<uint32_t>(value) : most",
        "static_cast<uint32_t>(value)",
    ),
)
