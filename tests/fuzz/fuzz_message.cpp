// The first byte chooses a message; what unpacks packs to the same bytes.
#include <cstdlib>
#include <cstring>

#include "bytefed/protocol/header.h"

using namespace bytefed;

namespace {

template <typename M>
void try_body(const uint8_t* body, size_t length) {
  M message;
  const bool whole = unpack(body, length, &message);
  if (whole != (length >= M::kSize)) abort();
  if (!whole) return;
  uint8_t packed[M::kSize];
  pack(message, packed);
  if (std::memcmp(packed, body, sizeof packed) != 0) abort();
}

constexpr void (*kMessages[])(const uint8_t*, size_t) = {
#define BYTEFED_TRY(Message) try_body<Message>,
    BYTEFED_MESSAGES(BYTEFED_TRY)
#undef BYTEFED_TRY
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  kMessages[data[0] % (sizeof kMessages / sizeof *kMessages)](data + 1, size - 1);
  if (size >= 3 && is_data(data + 1)) {
    uint8_t header[kHeaderSize];
    pack(unpack_data_header(data + 1), header);
    if (std::memcmp(header, data + 1, sizeof header) != 0) abort();
  }
  return 0;
}
