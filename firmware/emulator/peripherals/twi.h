// TWI0 and TWI1, with EasyDMA (TWIM) and without: controllers of two-wire buses on which sensors may be.
// nRF52840 Product Specification, "TWIM - I2C compatible two-wire interface master with EasyDMA" and "TWI".
#pragma once
#include <vector>

#include "chip/peripheral.h"
#include "peripherals/twi_device.h"

namespace emulator {

class Twi : public Peripheral {
 public:
  Twi(Chip& chip, uint32_t base);

  // Puts a device on the bus; it must live as long as the chip works.
  void attach(TwiDevice& device) { devices_.push_back(&device); }

  void start(uint32_t task) override;
  void reset(Reset kind) override;
  void write(uint32_t offset, uint32_t value) override;

 protected:
  void on_write(uint32_t offset, uint32_t value) override;
  uint32_t on_read(uint32_t offset) override;

 private:
  enum class Next { kNothing, kSent, kReceived, kTransmitted, kReceivedAll, kStopped, kRefused };

  bool has_dma() const;
  bool address(bool reading);  // false: nobody acknowledges
  void begin(bool reading);
  void transmit_by_dma();
  void receive_by_dma();
  void receive_byte();
  void stop();
  void refuse(uint32_t why);
  void after(Next next, Cycles bytes);
  void happen();
  Cycles byte_time() const;

  std::vector<TwiDevice*> devices_;
  TwiDevice* addressed_ = nullptr;
  Alarm alarm_;
  Next next_ = Next::kNothing;
  bool stop_wanted_ = false;
};

}  // namespace emulator
