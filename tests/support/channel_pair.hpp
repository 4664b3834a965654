// Two Channels that play a made-up handshake over a virtual wire, with a clock that only jumps.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "handshake/flight/channel.hpp"

namespace dtls::test {

using Datagram = std::vector<std::byte>;
using handshake::Channel;
using handshake::ChannelSettings;
using wire::HandshakeType;

// test_keys gives the same keys to both sides: `client_writes` says of which direction.
inline record::Protection test_keys(
    wire::Version version, std::uint64_t epoch, bool client_writes,
    crypto::AeadAlgorithm algorithm = crypto::AeadAlgorithm::kAes128Gcm) {
  std::array<std::byte, 32> secret;
  secret.fill(static_cast<std::byte>(2 * epoch + (client_writes ? 1 : 0)));
  if (version == wire::kDtls13) {
    return record::Protection::tls13(algorithm, crypto::HashAlgorithm::kSha256, secret);
  }
  const wire::Bytes bytes(secret);
  return record::Protection::tls12(algorithm, bytes.first(crypto::aead_key_size(algorithm)),
                                   bytes.first(12));
}

inline Datagram bytes_of(std::size_t size, int seed) {
  Datagram body(size);
  for (std::size_t i = 0; i < size; ++i) {
    body[i] = static_cast<std::byte>((i * 7 + i / 251 + static_cast<std::size_t>(seed)) & 0xffU);
  }
  return body;
}

// Player is one side: a Channel and the smallest state machine that a handshake can do with.
//   DTLS 1.2: ClientHello | ServerHello, Certificate, ServerHelloDone | Certificate,
//             ClientKeyExchange, ChangeCipherSpec, Finished | ChangeCipherSpec, Finished
//   DTLS 1.3: ClientHello | ServerHello, EncryptedExtensions, Certificate, Finished |
//             Certificate, Finished | ACK, NewSessionTicket
class Player {
 public:
  Player(bool is_server, wire::Version version, const ChannelSettings& settings,
         std::size_t certificate)
      : channel(is_server, settings),
        is_server_(is_server),
        version_(version),
        certificate_(certificate) {}

  void start(TimePoint now) {
    channel.begin_flight();
    send(HandshakeType::kClientHello, 200);
    channel.end_flight(Channel::Then::kAwaitAnswer, now);
  }

  void take(std::span<std::byte> datagram, TimePoint now) {
    channel.receive(datagram, now);
    while (auto input = channel.next()) {
      if (const auto* message = std::get_if<handshake::HandshakeMessage>(&*input)) {
        seen.emplace_back(static_cast<int>(message->type));
        bodies.emplace_back(message->body.begin(), message->body.end());
        act(*message, now);
      } else if (const auto* data = std::get_if<handshake::ApplicationData>(&*input)) {
        received.emplace_back(reinterpret_cast<const char*>(data->content.data()),
                              data->content.size());
      } else if (const auto* error = std::get_if<handshake::Fatal>(&*input)) {
        fatal = *error;
      } else if (const auto* alert = std::get_if<handshake::AlertIn>(&*input)) {
        alerts.push_back(alert->alert.description);
      } else {
        ++cipher_changes;
      }
    }
  }

  Datagram seal(const std::string& text) {
    Datagram out(text.size() + channel.application_overhead());
    out.resize(channel.seal_application_data(std::as_bytes(std::span(text)), out));
    return out;
  }

  Channel channel;
  std::vector<int> seen;  // types of messages, in order
  std::vector<Datagram> bodies;
  std::vector<std::string> received;
  std::vector<std::uint8_t> alerts;
  std::optional<handshake::Fatal> fatal;
  int cipher_changes = 0;
  bool is_done = false;

 private:
  using Then = Channel::Then;

  void send(HandshakeType type, std::size_t size) {
    channel.add_message(type, bytes_of(size, static_cast<int>(type)));
  }
  void read_keys(std::uint64_t epoch) {
    channel.install_read(epoch, test_keys(version_, epoch, is_server_));
  }
  void write_keys(std::uint64_t epoch) {
    channel.install_write(epoch, test_keys(version_, epoch, !is_server_));
  }

  void act(const handshake::HandshakeMessage& message, TimePoint now) {
    if (version_ == wire::kDtls13) {
      is_server_ ? serve_13(message.type, now) : follow_13(message.type, now);
    } else {
      is_server_ ? serve_12(message.type, now) : follow_12(message.type, now);
    }
  }

  void serve_13(HandshakeType type, TimePoint now) {
    if (type == HandshakeType::kClientHello) {
      channel.set_version(version_);
      channel.begin_flight();
      send(HandshakeType::kServerHello, 90);
      write_keys(2);
      read_keys(2);
      send(HandshakeType::kEncryptedExtensions, 20);
      send(HandshakeType::kCertificate, certificate_);
      send(HandshakeType::kFinished, 32);
      write_keys(3);
      channel.end_flight(Then::kAwaitAnswer, now);
    } else if (type == HandshakeType::kFinished) {
      read_keys(3);
      channel.send_ack();
      channel.begin_flight();
      send(HandshakeType::kNewSessionTicket, 120);
      channel.end_flight(Then::kAwaitAck, now);
      is_done = true;
    }
  }

  void follow_13(HandshakeType type, TimePoint now) {
    if (type == HandshakeType::kServerHello) {
      channel.set_version(version_);
      read_keys(2);
      write_keys(2);
    } else if (type == HandshakeType::kFinished) {
      channel.begin_flight();
      send(HandshakeType::kCertificate, certificate_);
      send(HandshakeType::kFinished, 32);
      channel.end_flight(Then::kAwaitAck, now);
      read_keys(3);
      write_keys(3);
    } else if (type == HandshakeType::kNewSessionTicket) {
      is_done = true;
    }
  }

  void serve_12(HandshakeType type, TimePoint now) {
    if (type == HandshakeType::kClientHello) {
      channel.set_version(version_);
      channel.begin_flight();
      send(HandshakeType::kServerHello, 90);
      send(HandshakeType::kCertificate, certificate_);
      send(HandshakeType::kServerHelloDone, 0);
      channel.end_flight(Then::kAwaitAnswer, now);
    } else if (type == HandshakeType::kClientKeyExchange) {
      read_keys(1);
    } else if (type == HandshakeType::kFinished) {
      channel.begin_flight();
      channel.add_change_cipher_spec();
      write_keys(1);
      send(HandshakeType::kFinished, 12);
      channel.end_flight(Then::kLast, now);
      is_done = true;
    }
  }

  void follow_12(HandshakeType type, TimePoint now) {
    if (type == HandshakeType::kServerHello) {
      channel.set_version(version_);
    } else if (type == HandshakeType::kServerHelloDone) {
      channel.begin_flight();
      send(HandshakeType::kCertificate, certificate_);
      send(HandshakeType::kClientKeyExchange, 66);
      channel.add_change_cipher_spec();
      write_keys(1);
      read_keys(1);
      send(HandshakeType::kFinished, 12);
      channel.end_flight(Then::kAwaitAnswer, now);
    } else if (type == HandshakeType::kFinished) {
      channel.flight_answered();
      is_done = true;
    }
  }

  bool is_server_;
  wire::Version version_;
  std::size_t certificate_;
};

// ChannelPair moves datagrams. Rules see the number of a datagram, counted over both directions.
class ChannelPair {
 public:
  explicit ChannelPair(wire::Version version, const ChannelSettings& settings = {},
                       std::size_t certificate = 2500)
      : client(false, version, settings, certificate),
        server(true, version, settings, certificate) {}

  std::function<bool(int)> loses;
  std::function<bool(int)> doubles;
  bool reverses = false;  // what was sent together arrives the other way round
  Player client;
  Player server;
  TimePoint now{std::chrono::hours(1)};
  std::vector<Datagram> log;  // everything sent, lost or not

  // play has the client start, if it has not, and runs until nothing is under way and no timer
  // runs, or `patience` of virtual time is over.
  bool play(Duration patience = std::chrono::seconds(200)) {
    const TimePoint end = now + patience;
    if (!has_started_) client.start(now);
    has_started_ = true;
    while (true) {
      while (step()) {
      }
      const auto due = next_deadline();
      if (!due || *due > end) return client.is_done && server.is_done;
      now = std::max(now, *due);
      client.channel.handle_timeout(now);
      server.channel.handle_timeout(now);
    }
  }

  // step sends all that is waiting and delivers it; false when there was nothing.
  bool step() {
    collect(client, to_server_);
    collect(server, to_client_);
    const bool any = !to_server_.empty() || !to_client_.empty();
    deliver(to_server_, server);
    deliver(to_client_, client);
    return any;
  }

  // poll gives what a side sends now, without sending it.
  std::vector<Datagram> poll(Player& player) const {
    std::vector<Datagram> all;
    Datagram buffer(2000);
    while (const std::size_t size = player.channel.poll_transmit(buffer, now)) {
      all.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return all;
  }

  void give(Player& player, Datagram datagram) const { player.take(datagram, now); }

  [[nodiscard]] std::optional<TimePoint> next_deadline() const {
    const auto left = client.channel.deadline();
    const auto right = server.channel.deadline();
    return left && right ? std::min(left, right) : left ? left : right;
  }

 private:
  void collect(Player& from, std::deque<Datagram>& queue) {
    for (Datagram& datagram : poll(from)) {
      const int number = static_cast<int>(log.size());
      log.push_back(datagram);
      if (loses && loses(number)) continue;
      if (doubles && doubles(number)) queue.push_back(datagram);
      reverses ? queue.push_front(std::move(datagram)) : queue.push_back(std::move(datagram));
    }
  }

  void deliver(std::deque<Datagram>& queue, Player& to) const {
    for (Datagram& datagram : std::exchange(queue, {}))
      to.take(datagram, now);
  }

  bool has_started_ = false;
  std::deque<Datagram> to_server_;
  std::deque<Datagram> to_client_;
};

}  // namespace dtls::test
