#include <map>

#include "bytefed/protocol/message.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

// Packs a body from its fields and unpacks the golden one, both against the vector.
class Fields {
 public:
  explicit Fields(const vectors::Fields& words) : words_(words) {}

  template <typename T>
  void take(T& field) {
    const std::string& word = words_[at_++];
    field = static_cast<T>(word[0] == '-' ? static_cast<unsigned long long>(std::stoll(word))
                                          : std::stoull(word));
  }
  void take(float& field) { field = vectors::float_of(words_[at_++]); }
  template <typename... T>
  void operator()(T&... fields) {
    const int order[] = {(take(fields), 0)...};
    static_cast<void>(order);
  }

 private:
  vectors::Fields words_;
  size_t at_ = 2;
};

template <typename M, typename Read>
void try_message(const vectors::Fields& words, Read read) {
  const Bytes golden = vectors::bytes(words.back());
  CHECK_EQUAL(static_cast<int>(M::kKind), std::stoi(words[1]));
  CHECK_EQUAL(size_t{M::kSize}, golden.size());
  M message = {};
  Fields fields(words);
  read(fields, message);
  Bytes body(M::kSize);
  pack(message, body.data());
  CHECK_EQUAL(body, golden);

  M unpacked = {};
  CHECK(unpack(golden.data(), golden.size(), &unpacked));
  Bytes again(M::kSize);
  pack(unpacked, again.data());
  CHECK_EQUAL(again, golden);
  for (size_t length = 0; length < golden.size(); ++length) {
    CHECK(!unpack(golden.data(), length, &unpacked));
  }
  Bytes longer = golden;
  longer.push_back(0xEE);
  CHECK(unpack(longer.data(), longer.size(), &unpacked));
}

using Words = const vectors::Fields&;
const std::map<std::string, void (*)(Words)> kMessages = {
    {"Hello",
     [](Words w) {
       try_message<Hello>(
           w, [](Fields& f, Hello& m) { f(m.version_min, m.version_max, m.run, m.nonce, m.frame_limit); });
     }},
    {"Welcome",
     [](Words w) {
       try_message<Welcome>(w, [](Fields& f, Welcome& m) {
         f(m.version, m.state, m.boot, m.run, m.round, m.nonce, m.frame_limit, m.window);
       });
     }},
    {"Board",
     [](Words w) {
       try_message<Board>(
           w, [](Fields& f, Board& m) { f(m.uid, m.capabilities, m.features, m.classes, m.model); });
     }},
    {"Config",
     [](Words w) {
       try_message<Config>(
           w, [](Fields& f, Config& m) { f(m.codec, m.epochs, m.batch, m.rate, m.seed, m.proximal_mu); });
     }},
    {"Begin",
     [](Words w) {
       try_message<Begin>(w, [](Fields& f, Begin& m) { f(m.round, m.codec, m.flags, m.head); });
     }},
    {"Accept",
     [](Words w) { try_message<Accept>(w, [](Fields& f, Accept& m) { f(m.state, m.index, m.wait); }); }},
    {"Result",
     [](Words w) {
       try_message<Result>(w, [](Fields& f, Result& m) {
         f(m.status, m.num_examples, m.loss, m.correct, m.test_correct, m.duration, m.crc);
       });
     }},
    {"Get", [](Words w) { try_message<Get>(w, [](Fields& f, Get& m) { f(m.index, m.window); }); }},
    {"Stored",
     [](Words w) {
       try_message<Stored>(w, [](Fields& f, Stored& m) {
         f(m.capacity, m.train, m.test, m.crc, m.max_batch, m.buffer, m.head);
       });
     }},
    {"Add",
     [](Words w) {
       try_message<Add>(w,
                        [](Fields& f, Add& m) { f(m.first, m.count, m.kind, m.crc, m.scale, m.zero_point); });
     }},
    {"Added", [](Words w) { try_message<Added>(w, [](Fields& f, Added& m) { f(m.state, m.index); }); }},
    {"Capture",
     [](Words w) {
       try_message<Capture>(w, [](Fields& f, Capture& m) { f(m.first, m.count, m.label, m.kind); });
     }},
    {"Captured",
     [](Words w) { try_message<Captured>(w, [](Fields& f, Captured& m) { f(m.state, m.count); }); }},
    {"Details",
     [](Words w) {
       try_message<Details>(w, [](Fields& f, Details& m) {
         f(m.board, m.version[0], m.version[1], m.version[2], m.ram, m.heap, m.reset, m.sensor, m.window,
           m.uptime, m.saves);
       });
     }},
    {"Error", [](Words w) { try_message<Error>(w, [](Fields& f, Error& m) { f(m.status); }); }},
};

}  // namespace

TEST(message_vectors) {
  for (const auto& words : vectors::read("messages.txt")) {
    const auto found = kMessages.find(words[0]);
    CHECK(found != kMessages.end());
    if (found != kMessages.end()) found->second(words);
  }
}

TEST(message_data_header_round_trip) {
  for (unsigned bits = 0; bits < 0x8000; ++bits) {
    const uint8_t frame[2] = {static_cast<uint8_t>(0x80 | bits >> 8), static_cast<uint8_t>(bits)};
    CHECK(is_data(frame));
    uint8_t again[2];
    pack(unpack_data_header(frame), again);
    CHECK_EQUAL(Bytes(again, again + 2), Bytes(frame, frame + 2));
  }
  uint8_t frame[2];
  pack(DataHeader{2, true, 0xABC}, frame);
  CHECK_EQUAL(Bytes(frame, frame + 2), (Bytes{0xDA, 0xBC}));
}
