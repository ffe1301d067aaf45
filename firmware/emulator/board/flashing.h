// Puts an image and a bootloader into a chip's flash and finds where the processor starts; refuses an image
// that can't run.
#pragma once
#include <cstdint>
#include <optional>

#include "chip/memory.h"
#include "image/image.h"

namespace emulator {

// Raises ImageError if this chip can't run the image, or not with this bootloader.
void check_image(const Image& image, const std::optional<Image>& bootloader);

// The address of the vector table that the processor starts with.
uint32_t vector_table_of(const Image& image, const std::optional<Image>& bootloader);

// Writes the image, and the bootloader with MBR and SoftDevice if there is one, as an upload does: other
// pages stay.
void write_image(Memory& memory, const Image& image, const std::optional<Image>& bootloader);

}  // namespace emulator
