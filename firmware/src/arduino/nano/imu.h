// The Nano's two motion sensors; readings are in g and degrees per second.
#pragma once

bool start_lsm9ds1();  // rev 1
bool read_lsm9ds1(float* axes);
bool start_bmi270();  // rev 2
bool read_bmi270(float* axes);
