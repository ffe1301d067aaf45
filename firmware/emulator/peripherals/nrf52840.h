// The peripherals of an nRF52840, fitted to a chip.
#pragma once

namespace emulator {

class Chip;
class Gpio;
class Nvmc;
class Pdm;
class PowerClock;
class Radio;
class Twi;
class Usbd;

// Those that something outside of the chip has to do with. The chip owns them.
struct Peripherals {
  Gpio& gpio;
  Nvmc& nvmc;
  Pdm& pdm;
  PowerClock& power;
  Radio& radio;
  Twi& twi0;
  Twi& twi1;
  Usbd& usbd;
};

Peripherals fit_nrf52840(Chip& chip);

}  // namespace emulator
