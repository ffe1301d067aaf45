// The definition of a check, and the groups of checks: one for each peripheral, in the order in which they
// run.
#ifndef METAL_CHECK_H
#define METAL_CHECK_H

#include <stdint.h>

#include <initializer_list>

namespace metal {

// Compares what the chip did with what the book says; a difference is one line on the console.
void check_equal(const char* file, int line, const char* what, uint32_t got, uint32_t want);
void check_between(const char* file, int line, const char* what, uint32_t got, uint32_t least, uint32_t most);

#define EQUAL(got, want) \
  ::metal::check_equal(__FILE__, __LINE__, #got, static_cast<uint32_t>(got), static_cast<uint32_t>(want))
#define TRUE(condition) ::metal::check_equal(__FILE__, __LINE__, #condition, (condition) ? 1u : 0u, 1u)
#define BETWEEN(got, least, most)                                                                            \
  ::metal::check_between(__FILE__, __LINE__, #got, static_cast<uint32_t>(got), static_cast<uint32_t>(least), \
                         static_cast<uint32_t>(most))

using Checks = void (*)();
struct Group {
  const char* name;
  Checks checks;
};

// Those that one boot does; then those that a reset stands in the middle of, each a list of boots.
void run(const Group* groups, uint32_t count);

// The groups.
void check_power(), check_clock(), check_timer(), check_rtc(), check_ppi(), check_fixed_ppi(), check_egu(),
    check_rng(), check_temp(), check_ecb(), check_nvmc(), check_uicr(), check_ficr(), check_gpio(),
    check_gpiote(), check_pwm(), check_twi(), check_twim(), check_sensor(), check_pdm(), check_uarte(),
    check_nvic(), check_masks(), check_system_exceptions(), check_systick(), check_fp_context(),
    check_sleep(), check_faults(), check_it_block();

}  // namespace metal

#endif
