#include "bytefed/storage/keeper.h"

namespace bytefed {
namespace {

constexpr uint32_t kQuiet = 1000;     // ms of silence from the host before saving
constexpr uint32_t kLongest = 60000;  // ms that a change waits for silence at most
constexpr uint32_t kPause = 100;      // ms of silence before a page is erased
// ms from the start of one erased page to the next: 85 of them the processor may stand still, and the rest is
// for the radio, whose link is lost if it misses all that the other side sends for a second or more.
constexpr uint32_t kPage = 85 + 50;
constexpr uint32_t kSampleSlots = 4;
constexpr uint32_t kRoundVersion = 6;    // goes up when the round's parts change their meaning
constexpr uint32_t kSamplesVersion = 2;  // likewise for the samples
// Stands in the samples' layout since version 1 of the protocol, when it was the size of the round's record:
// so a board that is flashed anew keeps its samples.
constexpr uint32_t kSamplesMark = 48;
constexpr size_t kRoundParts = 6, kSamplesParts = 2;

size_t samples_bytes(const Memory& memory) {
  return memory.capacity * SampleStore::record_size(memory.shape.features);
}

size_t total(const Part* parts, size_t count) {
  size_t length = 0;
  for (size_t i = 0; i < count; ++i) length += parts[i].length;
  return length;
}

uint32_t slot_pages(const BlockDevice& device, const Part* parts, size_t count) {
  return Image::slot_pages(total(parts, count), device.page_size);
}

// Number of slots left for the round behind those for the samples.
uint32_t round_slots(const BlockDevice& device, const Part* round, const Part* samples) {
  const uint32_t taken = kSampleSlots * slot_pages(device, samples, kSamplesParts);
  return device.pages > taken ? (device.pages - taken) / slot_pages(device, round, kRoundParts) : 0;
}

}  // namespace

Keeper::Keeper(const BlockDevice& device, Session& session, const Memory& memory, uint32_t model)
    : device_(device),
      session_(session),
      shape_(memory.largest()),
      round_parts_{{&round_record_, sizeof round_record_},
                   {memory.global, sizeof(float) * shape_.parameters()},
                   {memory.local, sizeof(float) * plain_floats(shape_, memory.residual != nullptr)},
                   {memory.residual, memory.residual != nullptr ? sizeof(float) * shape_.parameters() : 0},
                   {memory.personal, memory.personal != nullptr ? sizeof(float) * shape_.parameters() : 0},
                   {memory.names, memory.most_classes * kLabelName}},
      samples_parts_{{&samples_record_, sizeof samples_record_}, {memory.samples, samples_bytes(memory)}},
      fits_(round_slots(device, round_parts_, samples_parts_) >= 2),
      round_(device, kSampleSlots * slot_pages(device, samples_parts_, kSamplesParts),
             round_slots(device, round_parts_, samples_parts_), round_layout(model), round_parts_,
             kRoundParts),
      samples_(device, 0, kSampleSlots, samples_layout(memory, model), samples_parts_, kSamplesParts) {}

// Identifies the layout of the round's image, so that other firmware, or another head or model, does not load
// it.
uint32_t Keeper::round_layout(uint32_t model) const {
  const uint32_t words[] = {kRoundVersion, shape_.features, shape_.classes, model, sizeof(RoundRecord)};
  return crc32(words, sizeof words);
}

// The classes are those that the firmware was built for, whatever room it has for more.
uint32_t Keeper::samples_layout(const Memory& memory, uint32_t model) const {
  const uint32_t words[] = {kSamplesVersion, shape_.features, memory.shape.classes, model,
                            memory.capacity, kSamplesMark,    sizeof(SamplesRecord)};
  return crc32(words, sizeof words);
}

void Keeper::load() {
  if (!fits_) return;
  if (round_.load()) session_.restore(round_record_);
  if (samples_.load()) session_.restore(samples_record_);
}

void Keeper::poll(uint32_t now) {
  if (!fits_) return;
  if (saving_ != Saving::kNothing) {
    if (!is_current()) return give_up(now);
    if (may_step(now)) step(now);
    return;
  }
  const bool due = session_.round_changes() != round_saved_ || session_.sample_changes() != samples_saved_;
  if (!due) {
    saved_ = now;
  } else if (now - heard_ >= kQuiet || now - saved_ >= kLongest) {
    start();
  }
}

// Begins the next image that is due. False if none is due or the session is at work.
bool Keeper::start() {
  if (!session_.at_rest()) return false;
  if (session_.round_changes() != round_saved_) {
    round_record_ = session_.round_record();
    saving_change_ = session_.round_changes();
    saving_ = Saving::kRound;
    round_.start();
    return true;
  }
  if (session_.sample_changes() != samples_saved_) {
    samples_record_ = session_.samples_record();
    saving_change_ = session_.sample_changes();
    saving_ = Saving::kSamples;
    samples_.start();
    return true;
  }
  return false;
}

// Whether memory is unchanged since the image was begun.
bool Keeper::is_current() const {
  if (saving_ == Saving::kRound) {
    return session_.at_rest() && saving_change_ == session_.round_changes();
  }
  return session_.samples_at_rest() && saving_change_ == session_.sample_changes();
}

// Whether now is a time for the next step: samples wait while a round is trained, and erasing for a pause.
bool Keeper::may_step(uint32_t now) {
  if (!session_.at_rest()) return false;
  if (!image().erases()) return true;
  if (now - erased_ < kPage) return false;
  return now - heard_ >= kPause || now - saved_ >= kLongest;
}

// A host that is busy with the board lets pieces of images be written once a minute, lest pages wear.
void Keeper::give_up(uint32_t now) {
  if (image().writes() && now - saved_ >= kLongest) saved_ = now;
  saving_ = Saving::kNothing;
}

void Keeper::step(uint32_t now) {
  if (image().erases()) erased_ = now;
  const Image::Progress progress = image().step();
  if (progress == Image::Progress::kBusy) return;
  failed_ = progress == Image::Progress::kFailed;
  if (!failed_) (saving_ == Saving::kRound ? round_saved_ : samples_saved_) = saving_change_;
  saving_ = Saving::kNothing;
  heard_ = saved_ = now;  // the next image or attempt can wait
}

bool Keeper::erase() {
  saving_ = Saving::kNothing;
  round_.forget();
  samples_.forget();
  round_saved_ = session_.round_changes();
  samples_saved_ = session_.sample_changes();
  bool erased = true;
  for (uint32_t page = 0; page < device_.pages; ++page) {
    if (!is_blank(page)) erased = device_.erase(device_.context, page * device_.page_size) && erased;
  }
  return erased;
}

bool Keeper::is_blank(uint32_t page) const {
  uint32_t word = 0xFFFFFFFFu;
  for (uint32_t at = 0; at < device_.page_size && word == 0xFFFFFFFFu; at += sizeof word) {
    if (!device_.read(device_.context, page * device_.page_size + at, &word, sizeof word)) return false;
  }
  return word == 0xFFFFFFFFu;
}

bool Keeper::save() {
  if (!fits_ || !session_.at_rest()) return false;
  while (start()) {
    while (saving_ != Saving::kNothing) step(heard_);
    if (failed_) return false;
  }
  return true;
}

}  // namespace bytefed
