// nRF52840 Product Specification, "Instantiation": who is at which address.
#include "peripherals/nrf52840.h"

#include "chip/chip.h"
#include "peripherals/fit.h"
#include "peripherals/gpio.h"
#include "peripherals/nvmc.h"
#include "peripherals/pdm.h"
#include "peripherals/power_clock.h"
#include "peripherals/radio/radio.h"
#include "peripherals/twi.h"
#include "peripherals/usbd.h"

namespace emulator {
namespace {

void fit_clocks(Chip& chip) {
  fit_rtc(chip, 0x4000B000, 3);
  fit_rtc(chip, 0x40011000, 4);
  fit_rtc(chip, 0x40024000, 4);
  for (const uint32_t base : {0x40008000, 0x40009000, 0x4000A000}) fit_timer(chip, base, 4);
  for (const uint32_t base : {0x4001A000, 0x4001B000}) fit_timer(chip, base, 6);
  fit_watchdog(chip);
}

void fit_plain_ones(Chip& chip) {
  fit_plain(chip, "NFCT", 0x40005000);
  fit_plain(chip, "QDEC", 0x40012000);
  fit_plain(chip, "COMP", 0x40013000);
  fit_plain(chip, "MWU", 0x40020000);
  fit_plain(chip, "I2S", 0x40025000);
  fit_plain(chip, "FPU", 0x40026000);
  fit_plain(chip, "USBD erratum 104", 0x4006E000);
  fit_plain(chip, "CRYPTOCELL", 0x5002A000);
  fit_plain(chip, "CC_HOST_RGF", 0x5002B000);
}

}  // namespace

Peripherals fit_nrf52840(Chip& chip) {
  fill_ficr(chip);
  fit_clocks(chip);
  fit_plain_ones(chip);
  for (uint32_t i = 0; i < 6; ++i) fit_egu(chip, 0x40014000 + 0x1000 * i);
  for (const uint32_t base : {0x4001C000, 0x40021000, 0x40022000, 0x4002D000}) fit_pwm(chip, base);
  for (const uint32_t base : {0x40002000, 0x40028000}) fit_uarte(chip, base);
  for (const uint32_t base : {0x40023000, 0x4002F000}) fit_spim(chip, base);
  fit_aar_ccm(chip);
  fit_ecb(chip);
  fit_ppi(chip);
  fit_qspi(chip);
  fit_rng(chip);
  fit_saadc(chip);
  fit_temp(chip);
  Gpio& gpio = chip.fit<Gpio>();
  fit_gpiote(chip, gpio);
  return {gpio,
          chip.fit<Nvmc>(),
          chip.fit<Pdm>(),
          chip.fit<PowerClock>(),
          chip.fit<Radio>(),
          chip.fit<Twi>(0x40003000),
          chip.fit<Twi>(0x40004000),
          chip.fit<Usbd>()};
}

}  // namespace emulator
