// The part of the chip's flash that is the board's store: 64 pages that no firmware image reaches
// (board_upload.maximum_size in platformio.ini).
#pragma once
#include "bytefed/storage/storage.h"

namespace flash {

bytefed::BlockDevice device();

}  // namespace flash
