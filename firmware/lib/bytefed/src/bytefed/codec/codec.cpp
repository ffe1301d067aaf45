#include "bytefed/codec/codec.h"

#include "bytefed/codec/codec_parts.h"

namespace bytefed {

// Every codec, in the order of the numbers on the wire. A new codec is a file and a row here.
#define BYTEFED_CODECS(X) \
  X(kFloat32Codec)        \
  X(kInt8Codec)           \
  X(kOneBitCodec)         \
  X(kTwoBitCodec)         \
  X(kSignCodec)           \
  X(kStc5Codec)           \
  X(kStc10Codec)

#define BYTEFED_DECLARE(name) extern const CodecFunctions name;
BYTEFED_CODECS(BYTEFED_DECLARE)
#undef BYTEFED_DECLARE

namespace {

#define BYTEFED_POINTER(name) &name,
const CodecFunctions* const kCodecs[] = {BYTEFED_CODECS(BYTEFED_POINTER)};
#undef BYTEFED_POINTER

template <size_t N>
constexpr size_t length(const CodecFunctions* const (&)[N]) {
  return N;
}

const CodecFunctions& functions(Codec codec) {
  return *kCodecs[static_cast<uint8_t>(codec)];
}

}  // namespace

bool known_codec(uint8_t codec) {
  return codec < length(kCodecs);
}

size_t blob_size(Codec codec, size_t count) {
  return functions(codec).size(count);
}

void encode(Codec codec, size_t count, uint32_t seed, float* values, uint8_t* blob) {
  functions(codec).encode(count, seed, values, blob);
}

void decode(Codec codec, size_t count, uint32_t seed, const uint8_t* blob, float* values) {
  functions(codec).decode(count, seed, blob, values);
}

uint32_t downlink_seed(uint16_t round) {
  return mix32(0x9E3779B9u * (2u * round));
}

uint32_t uplink_seed(uint32_t seed, uint16_t round) {
  return mix32(seed + 0x9E3779B9u * (2u * round + 1u));
}

}  // namespace bytefed
