// Fitting the peripherals that nothing outside of the chip has to know. Each is in the file of its name.
#pragma once
#include <cstdint>

namespace emulator {

class Chip;
class Gpio;

void fit_aar_ccm(Chip& chip);
void fit_ecb(Chip& chip);
void fit_egu(Chip& chip, uint32_t base);
void fit_gpiote(Chip& chip, Gpio& pins);
void fit_plain(Chip& chip, const char* name, uint32_t base);
void fit_ppi(Chip& chip);
void fit_pwm(Chip& chip, uint32_t base);
void fit_qspi(Chip& chip);
void fit_rng(Chip& chip);
void fit_rtc(Chip& chip, uint32_t base, int compares);
void fit_saadc(Chip& chip);
void fit_spim(Chip& chip, uint32_t base);
void fit_temp(Chip& chip);
void fit_timer(Chip& chip, uint32_t base, int compares);
void fit_uarte(Chip& chip, uint32_t base);
void fit_watchdog(Chip& chip);
void fill_ficr(Chip& chip);

}  // namespace emulator
