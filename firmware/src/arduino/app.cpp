#include "app.h"

#include "button.h"
#include "chip.h"
#include "flash.h"
#include "heap.h"
#include "tflm_features/features.h"
#include "usb.h"

using namespace bytefed;
namespace model = bytefed_model;

namespace {

constexpr uint16_t kButtonWindows = 8;  // windows that a press of the button takes
// A board that was built to be open uses its radio without a key, too.
#ifdef BYTEFED_OPEN
constexpr bool kOpen = true;
#else
constexpr bool kOpen = false;
#endif
constexpr uint32_t kBreath = 1;  // ms of rest while something is under way
constexpr uint32_t kNap = 20;    // ms of rest at most: then button and light want a look

// Another one at each start, as far as the chip has noise.
uint16_t boot_number() {
  uint8_t bytes[2] = {};
  chip::noise(bytes, sizeof bytes);
  return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);
}

}  // namespace

App& app() {
  static App board;
  return board;
}

App::App()
    : flash_(flash::device()),
      extracts_(tflm_features::start()),
      sensor_(Sensing::kTakesWindows ? Sensing::find() : SensorChip::kNone),
      session_(memory_.view(model::kClasses), identify(), port()),
      serial_(nullptr, usb::write),
      keeper_(BudgetStore::rest(KeyStore::rest(flash_)), session_, memory_.view(model::kClasses),
              model::kHash),
      key_store_(flash_),
      budget_store_(KeyStore::rest(flash_)),
      key_({this, &App::erase, &App::keep}),
      cable_(session_, *serial_.link(), key_, seal_port()),
      air_(session_, ble::link(), key_, seal_port()) {}

Identity App::identify() const {
  uint16_t capabilities = Board::kPersistent;
  if (kOpen) capabilities |= Board::kOpen;
  if (extracts_) capabilities |= Board::kExtractor;
  if (extracts_ && sensor_ != SensorChip::kNone) capabilities |= Board::kSensor;
  if (Sensing::kHears && (capabilities & Board::kSensor) != 0) capabilities |= Board::kHears;
  Identity identity = {};
  identity.uid = chip::uid();
  identity.boot = boot_number();
  identity.capabilities = capabilities;
  identity.model = extracts_ ? model::kHash : 0;
  identity.input_size = extracts_ ? model::kInputSize : uint16_t{0};
  identity.features = {model::kFeatureScale, model::kFeatureZeroPoint};
  return identity;
}

Port App::port() {
  Port port = {this, &App::millis, nullptr};
  if (extracts_) port.extract = &App::extract;
  if (extracts_ && sensor_ != SensorChip::kNone) port.sense = &App::sense;
  if (Sensing::kHears && port.sense != nullptr) port.level = &App::level;
  port.about = &App::about;
  port.save = &App::save;
  port.random = &App::random;
  port.keep_budget = &App::keep_budget;
  port.show = &App::show;
  return port;
}

void App::start() {
  light::start();
  button::start();
  usb::start();
  keeper_.load();
  const BudgetRecord* const budget = budget_store_.load();
  if (budget != nullptr) session_.restore(*budget);
  const uint8_t* const kept = key_store_.load();
  if (kept != nullptr) key_.set(kept);
  radio_ = ble::start(chip::uid());  // without a radio, USB still works, and the light shows the error
  advertise();
  // One that does not work is told by ABOUT as none: hosts capture nothing then.
  if (sensor_ != SensorChip::kNone && !Sensing::switch_on()) sensor_ = SensorChip::kNone;
  chip::start_watchdog();
  heap::watch();
}

// Switches the radio on, once the board has a key: nobody is to speak to it without.
void App::advertise() {
  if (advertises_ || !radio_ || !(kOpen || key_.held())) return;
  radio_ = advertises_ = ble::advertise();
}

void App::step() {
  chip::feed_watchdog();
  const uint32_t now = chip::millis();
  bool busy = read_usb();
  if (!busy) watch_usb();  // what came before the port was closed is still taken
  advertise();
  if (advertises_ && ble::poll(air_)) {
    keeper_.heard(chip::millis());
    busy = true;
  }
  sample();  // before the session works: a capture takes no window of before it
  busy = session_.poll() || busy;
  const bool sent = serial_.flush();
  press_button();
  keeper_.poll(chip::millis());  // which may have heard the host after `now`
  light::show(status(), now, session_.watched().label);
  const bool at_work = !sent || sampling_ || keeper_.saving();
  if (!busy || !sent) chip::rest(at_work ? kBreath : kNap);
}

// Takes bytes up to the end of a frame. True if there were any.
bool App::read_usb() {
  int byte = usb::read();
  const bool any = byte >= 0;
  for (; byte >= 0; byte = usb::read()) {
    serial_.receive(cable_, static_cast<uint8_t>(byte));
    if (byte == 0) break;  // a delimiter: it may have completed a frame
  }
  if (any) keeper_.heard(chip::millis());
  return any;
}

// Ends the session of a host that has closed the port or unplugged the cable.
void App::watch_usb() {
  const bool open = usb::is_open();
  if (usb_open_ && !open) cable_.close();
  usb_open_ = open;
}

// Reads the sensor, or hears, while windows are captured, classified or recorded.
void App::sample() {
  const bool wanted = session_.sensing();
  if (wanted && !sampling_) window_.start(chip::millis());
  sampling_ = wanted;
  if (!wanted) return;
  window_.follow(session_);
  window_.tick(chip::millis());
}

// A short press takes samples of the chosen class, or stops a capture; a long one chooses the next class.
void App::press_button() {
  const button::Press press = button::poll(chip::millis());
  if (press == button::Press::kLong) {
    button_label_ = static_cast<uint8_t>((button_label_ + 1) % session_.board().classes);
    light::blink(button_label_ + 1);
  } else if (press == button::Press::kShort) {
    if (session_.capturing()) return session_.end_capture();
    if (button_label_ >= session_.board().classes) button_label_ = 0;  // a new key took its labels away
    session_.capture({});  // the last one may begin anew, if it took nothing
    const Capture capture = {session_.store().count(Split::kTrain), kButtonWindows, button_label_,
                             Sensing::kHears ? Capture::kOnSound : uint8_t{0}};
    if (session_.capture(capture) != Status::kOk) light::refuse();
  }
}

Light App::status() const {
  if (!radio_ || !entropy_.works() || !extracts_ || keeper_.failed() || !keeper_.fits()) return Light::kError;
  if (session_.capturing()) return Light::kCapturing;
  if (session_.state() == State::kTraining) return Light::kTraining;
  if (session_.classifying()) return Light::kClassifying;
  return ble::connected() || usb::is_open() ? Light::kLinked : Light::kIdle;
}

uint32_t App::millis(void*) {
  return chip::millis();
}

bool App::extract(void*, const int8_t* input, int8_t* features) {
  return tflm_features::extract(input, features);
}

bool App::sense(void* context, int8_t* input) {
  return static_cast<App*>(context)->window_.take(input);
}

Levelled App::level(void* context) {
  return static_cast<App*>(context)->window_.level();
}

void App::about(void* context, Details* details) {
  const App* self = static_cast<const App*>(context);
  details->board = chip::kBoard;
  details->version_major = BYTEFED_MAJOR;
  details->version_minor = BYTEFED_MINOR;
  details->version_patch = BYTEFED_PATCH;
  details->ram = static_cast<uint16_t>(chip::free_ram() / kRamUnit);
  details->heap = heap::requests();
  details->reset = chip::reset_cause();
  details->sensor = self->sensor_;
  details->window = self->sensor_ == SensorChip::kNone ? uint16_t{0} : Sensing::kHopTime;
  details->uptime = chip::millis() / 1000;
  details->saves = self->keeper_.saves();
}

bool App::save(void* context) {
  return static_cast<App*>(context)->keeper_.save();
}

bool App::show(void* context, const char* text, size_t length) {
  if (!static_cast<App*>(context)->advertises_) return false;
  ble::show(text, length);
  return true;
}

bool App::erase(void* context) {
  return static_cast<App*>(context)->keeper_.erase();
}

Status App::keep(void* context, const uint8_t* key) {
  App* const self = static_cast<App*>(context);
  if (!self->entropy_.works()) return Status::kNoEntropy;
  return self->key_store_.save(key) ? Status::kOk : Status::kStorageFailed;
}

bool App::keep_budget(void* context, const BudgetRecord& record) {
  return static_cast<App*>(context)->budget_store_.save(record);
}

bool App::random(void* context, uint8_t* bytes, size_t length) {
  return static_cast<App*>(context)->entropy_.draw(bytes, length);
}
