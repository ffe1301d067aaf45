// The sensor whose windows the image's model takes: the microphone, or else the one for motion.
#pragma once
#include "bytefed_model.h"

#ifdef BYTEFED_MODEL_SOUND
#include "hearing.h"
using Sensing = Hearing;
#else
#include "window.h"
using Sensing = Window;
#endif
