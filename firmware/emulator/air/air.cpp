#include "air/air.h"

#include <utility>

namespace emulator {

namespace {
// Chips in lockstep are so close that none sends a packet that begins before one by more than this.
constexpr Cycles kRemember = milliseconds(5);
}  // namespace

int Air::join(Listener& listener) {
  listeners_.push_back(&listener);
  return static_cast<int>(listeners_.size()) - 1;
}

void Air::send(Packet sent) {
  const auto packet = std::make_shared<Packet>(std::move(sent));
  collide(*packet);
  flying_.push_back(packet);
  traffic_.count(*packet);
  for (size_t place = 0; place < listeners_.size(); ++place) {
    if (static_cast<int>(place) == packet->sender) continue;
    const Fate how = fate();
    if (how != Fate::kUnheard) listeners_[place]->hear(packet, how);
  }
}

void Air::collide(Packet& packet) {
  while (!flying_.empty() && flying_.front()->end() + kRemember < packet.start) flying_.pop_front();
  for (const auto& other : flying_) {
    if (other->frequency != packet.frequency || other->sender == packet.sender) continue;
    if (other->start < packet.end() && packet.start < other->end()) other->collided = packet.collided = true;
  }
}

Fate Air::fate() {
  if (loss_ <= 0.0) return Fate::kWhole;
  const double draw = std::uniform_real_distribution<double>(0.0, 1.0)(chance_);
  if (draw >= loss_) return Fate::kWhole;
  return draw < loss_ / 2 ? Fate::kUnheard : Fate::kSpoilt;
}

}  // namespace emulator
