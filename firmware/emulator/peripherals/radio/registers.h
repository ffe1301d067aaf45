// Offsets in RADIO's page, and bits of SHORTS. nRF52840 Product Specification v1.7, 6.20.14 "Registers".
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulator::radio {

// Tasks
constexpr uint32_t kTxEnable = 0x000;
constexpr uint32_t kRxEnable = 0x004;
constexpr uint32_t kStart = 0x008;
constexpr uint32_t kStop = 0x00C;
constexpr uint32_t kDisable = 0x010;
constexpr uint32_t kRssiStart = 0x014;
constexpr uint32_t kRssiStop = 0x018;
constexpr uint32_t kBitCounterStart = 0x01C;
constexpr uint32_t kBitCounterStop = 0x020;

// Events
constexpr uint32_t kEventReady = 0x100;
constexpr uint32_t kEventAddress = 0x104;
constexpr uint32_t kEventPayload = 0x108;
constexpr uint32_t kEventEnd = 0x10C;
constexpr uint32_t kEventDisabled = 0x110;
constexpr uint32_t kEventDeviceMatch = 0x114;
constexpr uint32_t kEventDeviceMiss = 0x118;
constexpr uint32_t kEventRssiEnd = 0x11C;
constexpr uint32_t kEventBitCounterMatch = 0x128;
constexpr uint32_t kEventCrcOk = 0x130;
constexpr uint32_t kEventCrcError = 0x134;
constexpr uint32_t kEventTxReady = 0x154;
constexpr uint32_t kEventRxReady = 0x158;
constexpr uint32_t kEventPhyEnd = 0x16C;

// Bits of SHORTS
constexpr int kReadyStart = 0;
constexpr int kEndDisable = 1;
constexpr int kDisabledTxEnable = 2;
constexpr int kDisabledRxEnable = 3;
constexpr int kAddressRssiStart = 4;
constexpr int kEndStart = 5;
constexpr int kAddressBitCounterStart = 6;
constexpr int kTxReadyStart = 18;
constexpr int kRxReadyStart = 19;
constexpr int kPhyEndDisable = 20;
constexpr int kPhyEndStart = 21;

// Registers
constexpr uint32_t kCrcStatus = 0x400;
constexpr uint32_t kRxMatch = 0x408;
constexpr uint32_t kRxCrc = 0x40C;
constexpr uint32_t kDeviceMatchIndex = 0x410;
constexpr uint32_t kPduStatus = 0x414;
constexpr uint32_t kPacketPointer = 0x504;
constexpr uint32_t kFrequency = 0x508;
constexpr uint32_t kMode = 0x510;
constexpr uint32_t kPacketConfiguration0 = 0x514;
constexpr uint32_t kPacketConfiguration1 = 0x518;
constexpr uint32_t kBase0 = 0x51C;
constexpr uint32_t kBase1 = 0x520;
constexpr uint32_t kPrefix0 = 0x524;
constexpr uint32_t kPrefix1 = 0x528;
constexpr uint32_t kTxAddress = 0x52C;
constexpr uint32_t kRxAddresses = 0x530;
constexpr uint32_t kCrcConfiguration = 0x534;
constexpr uint32_t kCrcPolynomial = 0x538;
constexpr uint32_t kCrcStart = 0x53C;
constexpr uint32_t kInterFrameSpace = 0x544;
constexpr uint32_t kRssiSample = 0x548;
constexpr uint32_t kState = 0x550;
constexpr uint32_t kWhiteningStart = 0x554;
constexpr uint32_t kBitCounterCompare = 0x560;
constexpr uint32_t kDeviceBase = 0x600;
constexpr uint32_t kDevicePrefix = 0x620;
constexpr uint32_t kDeviceMatchConfiguration = 0x640;
constexpr uint32_t kModeConfiguration = 0x650;
constexpr uint32_t kPower = 0xFFC;

constexpr size_t kDeviceAddressSize = 6;  // bytes

}  // namespace emulator::radio
