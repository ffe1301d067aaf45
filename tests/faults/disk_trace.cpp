// Preloaded into a process: writes down what it does to the files below TRACE_ROOT, in order and with all
// data, and what it says to and hears from terminals. So a test can tell what was on the disk when a board
// was told that it is.
//
// TRACE_FILE takes the records. TRACE_FAIL="N ERRNO TIMES": the N-th (from 1) and TIMES - 1 further writes,
// cuts and syncs fail; a write that fails has written its first half.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

// The letters that disk_trace.py reads.
enum Kind : char {
  kWrite = 'W',
  kTruncate = 'T',
  kSync = 'S',
  kCreate = 'C',
  kMakeFolder = 'D',
  kUnlink = 'U',
  kRename = 'R',
  kSaid = '>',
  kHeard = '<',
};

struct Record {
  char kind;
  uint8_t unused[3];
  uint32_t path_length;
  int64_t offset;  // of a write; the size after a truncation
  uint64_t data_length;
};

template <typename F>
F real(const char* name) {
  F function;
  void* symbol = dlsym(RTLD_NEXT, name);
  memcpy(&function, &symbol, sizeof function);
  return function;
}

using Write = ssize_t (*)(int, const void*, size_t);

const char* g_root = nullptr;
int g_trace = -1;
long g_until_failure = 0, g_failures = 0;
int g_error = 0;
pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) void begin() {
  const char* file = getenv("TRACE_FILE");
  if (file == nullptr) return;
  g_root = getenv("TRACE_ROOT");
  g_trace = real<int (*)(const char*, int, ...)>("open")(file, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (const char* fail = getenv("TRACE_FAIL"))
    sscanf(fail, "%ld %d %ld", &g_until_failure, &g_error, &g_failures);
}

bool ends_with(const char* text, const char* end) {
  const size_t length = strlen(text), tail = strlen(end);
  return length >= tail && strcmp(text + length - tail, end) == 0;
}

// The write-ahead log's index is shared memory: it means nothing after a loss of power. A lock file has no
// content.
bool is_ours(const char* path) {
  return g_root != nullptr && strncmp(path, g_root, strlen(g_root)) == 0 && !ends_with(path, "-shm") &&
         !ends_with(path, "/lock");
}

bool is_terminal(const char* path) {
  return g_root != nullptr && strncmp(path, "/dev/pts/", 9) == 0;
}

void path_of(int fd, char* path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, size - 1);
  path[length < 0 ? 0 : length] = '\0';
}

void absolute(const char* path, char* out, size_t size) {
  char folder[2048];
  if (path[0] == '/' || getcwd(folder, sizeof folder) == nullptr) folder[0] = '\0';
  snprintf(out, size, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", path);
}

void note(Kind kind, const char* path, int64_t offset, const void* data, size_t length) {
  Record record = {kind, {}, static_cast<uint32_t>(strlen(path)), offset, length};
  const iovec parts[] = {{&record, sizeof record},
                         {const_cast<char*>(path), record.path_length},
                         {const_cast<void*>(data), length}};
  pthread_mutex_lock(&g_lock);
  const ssize_t wanted = static_cast<ssize_t>(sizeof record + record.path_length + length);
  if (writev(g_trace, parts, 3) != wanted) abort();  // half a trace proves nothing
  pthread_mutex_unlock(&g_lock);
}

// Whether it is this operation's turn to fail.
bool fails() {
  if (g_until_failure == 0) return false;  // never
  if (g_until_failure > 1) return --g_until_failure, false;
  if (g_failures == 0) return false;
  --g_failures;
  errno = g_error;
  return true;
}

ssize_t written(int fd, const void* data, size_t length, off_t offset, bool at_offset) {
  static const Write real_write = real<Write>("write");
  static const auto real_pwrite = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite64");
  char path[4096];
  path_of(fd, path, sizeof path);
  if (is_terminal(path)) note(kSaid, path, 0, data, length);  // first: the other end may act at once
  const bool ours = is_ours(path);
  const bool failing = ours && fails();
  const size_t asked = failing ? length / 2 : length;
  const ssize_t done = at_offset ? real_pwrite(fd, data, asked, offset) : real_write(fd, data, asked);
  if (ours && done > 0) {
    note(kWrite, path, at_offset ? offset : lseek(fd, 0, SEEK_CUR) - done, data, static_cast<size_t>(done));
  }
  if (!failing) return done;
  errno = g_error;
  return -1;
}

int cut(int fd, off_t size) {
  static const auto real_cut = real<int (*)(int, off_t)>("ftruncate64");
  char path[4096];
  path_of(fd, path, sizeof path);
  if (is_ours(path) && fails()) return -1;
  const int result = real_cut(fd, size);
  if (result == 0 && is_ours(path)) note(kTruncate, path, size, nullptr, 0);
  return result;
}

int cut_named(const char* name, off_t size) {
  static const auto real_cut = real<int (*)(const char*, off_t)>("truncate64");
  char path[4096];
  absolute(name, path, sizeof path);
  const int result = real_cut(name, size);
  if (result == 0 && is_ours(path)) note(kTruncate, path, size, nullptr, 0);
  return result;
}

int synced(int fd, const char* function) {
  char path[4096];
  path_of(fd, path, sizeof path);
  if (is_ours(path) && fails()) return -1;
  const int result = real<int (*)(int)>(function)(fd);
  if (result == 0 && is_ours(path)) note(kSync, path, 0, nullptr, 0);
  return result;
}

int opened(const char* function, const char* name, int flags, mode_t mode) {
  char path[4096];
  absolute(name, path, sizeof path);
  struct stat status;
  const bool fresh = (flags & O_CREAT) != 0 && is_ours(path) && stat(path, &status) != 0;
  const int fd = real<int (*)(const char*, int, ...)>(function)(name, flags, mode);
  if (fd >= 0 && fresh) note(kCreate, path, 0, nullptr, 0);
  if (fd >= 0 && !fresh && (flags & O_TRUNC) != 0 && is_ours(path)) note(kTruncate, path, 0, nullptr, 0);
  return fd;
}

mode_t mode_in(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return opened("open", name, flags, mode);
}
int open64(const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return opened("open64", name, flags, mode);
}
ssize_t read(int fd, void* data, size_t length) {
  static const auto real_read = real<ssize_t (*)(int, void*, size_t)>("read");
  const ssize_t done = real_read(fd, data, length);
  char path[4096];
  if (done > 0 && g_root != nullptr) {
    path_of(fd, path, sizeof path);
    if (is_terminal(path)) note(kHeard, path, 0, data, static_cast<size_t>(done));
  }
  return done;
}
ssize_t write(int fd, const void* data, size_t length) {
  return written(fd, data, length, 0, false);
}
ssize_t pwrite(int fd, const void* data, size_t length, off_t at) {
  return written(fd, data, length, at, true);
}
ssize_t pwrite64(int fd, const void* data, size_t length, off64_t at) {
  return written(fd, data, length, at, true);
}
int ftruncate(int fd, off_t size) noexcept {
  return cut(fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
  return cut(fd, size);
}
int truncate(const char* name, off_t size) noexcept {
  return cut_named(name, size);
}
int truncate64(const char* name, off64_t size) noexcept {
  return cut_named(name, size);
}
int fsync(int fd) {
  return synced(fd, "fsync");
}
int fdatasync(int fd) {
  return synced(fd, "fdatasync");
}

int mkdir(const char* name, mode_t mode) noexcept {
  char path[4096];
  absolute(name, path, sizeof path);
  const int result = real<int (*)(const char*, mode_t)>("mkdir")(name, mode);
  if (result == 0 && is_ours(path)) note(kMakeFolder, path, 0, nullptr, 0);
  return result;
}
int unlink(const char* name) noexcept {
  char path[4096];
  absolute(name, path, sizeof path);
  const int result = real<int (*)(const char*)>("unlink")(name);
  if (result == 0 && is_ours(path)) note(kUnlink, path, 0, nullptr, 0);
  return result;
}
int rename(const char* from, const char* to) noexcept {
  char path[4096], target[4096];
  absolute(from, path, sizeof path);
  absolute(to, target, sizeof target);
  const int result = real<int (*)(const char*, const char*)>("rename")(from, to);
  if (result == 0 && is_ours(path)) note(kRename, path, 0, target, strlen(target));
  return result;
}

}  // extern "C"
