#pragma once
#include <nanobind/nanobind.h>

void bind_codec(nanobind::module_& module);
void bind_kernel(nanobind::module_& module);
void bind_link(nanobind::module_& module);
void bind_seal(nanobind::module_& module);
void bind_simulate(nanobind::module_& module);
void bind_sound(nanobind::module_& module);
void bind_virtual_board(nanobind::module_& module);
