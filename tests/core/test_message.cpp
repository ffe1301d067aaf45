#include <map>
#include <set>

#include "bytefed/protocol/header.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

// Fills a message's fields, in their order, with the words of a vector.
class Fields {
 public:
  explicit Fields(const vectors::Fields& words) : words_(words) {}

  template <typename T>
  void operator()(T& field) {
    const std::string& word = words_[at_++];
    field = static_cast<T>(word[0] == '-' ? static_cast<unsigned long long>(std::stoll(word))
                                          : std::stoull(word));
  }
  void operator()(float& field) { field = vectors::float_of(words_[at_++]); }
  size_t at() const { return at_; }

 private:
  vectors::Fields words_;
  size_t at_ = 2;
};

template <typename M>
void try_message(const vectors::Fields& words) {
  const Bytes golden = vectors::bytes(words.back());
  CHECK_EQUAL(static_cast<int>(M::kKind), std::stoi(words[1]));
  CHECK_EQUAL(size_t{M::kSize}, golden.size());
  M message = {};
  Fields fields(words);
  M::fields(fields, message);
  CHECK_EQUAL(fields.at(), words.size() - 1);
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

const std::map<std::string, void (*)(const vectors::Fields&)> kMessages = {
#define BYTEFED_TRY(Message) {#Message, try_message<Message>},
    BYTEFED_MESSAGES(BYTEFED_TRY)
#undef BYTEFED_TRY
};

}  // namespace

TEST(message_vectors) {
  std::set<std::string> tried;
  for (const auto& words : vectors::read("messages.txt")) {
    const auto found = kMessages.find(words[0]);
    CHECK(found != kMessages.end());
    if (found == kMessages.end()) continue;
    found->second(words);
    tried.insert(words[0]);
  }
  CHECK_EQUAL(tried.size(), kMessages.size());
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
