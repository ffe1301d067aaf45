// The surroundings of an imaginary board: its clock, its wires, its radio, its flash. The fake Arduino layers
// act on them, and tests look at them and break them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "heap.h"

using Bytes = std::vector<uint8_t, OutsideTheBoard<uint8_t>>;
template <typename T>
using Queue = std::deque<T, OutsideTheBoard<T>>;

// How a radio that is in use shows it: its state, a channel of the PPI that will start it, an interrupt that
// is due.
enum class RadioSign { kState, kChannel, kFixedChannel, kInterrupt };

// The output of the chip's noise source: noise, nothing but zeros, one value too often, nothing.
enum class Noise { kGood, kZeros, kBiased, kNone };

struct World {
  uint32_t now = 1000;  // ms

  bool usb_open = true;
  Queue<uint8_t> usb_in;
  std::basic_string<char, std::char_traits<char>, OutsideTheBoard<char>> usb_out;
  size_t usb_room = 64;    // bytes that the driver takes before the host reads
  size_t usb_waiting = 0;  // of those, not read yet
  unsigned usb_pace = 0;   // ms that the app takes for a byte that came

  bool radio_fails = false, connected = false, subscribed = true;
  uint16_t mtu = 247;
  bool acknowledges = true;  // whether the Nano's controller says that packets are on their way
  bool phone_subscribed = false;
  std::basic_string<char, std::char_traits<char>, OutsideTheBoard<char>> phone;  // what a phone reads
  unsigned dropped = 0;  // writes that the app has not seen: there was no room for them, or they wait
  Queue<Bytes> ble_out;
  size_t ble_queue = 3;        // notifications that the radio holds
  unsigned refuse_notify = 0;  // notifications to refuse before the next is taken
  unsigned stuck = 0;          // ms that a library waited in a loop of its own
  bool advertising = false;
  Noise noise = Noise::kGood;

  uint32_t radio_until = 0;  // ms, when the radio's connection event ends
  RadioSign radio_sign = RadioSign::kState;
  unsigned unsafe_erasures = 0;  // pages erased while the radio was in use, or could come into use

  int flash_writes_left = -1;  // then power fails: nothing more is written; -1: never
  unsigned flash_writes = 0, flash_erasures = 0;
  bool flash_breaks = false;  // every write fails, and says so
  unsigned flash_stall =
      0;  // ms for which the processor stands still, in the host's time, while a page is erased

  unsigned tensors = 2048;           // bytes that the model wants of its arena
  unsigned extractor_allocates = 0;  // pieces of heap memory that each inference asks for

  float acceleration[3] = {0, 0, 9.80665f}, turn[3] = {0, 0, 0};  // m/s^2, rad/s
  int imu = 1;                                                    // which chip is there, 0 for none
  Queue<int16_t> sound;  // samples that the microphone hears next; then it is silent
  bool microphone_fails = false;
  bool button = false;  // held down
  unsigned colour = 0;  // of the light: red 1, green 2, blue 4
  unsigned watchdog_feeds = 0;
  unsigned wakings = 0;     // how often a rest of the app ended
  unsigned asleep = 0;      // ms for which the app rested so long that the kernel lets the chip sleep
  unsigned dispatched = 0;  // how often the radio's thread looked for work
};

extern World world;

// The chip's flash at its true address, so that it outlives a board of this process. Writes can only clear
// bits.
bool flash_erase(uint32_t address, uint32_t size);
bool flash_program(uint32_t address, const void* data, size_t length);
