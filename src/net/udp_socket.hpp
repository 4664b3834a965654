// A UDP socket: owning descriptor, batches in and out, the options the module offers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dtls/address.hpp"
#include "dtls/error.hpp"

namespace dtls::net {

// Datagram received. `local` is the address it was sent to, where the kernel told (IP_PKTINFO): one
// that an answer can be sent from, so it is this host's own for an IPv4 broadcast or multicast and
// missing for an IPv6 multicast. On a socket for both families IPv4 shows as IPv4-mapped IPv6.
struct Incoming {
  Address peer;
  std::optional<Address> local;
  std::span<std::byte> bytes;  // in the ReceiveBatch's memory, until the next receive
};

class ReceiveBatch;
class TransmitBatch;

// UdpSocket owns its descriptor. However it was made, IPv4 datagrams do not carry DF: a path may
// cut what is larger than one of its links. It belongs to one thread at a time. Every failure is an
// Error with the errno of the system and a sentence that names the address or option.
class UdpSocket {
 public:
  UdpSocket() = default;                   // closed: descriptor() is -1
  explicit UdpSocket(int fd) : fd_(fd) {}  // takes ownership
  ~UdpSocket();
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;

  // bind opens a non-blocking, close-on-exec socket bound to `local`, with packet info on.
  // A port in use fails with EADDRINUSE, and the message names the address. An address that only
  // connected sockets of bind_and_connect and of the same user hold is not in use.
  // ipv6_only: nullopt leaves it as the system has it; after the bind it cannot be changed.
  static Result<UdpSocket> bind(const Address& local, std::optional<bool> ipv6_only = std::nullopt);
  // connect opens a non-blocking socket connected to `peer`, bound to `local` first where given.
  static Result<UdpSocket> connect(const Address& peer,
                                   const std::optional<Address>& local = std::nullopt);
  // bind_and_connect opens a socket on the very address that `shared` is bound to (`local` says
  // which, wildcard resolved), connected to `peer`. Datagrams of other peers may land in it between
  // its bind and its connect: the caller checks every datagram's source. Both sockets share the
  // address by SO_REUSEPORT, which `shared` has during this call only: the kernel refuses other
  // users at every moment. The new socket keeps the option, so that a server can be bound to the
  // address again after `shared` is closed. Device, IPv6-only setting, TTL and buffer sizes are
  // those of `shared`. A program that has changed its user since the bind, and may not give sockets
  // away (CAP_CHOWN), has SO_REUSEADDR on `shared` for a moment, where the kernel asks no user.
  static Result<UdpSocket> bind_and_connect(UdpSocket& shared, const Address& local,
                                            const Address& peer);

  // adopt takes a descriptor from elsewhere, which must be a connected UDP socket, makes it
  // non-blocking and clears DF. Fails with EBADF, ENOTSOCK, EPROTOTYPE (another kind of socket) or
  // ENOTCONN; the descriptor is then still the caller's.
  static Result<UdpSocket> adopt(int fd);

  // receive reads what waits, up to the batch's size, without blocking: 0 when nothing waits.
  // An ICMP error (ECONNREFUSED, ...) is returned as Error with that errno, once: by receive or by
  // send, whichever comes first, and only on a connected socket. No memory is allocated per
  // datagram.
  Result<std::size_t> receive(ReceiveBatch& batch);
  // send sends one datagram without blocking: to the connected peer, or to `peer` from `local`
  // (packet info; nullopt lets the kernel choose). EAGAIN when the send buffer is full.
  Result<void> send(std::span<const std::byte> datagram);
  Result<void> send_to(std::span<const std::byte> datagram, const Address& peer,
                       const std::optional<Address>& local);
  // flush sends the datagrams of the batch in their order, without blocking. Where the send buffer
  // is full the rest stays in the batch: flush again later. Any other failure drops the run that it
  // belongs to, and the others are sent; the result is the first failure, and batch.empty() tells
  // whether something is left. An ICMP error that a connected socket has to report is the result,
  // too, but no datagram is dropped for it. Where the kernel or the device cannot segment, runs are
  // sent as single datagrams: the socket remembers one refusal.
  Result<void> flush(TransmitBatch& batch);

  [[nodiscard]] int descriptor() const { return fd_; }
  int release();  // gives the descriptor away: the caller closes it
  void close();   // harmless when closed already

  [[nodiscard]] Result<Address> local_address() const;
  [[nodiscard]] Result<Address> peer_address() const;  // of a connected socket, else ENOTCONN
  // identity is the kernel's number of this socket (SO_COOKIE): the same for every descriptor of
  // it, in any process, and never used again. 0: unknown.
  [[nodiscard]] std::uint64_t identity() const { return identity_of(fd_); }
  static std::uint64_t identity_of(int fd);
  int take_error();  // SO_ERROR, read and cleared

  // set_ttl sets the hops a datagram may take, 0 to 255 (else EINVAL), for both families that the
  // socket serves. IPv4 has no TTL of 0: Linux refuses it with EINVAL.
  Result<void> set_ttl(int ttl);
  // set_ipv6_only fails with EINVAL when it would change a socket that is bound.
  Result<void> set_ipv6_only(bool enable);
  // rebind puts another socket, bound to the same address with that setting, under the descriptor's
  // number. What waited in the old one is lost, and pollers must register the descriptor anew.
  // Fails with EADDRINUSE where another program serves the port's other family.
  Result<void> rebind(bool ipv6_only);
  // bind_to_device limits the socket to one interface; "" means all. Fails with ENODEV when there
  // is no such interface, EPERM when only a privileged program may change the choice.
  Result<void> bind_to_device(const std::string& interface_name);
  [[nodiscard]] std::string device() const;  // that it is bound to; "" for all

  enum class Buffer : std::uint8_t { kReceive, kSend };
  // set_buffer_size takes 1024 bytes to 16 MiB, else EINVAL. What the system allows (for programs
  // without CAP_NET_ADMIN net.core.rmem_max and wmem_max) may be less: EPERM, and the buffer is as
  // large as it may be. buffer_size gives what was set, though the kernel may keep a little more.
  Result<void> set_buffer_size(Buffer which, int bytes);
  Result<int> buffer_size(Buffer which) const;  // in bytes

 private:
  [[nodiscard]] std::uint16_t local_port();
  [[nodiscard]] bool may_segment(std::size_t size);
  void segmentation_refused(std::size_t size);

  int fd_ = -1;
  std::uint16_t local_port_ = 0;                // 0: not asked yet
  std::array<int, 2> buffer_set_{};             // by Buffer; 0: the system's default
  std::optional<std::size_t> largest_segment_;  // for UDP_SEGMENT; nullopt: not asked yet
};

// ReceiveBatch is memory for up to 32 messages of 65,535 bytes, each a datagram or, with GRO, a run
// of datagrams. Pages that were never needed take no memory. One may serve many sockets in turn.
class ReceiveBatch {
 public:
  ReceiveBatch();
  ~ReceiveBatch();
  ReceiveBatch(ReceiveBatch&&) noexcept;
  ReceiveBatch& operator=(ReceiveBatch&&) noexcept;

  // datagrams gives what the last receive brought, in the order of arrival.
  [[nodiscard]] std::span<Incoming> datagrams();
  // is_full: the last receive filled the batch, so more may wait.
  [[nodiscard]] bool is_full() const;

 private:
  friend class UdpSocket;
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

}  // namespace dtls::net
