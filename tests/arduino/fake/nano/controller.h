// Mbed's BLE controller and the air behind it: packets of the one connection, each with one ATT value.
#pragma once
#include <cstddef>
#include <cstdint>

enum : uint8_t {
  kDataPacket = 2,
  kEventPacket = 4,
  kDisconnectionComplete = 0x05,
  kNumberOfCompletedPackets = 0x13,
  kLeEvent = 0x3E,
  kConnectionComplete = 1,
};
constexpr unsigned kControllerBuffers = 4;
constexpr size_t kValueAt = 12, kRoomForValue = 247;

// Writes a data packet: H4, ACL, L2CAP and ATT headers, then the value.
void put_value(uint8_t* packet, uint8_t operation, const uint8_t* value, size_t length);
