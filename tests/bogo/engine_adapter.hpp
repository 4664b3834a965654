// Association: the engine as the shim sees it. Only engine_adapter.cpp knows the engine itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "bogo/options.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"

namespace dtls::bogo {

// What the engine and the peer agreed upon; numbers as on the wire, 0 for none.
struct Agreed {
  std::uint16_t version = 0;
  std::uint16_t suite = 0;
  std::uint16_t group = 0;
  std::uint16_t peer_scheme = 0;
  bool resumed = false;
  bool retried = false;
  bool with_psk = false;
  bool secure_renegotiation = false;
  std::string alpn;
  std::string server_name;
  std::vector<std::vector<std::byte>> peer_chain;  // DER, leaf first; empty when resumed
  std::int64_t credential = -1;                    // which of Options::credentials was shown
};

struct Connected {};
struct Message {
  std::vector<std::byte> bytes;
};
struct PeerClosed {};
struct Failed {
  std::string why;  // one line, see describe in engine_adapter.cpp
};
using Event = std::variant<Connected, Message, PeerClosed, Failed>;

class Association {
 public:
  struct Engine;

  explicit Association(std::unique_ptr<Engine> engine);
  ~Association();
  Association(Association&&) noexcept;
  Association& operator=(Association&&) = delete;

  void start(TimePoint now);
  void receive(std::span<std::byte> datagram, TimePoint now);
  Result<void> send(std::span<const std::byte> message);
  Result<void> update_keys(TimePoint now);
  void close();
  Result<std::vector<std::byte>> export_keying_material();

  std::optional<Event> poll_event();
  std::size_t poll_transmit(std::span<std::byte> out, TimePoint now);
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  void handle_timeout(TimePoint now);
  void set_mtu(std::uint32_t bytes);
  void set_first_timeout(Duration timeout);

  [[nodiscard]] Agreed agreed() const;
  // Whether a client was given a ticket since the last time it was asked.
  bool took_ticket();

 private:
  std::unique_ptr<Engine> engine_;
};

// Associations makes the associations of one test: they share what a resumption needs, the
// server's ticket keys and the client's last ticket.
class Associations {
 public:
  struct Shared;

  Associations();
  ~Associations();
  Associations(Associations&&) = delete;
  Associations& operator=(Associations&&) = delete;

  // make fails with Unsupported when the engine cannot do what the options ask for, with Error
  // when a file of theirs cannot be read.
  std::variant<Association, Unsupported, Error> make(const Options& options);
  // Whether a client has a ticket to resume with.
  [[nodiscard]] bool has_ticket() const;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace dtls::bogo
