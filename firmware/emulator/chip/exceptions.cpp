#include "chip/exceptions.h"

#include <cstring>

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kBasicFrame = 0x20;
constexpr uint32_t kExtendedFrame = 0x68;  // with S0 to S15 and FPSCR
constexpr uint32_t kAligned = 1u << 9;     // in the stacked xPSR: four bytes of padding
constexpr uint32_t kThumb = 1u << 24;
constexpr uint32_t kItState = 0x0600FC00;
constexpr uint32_t kProcessStack = 2;  // CONTROL.SPSEL
constexpr uint32_t kFloatContext = 4;  // CONTROL.FPCA
constexpr Cycles kLatency = 12;

struct Frame {
  uint32_t core[8];  // R0 to R3, R12, LR, the return address, xPSR
  uint32_t floats[16];
  uint32_t fpscr;
  uint32_t reserved;
};
static_assert(sizeof(Frame) == kExtendedFrame, "as the hardware stacks it");

constexpr Register kStacked[] = {Register::kR0, Register::kR1,  Register::kR2,
                                 Register::kR3, Register::kR12, Register::kLr};

Frame gather(const Cpu& cpu, bool with_floats, bool padded) {
  Frame frame{};
  for (int i = 0; i < 6; ++i) frame.core[i] = cpu.get(kStacked[i]);
  frame.core[6] = cpu.get(Register::kPc) & ~1u;
  const uint32_t xpsr = cpu.get(Register::kXpsr);
  const uint32_t active = cpu.get(Register::kIpsr) & 0x1FF;
  frame.core[7] = (xpsr & ~(0x1FFu | kAligned)) | active | kThumb | (padded ? kAligned : 0);
  if (with_floats) {
    cpu.get_floats(frame.floats);
    frame.fpscr = cpu.get(Register::kFpscr);
  }
  return frame;
}

void scatter(Cpu& cpu, const Frame& frame, bool with_floats) {
  for (int i = 0; i < 6; ++i) cpu.set(kStacked[i], frame.core[i]);
  if (with_floats) {
    cpu.set_floats(frame.floats);
    cpu.set(Register::kFpscr, frame.fpscr);
  }
  const uint32_t flags = frame.core[7] & (0xF80F0000 | kItState);
  cpu.set(Register::kXpsr, flags | (frame.core[7] & 0x1FF) | kThumb);
  cpu.set(Register::kPc, frame.core[6] | 1);
}

}  // namespace

bool enter_exception(Chip& chip, int exception) {
  Cpu& cpu = chip.cpu;
  const uint32_t control = cpu.get(Register::kControl);
  const bool handler = (cpu.get(Register::kIpsr) & 0x1FF) != 0;
  const bool process_stack = !handler && (control & kProcessStack);
  // The hardware may leave the place of the floats empty until the handler uses the unit (lazy stacking).
  // Nobody can tell whether they are there earlier.
  const bool with_floats = control & kFloatContext;
  const uint32_t size = with_floats ? kExtendedFrame : kBasicFrame;
  const uint32_t sp = cpu.get(Register::kSp);
  const bool padded = (sp - size) & 4;
  const uint32_t bottom = (sp - size) & ~7u;
  uint8_t* stack = chip.memory.ram_bytes(bottom, size);
  if (!stack) return false;
  const Frame frame = gather(cpu, with_floats, padded);
  memcpy(stack, &frame, size);
  cpu.set(Register::kSp, bottom);
  cpu.set(Register::kIpsr, static_cast<uint32_t>(exception));  // from here on SP is the main stack's
  cpu.set(Register::kControl, control & ~(kFloatContext | kProcessStack));
  cpu.set(Register::kLr,
          (with_floats ? 0xFFFFFFE1 : 0xFFFFFFF1) | (handler ? 0 : 8) | (process_stack ? 4 : 0));
  cpu.set(Register::kPc, chip.memory.word(chip.system.vector_table() + 4 * static_cast<uint32_t>(exception)));
  cpu.set(Register::kXpsr, (cpu.get(Register::kXpsr) & ~kItState) | kThumb);
  cpu.forget_stopped_block();
  chip.events.advance(kLatency);
  chip.nvic.enter(exception);
  return true;
}

bool return_from_exception(Chip& chip, uint32_t exception_return) {
  Cpu& cpu = chip.cpu;
  const bool to_thread = exception_return & 8;
  const bool with_floats = !(exception_return & 0x10);
  const Register stack = exception_return & 4 ? Register::kPsp : Register::kMsp;
  const uint32_t size = with_floats ? kExtendedFrame : kBasicFrame;
  const uint32_t sp = cpu.get(stack);
  const uint8_t* stacked = chip.memory.ram_bytes(sp, size);
  if (!stacked) return false;
  Frame frame{};
  memcpy(&frame, stacked, size);
  const uint32_t active = frame.core[7] & 0x1FF;
  if (to_thread != (active == 0)) return false;

  const int finished = static_cast<int>(cpu.get(Register::kIpsr) & 0x1FF);
  if (finished != kNmi) cpu.set(Register::kFaultmask, 0);
  uint32_t control = cpu.get(Register::kControl) & ~(kFloatContext | kProcessStack);
  if (to_thread && (exception_return & 4)) control |= kProcessStack;
  if (with_floats) control |= kFloatContext;
  const uint32_t top = sp + size + (frame.core[7] & kAligned ? 4 : 0);
  cpu.set(stack, top);
  cpu.set(Register::kIpsr, active);
  cpu.set(Register::kControl, control);
  cpu.set(stack, top);  // once more: writing IPSR and CONTROL moves the banked stack pointers
  scatter(cpu, frame, with_floats);
  cpu.forget_stopped_block();
  chip.events.advance(kLatency);
  chip.nvic.leave(finished);
  return true;
}

namespace {

constexpr uint32_t kForced = 1u << 30;  // of HFSR

struct FaultStatus {
  int exception;
  uint32_t bits;  // of CFSR
};

FaultStatus status_of(Wrong kind) {
  switch (kind) {
    case Wrong::kRead:
    case Wrong::kWrite: return {kBusFault, 1u << 9 | 1u << 15};  // PRECISERR, BFARVALID
    case Wrong::kFetch: return {kBusFault, 1u << 8};             // IBUSERR
    case Wrong::kExecuteNever: return {kMemManage, 1u << 0};     // IACCVIOL
    case Wrong::kInvalidState: return {kUsageFault, 1u << 17};   // INVSTATE
    case Wrong::kNoCoprocessor: return {kUsageFault, 1u << 19};  // NOCP
    default: return {kUsageFault, 1u << 16};                     // UNDEFINSTR
  }
}

bool enter_hard_fault(Chip& chip) {
  if (!chip.nvic.preempts(kHardFault, chip.cpu.masks())) return false;
  chip.system.note_fault(0, kForced, 0);
  return enter_exception(chip, kHardFault);
}

}  // namespace

bool enter_fault(Chip& chip) {
  const FaultStatus status = status_of(chip.cpu.fault_kind());
  chip.system.note_fault(status.bits, 0, chip.cpu.fault_address());
  if (chip.system.handles(status.exception) && chip.nvic.preempts(status.exception, chip.cpu.masks())) {
    return enter_exception(chip, status.exception);
  }
  return enter_hard_fault(chip);
}

bool enter_refused_call(Chip& chip) {
  return enter_hard_fault(chip);
}

}  // namespace emulator
