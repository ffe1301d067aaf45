// The client that talks to a port of the emulated board from outside: one at a time of a listening socket.
#pragma once
#include <deque>
#include <functional>
#include <string>

namespace emulator {

class Client {
 public:
  // `where` is the path of a Unix socket to be made, "tcp:PORT" on the loopback, or "fd:N", a listening
  // socket that was inherited. Raises std::runtime_error.
  explicit Client(const std::string& where);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Called when the client comes, goes, or has sent something.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  // Accepts, reads and writes what can be done without waiting.
  void poll();
  // The descriptor to wait for, and whether for room to write too.
  int descriptor() const { return client_ >= 0 ? client_ : listener_; }
  bool wants_to_write() const { return !outgoing_.empty(); }

  bool is_connected() const { return client_ >= 0; }
  std::deque<unsigned char>& incoming() { return incoming_; }  // what the client sent
  void send(const unsigned char* bytes, size_t size) {
    outgoing_.append(reinterpret_cast<const char*>(bytes), size);
  }
  size_t unsent() const { return outgoing_.size(); }
  // Hangs up: the port is gone.
  void drop();

 private:
  void accept_one();
  void read_some();
  void write_some();

  int listener_ = -1;
  int client_ = -1;
  std::string path_;  // of the socket that was made
  std::deque<unsigned char> incoming_;
  std::string outgoing_;
  std::function<void()> changed_;
};

}  // namespace emulator
