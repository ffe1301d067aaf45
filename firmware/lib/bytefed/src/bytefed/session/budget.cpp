#include "bytefed/session/budget.h"

namespace bytefed {

bool Budget::pays(uint32_t cost) const {
  return cost <= record_.total - record_.spent;
}

bool Budget::spend(uint32_t cost) {
  return keep({record_.total, record_.spent + cost, record_.set, record_.whole});
}

void Budget::restore(const BudgetRecord& record, SampleStore& store) {
  if (record.total == 0 || record.spent > record.total) return;
  record_ = record;
  if (store.empty()) return store.begin_set(static_cast<uint16_t>(record.set + 1));
  if (static_cast<int16_t>(record.set - store.set()) > 0) {
    record_.set = store.set();
    record_.spent = record.total;
  }
}

// Flash first: what is not written there is not spent here, and nothing leaves.
bool Budget::keep(const BudgetRecord& record) {
  if (port_.keep_budget != nullptr && !port_.keep_budget(port_.context, record)) return false;
  record_ = record;
  return true;
}

}  // namespace bytefed
