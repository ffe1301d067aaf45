// Whether this build, on this chip, computes as SPEC 7 says: a small training against its golden hash.
#pragma once

namespace bytefed {

// Takes less than 700 bytes of stack, and nothing else; a board asks it once, as its session starts.
bool arithmetic_is_exact();

}  // namespace bytefed
