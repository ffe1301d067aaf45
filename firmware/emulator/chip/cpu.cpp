#include "chip/cpu.h"

#include <unicorn/unicorn.h>

#include <cstring>
#include <stdexcept>

#include "chip/bus.h"
#include "chip/flash_controller.h"
#include "chip/memory.h"
#include "chip/system_control.h"

namespace emulator {
namespace {

// No code runs there; Unicorn wants an address at which it ends.
constexpr uint64_t kNowhere = 0xFFFFE000;
constexpr uint32_t kFirstExceptionReturn = 0xFFFFFF00;
constexpr uint32_t kThumb = 1u << 24;  // of xPSR
constexpr uint32_t kItState = 0x0600FC00;
constexpr uint16_t kSev = 0xBF40;
constexpr uint16_t kWfe = 0xBF20;
constexpr uint16_t kWfi = 0xBF30;
constexpr uint16_t kYield = 0xBF10;

// Interrupt numbers of the emulated core, as Unicorn's INTR hook gives them.
constexpr uint32_t kUndefined = 1;
constexpr uint32_t kSvc = 2;
constexpr uint32_t kPrefetchAbort = 3;
constexpr uint32_t kBreakpoint = 7;
constexpr uint32_t kExceptionExit = 8;
constexpr uint32_t kNoCoprocessor = 17;
constexpr uint32_t kInvalidState = 18;

constexpr int kRegisters[] = {
    UC_ARM_REG_R0,      UC_ARM_REG_R1,        UC_ARM_REG_R2,      UC_ARM_REG_R3,   UC_ARM_REG_R4,
    UC_ARM_REG_R5,      UC_ARM_REG_R6,        UC_ARM_REG_R7,      UC_ARM_REG_R8,   UC_ARM_REG_R9,
    UC_ARM_REG_R10,     UC_ARM_REG_R11,       UC_ARM_REG_R12,     UC_ARM_REG_SP,   UC_ARM_REG_LR,
    UC_ARM_REG_PC,      UC_ARM_REG_XPSR,      UC_ARM_REG_MSP,     UC_ARM_REG_PSP,  UC_ARM_REG_PRIMASK,
    UC_ARM_REG_BASEPRI, UC_ARM_REG_FAULTMASK, UC_ARM_REG_CONTROL, UC_ARM_REG_IPSR, UC_ARM_REG_FPSCR,
};

// Peripherals, devices and the system's own space, but for the values that are returns from exceptions.
// ARMv7-M Architecture Reference Manual, B3.1 "The system address map".
bool is_never_code(uint64_t address) {
  return (address >= 0x40000000 && address < 0x60000000) || (address >= 0xA0000000 && address < 0xFF000000);
}

std::string name_of(uint32_t interrupt) {
  switch (interrupt) {
    case kUndefined: return "an undefined instruction";
    case kBreakpoint: return "a breakpoint instruction";
    case kPrefetchAbort: return "a jump to an address that is not for code";
    case kNoCoprocessor: return "a floating-point instruction while the unit is off";
    case kInvalidState: return "a jump to an address that is not Thumb code";
    default: return "exception " + std::to_string(interrupt) + " of the emulated core";
  }
}

}  // namespace

struct Cpu::Hooks {
  // Before each block of code. This is where all the time goes, so it does the least.
  static void block(uc_engine* engine, uint64_t address, uint32_t size, void* self) {
    Cpu& cpu = *static_cast<Cpu*>(self);
    if (cpu.counted_) {
      cpu.counted_ = false;
    } else if (cpu.stepping_) {
      uc_emu_stop(engine);
      return;
    } else {
      cpu.events_.advance(size >> 1);
    }
    if (cpu.events_.must_look() && cpu.must_give_way()) {
      cpu.counted_ = true;
      cpu.stopped_block_ = size >> 1;
      cpu.hooked_ = Hooked::kStopped;
      uc_emu_stop(engine);
      return;
    }
    cpu.trail_[cpu.trail_end_++ % cpu.trail_.size()] = static_cast<uint32_t>(address);
  }

  static void interrupt(uc_engine* engine, uint32_t number, void* self) {
    Cpu& cpu = *static_cast<Cpu*>(self);
    if (number == kSvc) {
      cpu.hooked_ = Hooked::kSupervisorCall;
    } else if (number == kExceptionExit) {
      cpu.hooked_ = Hooked::kExceptionReturn;
      cpu.exception_return_ = cpu.get(Register::kPc) | 0xFFFFFF01;
    } else {
      cpu.hooked_ = Hooked::kFault;
      cpu.interrupt_ = number;
    }
    uc_emu_stop(engine);
  }

  static bool invalid(uc_engine* engine, uc_mem_type type, uint64_t address, int size, int64_t value,
                      void* self) {
    Cpu& cpu = *static_cast<Cpu*>(self);
    const bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
    if (fetch && address >= kFirstExceptionReturn) {
      cpu.hooked_ = Hooked::kExceptionReturn;
      cpu.exception_return_ = static_cast<uint32_t>(address) | 1;
      uc_emu_stop(engine);
      return false;
    }
    const bool flash = address < kFlashSize || (address >= kUicrBase && address < kUicrBase + kPageSize);
    if (type == UC_MEM_WRITE_PROT && flash && cpu.flash_) {
      cpu.write_flash(static_cast<uint32_t>(address), static_cast<unsigned>(size),
                      static_cast<uint32_t>(value));
      return true;
    }
    const bool write = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
    cpu.fault_ = fetch   ? "a jump to an address without code"
                 : write ? "a write to an address without memory"
                         : "a read from an address without memory";
    cpu.fault_address_ = static_cast<uint32_t>(address);
    const Wrong fetched = type == UC_MEM_FETCH_PROT ? Wrong::kExecuteNever : Wrong::kFetch;
    cpu.fault_kind_ = fetch ? fetched : write ? Wrong::kWrite : Wrong::kRead;
    return false;
  }

  static void send_event(uc_engine*, uint64_t, uint32_t, void* self) {
    static_cast<Cpu*>(self)->nvic_.set_event();
  }

  // An address is where it is; what may be done there is said by page.
  static bool translate(uc_engine*, uint64_t address, uc_mem_type type, uc_tlb_entry* entry, void* self) {
    Cpu& cpu = *static_cast<Cpu*>(self);
    // Before it asks, Unicorn restores what the access would need if it failed: the state of an IT block,
    // too. The access does not fail, and the code that comes after must not be taken for a part of that
    // block.
    const uint32_t xpsr = cpu.get(Register::kXpsr);
    if (type != UC_MEM_FETCH && xpsr & kItState) cpu.set(Register::kXpsr, xpsr & ~kItState);

    if (type == UC_MEM_FETCH && is_never_code(address)) {
      cpu.hooked_ = Hooked::kFault;
      cpu.interrupt_ = kPrefetchAbort;
      return false;
    }
    entry->paddr = address;
    entry->perms = UC_PROT_ALL;
    const uint64_t offset = address - kRamBase;
    if (offset >= kRamSize) return true;
    const auto page = static_cast<size_t>(offset / kPageSize);
    if (type == UC_MEM_FETCH) cpu.code_in_ram_[page] = true;
    if (!cpu.code_in_ram_[page]) entry->perms = static_cast<uc_prot>(UC_PROT_READ | UC_PROT_WRITE);
    return true;
  }

  static void replaced(uc_engine*, uint64_t, uint32_t, void* replacement) {
    const auto& it = *static_cast<Replacement*>(replacement);
    it.cpu->set(Register::kR0, it.value);
    it.cpu->set(Register::kPc, it.cpu->get(Register::kLr));
  }

  static uint64_t read_bus(uint64_t base, uint64_t offset, unsigned size, void* self) {
    return static_cast<Cpu*>(self)->bus_.read(static_cast<uint32_t>(base + offset), size);
  }
  static uint64_t read_4(uc_engine*, uint64_t offset, unsigned size, void* self) {
    return read_bus(0x40000000, offset, size, self);
  }
  static uint64_t read_5(uc_engine*, uint64_t offset, unsigned size, void* self) {
    return read_bus(0x50000000, offset, size, self);
  }
  static void write_4(uc_engine*, uint64_t offset, unsigned size, uint64_t value, void* self) {
    const auto address = static_cast<uint32_t>(0x40000000 + offset);
    static_cast<Cpu*>(self)->bus_.write(address, size, static_cast<uint32_t>(value));
  }
  static void write_5(uc_engine*, uint64_t offset, unsigned size, uint64_t value, void* self) {
    const auto address = static_cast<uint32_t>(0x50000000 + offset);
    static_cast<Cpu*>(self)->bus_.write(address, size, static_cast<uint32_t>(value));
  }
  static uint64_t read_system(uc_engine*, uint64_t offset, unsigned size, void* self) {
    return static_cast<Cpu*>(self)->system_.read(static_cast<uint32_t>(offset), size);
  }
  static void write_system(uc_engine*, uint64_t offset, unsigned size, uint64_t value, void* self) {
    static_cast<Cpu*>(self)->system_.write(static_cast<uint32_t>(offset), size, static_cast<uint32_t>(value));
  }
};

Cpu::Cpu(Events& events, Memory& memory, Nvic& nvic, Bus& bus, SystemControl& system)
    : events_(events), memory_(memory), nvic_(nvic), bus_(bus), system_(system) {
  const uc_err error = uc_open(UC_ARCH_ARM, static_cast<uc_mode>(UC_MODE_THUMB | UC_MODE_MCLASS), &engine_);
  if (error != UC_ERR_OK)
    throw std::runtime_error(std::string("Unicorn does not start: ") + uc_strerror(error));
  uc_ctl_set_cpu_model(engine_, UC_CPU_ARM_CORTEX_M4);
  map_memory(memory);
  add_hooks();
}

Cpu::~Cpu() {
  uc_close(engine_);
  for (Replacement* replacement : replacements_) delete replacement;
}

void Cpu::map_memory(Memory& memory) {
  // Flash can't be written in Unicorn's eyes, so that each write asks the flash controller.
  uc_mem_map_ptr(engine_, 0, kFlashSize, UC_PROT_READ | UC_PROT_EXEC, memory.flash());
  uc_mem_map_ptr(engine_, kRamBase, kRamSize, UC_PROT_ALL, memory.ram());
  uc_mem_map_ptr(engine_, kFicrBase, kPageSize, UC_PROT_READ, memory.ficr());
  uc_mem_map_ptr(engine_, kUicrBase, kPageSize, UC_PROT_READ, memory.uicr());
  uc_mem_map_ptr(engine_, kRomBase, kPageSize, UC_PROT_READ, memory.rom());
  uc_mmio_map(engine_, 0x40000000, 0x100000, Hooks::read_4, this, Hooks::write_4, this);
  uc_mmio_map(engine_, 0x50000000, 0x100000, Hooks::read_5, this, Hooks::write_5, this);
  uc_mmio_map(engine_, 0xE0000000, 0x100000, Hooks::read_system, this, Hooks::write_system, this);
}

void Cpu::add_hooks() {
  uc_hook hook;
  uc_hook_add(engine_, &hook, UC_HOOK_BLOCK, reinterpret_cast<void*>(Hooks::block), this, 1, 0);
  uc_hook_add(engine_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(Hooks::interrupt), this, 1, 0);
  // Stores to RAM take Unicorn's slow way if a hook might want to know of them, or if their page may hold
  // code. So no hook includes RAM, and a page of RAM is executable from when code in it is first called.
  auto* invalid = reinterpret_cast<void*>(Hooks::invalid);
  uc_hook_add(engine_, &hook, UC_HOOK_MEM_INVALID, invalid, this, 0, kRamBase - 1);
  uc_hook_add(engine_, &hook, UC_HOOK_MEM_INVALID, invalid, this, kRamBase + kRamSize, 0xFFFFFFFF);
  uc_ctl_tlb_mode(engine_, UC_TLB_VIRTUAL);
  uc_hook_add(engine_, &hook, UC_HOOK_TLB_FILL, reinterpret_cast<void*>(Hooks::translate), this, 1, 0);
}

void Cpu::replace(uint32_t address, uint32_t value) {
  replacements_.push_back(new Replacement{this, value});
  uc_hook hook;
  address &= ~1u;
  uc_hook_add(engine_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(Hooks::replaced), replacements_.back(),
              address, address);
}

void Cpu::forget_code(uint32_t address, uint32_t size) {
  uc_ctl_remove_cache(engine_, static_cast<uint64_t>(address), static_cast<uint64_t>(address) + size);
}

void Cpu::find_send_event() {
  for (uint32_t address = 0; address < kFlashSize; address += 2) {
    if (static_cast<uint16_t>(memory_.word(address & ~3u) >> 8 * (address & 2)) != kSev) continue;
    uc_hook hook;
    uc_hook_add(engine_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(Hooks::send_event), this, address,
                address);
  }
}

// Unicorn asks before it stores to a page that can't be written, and then stores all the same: what the
// controller made of the word is put back as soon as the store is done, which is before the next block of
// code.
void Cpu::write_flash(uint32_t address, unsigned size, uint32_t value) {
  repair_flash();
  flash_->write_flash(address, size, value);
  const uint8_t* bytes =
      address < kFlashSize ? memory_.flash() + address : memory_.uicr() + (address - kUicrBase);
  repair_address_ = address;
  repair_.assign(bytes, bytes + size);
  events_.attention();
}

void Cpu::repair_flash() {
  if (repair_.empty()) return;
  uint8_t* bytes = repair_address_ < kFlashSize ? memory_.flash() + repair_address_
                                                : memory_.uicr() + (repair_address_ - kUicrBase);
  memcpy(bytes, repair_.data(), repair_.size());
  repair_.clear();
}

Stop Cpu::run() {
  hooked_ = Hooked::kNothing;
  fault_.clear();
  const uc_err error = uc_emu_start(engine_, get(Register::kPc) | 1, kNowhere, 0, 0);
  repair_flash();
  return why(error);
}

// Unicorn executes code that it has translated before as the block that it was then, however few
// instructions it is asked for: so it has to translate this one anew, and may not begin another block.
Stop Cpu::step() {
  const uint32_t pc = get(Register::kPc) & ~1u;
  forget_code(pc, 4);
  hooked_ = Hooked::kNothing;
  fault_.clear();
  stepping_ = true;
  counted_ = true;
  const uc_err error = uc_emu_start(engine_, pc | 1, kNowhere, 0, 1);
  repair_flash();
  stepping_ = counted_ = false;
  return hooked_ == Hooked::kNothing && error == UC_ERR_OK ? Stop::kAttention : why(error);
}

Stop Cpu::why(int error) {
  if (hooked_ == Hooked::kStopped) return Stop::kAttention;
  if (hooked_ == Hooked::kSupervisorCall) return Stop::kSupervisorCall;
  if (hooked_ == Hooked::kExceptionReturn) return Stop::kExceptionReturn;
  const uint32_t pc = get(Register::kPc) & ~1u;
  const auto executed = static_cast<uint16_t>(memory_.word((pc - 2) & ~3u) >> 8 * ((pc - 2) & 2));
  if (executed == kWfe) return Stop::kWaitForEvent;
  if (executed == kWfi && error == UC_ERR_OK) return Stop::kWaitForInterrupt;
  if (executed == kYield) return Stop::kAttention;
  if (!fault_.empty()) return Stop::kFault;
  if (hooked_ == Hooked::kFault) {
    fault_kind_ = kind_of_interrupt();
    return wrong(name_of(interrupt_), pc);
  }
  if (error == UC_ERR_OK) return Stop::kAttention;
  const bool thumb = get(Register::kXpsr) & kThumb;
  fault_kind_ = error != UC_ERR_INSN_INVALID ? Wrong::kOther
                : thumb                      ? Wrong::kUndefined
                                             : Wrong::kInvalidState;
  return wrong(thumb ? uc_strerror(static_cast<uc_err>(error)) : name_of(kInvalidState), pc);
}

Wrong Cpu::kind_of_interrupt() const {
  switch (interrupt_) {
    case kUndefined: return Wrong::kUndefined;
    case kPrefetchAbort: return Wrong::kExecuteNever;
    case kNoCoprocessor: return Wrong::kNoCoprocessor;
    case kInvalidState: return Wrong::kInvalidState;
    default: return Wrong::kOther;
  }
}

Stop Cpu::wrong(const std::string& what, uint32_t address) {
  fault_ = what;
  fault_address_ = address;
  return Stop::kFault;
}

uint32_t Cpu::get(Register name) const {
  uint32_t value = 0;
  uc_reg_read(engine_, kRegisters[static_cast<int>(name)], &value);
  return value;
}

void Cpu::set(Register name, uint32_t value) {
  uc_reg_write(engine_, kRegisters[static_cast<int>(name)], &value);
}

Masks Cpu::masks() const {
  return {(get(Register::kPrimask) & 1) != 0, (get(Register::kFaultmask) & 1) != 0,
          static_cast<uint8_t>(get(Register::kBasepri))};
}

bool Cpu::must_give_way() const {
  if (stepping_) return false;
  if (events_.must_stop()) return true;
  return nvic_.candidate_above_active() && nvic_.preempts(nvic_.candidate(), masks());
}

void Cpu::get_floats(uint32_t* values) const {
  for (int i = 0; i < 16; ++i) uc_reg_read(engine_, UC_ARM_REG_S0 + i, values + i);
}

void Cpu::set_floats(const uint32_t* values) {
  for (int i = 0; i < 16; ++i) uc_reg_write(engine_, UC_ARM_REG_S0 + i, values + i);
}

std::vector<uint32_t> Cpu::trail() const {
  std::vector<uint32_t> blocks;
  for (unsigned i = 1; i <= trail_.size(); ++i) {
    const uint32_t block = trail_[(trail_end_ - i) % trail_.size()];
    if (block) blocks.push_back(block);
  }
  return blocks;
}

}  // namespace emulator
