// The PPI: events of one peripheral start tasks of another, without the processor.
// nRF52840 Product Specification, "PPI - Programmable peripheral interconnect", with its pre-programmed
// channels.
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kGroupTasks = 0x030;  // below: enable and disable, alternating, for six groups
constexpr uint32_t kChannels = 0x500;
constexpr uint32_t kChannelsSet = 0x504;
constexpr uint32_t kChannelsClear = 0x508;
constexpr uint32_t kEventEnd = 0x510;  // of channel 0; its task end follows, then channel 1
constexpr uint32_t kTaskEnd = 0x514;
constexpr uint32_t kGroups = 0x800;
constexpr uint32_t kForks = 0x910;
constexpr int kProgrammable = 20;

struct Route {
  uint32_t event;
  uint32_t task;
};

constexpr Route kFixed[12] = {
    {0x40008140, 0x40001000},  // TIMER0 COMPARE[0] to RADIO TXEN
    {0x40008140, 0x40001004},  // TIMER0 COMPARE[0] to RADIO RXEN
    {0x40008144, 0x40001010},  // TIMER0 COMPARE[1] to RADIO DISABLE
    {0x40001128, 0x4000F000},  // RADIO BCMATCH to AAR START
    {0x40001100, 0x4000F000},  // RADIO READY to CCM KSGEN
    {0x40001104, 0x4000F004},  // RADIO ADDRESS to CCM CRYPT
    {0x40001104, 0x40008044},  // RADIO ADDRESS to TIMER0 CAPTURE[1]
    {0x4000110C, 0x40008048},  // RADIO END to TIMER0 CAPTURE[2]
    {0x4000B140, 0x40001000},  // RTC0 COMPARE[0] to RADIO TXEN
    {0x4000B140, 0x40001004},  // RTC0 COMPARE[0] to RADIO RXEN
    {0x4000B140, 0x4000800C},  // RTC0 COMPARE[0] to TIMER0 CLEAR
    {0x4000B140, 0x40008000},  // RTC0 COMPARE[0] to TIMER0 START
};

class Ppi : public Peripheral {
 public:
  explicit Ppi(Chip& chip) : Peripheral(chip, "PPI", 0x4001F000) {
    chip.bus.listen([this](uint32_t event) { route(event); });
  }

  void start(uint32_t task) override {
    if (task >= kGroupTasks) return;
    const uint32_t group = reg(kGroups + task / 8 * 4);
    channels_ = task & 4 ? channels_ & ~group : channels_ | group;
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    channels_ = 0;
  }

 protected:
  void on_write(uint32_t offset, uint32_t value) override {
    if (offset == kChannels) channels_ = value;
    if (offset == kChannelsSet) channels_ |= value;
    if (offset == kChannelsClear) channels_ &= ~value;
  }

  uint32_t on_read(uint32_t offset) override {
    return offset >= kChannels && offset <= kChannelsClear ? channels_ : reg(offset);
  }

 private:
  Route of(int channel) const {
    if (channel >= kProgrammable) return kFixed[channel - kProgrammable];
    const auto offset = 8 * static_cast<uint32_t>(channel);
    return {reg(kEventEnd + offset), reg(kTaskEnd + offset)};
  }

  void route(uint32_t event) {
    const uint32_t on = channels_;  // a task may switch channels, which concerns the next event
    for (uint32_t left = on; left; left &= left - 1) {
      const int channel = __builtin_ctz(left);
      const Route route = of(channel);
      if (route.event != event) continue;
      if (route.task) chip().bus.trigger(route.task);
      if (const uint32_t fork = reg(kForks + 4 * static_cast<uint32_t>(channel))) chip().bus.trigger(fork);
    }
  }

  uint32_t channels_ = 0;
};

}  // namespace

void fit_ppi(Chip& chip) {
  chip.fit<Ppi>();
}

}  // namespace emulator
