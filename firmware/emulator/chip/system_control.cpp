#include "chip/system_control.h"

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kCycleCount = 0x1004;  // DWT_CYCCNT, 0xE0001004
constexpr uint32_t kControlType = 0xE004;
constexpr uint32_t kTickControl = 0xE010;
constexpr uint32_t kTickReload = 0xE014;
constexpr uint32_t kTickValue = 0xE018;
constexpr uint32_t kEnableSet = 0xE100;
constexpr uint32_t kEnableClear = 0xE180;
constexpr uint32_t kPendSet = 0xE200;
constexpr uint32_t kPendClear = 0xE280;
constexpr uint32_t kActive = 0xE300;
constexpr uint32_t kPriorities = 0xE400;
constexpr uint32_t kCpuId = 0xED00;
constexpr uint32_t kState = 0xED04;
constexpr uint32_t kVectorTable = 0xED08;
constexpr uint32_t kResetControl = 0xED0C;
constexpr uint32_t kSleepControl = 0xED10;
constexpr uint32_t kSystemPriorities = 0xED18;
constexpr uint32_t kHandlerControl = 0xED24;  // SHCSR
constexpr uint32_t kFaultStatus = 0xED28;
constexpr uint32_t kHardFaultStatus = 0xED2C;
constexpr uint32_t kMemoryFaultAddress = 0xED34;
constexpr uint32_t kBusFaultAddress = 0xED38;
constexpr uint32_t kMpuType = 0xED90;
constexpr uint32_t kTrigger = 0xEF00;
constexpr uint32_t kFpContext = 0xEF34;

constexpr uint32_t kCortexM4 = 0x410FC241;
constexpr uint32_t kEightRegions = 0x800;
constexpr uint32_t kLazyStacking = 0xC0000000;
constexpr uint32_t kKey = 0x05FA;
constexpr uint32_t kMemoryAddressValid = 1u << 7;
constexpr uint32_t kBusAddressValid = 1u << 15;
constexpr int kFirstHandlerBit = 16;  // MEMFAULTENA, then BUSFAULTENA and USGFAULTENA

bool within(uint32_t offset, uint32_t first, uint32_t bytes) {
  return offset - first < bytes;
}

}  // namespace

SystemControl::SystemControl(Chip& chip) : chip_(chip), tick_(chip.events, [this] { tick(); }) {}

void SystemControl::reset() {
  tick_.stop();
  tick_control_ = tick_reload_ = 0;
  vector_table_ = reset_control_ = 0;
  registers_.fill(0);
  registers_[kFpContext / 4 & 0x3FF] = kLazyStacking;
}

uint32_t SystemControl::read(uint32_t offset, unsigned size) {
  const uint32_t word = read_word(offset & ~3u) >> 8 * (offset & 3);
  return size == 4 ? word : word & ((1u << 8 * size) - 1);
}

void SystemControl::write(uint32_t offset, unsigned size, uint32_t value) {
  if (!write_priorities(offset, size, value)) write_word(offset & ~3u, value);
}

uint32_t SystemControl::read_word(uint32_t offset) {
  if (within(offset, kTickControl, 12)) return read_tick(offset);
  if (within(offset, kEnableSet, 0x280)) return read_interrupts(offset);
  if (within(offset, kPriorities, 48) || within(offset, kSystemPriorities, 12)) {
    const int first = offset < kSystemPriorities ? static_cast<int>(kFirstInterrupt + offset - kPriorities)
                                                 : static_cast<int>(4 + offset - kSystemPriorities);
    uint32_t word = 0;
    for (int i = 0; i < 4; ++i) word |= static_cast<uint32_t>(chip_.nvic.priority(first + i)) << 8 * i;
    return word;
  }
  switch (offset) {
    case kCycleCount: return static_cast<uint32_t>(chip_.events.now() - cycle_count_base_);
    case kControlType: return 1;  // 64 interrupt lines at most
    case kCpuId: return kCortexM4;
    case kState: return read_state();
    case kVectorTable: return vector_table_;
    case kResetControl: return reset_control_ | 0xFA050000;
    case kMpuType: return kEightRegions;
    default: return offset >= 0xE000 && offset < 0xF000 ? registers_[offset / 4 & 0x3FF] : 0;
  }
}

void SystemControl::write_word(uint32_t offset, uint32_t value) {
  if (within(offset, kTickControl, 12)) return write_tick(offset, value);
  if (within(offset, kEnableSet, 0x200)) return write_interrupts(offset, value);
  uint32_t& kept = registers_[offset / 4 & 0x3FF];
  switch (offset) {
    case kCycleCount: cycle_count_base_ = chip_.events.now() - value; break;
    case kState: write_state(value); break;
    case kVectorTable: vector_table_ = value & ~0x7Fu; break;
    case kResetControl: write_reset_control(value); break;
    case kTrigger: chip_.nvic.pend(kFirstInterrupt + static_cast<int>(value % 48)); break;
    case kFaultStatus:
    case kHardFaultStatus: kept &= ~value; break;
    case kSleepControl:
      kept = value;
      chip_.nvic.set_send_event_on_pend(value >> 4 & 1);
      break;
    default:
      if (offset >= 0xE000 && offset < 0xF000) kept = value;
  }
}

void SystemControl::note_fault(uint32_t configurable, uint32_t hard, uint32_t address) {
  registers_[kFaultStatus / 4 & 0x3FF] |= configurable;
  registers_[kHardFaultStatus / 4 & 0x3FF] |= hard;
  if (configurable & kMemoryAddressValid) registers_[kMemoryFaultAddress / 4 & 0x3FF] = address;
  if (configurable & kBusAddressValid) registers_[kBusFaultAddress / 4 & 0x3FF] = address;
}

bool SystemControl::sleeps_on_exit() const {
  return registers_[kSleepControl / 4 & 0x3FF] >> 1 & 1;
}

bool SystemControl::handles(int exception) const {
  return registers_[kHandlerControl / 4 & 0x3FF] >> (kFirstHandlerBit + exception - kMemManage) & 1;
}

// Priorities are the registers that software writes as bytes, too.
bool SystemControl::write_priorities(uint32_t offset, unsigned size, uint32_t value) {
  int first;
  if (within(offset, kPriorities, 48)) {
    first = static_cast<int>(kFirstInterrupt + offset - kPriorities);
  } else if (within(offset, kSystemPriorities, 12)) {
    first = static_cast<int>(4 + offset - kSystemPriorities);
  } else {
    return false;
  }
  for (unsigned i = 0; i < size; ++i) {
    chip_.nvic.set_priority(first + static_cast<int>(i), static_cast<uint8_t>(value >> 8 * i));
  }
  return true;
}

uint32_t SystemControl::read_interrupts(uint32_t offset) const {
  const uint32_t group = offset & ~0x7Fu;
  const uint32_t bank = offset & 0x7F;
  if (bank >= 8) return 0;
  uint32_t word = 0;
  for (int bit = 0; bit < 32; ++bit) {
    const int exception = kFirstInterrupt + static_cast<int>(bank) * 8 + bit;
    if (exception >= kExceptions) break;
    const bool set = group < kPendSet  ? chip_.nvic.is_enabled(exception)
                     : group < kActive ? chip_.nvic.is_pending(exception)
                                       : chip_.nvic.is_active(exception);
    if (set) word |= 1u << bit;
  }
  return word;
}

void SystemControl::write_interrupts(uint32_t offset, uint32_t value) {
  const uint32_t group = offset & ~0x7Fu;
  const uint32_t bank = offset & 0x7F;
  if (bank >= 8) return;
  for (int bit = 0; bit < 32; ++bit) {
    const int exception = kFirstInterrupt + static_cast<int>(bank) * 8 + bit;
    if (!(value >> bit & 1) || exception >= kExceptions) continue;
    switch (group) {
      case kEnableSet: chip_.nvic.enable(exception, true); break;
      case kEnableClear: chip_.nvic.enable(exception, false); break;
      case kPendSet: chip_.nvic.pend(exception); break;
      case kPendClear: chip_.nvic.unpend(exception); break;
      default: break;
    }
  }
}

uint32_t SystemControl::read_state() const {
  const Nvic& nvic = chip_.nvic;
  uint32_t word = chip_.cpu.get(Register::kIpsr) & 0x1FF;
  if (nvic.is_pending(kPendSv)) word |= 1u << 28;
  if (nvic.is_pending(kSysTick)) word |= 1u << 26;
  word |= static_cast<uint32_t>(nvic.candidate()) << 12;
  if (nvic.candidate() >= kFirstInterrupt) word |= 1u << 22;
  if (nvic.active_count() <= 1) word |= 1u << 11;
  return word;
}

void SystemControl::write_state(uint32_t value) {
  Nvic& nvic = chip_.nvic;
  if (value >> 31 & 1) nvic.pend(kNmi);
  if (value >> 28 & 1) nvic.pend(kPendSv);
  if (value >> 27 & 1) nvic.unpend(kPendSv);
  if (value >> 26 & 1) nvic.pend(kSysTick);
  if (value >> 25 & 1) nvic.unpend(kSysTick);
}

void SystemControl::write_reset_control(uint32_t value) {
  if (value >> 16 != kKey) return;
  reset_control_ = value & 0x700;
  chip_.nvic.set_grouping(static_cast<int>(value >> 8 & 7));
  if (value & 4) chip_.request_reset(Reset::kSoftware);
}

uint32_t SystemControl::read_tick(uint32_t offset) {
  if (offset == kTickReload) return tick_reload_;
  if (offset == kTickControl) {
    const uint32_t word = tick_control_;
    tick_control_ &= ~0x10000u;  // COUNTFLAG is cleared by reading
    return word;
  }
  if (!(tick_control_ & 1)) return 0;
  return tick_reload_ - static_cast<uint32_t>((chip_.events.now() - tick_start_) % (tick_reload_ + 1));
}

void SystemControl::write_tick(uint32_t offset, uint32_t value) {
  if (offset == kTickReload) {
    tick_reload_ = value & 0xFFFFFF;
    return;
  }
  if (offset == kTickControl) tick_control_ = value & 7;
  tick_start_ = chip_.events.now();
  if (tick_control_ & 1) {
    tick_.in(tick_reload_ + 1);
  } else {
    tick_.stop();
  }
}

void SystemControl::tick() {
  tick_control_ |= 0x10000;
  if (tick_control_ & 2) chip_.nvic.pend(kSysTick);
  tick_.in(tick_reload_ + 1);
}

}  // namespace emulator
