#include "chip/chip.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "chip/exceptions.h"

namespace emulator {

Chip::Chip(const ChipSettings& settings)
    : settings_(settings),
      memory(settings.state_path),
      nvic(events),
      system(*this),
      cpu(events, memory, nvic, bus, system),
      noise_(settings.seed) {
  bus.report_unknown([this](uint32_t address) { note("no peripheral is at %08x", address); });
}

Chip::~Chip() = default;

void Chip::power_on() {
  cpu.find_send_event();
  reset_request_ = Reset::kPowerOn;
  events.attention();
}

void Chip::request_reset(Reset kind) {
  if (!reset_request_) reset_request_ = kind;
  events.attention();
}

void Chip::reset_after_work(Reset kind, Cycles work) {
  planned_reset_ = kind;
  planned_work_ = events.worked() + work;
  events.attention();
}

void Chip::watchdog_bit() {
  ++watchdog_resets_;
  note("the watchdog resets the chip, whose processor is at %08x", cpu.get(Register::kPc));
  request_reset(Reset::kWatchdog);
}

void Chip::turn_off() {
  note("system off");
  off_ = true;
  events.attention();
}

void Chip::reset(Reset kind) {
  reset_request_.reset();
  asleep_ = off_ = false;
  ++resets_;
  if (kind == Reset::kPowerOn) memory.forget_ram(noise_());
  nvic.reset();
  system.reset();
  bus.reset(kind);
  cpu.forget_stopped_block();
  for (const Register name :
       {Register::kIpsr, Register::kControl, Register::kPrimask, Register::kBasepri, Register::kFaultmask}) {
    cpu.set(name, 0);
  }
  const uint32_t table = settings_.vector_table;
  system.set_vector_table(table);
  cpu.set(Register::kMsp, memory.word(table));
  cpu.set(Register::kSp, memory.word(table));
  cpu.set(Register::kLr, 0xFFFFFFFF);
  cpu.set(Register::kPc, memory.word(table + 4));
  cpu.set(Register::kXpsr, 1u << 24);
  note("reset %u", resets_);
}

void Chip::run_until(Cycles time) {
  while (events.now() < time && !fault_) {
    events.run_due();
    if (reset_request_) {
      reset(*reset_request_);
    } else if (off_) {
      sleep(time);
    } else if (take_exception()) {
      asleep_ = false;
    } else if (asleep_ && !wakes()) {
      sleep(time);
    } else {
      asleep_ = false;
      work(time);
    }
  }
}

bool Chip::take_exception() {
  if (!nvic.candidate_above_active()) return false;
  const int exception = nvic.candidate();
  if (!nvic.preempts(exception, cpu.masks())) return false;
  if (!enter_exception(*this, exception)) {
    fail("the stack is outside of RAM when exception " + std::to_string(exception) + " begins",
         cpu.get(Register::kSp));
  }
  return true;
}

bool Chip::wakes() {
  if (for_event_ && nvic.take_event()) return true;
  // WFI wakes for an interrupt that PRIMASK alone holds back, too.
  Masks without_primask = cpu.masks();
  if (!for_event_) without_primask.primask = false;
  return nvic.candidate() && nvic.preempts(nvic.candidate(), without_primask);
}

Cycles Chip::acts_from() {
  const bool sleeps = asleep_ && !reset_request_ && !nvic.candidate() && !nvic.has_event();
  return sleeps ? std::max(events.now(), events.next()) : events.now();
}

void Chip::sleep(Cycles until) {
  events.idle_until(std::min(until, events.next()));
}

void Chip::work(Cycles until) {
  if (finish_work_before_reset()) return;
  Cycles stop = std::min(until, events.next());
  if (planned_reset_) stop = std::min(stop, events.now() + (planned_work_ - events.worked()));
  events.set_stop(stop);
  // An exception that is pending but masked may be taken as soon as the code changes the masks, which it does
  // without telling.
  if (nvic.candidate_above_active()) events.watch();
  handle(cpu.run());
}

// The last instructions before a planned reset, one by one: the processor has stopped before the block of
// code in which the reset is due. True if it is.
bool Chip::finish_work_before_reset() {
  if (!planned_reset_ || events.worked() < planned_work_) return false;
  const Cycles late = events.worked() - planned_work_;
  const Cycles block = cpu.stopped_block();
  for (Cycles left = block > late ? block - late : 0; left > 0;) {
    const uint32_t pc = cpu.get(Register::kPc) & ~1u;
    const uint32_t opcode = memory.word(pc & ~3u) >> 8 * (pc & 2) & 0xFFFF;
    const Cycles size = opcode >> 11 >= 0x1D ? 2 : 1;  // in halfwords
    if (size > left || cpu.step() != Stop::kAttention) break;
    left -= size;
  }
  note("cut off at %08x", cpu.get(Register::kPc));
  reset_request_ = planned_reset_;
  planned_reset_.reset();
  return true;
}

void Chip::handle(Stop stop) {
  switch (stop) {
    case Stop::kAttention: break;
    case Stop::kWaitForInterrupt:
    case Stop::kWaitForEvent:
      for_event_ = stop == Stop::kWaitForEvent;
      asleep_ = true;
      break;
    case Stop::kSupervisorCall: supervisor_call(); break;
    case Stop::kExceptionReturn:
      if (!return_from_exception(*this, cpu.exception_return())) {
        fail("a return from an exception finds no frame on the stack", cpu.exception_return());
      } else if (system.sleeps_on_exit() && (cpu.get(Register::kIpsr) & 0x1FF) == 0) {
        for_event_ = false;
        asleep_ = true;
      }
      break;
    case Stop::kFault: code_went_wrong(); break;
  }
}

void Chip::code_went_wrong() {
  if (!settings_.handles_faults) {
    fail(cpu.fault(), cpu.fault_address());
  } else if (!enter_fault(*this)) {
    note("lockup: %s, address %08x", cpu.fault().c_str(), cpu.fault_address());
    request_reset(Reset::kLockup);
  }
}

void Chip::supervisor_call() {
  if (!nvic.preempts(kSupervisorCall, cpu.masks())) {
    if (settings_.handles_faults && enter_refused_call(*this)) return;
    fail("a supervisor call where interrupts of its priority are masked", cpu.get(Register::kPc));
  } else if (!enter_exception(*this, kSupervisorCall)) {
    fail("the stack is outside of RAM at a supervisor call", cpu.get(Register::kSp));
  }
}

void Chip::fail(const std::string& what, uint32_t address) {
  if (!fault_) fault_ = describe_fault(*this, what, address);
}

void Chip::note(const char* format, ...) {
  if (!settings_.verbose) return;
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "[%11.6f] ", static_cast<double>(events.now()) / kCyclesPerSecond);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

}  // namespace emulator
