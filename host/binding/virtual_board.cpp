// A board without hardware: the same session and serial link, with a clock, an extractor and a sensor from
// this machine.
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "bytefed/session/serial_link.h"
#include "bytefed/session/session.h"
#include "bytefed/storage/budget_store.h"
#include "bytefed/storage/keeper.h"
#include "bytefed/storage/key_store.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

struct Buffers {
  Buffers(HeadShape head, uint8_t most, uint16_t samples, uint8_t batch, uint16_t input_size)
      : shape(head),
        largest{head.features, most},
        global(largest.parameters()),
        local(local_floats(largest, true)),
        residual(largest.parameters()),
        workspace(training_workspace(largest, batch)),
        personal(largest.parameters()),
        store(samples * SampleStore::record_size(head.features)),
        window(window_size(input_size, head.features)),
        names(most * kLabelName),
        capacity(samples),
        max_batch(batch) {}

  Memory view() {
    return {shape,        global.data(), local.data(),    residual.data(), workspace.data(), max_batch,
            store.data(), capacity,      largest.classes, names.data(),    personal.data(),  window.data()};
  }

  HeadShape shape, largest;
  std::vector<float> global, local, residual, workspace, personal;
  std::vector<uint8_t> store;
  std::vector<int8_t> window;
  std::vector<char> names;
  uint16_t capacity;
  uint8_t max_batch;
};

HeadShape checked_shape(int features, int classes) {
  if (features < 1 || features > static_cast<int>(kMaxFeatures) || classes < 2 ||
      classes > static_cast<int>(kMaxClasses)) {
    throw std::invalid_argument("head shape out of range");
  }
  return {static_cast<uint16_t>(features), static_cast<uint8_t>(classes)};
}

// The most classes of a board's head; 0: no more than it has.
uint8_t checked_most(int classes, int most) {
  if (most == 0) return static_cast<uint8_t>(classes);
  return checked_shape(1, most < classes ? 0 : most).classes;
}

// Size of a frame, or chunks of a window.
uint8_t checked(uint8_t value, size_t least, size_t most) {
  if (value < least || value > most) throw std::invalid_argument("frame limit or window out of range");
  return value;
}

// Flash in this process's memory, which outlives the boards that stand on it, one at a time; the power may
// fail at any of its writes, which is then cut short.
class VirtualFlash {
 public:
  explicit VirtualFlash(uint32_t pages) : bytes_(static_cast<size_t>(pages) * kPage, 0xFF), pages_(pages) {}

  BlockDevice device() { return {this, kPage, pages_, &VirtualFlash::read, &program, &erase}; }
  // Writes and erasures until the power fails, negative: never.
  void fail_after(int64_t operations) { left_ = operations; }
  nb::bytes content() const { return nb::bytes(bytes_.data(), bytes_.size()); }

 private:
  static constexpr uint32_t kPage = 4096;

  static bool read(void* context, uint32_t address, void* data, size_t length) {
    std::memcpy(data, static_cast<VirtualFlash*>(context)->bytes_.data() + address, length);
    return true;
  }
  static bool program(void* context, uint32_t address, const void* data, size_t length) {
    VirtualFlash* self = static_cast<VirtualFlash*>(context);
    const size_t done = self->powered(length);
    for (size_t i = 0; i < done; ++i) self->bytes_[address + i] &= static_cast<const uint8_t*>(data)[i];
    return done == length;
  }
  static bool erase(void* context, uint32_t address) {
    VirtualFlash* self = static_cast<VirtualFlash*>(context);
    const size_t done = self->powered(kPage);
    std::memset(self->bytes_.data() + address, 0xFF, done);
    return done == kPage;
  }
  // Bytes that the next operation gets done.
  size_t powered(size_t length) {
    if (left_ < 0) return length;
    if (left_ == 0) return 0;
    return --left_ == 0 ? length / 2 : length;
  }

  std::vector<uint8_t> bytes_;
  uint32_t pages_;
  int64_t left_ = -1;
};

class VirtualBoard {
 public:
  VirtualBoard(int features, int classes, uint64_t uid, uint16_t boot, uint16_t capacity, uint8_t max_batch,
               uint32_t model, uint16_t input_size, float scale, int8_t zero_point,
               std::optional<nb::callable> extract, std::optional<nb::callable> sense, uint16_t sense_time,
               std::array<uint8_t, 3> version, uint8_t window, uint8_t frame_limit,
               std::optional<nb::callable> save, std::optional<nb::bytes> key, VirtualFlash* flash,
               int most_classes, std::optional<nb::callable> noise, std::optional<nb::callable> level)
      : extract_(std::move(extract)),
        sense_(std::move(sense)),
        save_(std::move(save)),
        noise_(std::move(noise)),
        level_(std::move(level)),
        sense_time_(sense_time),
        version_(version),
        started_(millis(this)),
        input_size_(input_size),
        features_(static_cast<size_t>(features)),
        buffers_(checked_shape(features, classes), checked_most(classes, most_classes), capacity, max_batch,
                 input_size),
        session_(buffers_.view(),
                 {uid,
                  boot,
                  static_cast<uint16_t>((extract_ ? Board::kExtractor : 0) | (sense_ ? Board::kSensor : 0) |
                                        (level_ ? Board::kHears : 0) |
                                        (flash != nullptr ? Board::kPersistent : 0)),
                  model,
                  input_size,
                  {scale, zero_point}},
                 {this, &VirtualBoard::millis, extract_ ? &VirtualBoard::extract : nullptr,
                  sense_ ? &VirtualBoard::sense : nullptr, &VirtualBoard::about,
                  save_ || flash != nullptr ? &VirtualBoard::save : nullptr,
                  noise_ ? &VirtualBoard::given_noise : &VirtualBoard::random,
                  flash != nullptr ? &VirtualBoard::keep_budget : nullptr, &VirtualBoard::show,
                  level_ ? &VirtualBoard::level : nullptr}),
        serial_(this, &VirtualBoard::write, checked(window, 1, kMaxWindow)),
        frames_{this, &VirtualBoard::send_frame, checked(frame_limit, kMinFrame, kMaxFrame), window},
        key_({this, flash != nullptr ? &VirtualBoard::erase : nullptr,
              flash != nullptr ? &VirtualBoard::keep : nullptr}),
        sealed_serial_(session_, *serial_.link(), key_, {this, &VirtualBoard::random, &VirtualBoard::millis}),
        sealed_frames_(session_, frames_, key_, {this, &VirtualBoard::random, &VirtualBoard::millis}) {
    if (key && key->size() != kKeySize) throw std::invalid_argument("a key has 32 bytes");
    if (flash != nullptr) start(flash->device(), model);
    if (key) key_.set(reinterpret_cast<const uint8_t*>(key->c_str()));
  }
  VirtualBoard(const VirtualBoard&) = delete;
  VirtualBoard& operator=(const VirtualBoard&) = delete;

  void feed(nb::bytes data) {
    for (size_t i = 0; i < data.size(); ++i) {
      const uint8_t byte = static_cast<uint8_t>(data.c_str()[i]);
      serial_.receive(sealed_serial_, byte);
      // A window's chunks come faster than one poll for each call: send all answers that they ask for. Only a
      // delimiter completes a frame.
      if (byte == 0) session_.poll();
    }
  }

  void feed_frame(nb::bytes frame) {
    const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(frame.c_str());
    if (frame.size() <= kMaxFrame) sealed_frames_.receive(bytes, frame.size(), frame.size());
  }

  void disconnect() {
    sealed_frames_.close();
    out_frames_.clear();
  }

  bool poll(int limit) {
    nb::gil_scoped_release release;
    bool busy = true;
    for (int i = 0; i < limit && busy; ++i) busy = session_.poll();
    if (!session_.sensing()) senses_on_ = false;
    if (keeper_) keeper_->poll(millis(this));
    return busy;
  }

  nb::bytes take() {
    const nb::bytes out(out_.data(), out_.size());
    out_.clear();
    return out;
  }

  std::vector<nb::bytes> take_frames() {
    std::vector<nb::bytes> taken;
    for (const std::string& frame : out_frames_) taken.emplace_back(frame.data(), frame.size());
    out_frames_.clear();
    return taken;
  }

  int state() const { return static_cast<int>(session_.state()); }
  int round() const { return session_.round(); }
  int samples(bool test) const { return session_.store().count(test ? Split::kTest : Split::kTrain); }
  void set_millis(uint32_t millis) { millis_ = millis; }
  bool has_key() const { return key_.held(); }
  bool senses() const { return session_.sensing(); }
  bool has_radio() const { return radio_; }
  void set_radio(bool radio) { radio_ = radio; }
  nb::bytes shown() const { return nb::bytes(shown_.data(), shown_.size()); }
  nb::bytes residual() const { return head_of(buffers_.residual); }
  nb::bytes global_head() const { return head_of(buffers_.global); }
  nb::bytes personal_head() const { return head_of(buffers_.personal); }

 private:
  // The values of an array that the head has now.
  nb::bytes head_of(const std::vector<float>& values) const {
    const HeadShape shape = {session_.board().features, session_.board().classes};
    return nb::bytes(values.data(), shape.parameters() * sizeof(float));
  }

  static uint32_t millis(void* context) {
    using std::chrono::milliseconds;
    const std::optional<uint32_t>& set = static_cast<VirtualBoard*>(context)->millis_;
    if (set) return *set;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint32_t>(std::chrono::duration_cast<milliseconds>(now).count());
  }

  static bool random(void*, uint8_t* bytes, size_t length) {
    std::random_device device;
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(device());
    return true;
  }

  static size_t write(void* context, const uint8_t* data, size_t length) {
    static_cast<VirtualBoard*>(context)->out_.append(reinterpret_cast<const char*>(data), length);
    return length;
  }

  static bool send_frame(void* context, const uint8_t* frame, size_t length) {
    static_cast<VirtualBoard*>(context)->out_frames_.emplace_back(reinterpret_cast<const char*>(frame),
                                                                  length);
    return true;
  }

  static bool extract(void* context, const int8_t* input, int8_t* features) {
    VirtualBoard* self = static_cast<VirtualBoard*>(context);
    nb::gil_scoped_acquire acquire;
    return copy((*self->extract_)(nb::bytes(input, self->input_size_)), self->features_, features);
  }

  static bool sense(void* context, int8_t* input) {
    VirtualBoard* self = static_cast<VirtualBoard*>(context);
    nb::gil_scoped_acquire acquire;
    const Session& session = self->session_;
    const int label = session.capturing() ? session.capture_label() : -1;
    const bool begins = !self->senses_on_;
    self->senses_on_ = true;
    const nb::object window =
        self->level_ ? (*self->sense_)(label, session.waits_for_sound(), begins) : (*self->sense_)(label);
    return !window.is_none() && copy(window, self->input_size_, input);
  }

  static Levelled level(void* context) {
    nb::gil_scoped_acquire acquire;
    const auto [peak, clipped] =
        nb::cast<std::pair<uint16_t, uint32_t>>((*static_cast<VirtualBoard*>(context)->level_)());
    return {peak, static_cast<uint16_t>(clipped < 0xFFFF ? clipped : 0xFFFF)};
  }

  // Comes up with what the flash has kept, if the same model made it.
  void start(const BlockDevice& device, uint32_t model) {
    keeper_.emplace(BudgetStore::rest(KeyStore::rest(device)), session_, buffers_.view(), model);
    keeper_->load();
    budget_store_.emplace(KeyStore::rest(device));
    const BudgetRecord* const budget = budget_store_->load();
    if (budget != nullptr) session_.restore(*budget);
    key_store_.emplace(device);
    const uint8_t* const kept = key_store_->load();
    if (kept != nullptr) key_.set(kept);
  }

  static bool save(void* context) {
    VirtualBoard* self = static_cast<VirtualBoard*>(context);
    if (!self->save_) return self->keeper_->save();
    nb::gil_scoped_acquire acquire;
    return nb::cast<bool>((*self->save_)());
  }

  static bool show(void* context, const char* text, size_t length) {
    VirtualBoard* self = static_cast<VirtualBoard*>(context);
    if (self->radio_) self->shown_.assign(text, text + length);
    return self->radio_;
  }

  static bool erase(void* context) { return static_cast<VirtualBoard*>(context)->keeper_->erase(); }
  static Status keep(void* context, const uint8_t* key) {
    return static_cast<VirtualBoard*>(context)->key_store_->save(key) ? Status::kOk : Status::kStorageFailed;
  }

  static bool keep_budget(void* context, const BudgetRecord& record) {
    return static_cast<VirtualBoard*>(context)->budget_store_->save(record);
  }
  static bool given_noise(void* context, uint8_t* bytes, size_t length) {
    VirtualBoard* self = static_cast<VirtualBoard*>(context);
    nb::gil_scoped_acquire acquire;
    const nb::bytes given = nb::cast<nb::bytes>((*self->noise_)(self->session_.round()));
    if (given.size() < length) return false;  // masks have shorter keys
    std::memcpy(bytes, given.c_str(), length);
    return true;
  }

  static bool copy(const nb::object& answer, size_t size, int8_t* values) {
    const nb::bytes bytes = nb::cast<nb::bytes>(answer);
    if (bytes.size() != size) return false;
    std::memcpy(values, bytes.c_str(), size);
    return true;
  }

  static void about(void* context, Details* details) {
    const VirtualBoard* self = static_cast<const VirtualBoard*>(context);
    details->version_major = self->version_[0];
    details->version_minor = self->version_[1];
    details->version_patch = self->version_[2];
    details->sensor = self->sense_ ? SensorChip::kReplay : SensorChip::kNone;
    details->window = self->sense_ ? self->sense_time_ : uint16_t{0};
    details->uptime = (millis(context) - self->started_) / 1000;
  }

  std::optional<nb::callable> extract_, sense_, save_, noise_, level_;
  uint16_t sense_time_;  // 10 ms from a window to the next
  bool senses_on_ = false;
  std::array<uint8_t, 3> version_;
  std::optional<uint32_t> millis_;  // without a value: the machine's clock
  uint32_t started_;
  size_t input_size_, features_;
  Buffers buffers_;
  Session session_;
  SerialLink serial_;
  Link frames_;
  BoardKey key_;
  SealedLink sealed_serial_, sealed_frames_;
  std::optional<Keeper> keeper_;  // without a value, as the next: the board has no flash
  std::optional<KeyStore> key_store_;
  std::optional<BudgetStore> budget_store_;
  std::string out_, shown_;
  bool radio_ = false;  // whether phones are in reach of it
  std::vector<std::string> out_frames_;
};

}  // namespace

void bind_virtual_board(nb::module_& module) {
  nb::class_<VirtualFlash>(module, "VirtualFlash")
      .def(nb::init<uint32_t>(), nb::arg("pages") = 64)
      .def("fail_after", &VirtualFlash::fail_after, nb::arg("operations"),
           "Let the power fail at that write or erasure, counted from 1; 0: at the next; negative: never.")
      .def_prop_ro("content", &VirtualFlash::content);
  nb::class_<VirtualBoard>(module, "VirtualBoard")
      .def(
          nb::init<int, int, uint64_t, uint16_t, uint16_t, uint8_t, uint32_t, uint16_t, float, int8_t,
                   std::optional<nb::callable>, std::optional<nb::callable>, uint16_t, std::array<uint8_t, 3>,
                   uint8_t, uint8_t, std::optional<nb::callable>, std::optional<nb::bytes>, VirtualFlash*,
                   int, std::optional<nb::callable>, std::optional<nb::callable>>(),
          nb::kw_only(), nb::arg("features"), nb::arg("classes"), nb::arg("uid"), nb::arg("boot") = 1,
          nb::arg("capacity") = 500, nb::arg("max_batch") = 32, nb::arg("model") = 0,
          nb::arg("input_size") = 0, nb::arg("scale") = 1.0f, nb::arg("zero_point") = 0,
          nb::arg("extract") = nb::none(), nb::arg("sense") = nb::none(), nb::arg("sense_time") = 0,
          nb::arg("version") = std::array<uint8_t, 3>{}, nb::arg("window") = 32, nb::arg("frame_limit") = 244,
          nb::arg("save") = nb::none(), nb::arg("key") = nb::none(), nb::arg("flash").none() = nb::none(),
          nb::arg("most_classes") = 0, nb::arg("noise") = nb::none(), nb::arg("level") = nb::none(),
          nb::keep_alive<1, 20>())
      .def("feed", &VirtualBoard::feed, nb::arg("data"), "Bytes from the host, serial framing.")
      .def("take", &VirtualBoard::take, "Bytes to the host, serial framing.")
      .def("feed_frame", &VirtualBoard::feed_frame, nb::arg("frame"),
           "A frame from the host, as BLE carries it.")
      .def("take_frames", &VirtualBoard::take_frames, "Frames to the host, as BLE carries them.")
      .def("disconnect", &VirtualBoard::disconnect, "End the connection that carries frames.")
      .def("poll", &VirtualBoard::poll, nb::arg("limit") = 256,
           "Work for up to `limit` slices; whether there is more.")
      .def_prop_ro("state", &VirtualBoard::state)
      .def_prop_ro("round", &VirtualBoard::round)
      .def("samples", &VirtualBoard::samples, nb::arg("test") = false)
      .def("set_millis", &VirtualBoard::set_millis, nb::arg("millis"),
           "Stop the board's clock there: for worlds with a time of their own.")
      .def_prop_ro("has_key", &VirtualBoard::has_key)
      .def_prop_ro(
          "senses", &VirtualBoard::senses,
          "Whether it waits for windows of its sensor: then it has to be polled, though it is not busy.")
      .def_prop_rw("radio", &VirtualBoard::has_radio, &VirtualBoard::set_radio,
                   "Whether it has a radio that is on; at first it has none.")
      .def_prop_ro("shown", &VirtualBoard::shown,
                   "The text that everybody near can read without a key; empty: nothing.")
      .def_prop_ro("global_head", &VirtualBoard::global_head)
      .def_prop_ro("personal_head", &VirtualBoard::personal_head)
      .def_prop_ro("residual", &VirtualBoard::residual);
}
