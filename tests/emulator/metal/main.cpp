// The image: all checks, then a serial port that echoes.
#include "boots.h"
#include "check.h"
#include "console.h"
#include "usb_echo.h"

namespace {

using namespace metal;

void check_all() {
  static const Group groups[] = {
      {"nvic", check_nvic},
      {"masks", check_masks},
      {"system-exceptions", check_system_exceptions},
      {"systick", check_systick},
      {"fp-context", check_fp_context},
      {"faults", check_faults},
      {"it-block", check_it_block},
      {"clock", check_clock},
      {"timer", check_timer},
      {"rtc", check_rtc},
      {"sleep", check_sleep},
      {"egu", check_egu},
      {"ppi", check_ppi},
      {"fixed-ppi", check_fixed_ppi},
      {"rng", check_rng},
      {"temp", check_temp},
      {"ecb", check_ecb},
      {"ficr", check_ficr},
      {"nvmc", check_nvmc},
      {"uicr", check_uicr},
      {"gpio", check_gpio},
      {"gpiote", check_gpiote},
      {"pwm", check_pwm},
      {"twi", check_twi},
      {"twim", check_twim},
      {"sensor", check_sensor},
      {"pdm", check_pdm},
      {"uarte", check_uarte},
  };
  run(groups, sizeof groups / sizeof groups[0]);
}

}  // namespace

int main() {
  open_console();
  go_through_boots(check_all);
  print("END of checks\n");
  echo_over_usb();
}
