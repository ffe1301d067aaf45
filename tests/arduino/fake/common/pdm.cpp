#include "pdm.h"

#include <cstring>

#include "world.h"

FakePdm PDM;

namespace {

constexpr size_t kBlock = 256;  // samples
constexpr uint32_t kTime = 16;  // ms of a block

void (*receive)();
bool listens = false;
int16_t block[kBlock];
size_t unread = 0;  // bytes of the block
uint32_t due = 0;

void fill_block() {
  for (int16_t& sample : block) {
    sample = world.sound.empty() ? int16_t{0} : world.sound.front();
    if (!world.sound.empty()) world.sound.pop_front();
  }
  unread = sizeof block;
}

}  // namespace

void FakePdm::onReceive(void (*function)()) {
  receive = function;
}

int FakePdm::begin(int channels, long rate) {
  listens = channels == 1 && rate == 16000 && !world.microphone_fails;
  due = world.now + kTime;
  return listens;
}

int FakePdm::read(void* buffer, size_t size) {
  const size_t length = size < unread ? size : unread;
  std::memcpy(buffer, reinterpret_cast<const uint8_t*>(block) + (sizeof block - unread), length);
  unread -= length;
  return static_cast<int>(length);
}

void microphone_works() {
  for (; listens && static_cast<int32_t>(world.now - due) >= 0; due += kTime) {
    if (unread > 0) {
      listens = false;
      return;
    }
    fill_block();
    receive();
  }
}
