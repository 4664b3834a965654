// Without a handshake: bare messages, and those of the prototype.
#include <algorithm>

#include "net/load/talker.hpp"
#include "net/records.hpp"

namespace dtls::bench {
namespace {

class PlainTalker final : public Talker {
 public:
  std::size_t seal(std::span<const std::byte> message, std::span<std::byte> out) override {
    std::ranges::copy(message, out.begin());
    return message.size();
  }
  std::size_t receive(std::span<std::byte> datagram, TimePoint /*now*/) override {
    return datagram.size();
  }
};

class RecordTalker final : public Talker {
 public:
  std::size_t seal(std::span<const std::byte> message, std::span<std::byte> out) override {
    return cipher_.seal(message, out);
  }
  std::size_t receive(std::span<std::byte> datagram, TimePoint /*now*/) override {
    const auto message = cipher_.open(datagram);
    require(!message.empty(), "a record is not authentic");
    return message.size();
  }

 private:
  RecordCipher cipher_;
};

template <typename Made, std::size_t kOverhead>
class Simple final : public Talkers {
 public:
  std::unique_ptr<Talker> make(TimePoint /*now*/) override { return std::make_unique<Made>(); }
  [[nodiscard]] std::size_t overhead() const override { return kOverhead; }
};

}  // namespace

std::unique_ptr<Talkers> make_plain_talkers() {
  return std::make_unique<Simple<PlainTalker, 0>>();
}

std::unique_ptr<Talkers> make_record_talkers() {
  return std::make_unique<Simple<RecordTalker, RecordCipher::kHeader + RecordCipher::kTag>>();
}

}  // namespace dtls::bench
