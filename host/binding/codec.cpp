// Codecs of the core as functions of numpy arrays.
#include "bytefed/codec/codec.h"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "bytefed/session/port.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

using Floats = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Codec checked(int number, size_t count) {
  if (number < 0 || number > 255 || !known_codec(static_cast<uint8_t>(number))) {
    throw std::invalid_argument("no such codec");
  }
  if (count == 0) throw std::invalid_argument("at least one value");
  return static_cast<Codec>(number);
}

nb::bytes encode_values(int number, Floats values, uint32_t seed) {
  const size_t count = values.shape(0);
  const Codec codec = checked(number, count);
  std::vector<float> work(padded(count));
  std::copy_n(values.data(), count, work.data());
  std::vector<uint8_t> blob(blob_size(codec, count));
  encode(codec, count, seed, work.data(), blob.data());
  std::copy_n(work.data(), count, values.data());
  return nb::bytes(blob.data(), blob.size());
}

void decode_values(int number, nb::bytes blob, uint32_t seed, Floats out) {
  const size_t count = out.shape(0);
  const Codec codec = checked(number, count);
  if (blob.size() != blob_size(codec, count)) throw std::invalid_argument("blob has another size");
  std::vector<float> work(padded(count));
  decode(codec, count, seed, reinterpret_cast<const uint8_t*>(blob.c_str()), work.data());
  std::copy_n(work.data(), count, out.data());
}

}  // namespace

void bind_codec(nb::module_& module) {
  module.def("encode", &encode_values, nb::arg("codec"), nb::arg("values"), nb::arg("seed"),
             "Encode `values` (float32 [n]) and leave there what the blob lacks; the blob.");
  module.def("decode", &decode_values, nb::arg("codec"), nb::arg("blob"), nb::arg("seed"), nb::arg("out"),
             "Write the values of a blob to out (float32 [n]).");
  module.def(
      "lossy_memory",
      [](uint16_t features, uint8_t classes) {
        const HeadShape shape = {features, classes};
        const size_t floats = plain_floats(shape, true) - plain_floats(shape, false) + shape.parameters();
        return floats * sizeof(float);
      },
      nb::arg("features"), nb::arg("classes"), "Bytes of RAM that lossy codecs take on a board.");
  module.def("downlink_seed", &downlink_seed, nb::arg("round"));
  module.def("uplink_seed", &uplink_seed, nb::arg("seed"), nb::arg("round"));
}
