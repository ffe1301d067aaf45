// 2.4 GHz radio, as far as Bluetooth LE at 1 and 2 Mbit/s uses it.
// nRF52840 Product Specification v1.7, 6.20 "RADIO".
#pragma once
#include <map>
#include <memory>

#include "air/air.h"
#include "chip/peripheral.h"
#include "peripherals/radio/crc.h"
#include "peripherals/radio/layout.h"

namespace emulator {

class Radio : public Peripheral, public Listener {
 public:
  explicit Radio(Chip& chip);

  // From now on it sends into this air, and hears what others send. Without one it talks to itself.
  void join(Air& air);
  void hear(std::shared_ptr<const Packet> packet, Fate fate) override;

  // The time before which nothing that this radio sends can reach another one, if its chip does nothing
  // before `from`: so far other chips may run ahead of this one.
  Cycles silent_until(Cycles from) const;

  uint64_t sent() const { return sent_; }  // packets

  void start(uint32_t task) override;
  void reset(Reset kind) override;

 protected:
  void on_write(uint32_t offset, uint32_t value) override;
  uint32_t on_read(uint32_t offset) override;

 private:
  // The states, with the numbers of register STATE; disabling a receiver takes no time.
  enum State : uint32_t {
    kDisabled = 0,
    kRxRampUp = 1,
    kRxIdle = 2,
    kRx = 3,
    kTxRampUp = 9,
    kTxIdle = 10,
    kTx = 11,
    kTxDisable = 12,
  };
  // The kinds of steps on the agenda.
  enum class Step { kReady, kDisabled, kAddress, kDeviceAddress, kPayload, kEnd, kBitCount, kSignalStrength };
  // A packet that is received if the radio listens when the packet's address is over.
  struct Heard {
    std::shared_ptr<const Packet> packet;
    bool spoilt;
  };

  void power_off();

  void do_at(Cycles when, Step step);
  void forget(Step step);
  void forget_transfer();
  void set_alarm();
  void due();
  void carry_out(Step step);

  void ramp_up(State state, bool by_shortcut);
  void ready();
  void begin();
  void stop();
  void disable();
  void disabled();

  void address();
  void payload();
  void finish(State idle);
  void schedule_bit_count();
  void count_bits();

  void transmit();
  std::vector<uint8_t> fetch();
  void transmitted();

  void synchronise(const Heard& heard);
  int logical_address(const Packet& packet) const;
  void store();
  void match_device();
  void received();

  bool speaks_bluetooth() const;
  Phy phy() const;
  Cycles bit() const { return microseconds(1) / (phy() == Phy::kLe2M ? 2 : 1); }
  Cycles receive_delay() const;
  RadioLayout layout() const;
  RadioCrc crc() const;
  uint32_t address_of(unsigned logical) const;
  uint8_t whitening() const;

  Air* air_ = nullptr;
  int place_ = 0;
  uint64_t sent_ = 0;
  State state_ = kDisabled;
  Cycles ready_at_ = 0;
  Cycles last_end_ = 0;  // in the air, of the last packet sent or received: TIFS counts from it
  Cycles listening_since_ = 0;
  Cycles bits_from_ = kNever;              // when the bit counter was started
  uint32_t packet_pointer_ = 0;            // PACKETPTR as START found it
  std::shared_ptr<const Packet> current_;  // being sent or received
  bool spoilt_ = false;                    // the one that is being received
  Cycles synchronised_ = 0;                // when its address was over, as seen here
  std::multimap<Cycles, Step> agenda_;
  std::multimap<Cycles, Heard> heard_;
  Alarm alarm_;
};

}  // namespace emulator
