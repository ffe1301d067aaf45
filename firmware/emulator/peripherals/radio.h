// The radio: so far it advertises, and hears nothing.
// nRF52840 Product Specification, "RADIO - 2.4 GHz radio".
#pragma once
#include "air/medium.h"
#include "chip/peripheral.h"

namespace emulator {

class Radio : public Peripheral {
 public:
  explicit Radio(Chip& chip);

  void start(uint32_t task) override;
  void reset(Reset kind) override;

  // The air that this radio's packets go through; null: they go nowhere.
  void join(Medium* medium) { medium_ = medium; }
  uint64_t sent() const { return sent_; }

 protected:
  uint32_t on_read(uint32_t offset) override;

 private:
  // The values of the STATE register.
  enum State {
    kDisabled = 0,
    kRxRampUp = 1,
    kRxIdle = 2,
    kRx = 3,
    kTxRampUp = 9,
    kTxIdle = 10,
    kTx = 11,
    kTxDisable = 12
  };

  Cycles ramp_up() const;
  void disable();
  void transmit();
  void proceed();
  void disabled();

  Medium* medium_ = nullptr;
  Alarm alarm_;
  State state_ = kDisabled;
  uint64_t sent_ = 0;
};

}  // namespace emulator
