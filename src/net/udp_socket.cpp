// Opening, binding, connecting, closing. Receiving is in receive_batch.cpp, sending in
// udp_send.cpp, options are in socket_options.cpp.
#include "net/udp_socket.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/bound_ports.hpp"
#include "net/sockaddr.hpp"

namespace dtls::net {
namespace {

int set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

int get_option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : 0;
}

int system_family(Address::Family family) {
  return family == Address::Family::kIpv4 ? AF_INET : AF_INET6;
}

// let_paths_cut has datagrams that are larger than a link cut into IP fragments. Linux would set
// DF otherwise, and on an IPv4 path whose ICMP is filtered a datagram that is larger than some link
// but not than the first would be lost every time. OMIT clears DF, and ignores forged ICMP messages
// about the size of the path. IPv6 routers cut nothing, so there the host has to believe ICMPv6
// (RFC 8200 §5) and cut: DONT does so, and does not report it to the socket as a failure.
void let_paths_cut(int fd, int family) {
  set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);  // of a socket for both, too
  if (family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

Result<UdpSocket> open_socket(Address::Family family, const std::string& what) {
  UdpSocket socket(::socket(system_family(family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = socket.descriptor();
  if (fd < 0) return refused(what, errno);
  set_option(fd, SOL_UDP, UDP_GRO, 1);  // a kernel without it (before 5.0) gives single datagrams
  let_paths_cut(fd, system_family(family));
  return socket;
}

void enable_packet_info(int fd, Address::Family family) {
  if (family == Address::Family::kIpv4) {
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);  // tells of IPv4-mapped addresses, too
  }
}

// The system's answer is a bare EINVAL; the commonest cause deserves its sentence.
Error cannot_use(const std::string& what, const Address& address, int sys_errno) {
  if (sys_errno == EINVAL && needs_scope(address) && address.scope == 0) {
    return {ErrorKind::kMisuse, EINVAL,
            what + ": a link-local address needs its interface; write it as " + address.host() +
                "%eth0",
            std::nullopt};
  }
  return refused(what, sys_errno);
}

int bind_fd(int fd, const Address& local) {
  const SocketAddress address = to_sockaddr(local);
  return ::bind(fd, address.get(), address.length) == 0 ? 0 : errno;
}

int connect_fd(int fd, const Address& peer) {
  const SocketAddress address = to_sockaddr(peer);
  return ::connect(fd, address.get(), address.length) == 0 ? 0 : errno;
}

// `ask` is getsockname(2) or getpeername(2).
template <typename Ask>
Result<Address> address_by(Ask ask, int fd, const std::string& what) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (ask(fd, address.get(), &address.length) != 0) return refused(what, errno);
  if (const auto found = from_sockaddr(address.get())) return *found;
  return refused(what, EAFNOSUPPORT);
}

// Flag is a socket option that is on for a moment.
class Flag {
 public:
  Flag(int fd, int name) : fd_(fd), name_(name) { set_option(fd_, SOL_SOCKET, name_, 1); }
  ~Flag() { set_option(fd_, SOL_SOCKET, name_, 0); }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  int fd_;
  int name_;
};

struct stat status_of(int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  return status;
}

// bind_beside binds `fd` to the address of `shared`. The kernel lets two sockets have one address
// where both have SO_REUSEPORT and the same user, or where both have SO_REUSEADDR, whoever owns
// them. So no socket of ours has SO_REUSEADDR, and other users are refused at every moment.
// `shared` has SO_REUSEPORT only here: a program of the same user that asks for the port finds it
// in use. Returns 0 or an errno.
int bind_beside(int fd, int shared, const Address& local) {
  const Flag for_us(shared, SO_REUSEPORT);
  const uid_t owner = status_of(shared).st_uid;
  // A program that has become another user since: a privileged one may still give the socket away.
  const bool same_user =
      status_of(fd).st_uid == owner || ::fchown(fd, owner, static_cast<gid_t>(-1)) == 0;
  const int failure = bind_fd(fd, local);
  if (failure != EADDRINUSE || same_user) return failure;
  // An unprivileged one has SO_REUSEADDR only, and with it the moment in which others can bind,
  // unless a connection of its own is in their way.
  const Flag for_all(shared, SO_REUSEADDR);
  const Flag here(fd, SO_REUSEADDR);
  return bind_fd(fd, local);
}

// bind_among_connected binds `fd` to an address that only connected sockets hold, those of a closed
// server's connections: they have SO_REUSEPORT, so the kernel asks for the same user. Returns 0 or
// an errno.
int bind_among_connected(int fd, const Address& local) {
  const bool ipv6_only =
      local.family == Address::Family::kIpv6 && get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
  if (local.port == 0 || is_served(local, ipv6_only).value_or(true)) return EADDRINUSE;
  const Flag meanwhile(fd, SO_REUSEPORT);
  if (const int failure = bind_fd(fd, local)) return failure;
  // Two that looked before either was bound: neither of them gets the address.
  return is_served(local, ipv6_only, status_of(fd).st_ino).value_or(true) ? EADDRINUSE : 0;
}

// The programs that set these on their server mean the datagrams to its peers.
void copy_qualities(int from, int to, Address::Family family) {
  if (family == Address::Family::kIpv6) {
    set_option(to, IPPROTO_IPV6, IPV6_UNICAST_HOPS,
               get_option(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
  }
  set_option(to, IPPROTO_IP, IP_TTL, get_option(from, IPPROTO_IP, IP_TTL));
  for (const int buffer : {SO_RCVBUF, SO_SNDBUF}) {
    // The kernel doubles what is set.
    set_option(to, SOL_SOCKET, buffer, get_option(from, SOL_SOCKET, buffer) / 2);
  }
}

int copy_device(int from, int to) {
  std::array<char, IF_NAMESIZE> device{};
  socklen_t size = device.size();
  if (::getsockopt(from, SOL_SOCKET, SO_BINDTODEVICE, device.data(), &size) != 0 || size == 0) {
    return 0;
  }
  return ::setsockopt(to, SOL_SOCKET, SO_BINDTODEVICE, device.data(), size) == 0 ? 0 : errno;
}

// What decides which datagrams and which other sockets an address clashes with must be equal.
int copy_reach(int from, int to, Address::Family family) {
  if (family == Address::Family::kIpv6) {
    const int only = get_option(from, IPPROTO_IPV6, IPV6_V6ONLY);
    if (const int failure = set_option(to, IPPROTO_IPV6, IPV6_V6ONLY, only)) return failure;
  }
  return copy_device(from, to);
}

}  // namespace

UdpSocket::~UdpSocket() {
  close();
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      local_port_(std::exchange(other.local_port_, 0)),
      buffer_set_(other.buffer_set_),
      largest_segment_(other.largest_segment_) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    local_port_ = std::exchange(other.local_port_, 0);
    buffer_set_ = other.buffer_set_;
    largest_segment_ = other.largest_segment_;
  }
  return *this;
}

int UdpSocket::release() {
  local_port_ = 0;
  return std::exchange(fd_, -1);
}

void UdpSocket::close() {
  if (const int fd = release(); fd >= 0) ::close(fd);
}

Result<UdpSocket> UdpSocket::bind(const Address& local, std::optional<bool> ipv6_only) {
  const std::string what = "cannot bind " + local.text();
  auto socket = open_socket(local.family, what);
  if (!socket) return socket;
  if (ipv6_only && local.family == Address::Family::kIpv6) {
    if (auto done = socket->set_ipv6_only(*ipv6_only); !done) return std::move(done).error();
  }
  enable_packet_info(socket->fd_, local.family);
  int failure = bind_fd(socket->fd_, local);
  if (failure == EADDRINUSE) failure = bind_among_connected(socket->fd_, local);
  if (failure != 0) return cannot_use(what, local, failure);
  return socket;
}

Result<UdpSocket> UdpSocket::connect(const Address& peer, const std::optional<Address>& local) {
  const std::string what = "cannot connect to " + peer.text();
  auto socket = open_socket(peer.family, what);
  if (!socket) return socket;
  if (local) {
    if (const int failure = bind_fd(socket->fd_, *local)) {
      return cannot_use(what + " from " + local->text(), *local, failure);
    }
  }
  if (const int failure = connect_fd(socket->fd_, peer)) return cannot_use(what, peer, failure);
  return socket;
}

Result<UdpSocket> UdpSocket::bind_and_connect(UdpSocket& shared, const Address& local,
                                              const Address& peer) {
  auto bound = shared.local_address();
  if (!bound) return std::move(bound).error();
  Address own = local.is_wildcard() ? *bound : local;
  own.port = bound->port;

  const std::string what = "cannot open a second socket on " + own.text() + " for " + peer.text();
  auto socket = open_socket(own.family, what);
  if (!socket) return socket;
  const int fd = socket->fd_;
  enable_packet_info(fd, own.family);
  // It stays set: the next connection's socket, and the next server's on the address, need it.
  set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  copy_qualities(shared.fd_, fd, own.family);
  socket->buffer_set_ = shared.buffer_set_;
  if (own.family == bound->family) {
    if (const int failure = copy_reach(shared.fd_, fd, own.family)) return refused(what, failure);
  }
  if (const int failure = bind_beside(fd, shared.fd_, own)) return cannot_use(what, own, failure);
  if (const int failure = connect_fd(fd, peer)) return cannot_use(what, peer, failure);
  return socket;
}

Result<void> UdpSocket::rebind(bool ipv6_only) {
  auto local = local_address();
  if (!local) return std::move(local).error();
  const std::string what = "cannot bind " + local->text() + " anew";
  auto fresh = open_socket(local->family, what);
  if (!fresh) return std::move(fresh).error();
  if (auto set = fresh->set_ipv6_only(ipv6_only); !set) return set;
  enable_packet_info(fresh->fd_, local->family);
  copy_qualities(fd_, fresh->fd_, local->family);
  if (const int failure = copy_device(fd_, fresh->fd_)) return refused(what, failure);
  // Beside a socket that shares its port, bind(2) does not look for others on the other family.
  if (is_served(*local, ipv6_only, status_of(fd_).st_ino).value_or(false)) {
    return cannot_use(what, *local, EADDRINUSE);
  }
  {
    const Flag meanwhile(fresh->fd_, SO_REUSEPORT);
    const int failure = bind_beside(fresh->fd_, fd_, *local);
    if (failure != 0) return cannot_use(what, *local, failure);
  }
  if (::dup3(fresh->fd_, fd_, O_CLOEXEC) < 0) return refused(what, errno);
  return {};
}

Result<UdpSocket> UdpSocket::adopt(int fd) {
  const std::string what = "descriptor " + std::to_string(fd);
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    if (errno == EBADF) return refused(what + " is not open in this process", EBADF);
    return refused(what + " is not a socket", errno);
  }
  if (type != SOCK_DGRAM || get_option(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_UDP) {
    return refused(what + " is not a UDP socket", EPROTOTYPE);
  }
  if (auto peer = address_by(::getpeername, fd, what + " is not connected to a peer"); !peer) {
    return std::move(peer).error();
  }
  const int flags = ::fcntl(fd, F_GETFL);
  if (::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return refused(what + " cannot be made non-blocking", errno);
  }
  let_paths_cut(fd, get_option(fd, SOL_SOCKET, SO_DOMAIN));
  return UdpSocket(fd);
}

Result<Address> UdpSocket::local_address() const {
  return address_by(::getsockname, fd_, "cannot tell the local address");
}

Result<Address> UdpSocket::peer_address() const {
  return address_by(::getpeername, fd_, "cannot tell the peer's address");
}

std::uint64_t UdpSocket::identity_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::uint16_t UdpSocket::local_port() {
  if (local_port_ == 0) {
    if (const auto local = local_address()) local_port_ = local->port;
  }
  return local_port_;
}

int UdpSocket::take_error() {
  return get_option(fd_, SOL_SOCKET, SO_ERROR);
}

}  // namespace dtls::net
