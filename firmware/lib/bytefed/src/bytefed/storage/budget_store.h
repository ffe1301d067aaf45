// Keeps the privacy budget in two pages of flash of its own, before the key's: what was spent is written
// before a delta leaves, and whichever write is cut short, the budget is there, as it was before or after.
#pragma once
#include "bytefed/session/port.h"
#include "bytefed/storage/storage.h"

namespace bytefed {

class BudgetStore {
 public:
  // `device` ends where the key's pages begin: KeyStore::rest().
  explicit BudgetStore(const BlockDevice& device);
  BudgetStore(const BudgetStore&) = delete;
  BudgetStore& operator=(const BudgetStore&) = delete;

  // The pages before the budget's, which are for the keeper.
  static BlockDevice rest(const BlockDevice& device) { return device.without_last(kPages); }

  // Returns what was kept last; null for nothing.
  const BudgetRecord* load();
  // Keeps a budget before it returns: one page is erased, and written. False if the flash fails.
  bool save(const BudgetRecord& record);

 private:
  static constexpr uint32_t kPages = 2;  // one a slot

  BudgetRecord record_ = {};
  Part part_;
  bool fits_;
  Image image_;
};

}  // namespace bytefed
