// The registers by which the app's flash.cpp finds a pause of the radio and erases a page in it.
#pragma once
#include <cstdint>

// The radio is about to do what the world says (radio_until, radio_sign).
struct FakeRadioState {
  operator uint32_t() const;
};
struct FakeEnabledChannels {
  operator uint32_t() const;
};
struct FakeRadio {
  uint32_t TASKS_TXEN, TASKS_RXEN;
  FakeRadioState STATE;
};
struct FakePpi {
  FakeEnabledChannels CHEN;
  struct {
    uint32_t EEP, TEP;
  } CH[20];
};
// A write erases a page, if erasing is enabled.
struct FakeErasePage {
  FakeErasePage& operator=(uint32_t address);
};
struct FakeNvmc {
  uint32_t READY, CONFIG;
  FakeErasePage ERASEPAGE;
};

extern FakeRadio* NRF_RADIO;
extern FakePpi* NRF_PPI;
extern FakeNvmc* NRF_NVMC;

enum : uint32_t {
  RADIO_STATE_STATE_Disabled = 0,
  PPI_CHEN_CH20_Msk = 1u << 20,
  PPI_CHEN_CH21_Msk = 1u << 21,
  NVMC_CONFIG_WEN_Pos = 0,
  NVMC_CONFIG_WEN_Ren = 0,
  NVMC_CONFIG_WEN_Een = 2,
  NVMC_READY_READY_Busy = 0,
};

enum FakeInterrupt { RADIO_IRQn = 1 };
uint32_t NVIC_GetPendingIRQ(FakeInterrupt interrupt);
uint32_t __get_PRIMASK();
void __set_PRIMASK(uint32_t masked);
void __disable_irq();
