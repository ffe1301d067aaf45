#include "bytefed/storage/budget_store.h"

namespace bytefed {
namespace {

constexpr uint32_t kLayout = 0x31474442u;  // "BDG1"

}  // namespace

BudgetStore::BudgetStore(const BlockDevice& device)
    : part_{&record_, sizeof record_},
      fits_(device.pages > kPages),
      image_(device, rest(device).pages, kPages, kLayout, &part_, 1) {}

const BudgetRecord* BudgetStore::load() {
  return fits_ && image_.load() ? &record_ : nullptr;
}

bool BudgetStore::save(const BudgetRecord& record) {
  if (!fits_) return false;
  record_ = record;
  return image_.write();
}

}  // namespace bytefed
