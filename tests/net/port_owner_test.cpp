// Who gets a server's port: nobody else while the server is open, the same user's next server once
// only connected sockets are left.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "socket_support.hpp"

namespace dtls::net {
namespace {

constexpr uid_t kOtherUser = 65534;
// With more than ten sockets on a port the kernel looks for conflicts in another table.
constexpr std::array<std::uint16_t, 2> kFewAndMany{1, 12};

void set_flag(int fd, int name) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, name, &on, sizeof on);
}

// foreign_bind tries to bind a plain socket with the given options: its errno, 0 on success.
int foreign_bind(const Address& local, bool reuse_address, bool reuse_port) {
  const UdpSocket socket(
      ::socket(local.family == Address::Family::kIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0));
  if (reuse_address) set_flag(socket.descriptor(), SO_REUSEADDR);
  if (reuse_port) set_flag(socket.descriptor(), SO_REUSEPORT);
  const SocketAddress system = to_sockaddr(local);
  return ::bind(socket.descriptor(), system.get(), system.length) == 0 ? 0 : errno;
}

bool foreign_bind_succeeds_somehow(const Address& local) {
  bool bound = false;
  for (const bool reuse_address : {false, true}) {
    for (const bool reuse_port : {false, true}) {
      bound |= foreign_bind(local, reuse_address, reuse_port) == 0;
    }
  }
  return bound;
}

// Pipe carries bytes between this process and a child.
struct Pipe {
  Pipe() {
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  std::array<int, 2> ends{};
};

// in_child runs `work` in a forked process and gives its exit status.
template <typename Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Thief is a process of another user that tries to bind an address without pause.
class Thief {
 public:
  explicit Thief(const Address& local) {
    child_ = ::fork();
    if (child_ == 0) {
      drop_inherited();
      ::_exit(::setuid(kOtherUser) == 0 ? steal(local) : 2);
    }
    char started = 0;
    EXPECT_EQ(::read(started_.ends[0], &started, 1), 1);
  }
  ~Thief() {
    if (child_ > 0) static_cast<void>(join());
  }
  Thief(const Thief&) = delete;
  Thief& operator=(const Thief&) = delete;

  // has_won stops it: true if it was ever bound.
  bool has_won() {
    const int status = join();
    EXPECT_TRUE(status == 0 || status == 1) << status;
    return status != 0;
  }

 private:
  // A copy of the server's descriptor would keep its socket open after a rebind.
  void drop_inherited() {
    constexpr int kMost = 256;
    for (int fd = 3; fd < kMost; ++fd) {
      if (fd != stop_.ends[0] && fd != started_.ends[1]) ::close(fd);
    }
  }

  int steal(const Address& local) {
    bool won = foreign_bind_succeeds_somehow(local);
    static_cast<void>(::write(started_.ends[1], "s", 1));
    pollfd stop{.fd = stop_.ends[0], .events = POLLIN, .revents = 0};
    while (::poll(&stop, 1, 0) == 0) {
      for (int i = 0; i < 16; ++i)
        won |= foreign_bind(local, true, true) == 0;
    }
    return won ? 1 : 0;
  }

  int join() {
    static_cast<void>(::write(stop_.ends[1], "x", 1));
    int status = 0;
    ::waitpid(std::exchange(child_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  Pipe stop_;
  Pipe started_;
  pid_t child_ = -1;
};

// PeerPlace is where a server is bound, and where its peers reach it.
struct PeerPlace {
  std::string_view bound;
  std::string_view reached;
};

class PortOwner : public ::testing::TestWithParam<PeerPlace> {
 protected:
  void SetUp() override {
    if (address(GetParam().bound).family == Address::Family::kIpv6 && !has_ipv6()) {
      GTEST_SKIP() << "this system has no IPv6";
    }
    server_ = must(UdpSocket::bind(address(GetParam().bound)));
    bound_ = must(server_.local_address());
    reached_ = address(GetParam().reached, bound_.port);
  }

  [[nodiscard]] UdpSocket own_socket(std::uint16_t peer_port) {
    return must(
        UdpSocket::bind_and_connect(server_, reached_, address(GetParam().reached, peer_port)));
  }

  std::vector<UdpSocket> own_sockets(std::uint16_t count) {
    std::vector<UdpSocket> sockets;
    for (std::uint16_t i = 0; i < count; ++i)
      sockets.push_back(own_socket(static_cast<std::uint16_t>(9 + i)));
    return sockets;
  }

  UdpSocket server_;
  Address bound_;
  Address reached_;
};

class PortOwnerAsRoot : public PortOwner {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be two users";
    PortOwner::SetUp();
  }
};

TEST_P(PortOwnerAsRoot, another_user_never_binds_while_connections_get_their_sockets) {
  for (const Address& wanted : {bound_, reached_}) {
    Thief thief(wanted);
    for (int i = 0; i < 3000; ++i)
      static_cast<void>(own_socket(9));
    EXPECT_FALSE(thief.has_won()) << wanted.text();
  }
}

TEST_P(PortOwnerAsRoot, another_user_never_binds_while_the_server_is_bound_anew) {
  if (bound_.family == Address::Family::kIpv4) GTEST_SKIP() << "IPv4 sockets are not bound anew";
  const auto connected = own_sockets(12);
  Thief thief(bound_);
  for (int i = 0; i < 1000; ++i)
    must(server_.rebind(bound_.is_wildcard() && i % 2 != 0));
  EXPECT_FALSE(thief.has_won());
}

TEST_P(PortOwnerAsRoot, another_user_does_not_get_the_address_of_connected_sockets) {
  for (const std::uint16_t count : kFewAndMany) {
    const auto connected = own_sockets(count);
    server_.close();
    EXPECT_EQ(in_child([this] {
                if (::setuid(kOtherUser) != 0) return 2;
                return foreign_bind_succeeds_somehow(reached_) ? 1 : 0;
              }),
              0);
    server_ = must(UdpSocket::bind(bound_));
  }
}

TEST_P(PortOwnerAsRoot, a_program_that_gave_up_its_privileges_still_splits_the_servers_socket) {
  EXPECT_EQ(in_child([this] {
              if (::setuid(kOtherUser) != 0) return 2;
              const auto first = UdpSocket::bind_and_connect(server_, reached_, reached_);
              if (!first) return 3;
              const auto second = UdpSocket::bind_and_connect(server_, reached_, reached_);
              if (!second) return 4;
              return foreign_bind(bound_, true, false) == EADDRINUSE ? 0 : 5;
            }),
            0);
  // In the other direction the socket is given to the server's user, and others stay out.
  EXPECT_EQ(in_child([this] {
              if (::seteuid(kOtherUser) != 0) return 2;
              auto theirs = UdpSocket::bind(address(GetParam().bound));
              if (!theirs || ::seteuid(0) != 0) return 3;
              Address there = reached_;
              there.port = theirs->local_address()->port;
              const auto own = UdpSocket::bind_and_connect(*theirs, there, reached_);
              if (!own) return 4;
              return foreign_bind_succeeds_somehow(there) ? 5 : 0;
            }),
            0);
}

TEST_P(PortOwner, a_server_is_bound_where_a_closed_ones_connections_are_left) {
  for (const std::uint16_t count : kFewAndMany) {
    auto connected = own_sockets(count);
    server_.close();
    server_ = must(UdpSocket::bind(bound_));
    // Each peer's datagrams reach its socket, those of others the new server.
    UdpSocket stranger = must(UdpSocket::bind(address(GetParam().reached)));
    for (int i = 0; i < 50; ++i) {
      must(stranger.send_to(bytes("new"), reached_, std::nullopt));
      ASSERT_EQ(receive_now(server_).size(), 1U);
    }
    const Address peer = must(stranger.local_address());
    UdpSocket own = own_socket(peer.port);
    must(stranger.send_to(bytes("mine"), reached_, std::nullopt));
    EXPECT_EQ(texts(receive_now(own)), std::vector<std::string>{"mine"});
  }
}

TEST_P(PortOwner, a_third_server_is_refused_whatever_connections_are_left) {
  for (const std::uint16_t count : kFewAndMany) {
    const auto older = own_sockets(count);
    server_.close();
    server_ = must(UdpSocket::bind(bound_));
    EXPECT_EQ(UdpSocket::bind(bound_).error().sys_errno, EADDRINUSE);
    EXPECT_EQ(UdpSocket::bind(reached_).error().sys_errno, EADDRINUSE);
    const auto newer = own_sockets(count);
    EXPECT_EQ(UdpSocket::bind(bound_).error().sys_errno, EADDRINUSE);
    EXPECT_EQ(UdpSocket::bind(reached_).error().sys_errno, EADDRINUSE);
  }
}

TEST_P(PortOwner, datagrams_of_strangers_are_all_received_while_sockets_are_made) {
  std::vector<UdpSocket> strangers;
  for (int i = 0; i < 8; ++i)
    strangers.push_back(must(UdpSocket::bind(address(GetParam().reached))));
  // No more at once than a receive buffer holds.
  constexpr int kRounds = 100;
  constexpr std::size_t kDatagramsEach = 8;
  Pipe go;
  const pid_t sender = ::fork();
  if (sender == 0) {
    ::close(go.ends[1]);  // so that it ends with the test
    char round = 0;
    for (int i = 0; i < kRounds && ::read(go.ends[0], &round, 1) == 1; ++i) {
      for (std::size_t j = 0; j < kDatagramsEach; ++j) {
        for (UdpSocket& each : strangers)
          static_cast<void>(each.send_to(bytes("stranger"), reached_, std::nullopt));
      }
    }
    ::_exit(0);
  }
  const std::size_t round_size = kDatagramsEach * strangers.size();
  std::size_t received = 0;
  std::size_t strays = 0;
  for (std::size_t round = 1; round <= kRounds; ++round) {
    ASSERT_EQ(::write(go.ends[1], "g", 1), 1);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    // A stray may be on its way into a socket while that is connected, so each is read again.
    std::vector<UdpSocket> own;
    constexpr std::size_t kMostAtOnce = 64;
    while (received + strays < round * round_size && std::chrono::steady_clock::now() < give_up) {
      if (own.size() < kMostAtOnce) own.push_back(own_socket(9));
      for (UdpSocket& each : own)
        strays += receive_now(each).size();
      received += receive_now(server_).size();
    }
    ASSERT_EQ(received + strays, round * round_size);
  }
  ::waitpid(sender, nullptr, 0);
  RecordProperty("strays", static_cast<int>(strays));
}

std::string name_of_place(const ::testing::TestParamInfo<PeerPlace>& place) {
  const Address bound = address(place.param.bound);
  const Address reached = address(place.param.reached);
  const auto family = [](const Address& of) {
    return std::string(of.family == Address::Family::kIpv4 ? "ipv4" : "ipv6");
  };
  return family(bound) + (bound.is_wildcard() ? "_wildcard" : "") + "_reached_by_" +
         family(reached);
}

const auto kPlaces =
    ::testing::Values(PeerPlace{"127.0.0.1", "127.0.0.1"}, PeerPlace{"0.0.0.0", "127.0.0.1"},
                      PeerPlace{"::1", "::1"}, PeerPlace{"::", "::1"});
INSTANTIATE_TEST_SUITE_P(Places, PortOwner, kPlaces, name_of_place);
INSTANTIATE_TEST_SUITE_P(Places, PortOwnerAsRoot, kPlaces, name_of_place);

}  // namespace
}  // namespace dtls::net
