// The serial decoder takes any bytes; what it hands out encodes to what it was.
#include <cstdlib>

#include "bytefed/protocol/serial_frame.h"

using namespace bytefed;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SerialFrameDecoder decoder, second;
  for (size_t i = 0; i < size; ++i) {
    if (!decoder.push(data[i])) continue;
    if (decoder.length() < 2 || decoder.length() > kMaxFrame) abort();
    uint8_t wire[kMaxSerialWire];
    const size_t length = encode_serial_frame(decoder.frame(), decoder.length(), wire);
    if (length != serial_wire_size(decoder.length())) abort();
    size_t frames = 0;
    for (size_t k = 0; k < length; ++k) {
      if (second.push(wire[k])) ++frames;
    }
    if (frames != 1) abort();
  }
  return 0;
}
