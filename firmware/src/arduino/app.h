// The board's app: a session, its two links, its key, and their use of the chip. All memory is static;
// nothing is allocated after start().
#pragma once
#include "ble_link.h"
#include "bytefed/session/serial_link.h"
#include "bytefed/session/session.h"
#include "bytefed/storage/budget_store.h"
#include "bytefed/storage/keeper.h"
#include "bytefed/storage/key_store.h"
#include "bytefed_model.h"
#include "entropy.h"
#include "light.h"
#include "sensing.h"

class App {
 public:
  App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Call it once, from setup().
  void start();
  // Does a little work: at most one frame from each link, one slice of training, one step of saving.
  void step();

  const bytefed::Session& session() const { return session_; }
  bool has_key() const { return key_.held(); }

 private:
  bytefed::Identity identify() const;
  bytefed::Port port();
  bytefed::SealPort seal_port() { return {this, &App::random, &App::millis}; }
  void advertise();
  bool read_usb();
  void watch_usb();
  void sample();
  void press_button();
  Light status() const;

  static uint32_t millis(void*);
  static bool extract(void*, const int8_t* input, int8_t* features);
  static bool sense(void* context, int8_t* input);
  static bytefed::Levelled level(void* context);
  static void about(void* context, bytefed::Details* details);
  static bool save(void* context);
  static bool erase(void* context);
  static bytefed::Status keep(void* context, const uint8_t* key);
  static bool keep_budget(void* context, const bytefed::BudgetRecord& record);
  static bool show(void* context, const char* text, size_t length);
  static bool random(void* context, uint8_t* bytes, size_t length);

  Entropy entropy_;
  bytefed::BlockDevice flash_;
  bool extracts_;  // whether the model is the one that was built in and fits its arena
  bytefed::SensorChip sensor_;
  static constexpr uint16_t kWindow = Sensing::kTakesWindows ? bytefed_model::kInputSize : 0;
  bytefed::StaticMemory<bytefed_model::kFeatures, BYTEFED_LABELS, BYTEFED_CAPACITY, BYTEFED_MAX_BATCH, true,
                        kWindow>
      memory_;
  bytefed::Session session_;
  bytefed::SerialLink serial_;
  bytefed::Keeper keeper_;
  bytefed::KeyStore key_store_;
  bytefed::BudgetStore budget_store_;
  bytefed::BoardKey key_;
  bytefed::SealedLink cable_, air_;
  Sensing window_;
  bool radio_ = false;       // whether the radio works
  bool advertises_ = false;  // whether it is on
  bool usb_open_ = false;
  bool sampling_ = false;
  uint8_t button_label_ = 0;
};

// The only instance.
App& app();
