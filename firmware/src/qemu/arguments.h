// The identity of an emulated board, and what makes it one with a key: the words of QEMU's
// `-semihosting-config arg=UID,arg=BOOT,arg=KEY,arg=SEED`, the last two of them left out for a board without.
#pragma once
#include "bytefed/seal/primitives.h"

struct Arguments {
  uint64_t uid;
  uint16_t boot;
  bool sealed;  // the words below are there
  uint8_t key[bytefed::kKeySize];
  uint8_t seed[bytefed::kKeySize];  // of all randomness, since the machine has no source of noise
};

// Ends the image with a message if a word is missing or is no hexadecimal number of its size.
Arguments read_arguments();
