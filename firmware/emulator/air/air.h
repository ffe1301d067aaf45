// The air between radios: everybody hears every packet, but for losses; packets that overlap on a frequency
// are spoilt.
#pragma once
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "air/packet.h"
#include "air/traffic.h"

namespace emulator {

// The state in which a packet reaches one receiver.
enum class Fate { kWhole, kSpoilt, kUnheard };

// A radio, as the air sees it.
class Listener {
 public:
  virtual ~Listener() = default;
  // A packet begins at packet->start. Whether it is received depends on what the radio does then.
  virtual void hear(std::shared_ptr<const Packet> packet, Fate fate) = 0;
};

class Air {
 public:
  // loss: the share of packets that a receiver loses, 0..1: half of them unheard, half with a wrong CRC.
  explicit Air(double loss = 0.0, uint64_t seed = 0) : loss_(loss), chance_(seed) {}

  int join(Listener& listener);  // returns its place
  void send(Packet packet);
  void set_loss(double loss) { loss_ = loss; }
  // Which packets are lost from now on.
  void set_seed(uint64_t seed) { chance_.seed(seed); }
  const Traffic& traffic() const { return traffic_; }

 private:
  void collide(Packet& packet);
  Fate fate();

  double loss_;
  std::mt19937_64 chance_;
  std::vector<Listener*> listeners_;
  std::deque<std::shared_ptr<Packet>> flying_;  // packets that later ones may overlap
  Traffic traffic_;
};

}  // namespace emulator
