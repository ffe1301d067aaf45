// The differences between the two fake cores, for board.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

void radio_receives(const uint8_t* data, size_t length);
void connection_changes(bool connected);
// Prepares the app's task.
void board_start();
// Lets the other tasks do what they have to do.
void others_work();
// The USB driver says that bytes came in, or that the host took some.
void usb_received();
void usb_was_read();
