// The part of the chip's flash in which the board saves its images: 64 pages that no firmware image reaches
// (board_upload.maximum_size in platformio.ini).
#pragma once
#include "bytefed/storage/storage.h"

namespace flash {

bytefed::BlockDevice device();

}  // namespace flash
