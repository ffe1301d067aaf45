// The front end for sound as numpy functions, and a board's ear.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "bytefed/sound/ear.h"
#include "bytefed/sound/log_mel.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

using Samples = nb::ndarray<const int16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Halves = nb::ndarray<int16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
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

size_t halved(Samples samples, Halves out) {
  HalfRate half;
  const size_t made = std::min<size_t>(samples.shape(0) / 2, out.shape(0));
  half.take(samples.data(), made, out.data());
  return made;
}

// An ear with the memory that it needs.
class OwnEar {
 public:
  OwnEar(Samples tables, uint16_t frame, uint16_t step, uint8_t bands, uint16_t frames, bool halves,
         float scale, int8_t zero_point)
      : tables_(tables.data(), tables.data() + tables.shape(0)), ring_(size_t{frames} * bands) {
    const SoundWindow window = {{frame, step, bands}, frames, halves, scale, zero_point};
    if (!(scale > 0.0f) || !ear_.start(window, tables_.data(), tables_.size(), ring_.data())) {
      throw std::invalid_argument("the tables don't fit the sizes of the window");
    }
  }
  OwnEar(const OwnEar&) = delete;
  OwnEar& operator=(const OwnEar&) = delete;

  void clear(bool on_sound) { ear_.clear(on_sound); }
  void restart_level() { ear_.restart_level(); }
  size_t take(Samples samples) {
    size_t at = 0;
    while (at < samples.shape(0) && !ear_.complete())
      at += ear_.take(samples.data() + at, samples.shape(0) - at);
    return at;
  }
  std::optional<nb::bytes> window() {
    if (!ear_.complete()) return std::nullopt;
    std::vector<int8_t> inputs(ring_.size());
    ear_.copy(inputs.data());
    return nb::bytes(inputs.data(), inputs.size());
  }
  uint16_t peak() const { return ear_.level().peak; }
  uint32_t clipped() const { return ear_.level().clipped; }

 private:
  std::vector<int16_t> tables_;
  std::vector<int8_t> ring_;
  Ear ear_;
};

}  // namespace

void bind_sound(nb::module_& module) {
  module.attr("SOUND_RAM") = sizeof(LogMel);
  module.def("log_mel", &log_mel, nb::arg("samples"), nb::arg("tables"), nb::kw_only(), nb::arg("frame"),
             nb::arg("step"), nb::arg("out"),
             "Write the features of sound (int16 [n]) to out (uint16 [frames, bands]); the frames written.");
  module.def("halved", &halved, nb::arg("samples"), nb::arg("out"),
             "Write sound (int16 [n]) at half its rate to out (int16 [n / 2]); the samples written.");
  nb::class_<OwnEar>(module, "Ear")
      .def(nb::init<Samples, uint16_t, uint16_t, uint8_t, uint16_t, bool, float, int8_t>(), nb::arg("tables"),
           nb::kw_only(), nb::arg("frame"), nb::arg("step"), nb::arg("bands"), nb::arg("frames"),
           nb::arg("halves"), nb::arg("scale"), nb::arg("zero_point"))
      .def("clear", &OwnEar::clear, nb::arg("on_sound") = false,
           "Forget all that was heard, but its level; windows begin anew, where sound starts if wanted.")
      .def("restart_level", &OwnEar::restart_level, "Forget the level of what was heard.")
      .def("take", &OwnEar::take, nb::arg("samples"),
           "Take samples (int16 [n]) until a window is complete; how many it took.")
      .def("window", &OwnEar::window, "The window that is complete, int8 values; None while there is none.")
      .def_prop_ro("peak", &OwnEar::peak, "The largest |sample| of the last moments, 0 to 32,768.")
      .def_prop_ro("clipped", &OwnEar::clipped,
                   "Samples at an end of the range since the level was restarted.");
}
