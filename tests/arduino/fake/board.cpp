// The app on a fake Arduino core, behind a C interface for tests/arduino/fake_board.py. Each copy of the
// library that a process loads is a board that has just been switched on; the flash is the process's.
#include "board.h"

#include <cstring>
#include <random>

#include "app.h"
#include "common/arduino.h"
#include "common/pdm.h"
#include "common/task.h"
#include "common/world.h"
#include "microphone.h"

extern "C" {

void board_switch_on() {
  board_start();
  app_task.run();
}

void board_step(unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    others_work();
    microphone_works();
    app_task.run();
  }
}

void board_usb(const uint8_t* data, size_t length) {
  world.usb_in.insert(world.usb_in.end(), data, data + length);
  usb_received();
}
size_t board_usb_take(uint8_t* data, size_t room) {
  const size_t length = world.usb_out.size() < room ? world.usb_out.size() : room;
  std::memcpy(data, world.usb_out.data(), length);
  world.usb_out.erase(0, length);
  world.usb_waiting = 0;
  if (length > 0) usb_was_read();
  return length;
}

void board_hear(const int16_t* samples, size_t count) {
  world.sound.insert(world.sound.end(), samples, samples + count);
}

void board_ble(const uint8_t* data, size_t length) {
  radio_receives(data, length);
}
size_t board_ble_take(uint8_t* data) {
  if (world.ble_out.empty()) return 0;
  const Bytes frame = world.ble_out.front();
  world.ble_out.pop_front();
  std::memcpy(data, frame.data(), frame.size());
  return frame.size();
}
size_t board_phone_read(uint8_t* data) {
  std::memcpy(data, world.phone.data(), world.phone.size());
  return world.phone.size();
}
void board_ble_connect(int connected) {
  world.connected = connected != 0;
  connection_changes(world.connected);
}

void board_erase_flash() {
  flash_erase(0xA0000, 0x60000);
}
// One bit in each page that holds anything; a write can only clear bits.
void board_flip_flash(unsigned seed) {
  std::minstd_rand noise(seed + 1);
  for (uint32_t page = 0xA0000; page < 0x100000; page += 4096) {
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(static_cast<uintptr_t>(page));
    const uint32_t start = static_cast<uint32_t>(noise()) % 4096;
    for (uint32_t i = 0; i < 4096; ++i) {
      const uint32_t at = (start + i) % 4096;
      if (bytes[at] == 0 || bytes[at] == 0xFF) continue;
      const uint8_t less = bytes[at] & (bytes[at] - 1);
      flash_program(page + at, &less, 1);
      break;
    }
  }
}
void board_spoil_flash(unsigned seed) {
  std::minstd_rand noise(seed + 1);
  for (uint32_t address = 0xA0000; address < 0x100000; address += 4) {
    const uint32_t word = noise();
    flash_program(address, &word, sizeof word);
  }
}

void board_set(const char* name, int value) {
  const std::string what = name;
  if (what == "now") world.now = static_cast<uint32_t>(value);
  if (what == "usb_open") world.usb_open = value != 0;
  if (what == "usb_room") world.usb_room = static_cast<size_t>(value);
  if (what == "usb_pace") world.usb_pace = static_cast<unsigned>(value);
  if (what == "noise") world.noise = static_cast<Noise>(value);
  if (what == "mtu") world.mtu = static_cast<uint16_t>(value);
  if (what == "subscribed") world.subscribed = value != 0;
  if (what == "acknowledges") world.acknowledges = value != 0;
  if (what == "phone_subscribed") world.phone_subscribed = value != 0;
  if (what == "refuse_notify") world.refuse_notify = static_cast<unsigned>(value);
  if (what == "radio_fails") world.radio_fails = value != 0;
  if (what == "radio_until") world.radio_until = static_cast<uint32_t>(value);
  if (what == "radio_sign") world.radio_sign = static_cast<RadioSign>(value);
  if (what == "flash_writes_left") world.flash_writes_left = value;
  if (what == "flash_breaks") world.flash_breaks = value != 0;
  if (what == "flash_stall") world.flash_stall = static_cast<unsigned>(value);
  if (what == "tensors") world.tensors = static_cast<unsigned>(value);
  if (what == "extractor_allocates") world.extractor_allocates = static_cast<unsigned>(value);
  if (what == "microphone_fails") world.microphone_fails = value != 0;
  if (what == "imu") world.imu = value;
  if (what == "button") world.button = value != 0;
  if (what == "tilt") world.acceleration[0] = static_cast<float>(value);
}
int board_get(const char* name) {
  const std::string what = name;
  if (what == "dropped") return static_cast<int>(world.dropped);
  if (what == "stuck") return static_cast<int>(world.stuck);
  if (what == "flash_writes") return static_cast<int>(world.flash_writes);
  if (what == "unsafe_erasures") return static_cast<int>(world.unsafe_erasures);
  if (what == "flash_erasures") return static_cast<int>(world.flash_erasures);
  if (what == "feeds") return static_cast<int>(world.watchdog_feeds);
  if (what == "wakings") return static_cast<int>(world.wakings);
  if (what == "asleep") return static_cast<int>(world.asleep);
  if (what == "dispatched") return static_cast<int>(world.dispatched);
  if (what == "advertising") return world.advertising;
  if (what == "has_key") return app().has_key();
  if (what == "connected") return world.connected;
  if (what == "now") return static_cast<int>(world.now);
  if (what == "colour") return static_cast<int>(world.colour);
  if (what == "train") return app().session().store().count(bytefed::Split::kTrain);
  if (what == "capturing") return app().session().capturing();
  if (what == "to_hear") return static_cast<int>(world.sound.size());
  if (what == "lost") return static_cast<int>(microphone::lost());
  if (what == "label") return app().session().store().get(bytefed::Split::kTrain, 0).label;
  if (what == "round") return app().session().round();
  if (what == "state") return static_cast<int>(app().session().state());
  return -1;
}
}
