#include "radio_and_flash.h"

#include "../common/world.h"

namespace {

constexpr uint32_t kReceives = 3, kArmed = 14, kIdle = 7;  // a state; channels of the PPI

FakeRadio radio = {};
FakeNvmc nvmc = {1, NVMC_CONFIG_WEN_Ren, {}};
uint32_t primask = 0;

uint32_t address_of(const uint32_t& task) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(&task));
}

// Channel 14 is Mbed's for the radio; another one that is enabled has nothing to do with it.
FakePpi wired() {
  FakePpi ppi = {};
  ppi.CH[kArmed].TEP = address_of(radio.TASKS_RXEN);
  ppi.CH[kIdle].TEP = 0x40008000;
  return ppi;
}
FakePpi ppi = wired();

bool shows(RadioSign sign) {
  return world.now < world.radio_until && world.radio_sign == sign;
}

}  // namespace

FakeRadio* NRF_RADIO = &radio;
FakePpi* NRF_PPI = &ppi;
FakeNvmc* NRF_NVMC = &nvmc;

FakeRadioState::operator uint32_t() const {
  return shows(RadioSign::kState) ? kReceives : RADIO_STATE_STATE_Disabled;
}

FakeEnabledChannels::operator uint32_t() const {
  uint32_t enabled = 1u << kIdle;
  if (shows(RadioSign::kChannel)) enabled |= 1u << kArmed;
  if (shows(RadioSign::kFixedChannel)) enabled |= PPI_CHEN_CH21_Msk;
  return enabled;
}

FakeErasePage& FakeErasePage::operator=(uint32_t address) {
  if (nvmc.CONFIG != NVMC_CONFIG_WEN_Een) return *this;
  if (world.now < world.radio_until || primask == 0) ++world.unsafe_erasures;
  flash_erase(address, 4096);
  return *this;
}

uint32_t NVIC_GetPendingIRQ(FakeInterrupt) {
  return shows(RadioSign::kInterrupt) ? 1 : 0;
}
uint32_t __get_PRIMASK() {
  return primask;
}
void __set_PRIMASK(uint32_t masked) {
  primask = masked;
}
void __disable_irq() {
  primask = 1;
}
