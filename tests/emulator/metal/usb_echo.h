// A serial port over USB that gives back what it is given.
#ifndef METAL_USB_ECHO_H
#define METAL_USB_ECHO_H

namespace metal {

[[noreturn]] void echo_over_usb();

}  // namespace metal

#endif
