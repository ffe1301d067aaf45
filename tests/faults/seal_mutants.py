"""Boards whose seals are broken on purpose, each by one exact replacement; the core's tests of seals find each."""

from __future__ import annotations

from core_mutants import CoreMutant

SUITES = ("main.cpp", "test_seal.cpp", "test_sealed_link.cpp", "test_pairing.cpp")

_FRAME, _BLOB, _SHAKE = "seal/frame_seal.cpp", "seal/blob_seal.cpp", "seal/handshake.cpp"
_LINK, _ROUNDS = "session/sealed_link.cpp", "session/session_rounds.cpp"
_KEY, _KEEPER = "session/board_key.cpp", "storage/keeper.cpp"
_ERASE = """  if (erases) {  // before the new key: a power cut in between leaves nothing that it opens
    session.forget();
    if (port_.erase != nullptr && !port_.erase(port_.context)) return Status::kStorageFailed;
  }
"""
_KEEP = """  if (same) return Status::kOk;
  const Status kept = port_.keep == nullptr ? Status::kOk : port_.keep(port_.context, key);
  if (kept != Status::kOk) return kept;
"""
_TAG = "if (!equal_secrets(tag, frame + length - kSealTagSize, kSealTagSize)) return 0;"
MUTANTS = (
    CoreMutant("no tag check", _FRAME, _TAG, ""),
    CoreMutant("a tag of seven bytes", _FRAME, _TAG, _TAG.replace("kSealTagSize))", "kSealTagSize - 1))")),
    CoreMutant("the counter is not in the tag", _FRAME, "      .add(bytes, sizeof bytes)\n", ""),
    CoreMutant("the header is not in the tag", _FRAME, "      .add(sealed, kHeaderSize)\n", ""),
    CoreMutant(
        "no replay window", _FRAME, "return age < kReplayWindow && (seen_ >> age & 1u) == 0;", "return true;"
    ),
    CoreMutant(
        "a replay window off by one",
        _FRAME,
        "return age < kReplayWindow &&",
        "return age < kReplayWindow - 1 &&",
    ),
    CoreMutant("a counter is used twice", _FRAME, "  ++counter_;\n", ""),
    CoreMutant(
        "one key for both directions",
        _SHAKE,
        "std::memcpy(keys->up, up, kKeySize);",
        "std::memcpy(keys->up, down, kKeySize);",
    ),
    CoreMutant(
        "the key is left out",
        _SHAKE,
        "hkdf(chain->chaining_key, key, kKeySize, 3",
        "hkdf(chain->chaining_key, key, 0, 3",
    ),
    CoreMutant(
        "a point of low order is taken",
        _SHAKE,
        "const bool good = x25519(secret, point_, shared);",
        "x25519(secret, point_, shared);\n  const bool good = true;",
    ),
    CoreMutant(
        "a forged answer spoils the handshake",
        _SHAKE,
        "  NoiseState state(state_);\n",
        "  NoiseState& state = state_;\n",
    ),
    CoreMutant("a blob's number is not raised", _BLOB, "  ++seal_.number;\n", "  seal_.number = 1;\n"),
    CoreMutant(
        "a blob's number is not in its tag",
        _BLOB,
        "Blake2b(kSealTagSize, keys.blob_tag, kKeySize).add(bytes, sizeof bytes)",
        "Blake2b(kSealTagSize, keys.blob_tag, kKeySize)",
    ),
    CoreMutant(
        "a blob's tag is not checked",
        _ROUNDS,
        "return seal == nullptr ||",
        "return true || seal == nullptr ||",
    ),
    CoreMutant(
        "GREET takes the session",
        _LINK,
        "    told_ = session_.sample_changes();\n",
        "    told_ = session_.sample_changes();\n    begin_session();\n",
    ),
    CoreMutant(
        "a constant secret",
        _LINK,
        "if (!port_.random(port_.context, secret, sizeof secret)) return;",
        "std::memset(secret, 1, sizeof secret);",
    ),
    CoreMutant(
        "randomness that is none",
        _LINK,
        "if (!port_.random(port_.context, secret, sizeof secret)) return;",
        "port_.random(port_.context, secret, sizeof secret);",
    ),
    CoreMutant(
        "a first frame takes a board that works for another host",
        _LINK,
        "tentative_ && !session_.has_other(&link_, run_)) {",
        "tentative_) {",
    ),
    CoreMutant(
        "a blob's number is used twice",
        _LINK,
        "starts_round(opened[0]) && current().blobs.exhausted()",
        "false",
    ),
    CoreMutant("LOCKED tells more than the uid", _LINK, "if (status == Status::kLocked) {", "{"),
    CoreMutant("any number of handshakes", _LINK, "if (!greets_too_often()) welcome(", "welcome("),
    CoreMutant(
        "a session that is over is heard",
        _LINK,
        "  open_ = tentative_ = false;\n  for (Slot& slot : slots_) slot.forget();\n",
        "",
    ),
    CoreMutant(
        "a request in the clear is served",
        _LINK,
        "  } else if (!open_ && is_request(frame[0])) {\n    refuse(frame[1], Status::kNoSession);\n  }\n}\n\n// Opens",
        "  } else {\n    session_.receive(&link_, frame, length);\n  }\n}\n\n// Opens",
    ),
    CoreMutant("a request of a session that is over is not answered", _LINK, "    case Kind::kLevel:\n", ""),
    CoreMutant(
        "a session hears what the one before asked",
        "session/outbox.cpp",
        "  answer_length_ = 0;\n  forget",
        "  forget",
    ),
    CoreMutant("a full wire takes a counter", _LINK, "  self->current().sealer.take_back();\n", ""),
    CoreMutant("PAIR by radio", _LINK, "return below_.cable && frame[0]", "return frame[0]"),
    CoreMutant(
        "PAIR over a key without erase",
        _KEY,
        "  if (!sealed && held_ && !erases) return Status::kLocked;\n",
        "",
    ),
    CoreMutant("PAIR again is a new one", _KEY, "  if (!sealed && same) return Status::kOk;\n", ""),
    CoreMutant("the key is taken before samples go", _KEY, _ERASE + _KEEP, _KEEP + _ERASE),
    CoreMutant("erase leaves the flash as it is", _KEY, "!port_.erase(port_.context)", "false"),
    CoreMutant("erase leaves memory as it is", _KEY, "    session.forget();\n", ""),
    CoreMutant(
        "erase leaves the bytes of samples",
        "session/intake.cpp",
        "  std::memset(memory_.samples, 0, memory_.capacity * SampleStore::record_size(memory_.shape.features));\n",
        "",
    ),
    CoreMutant(
        "erase leaves the bytes of a delta",
        "session/session.cpp",
        "  std::memset(memory_.local, 0, sizeof(float) * local_floats(shape, memory_.residual != nullptr));\n",
        "",
    ),
    CoreMutant(
        "erase leaves a head",
        "session/round.cpp",
        "  start_run(kVisit);\n  clear_heads();\n",
        "  start_run(kVisit);\n",
    ),
    CoreMutant(
        "erase leaves the last page",
        _KEEPER,
        "page < device_.pages; ++page",
        "page + 1 < device_.pages; ++page",
    ),
    CoreMutant(
        "an erased image counts as written", _KEEPER, "  round_.forget();\n  samples_.forget();\n", ""
    ),
    CoreMutant("a key that was not kept", _KEY, _KEEP, _KEEP.replace("return kept;", "{}")),
    CoreMutant("a key of zeros", _KEY, " || equal_keys(key, zero)", ""),
    CoreMutant(
        "the key before stays in flash",
        "storage/key_store.cpp",
        "  image_.write();  // the key is kept already\n",
        "",
    ),
    CoreMutant(
        "the key has one slot",
        "storage/key_store.cpp",
        "rest(device).pages, kPages, kLayout",
        "rest(device).pages, 1, kLayout",
    ),
    CoreMutant(
        "PAIR in the clear leaves the session", _KEY, "  if (!sealed) session.closed(session.link());\n", ""
    ),
    CoreMutant(
        "a tentative session outlives its key",
        _LINK,
        "    tentative_ = false;\n    key_changes_ = key_.changes();\n",
        "    key_changes_ = key_.changes();\n",
    ),
    CoreMutant(
        "another link's session outlives its key",
        _LINK,
        "  if (key_changes_ != key_.changes()) forget();\n",
        "",
    ),
)
