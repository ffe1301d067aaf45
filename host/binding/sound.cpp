// The front end for sound as a numpy function.
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "bindings.h"
#include "bytefed/sound/log_mel.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

using Samples = nb::ndarray<const int16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Frames = nb::ndarray<uint16_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

size_t log_mel(Samples samples, Samples tables, size_t frame, size_t step, Frames out) {
  if (frame > kMaxSoundFrame || step > kMaxSoundFrame || out.shape(1) > kMaxSoundBands) {
    throw std::invalid_argument("frame, step or bands out of range");
  }
  const SoundFormat format = {static_cast<uint16_t>(frame), static_cast<uint16_t>(step),
                              static_cast<uint8_t>(out.shape(1))};
  LogMel front_end;
  if (!front_end.start(format, tables.data(), tables.shape(0))) {
    throw std::invalid_argument("the tables don't fit frame, step and bands");
  }
  size_t made = 0;
  for (size_t at = 0; at < samples.shape(0) && made < out.shape(0);) {
    at += front_end.take(samples.data() + at, samples.shape(0) - at);
    if (front_end.complete()) front_end.features(out.data() + made++ * out.shape(1));
  }
  return made;
}

}  // namespace

void bind_sound(nb::module_& module) {
  module.attr("SOUND_RAM") = sizeof(LogMel);
  module.def("log_mel", &log_mel, nb::arg("samples"), nb::arg("tables"), nb::kw_only(), nb::arg("frame"),
             nb::arg("step"), nb::arg("out"),
             "Write the features of sound (int16 [n]) to out (uint16 [frames, bands]); the frames written.");
}
