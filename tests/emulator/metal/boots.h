// Checks that a reset stands in the middle of: each boot knows how the one before it ended.
#ifndef METAL_BOOTS_H
#define METAL_BOOTS_H

namespace metal {

// Checks what the last boot prepared. All but the last stage end in a reset; `others` runs in the boot in
// between that has nothing of its own to do.
void go_through_boots(void (*others)());

}  // namespace metal

#endif
