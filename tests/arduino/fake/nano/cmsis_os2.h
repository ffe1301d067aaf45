#pragma once

void* osThreadGetId();
