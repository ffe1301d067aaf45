// The processor: Unicorn's Cortex-M4F, which executes code but knows no interrupts. Whatever needs the rest
// of the chip stops it.
#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "chip/events.h"
#include "chip/memory.h"
#include "chip/nvic.h"

struct uc_struct;

namespace emulator {

class Bus;
class FlashController;
class SystemControl;

enum class Register {
  kR0,
  kR1,
  kR2,
  kR3,
  kR4,
  kR5,
  kR6,
  kR7,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kSp,
  kLr,
  kPc,
  kXpsr,
  kMsp,
  kPsp,
  kPrimask,
  kBasepri,
  kFaultmask,
  kControl,
  kIpsr,
  kFpscr,
};

// The kinds of faults of the code, as the fault status registers tell them apart.
enum class Wrong { kRead, kWrite, kFetch, kExecuteNever, kUndefined, kInvalidState, kNoCoprocessor, kOther };

// The reasons why the processor gives way.
enum class Stop { kAttention, kWaitForInterrupt, kWaitForEvent, kSupervisorCall, kExceptionReturn, kFault };

class Cpu {
 public:
  Cpu(Events& events, Memory& memory, Nvic& nvic, Bus& bus, SystemControl& system);
  ~Cpu();
  Cpu(const Cpu&) = delete;
  Cpu& operator=(const Cpu&) = delete;

  // Works until the events or something in the code stop it.
  Stop run();
  // Executes one instruction; the time that it takes was counted when its block began.
  Stop step();

  uint32_t get(Register name) const;
  void set(Register name, uint32_t value);
  Masks masks() const;
  // S0 to S15, which the hardware stacks.
  void get_floats(uint32_t* values) const;
  void set_floats(const uint32_t* values);

  // Names the controller that takes each word that the processor writes to flash.
  void set_flash(FlashController* flash) { flash_ = flash; }
  // Unicorn does nothing at SEV: the instructions in flash are found, and set the event register from now on.
  void find_send_event();
  // Code that was executed from these addresses has changed.
  void forget_code(uint32_t address, uint32_t size);
  // Makes a function return `value` at once, instead of what its code does.
  void replace(uint32_t address, uint32_t value);

  // After Stop::kExceptionReturn: the value that was loaded into the program counter.
  uint32_t exception_return() const { return exception_return_; }
  // After Stop::kFault: what was wrong in plain words, and the address that it concerns.
  const std::string& fault() const { return fault_; }
  uint32_t fault_address() const { return fault_address_; }
  Wrong fault_kind() const { return fault_kind_; }
  // The blocks of code that were executed last, newest first.
  std::vector<uint32_t> trail() const;
  // The time of the block before which the processor stopped; it was counted already.
  Cycles stopped_block() const { return counted_ ? stopped_block_ : 0; }
  // The time of a block that was counted but not executed is not counted again.
  void forget_stopped_block() { counted_ = false; }

 private:
  struct Hooks;
  friend struct Hooks;
  struct Replacement {
    Cpu* cpu;
    uint32_t value;
  };

  void write_flash(uint32_t address, unsigned size, uint32_t value);
  void repair_flash();
  bool must_give_way() const;
  void map_memory(Memory& memory);
  void add_hooks();
  Stop why(int error);
  Stop wrong(const std::string& what, uint32_t address);
  Wrong kind_of_interrupt() const;

  uc_struct* engine_ = nullptr;
  Events& events_;
  Memory& memory_;
  Nvic& nvic_;
  Bus& bus_;
  SystemControl& system_;
  FlashController* flash_ = nullptr;
  uint32_t repair_address_ = 0;
  std::vector<uint8_t> repair_;

  enum class Hooked { kNothing, kStopped, kSupervisorCall, kExceptionReturn, kFault };
  Hooked hooked_ = Hooked::kNothing;
  bool counted_ = false;
  Cycles stopped_block_ = 0;
  bool stepping_ = false;
  uint32_t exception_return_ = 0;
  uint32_t interrupt_ = 0;
  std::string fault_;
  uint32_t fault_address_ = 0;
  Wrong fault_kind_ = Wrong::kOther;
  std::bitset<kRamSize / kPageSize> code_in_ram_;
  std::array<uint32_t, 64> trail_{};
  unsigned trail_end_ = 0;
  std::vector<Replacement*> replacements_;
};

}  // namespace emulator
