#include "usb/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace emulator {
namespace {

constexpr size_t kIncomingLimit = 65536;

[[noreturn]] void refuse(const std::string& where) {
  throw std::runtime_error("the socket " + where + " can't be opened: " + strerror(errno));
}

int listen_tcp(const std::string& where) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(where.substr(4))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) refuse(where);
  return listener;
}

int listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("the path of the socket " + path + " is too long");
  memcpy(address.sun_path, path.c_str(), path.size());
  unlink(path.c_str());  // of an emulator that was killed
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) refuse(path);
  return listener;
}

void set_nonblocking(int descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

}  // namespace

Client::Client(const std::string& where) {
  if (where.rfind("fd:", 0) == 0) {
    listener_ = std::stoi(where.substr(3));
  } else if (where.rfind("tcp:", 0) == 0) {
    listener_ = listen_tcp(where);
  } else {
    listener_ = listen_unix(where);
    path_ = where;
  }
  if (listen(listener_, 1) != 0) refuse(where);
  set_nonblocking(listener_);
}

Client::~Client() {
  if (client_ >= 0) close(client_);
  close(listener_);
  if (!path_.empty()) unlink(path_.c_str());
}

void Client::poll() {
  if (client_ < 0) {
    accept_one();
  } else {
    read_some();
    if (client_ >= 0) write_some();
  }
}

void Client::accept_one() {
  client_ = accept(listener_, nullptr, nullptr);
  if (client_ < 0) return;
  set_nonblocking(client_);
  const int on = 1;
  setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &on,
             sizeof on);  // fails for Unix sockets, which don't wait anyway
  if (changed_) changed_();
}

void Client::read_some() {
  unsigned char bytes[4096];
  while (incoming_.size() < kIncomingLimit) {
    const ssize_t size = read(client_, bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return drop();
    incoming_.insert(incoming_.end(), bytes, bytes + size);
    if (changed_) changed_();
  }
}

void Client::write_some() {
  if (outgoing_.empty()) return;
  const ssize_t size = ::send(client_, outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
  if (size > 0) {
    outgoing_.erase(0, static_cast<size_t>(size));
    if (changed_) changed_();
  }
}

void Client::drop() {
  if (client_ < 0) return;
  close(client_);
  client_ = -1;
  incoming_.clear();
  outgoing_.clear();
  if (changed_) changed_();
}

}  // namespace emulator
