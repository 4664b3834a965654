// Talker: the client's side of one association, without I/O, in the contender's protocol.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dtls/time.hpp"
#include "engine/candidate.hpp"
#include "net/udp.hpp"

namespace dtls::bench {

class Talker {
 public:
  Talker() = default;
  virtual ~Talker() = default;
  Talker(Talker&&) = delete;
  Talker& operator=(Talker&&) = delete;

  [[nodiscard]] virtual bool is_established() const { return true; }
  // is_as_wished: established in the way that was asked for, resumed or not.
  [[nodiscard]] virtual bool is_as_wished() const { return true; }
  // may_leave: nothing more is expected of the server, such as a ticket.
  [[nodiscard]] virtual bool may_leave() const { return true; }
  // seal writes the datagram with the message and gives its size; 0: transmit has it, after others.
  virtual std::size_t seal(std::span<const std::byte> message, std::span<std::byte> out) = 0;
  // receive gives the size of the datagram's message; 0: it had none.
  virtual std::size_t receive(std::span<std::byte> datagram, TimePoint now) = 0;
  // transmit writes the next datagram of the protocol's own, such as a handshake's, and gives its
  // size; 0: there is none.
  virtual std::size_t transmit(std::span<std::byte> /*out*/) { return 0; }
  virtual void handle_time(TimePoint /*now*/) {}
  virtual void close() {}
};

// Talkers makes those of one run.
class Talkers {
 public:
  Talkers() = default;
  virtual ~Talkers() = default;
  Talkers(Talkers&&) = delete;
  Talkers& operator=(Talkers&&) = delete;

  virtual std::unique_ptr<Talker> make(TimePoint now) = 0;
  // overhead is the most bytes that a datagram is longer than its message.
  [[nodiscard]] virtual std::size_t overhead() const = 0;
};

// Handshakes says how associations begin.
enum class Handshakes : std::uint8_t { kFull, kResumed };

std::unique_ptr<Talkers> make_plain_talkers();
std::unique_ptr<Talkers> make_record_talkers();
std::unique_ptr<Talkers> make_session_talkers(Version version, const std::string& root_pem,
                                              const Peer& server, Handshakes handshakes);

}  // namespace dtls::bench
