// The identity of an emulated board: the two words of QEMU's `-semihosting-config arg=UID,arg=BOOT`.
#pragma once
#include <cstdint>

struct Arguments {
  uint64_t uid;
  uint16_t boot;
};

// Ends the image with a message if a word is missing or is no hexadecimal number.
Arguments read_arguments();
