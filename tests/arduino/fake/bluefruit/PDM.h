#pragma once
#include "../common/pdm.h"
