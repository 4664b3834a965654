// A Channel against a hostile peer and strangers. Input: one byte that says which side it is, which
// version and whether there are keys, then steps: a byte that says which, and what it needs. A peer
// with keys is hostile too, so one kind of step is a record that is sealed for it.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "handshake/flight/channel.hpp"
#include "support/channel_pair.hpp"
#include "wire/reader.hpp"

namespace {

using dtls::handshake::Channel;
using dtls::wire::Bytes;
namespace handshake = dtls::handshake;
namespace wire = dtls::wire;

constexpr std::uint16_t kMtu = 400;

void require(bool holds) {
  if (!holds) std::abort();
}

class Target {
 public:
  explicit Target(unsigned mode) : is_server_((mode & 1U) != 0), channel_(is_server_, settings()) {
    if ((mode & 2U) != 0) version_ = (mode & 4U) != 0 ? wire::kDtls13 : wire::kDtls12;
    if (version_ != 0) channel_.set_version(version_);
    if (version_ == 0 || (mode & 8U) == 0) return;
    for (const std::uint64_t epoch : {2U, 3U}) {
      channel_.install_read(epoch, dtls::test::test_keys(version_, epoch, is_server_));
      channel_.install_write(epoch, dtls::test::test_keys(version_, epoch, !is_server_));
      peer_.install(epoch, dtls::test::test_keys(version_, epoch, is_server_));
    }
  }

  void receive(Bytes bytes) {
    std::vector<std::byte> datagram(bytes.begin(), bytes.end());
    channel_.receive(datagram, now_);
    while (const auto input = channel_.next()) {
      if (const auto* message = std::get_if<handshake::HandshakeMessage>(&*input)) {
        require(message->seq == next_++);
        require(message->raw.size() == wire::kHandshakeHeaderSize + message->body.size());
      }
      if (std::holds_alternative<handshake::Fatal>(*input)) return;  // what ends an association
    }
  }

  void receive_sealed(std::uint64_t epoch, wire::ContentType type, Bytes content) {
    std::vector<std::byte> record(content.size() + peer_.overhead(epoch));
    record.resize(peer_.seal(epoch, type, content, record));
    receive(record);
  }

  void send_flight(Channel::Then then, std::size_t size) {
    ++flights_;
    channel_.begin_flight();
    channel_.add_message(wire::HandshakeType::kCertificate, dtls::test::bytes_of(size, 1));
    if (version_ == wire::kDtls12) channel_.add_change_cipher_spec();
    channel_.add_message(wire::HandshakeType::kFinished, dtls::test::bytes_of(12, 2));
    channel_.end_flight(then, now_);
  }

  void transmit() {
    std::array<std::byte, 2000> out;
    // Flights of 4 KiB, those that await ACKs included, take less than this many datagrams each.
    for (std::size_t i = 0; i < 25 * (flights_ + 1); ++i) {
      const std::size_t size = channel_.poll_transmit(out, now_);
      require(size <= kMtu);
      if (size == 0) return;
    }
    require(false);
  }

  void pass(dtls::Duration span) {
    now_ += span;
    channel_.handle_timeout(now_);
    const auto deadline = channel_.deadline();
    require(!deadline || *deadline > now_);
  }

 private:
  static handshake::ChannelSettings settings() { return {.mtu = kMtu, .max_message = 3000}; }

  bool is_server_;
  wire::Version version_ = 0;
  Channel channel_;
  dtls::record::Outbound peer_;
  dtls::TimePoint now_{std::chrono::hours(1)};
  std::uint32_t next_ = 0;
  std::size_t flights_ = 0;
};

}  // namespace

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Reader reader(std::as_bytes(std::span(data, size)));
  Target target(reader.u8());
  while (!reader.empty()) {
    switch (reader.u8() % 6) {
      case 0:
        target.receive(reader.vector16(0, 2000));
        break;
      case 1: {
        static constexpr std::array<std::uint64_t, 3> kEpochs{0, 2, 3};
        const std::uint64_t epoch = kEpochs.at(reader.u8() % kEpochs.size());
        const auto type = static_cast<wire::ContentType>(reader.u8());
        target.receive_sealed(epoch, type, reader.vector16(0, 2000));
        break;
      }
      case 2:
        target.pass(dtls::Duration(16 * reader.u8()));
        break;
      case 3:
        target.transmit();
        break;
      case 4: {
        const auto then = static_cast<Channel::Then>(reader.u8() % 3);
        target.send_flight(then, reader.u16() % 4096);
        break;
      }
      default:
        target.pass(std::chrono::minutes(4));  // what lingers is freed
    }
  }
  return 0;
}
