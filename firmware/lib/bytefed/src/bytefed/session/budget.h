// The privacy budget of the board's samples (SPEC 7.4): what has been given and spent, and whose it is.
// Prices are zero-concentrated differential privacy's rho in units of 2^-28, which add up.
#pragma once
#include "bytefed/learning/sample_store.h"
#include "bytefed/session/port.h"

namespace bytefed {

class Budget {
 public:
  // `port` outlives the budget.
  explicit Budget(const Port& port) : port_(port) {}

  // Whether the samples that the store holds have a budget.
  bool guards(const SampleStore& store) const { return record_.total > 0 && record_.set == store.set(); }
  uint32_t total() const { return record_.total; }
  uint32_t spent() const { return record_.spent; }
  bool pays(uint32_t cost) const;
  // Whether its unit is the whole board, not one sample.
  bool whole() const { return record_.whole == BudgetRecord::kWhole; }

  // Gives the samples a budget, or spends of it, and writes that to flash before it returns. Returns false
  // and changes nothing if that failed.
  bool give(uint32_t total, bool whole, const SampleStore& store) {
    return keep({total, 0, store.set(), whole ? BudgetRecord::kWhole : uint16_t{0}});
  }
  bool spend(uint32_t cost);

  // Takes over what the flash has kept, once the samples are there. A budget of newer samples than these was
  // written before power failed, and they were not: what these had left is not known, so nothing is.
  void restore(const BudgetRecord& record, SampleStore& store);

 private:
  bool keep(const BudgetRecord& record);

  const Port& port_;
  BudgetRecord record_ = {};
};

}  // namespace bytefed
