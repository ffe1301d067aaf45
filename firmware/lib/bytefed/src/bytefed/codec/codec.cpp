#include "bytefed/codec/codec.h"

#include "bytefed/codec/codec_parts.h"

namespace bytefed {
namespace {

// In the order of their numbers. A new codec is a file and a row here.
const CodecFunctions* const kCodecs[] = {
    &kFloat32Codec, &kInt8Codec, &kOneBitCodec, &kTwoBitCodec, &kSignCodec, &kStc5Codec, &kStc10Codec,
};

const CodecFunctions& functions(Codec codec) {
  return *kCodecs[static_cast<uint8_t>(codec)];
}

}  // namespace

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
