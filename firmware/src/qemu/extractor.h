// The feature extractor that an image was linked with: a model's, or none.
#pragma once
#include "bytefed/session/port.h"

// Adds to both what the board has of one. Ends the image with a message when the model can't run.
void add_extractor(bytefed::Identity* identity, bytefed::Port* port);
