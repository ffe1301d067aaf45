// The interface of a digital microphone: samples as they leave the decimation filters, put into RAM by
// EasyDMA. nRF52840 Product Specification, "PDM - Pulse density modulation interface".
#pragma once
#include <cstdint>
#include <functional>

#include "chip/peripheral.h"

namespace emulator {

class Pdm : public Peripheral {
 public:
  // The sound at a time of the chip's clock, as samples of 16 bits at the gain of 0 dB.
  using Microphone = std::function<int16_t(Cycles)>;

  explicit Pdm(Chip& chip);

  // Puts a microphone on CLK and DIN, whichever pins these are; without one there is silence.
  void attach(Microphone microphone) { microphone_ = std::move(microphone); }

  void start(uint32_t task) override;
  void reset(Reset kind) override;

 protected:
  void on_write(uint32_t offset, uint32_t value) override;

 private:
  void begin();
  void take_buffer();
  void next();
  void put(int16_t sample);
  int16_t hear(uint32_t gain) const;
  Cycles sample_time() const;

  Microphone microphone_;
  Alarm alarm_;          // the next sample
  uint32_t buffer_ = 0;  // address, places and filled places of the buffer that is being filled
  uint32_t places_ = 0;
  uint32_t filled_ = 0;
  bool ending_ = false;  // STOP was triggered: the sample under way is the last
};

}  // namespace emulator
