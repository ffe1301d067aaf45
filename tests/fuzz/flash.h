// Flash that fails after so many reads or writes, the last of them torn; it aborts on what flash can't do.
#pragma once
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bytefed/storage/storage.h"

struct Flash {
  static constexpr uint32_t kForever = 0xFFFFFFFFu;

  Flash(uint32_t page_size, uint32_t pages) : page(page_size), bytes(page_size * pages, 0xFF) {}
  bytefed::BlockDevice device() {
    return {this,         page, static_cast<uint32_t>(bytes.size() / page), &Flash::read, &Flash::program,
            &Flash::erase};
  }

  uint32_t page;
  std::vector<uint8_t> bytes;
  uint32_t reads_left = kForever, writes_left = kForever;

 private:
  void check(uint32_t address, size_t length) const {
    if (address % 4 != 0 || length % 4 != 0 || address + length > bytes.size()) abort();
  }
  static bool one_of(uint32_t& left) { return left == kForever || (left != 0 && left-- != 0); }

  static bool read(void* context, uint32_t address, void* data, size_t length) {
    Flash* flash = static_cast<Flash*>(context);
    flash->check(address, length);
    if (!one_of(flash->reads_left)) return false;
    std::memcpy(data, flash->bytes.data() + address, length);
    return true;
  }
  static bool program(void* context, uint32_t address, const void* data, size_t length) {
    Flash* flash = static_cast<Flash*>(context);
    flash->check(address, length);
    const bool powered = one_of(flash->writes_left);
    if (!powered) length /= 2;  // torn
    const uint8_t* from = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < length; ++i) {
      if (flash->bytes[address + i] != 0xFF) abort();  // nothing was erased here
      flash->bytes[address + i] = from[i];
    }
    return powered;
  }
  static bool erase(void* context, uint32_t address) {
    Flash* flash = static_cast<Flash*>(context);
    flash->check(address, flash->page);
    if (address % flash->page != 0) abort();
    if (!one_of(flash->writes_left)) return false;
    std::memset(flash->bytes.data() + address, 0xFF, flash->page);
    return true;
  }
};
