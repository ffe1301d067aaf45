// The Python module bytefed._core: the firmware's own core, for virtual boards, the simulator and tests.
#include <nanobind/nanobind.h>

#include "bindings.h"

NB_MODULE(_core, module) {
  module.doc() = "The portable core of the firmware, compiled for this machine.";
  bind_codec(module);
  bind_kernel(module);
  bind_link(module);
  bind_seal(module);
  bind_simulate(module);
  bind_sound(module);
  bind_virtual_board(module);
}
