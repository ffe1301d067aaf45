// The feature extractor that an image was linked with, or none.
#pragma once
#include "bytefed/session/port.h"

// Adds the extractor to identity and port. Ends the image with a message if the model can't run.
void add_extractor(bytefed::Identity* identity, bytefed::Port* port);
