// RunnerLink: the TCP connection to BoringSSL's test runner, over which datagrams and virtual time
// come to the shim.
//
// After 8 bytes of shim ID, least significant first, each side sends commands of one letter and
// what belongs to it, most significant byte first:
//   P  length:32 bytes   a datagram                                      both ways
//   T  nanoseconds:64    that much time passes; answered with «t»        to the shim
//   t                    all that was to be sent before that time, was   from the shim
//   M  bytes:32          the path's MTU is now this                      to the shim
//   E  nanoseconds:64    the next deadline must be in that time;         to the shim
//                        all ones: there must be none
//   U  milliseconds:32   the first timeout of a flight is now this       to the shim
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "dtls/error.hpp"
#include "net/descriptor.hpp"

namespace dtls::bogo {

struct Datagram {
  std::vector<std::byte> bytes;
};
struct TimePasses {
  std::chrono::nanoseconds by{};
};
struct NewMtu {
  std::uint32_t bytes = 0;
};
struct ExpectDeadline {
  std::optional<std::chrono::nanoseconds> in;  // nullopt: none
};
struct NewFirstTimeout {
  std::chrono::milliseconds timeout{};
};
struct RunnerLeft {};  // it closed the connection
struct Garbled {       // what came is none of these
  const char* why = "";
};
using Command = std::variant<Datagram, TimePasses, NewMtu, ExpectDeadline, NewFirstTimeout,
                             RunnerLeft, Garbled>;

// RunnerLink blocks: it is all that the shim ever waits for. When it goes it says that nothing more
// comes and reads on until the runner has closed too, so that the runner's last writes succeed.
class RunnerLink {
 public:
  // connect reaches the runner on loopback and sends the shim's ID. Fails with kSystem.
  static Result<RunnerLink> connect(std::uint16_t port, bool ipv6, std::uint64_t shim_id);
  // Takes a connected stream socket over.
  explicit RunnerLink(net::Descriptor socket) : socket_(std::move(socket)) {}
  ~RunnerLink();
  RunnerLink(RunnerLink&&) noexcept = default;
  RunnerLink& operator=(RunnerLink&&) = delete;

  // next waits for a command.
  Command next();
  // send_datagram and acknowledge_time give false when the runner has left.
  bool send_datagram(std::span<const std::byte> datagram);
  bool acknowledge_time();

 private:
  bool send_all(std::span<const std::byte> bytes);
  bool read_all(std::span<std::byte> out);
  std::optional<std::uint64_t> read_number(std::size_t size);

  net::Descriptor socket_;
};

}  // namespace dtls::bogo
