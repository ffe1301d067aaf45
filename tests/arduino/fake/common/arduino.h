// The functions that both fake cores have.
#pragma once
#include <cstdint>
#include <cstdlib>

#include "chip_registers.h"

enum { LOW = 0, HIGH = 1, INPUT = 0, OUTPUT = 1, INPUT_PULLUP = 2, INPUT_PULLDOWN = 3 };

unsigned long millis();
void delay(unsigned long ms);
void pinMode(int pin, int mode);
void digitalWrite(int pin, int level);
int digitalRead(int pin);

void setup();
void loop();
