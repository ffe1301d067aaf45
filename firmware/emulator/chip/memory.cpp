#include "chip/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <stdexcept>

namespace emulator {
namespace {

uint8_t* map_pages(size_t size, int file) {
  const int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, file, 0);
  if (pages == MAP_FAILED) throw std::runtime_error("no memory for the chip's memories");
  return static_cast<uint8_t*>(pages);
}

// Opens the file that keeps flash and UICR. Says by `is_new` whether it was empty.
int open_state(const std::string& path, bool* is_new) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) throw std::runtime_error("the state file " + path + " can't be opened: " + strerror(errno));
  struct stat about {};
  fstat(file, &about);
  *is_new = about.st_size == 0;
  const off_t size = kFlashSize + kPageSize;
  if (!*is_new && about.st_size != size) {
    close(file);
    throw std::runtime_error("the state file " + path + " is not one of this emulator: it has " +
                             std::to_string(about.st_size) + " bytes instead of " + std::to_string(size));
  }
  if (ftruncate(file, size) != 0)
    throw std::runtime_error("the state file " + path + " can't be made larger");
  return file;
}

}  // namespace

Memory::Memory(const std::string& state_path) {
  const int file = state_path.empty() ? -1 : open_state(state_path, &new_);
  flash_ = map_pages(kFlashSize + kPageSize, file);
  if (file >= 0) close(file);
  uicr_ = flash_ + kFlashSize;
  if (new_) memset(flash_, 0xFF, kFlashSize + kPageSize);
  ram_ = map_pages(kRamSize, -1);
  ficr_ = map_pages(kPageSize, -1);
  rom_ = map_pages(kPageSize, -1);
}

Memory::~Memory() {
  munmap(flash_, kFlashSize + kPageSize);
  munmap(ram_, kRamSize);
  munmap(ficr_, kPageSize);
  munmap(rom_, kPageSize);
}

uint8_t* Memory::ram_bytes(uint32_t address, uint32_t size) {
  const uint32_t offset = address - kRamBase;
  return offset <= kRamSize && size <= kRamSize - offset ? ram_ + offset : nullptr;
}

uint8_t* Memory::bytes(uint32_t address, uint32_t size) {
  if (address <= kFlashSize && size <= kFlashSize - address) return flash_ + address;
  return ram_bytes(address, size);
}

uint32_t Memory::word(uint32_t address) {
  uint32_t value = 0;
  if (const uint8_t* at = bytes(address, 4)) memcpy(&value, at, 4);
  return value;
}

void Memory::forget_ram(uint64_t seed) {
  std::mt19937_64 noise(seed);
  for (uint32_t offset = 0; offset < kRamSize; offset += 8) {
    const uint64_t value = noise();
    memcpy(ram_ + offset, &value, 8);
  }
  first_ram_.assign(ram_, ram_ + kRamSize);
}

uint32_t Memory::first_word(uint32_t address) const {
  uint32_t value = 0;
  const uint32_t offset = address - kRamBase;
  if (offset + 4 <= first_ram_.size()) memcpy(&value, first_ram_.data() + offset, 4);
  return value;
}

}  // namespace emulator
