// Socket options.
#include <cerrno>

#include "socket_support.hpp"

namespace dtls::net {
namespace {

using Buffer = UdpSocket::Buffer;

int option(const UdpSocket& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(socket.descriptor(), level, name, &value, &size), 0);
  return value;
}

TEST(UdpOptions, the_ttl_is_set_for_ipv4) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  must(socket.set_ttl(7));
  EXPECT_EQ(option(socket, IPPROTO_IP, IP_TTL), 7);
}

TEST(UdpOptions, the_ttl_is_set_for_both_families_of_a_socket_for_both) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket socket = must(UdpSocket::bind(address("::"), false));
  must(socket.set_ttl(255));
  EXPECT_EQ(option(socket, IPPROTO_IP, IP_TTL), 255);
  EXPECT_EQ(option(socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 255);
}

// Where ICMP is filtered, what a path cannot carry with DF is lost every time.
TEST(UdpOptions, datagrams_carry_no_df_however_the_socket_was_made) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  UdpSocket own = must(UdpSocket::bind_and_connect(server, must(server.local_address()),
                                                   must(client.local_address())));
  const int foreign = ::socket(AF_INET, SOCK_DGRAM, 0);
  const auto peer = to_sockaddr(must(server.local_address()));
  ASSERT_EQ(::connect(foreign, peer.get(), peer.length), 0);
  UdpSocket adopted = must(UdpSocket::adopt(foreign));
  for (const UdpSocket* socket : {&server, &client, &own, &adopted})
    EXPECT_EQ(option(*socket, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
}

TEST(UdpOptions, datagrams_of_a_socket_for_both_families_carry_no_df) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket server = must(UdpSocket::bind(address("::"), false));
  const auto expect_cut = [](const UdpSocket& socket) {
    EXPECT_EQ(option(socket, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
    // Not OMIT: IPv6 routers cut nothing, so their ICMPv6 messages must count.
    EXPECT_EQ(option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_DONT);
  };
  expect_cut(server);
  must(server.rebind(true));
  expect_cut(server);
  const int foreign = ::socket(AF_INET6, SOCK_DGRAM, 0);
  const auto peer = to_sockaddr(address("::1", must(server.local_address()).port));
  ASSERT_EQ(::connect(foreign, peer.get(), peer.length), 0);
  expect_cut(must(UdpSocket::adopt(foreign)));
}

TEST(UdpOptions, a_ttl_out_of_bounds_is_misuse) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  for (const int ttl : {-1, 256}) {
    const auto failure = socket.set_ttl(ttl);
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().sys_errno, EINVAL);
    EXPECT_NE(failure.error().message.find(std::to_string(ttl)), std::string::npos);
  }
}

TEST(UdpOptions, a_ttl_of_zero_is_refused_for_ipv4_and_allowed_for_ipv6) {
  UdpSocket four = must(UdpSocket::bind(address("127.0.0.1")));
  EXPECT_EQ(four.set_ttl(0).error().sys_errno, EINVAL);
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket six = must(UdpSocket::bind(address("::1")));
  EXPECT_TRUE(six.set_ttl(0));
}

TEST(UdpOptions, ipv6_only_cannot_change_once_bound) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket socket = must(UdpSocket::bind(address("::"), false));
  must(socket.set_ipv6_only(false));
  const auto failure = socket.set_ipv6_only(true);
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().sys_errno, EINVAL);
  EXPECT_NE(failure.error().message.find("bound already"), std::string::npos);
  EXPECT_EQ(option(socket, IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

TEST(UdpOptions, ipv6_only_can_change_while_unbound) {
  UdpSocket socket(::socket(AF_INET6, SOCK_DGRAM, 0));
  if (socket.descriptor() < 0) GTEST_SKIP() << "this system has no IPv6";
  must(socket.set_ipv6_only(true));
  EXPECT_EQ(option(socket, IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

TEST(UdpOptions, ipv6_only_on_an_ipv4_socket_is_misuse) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  const auto failure = socket.set_ipv6_only(true);
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().kind, ErrorKind::kMisuse);
  EXPECT_EQ(failure.error().sys_errno, EINVAL);
}

TEST(UdpOptions, a_socket_bound_to_loopback_still_hears_loopback) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  const auto bound = server.bind_to_device("lo");
  if (!bound && bound.error().sys_errno == EPERM) GTEST_SKIP() << "needs CAP_NET_RAW here";
  must(bound);
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  must(client.send(bytes("x")));
  EXPECT_EQ(receive_now(server).size(), 1U);

  UdpSocket own = must(UdpSocket::bind_and_connect(server, must(server.local_address()),
                                                   must(client.local_address())));
  std::array<char, 16> device{};
  socklen_t size = device.size();
  ASSERT_EQ(::getsockopt(own.descriptor(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), &size), 0);
  EXPECT_STREQ(device.data(), "lo");
}

TEST(UdpOptions, an_empty_device_name_means_all) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  EXPECT_TRUE(socket.bind_to_device(""));
}

TEST(UdpOptions, an_unknown_device_is_refused_by_name) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  for (const std::string& name :
       {std::string("no-such-if"), std::string(40, 'l'), std::string("lo\0x", 4)}) {
    const auto failure = socket.bind_to_device(name);
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().sys_errno, ENODEV);
    EXPECT_NE(failure.error().message.find(name), std::string::npos);
  }
}

TEST(UdpOptions, a_buffer_size_reads_back_as_it_was_set) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  for (const Buffer which : {Buffer::kReceive, Buffer::kSend}) {
    must(socket.set_buffer_size(which, 65'536));
    EXPECT_EQ(must(socket.buffer_size(which)), 65'536);
  }
}

TEST(UdpOptions, the_bounds_of_a_buffer_are_allowed_and_what_is_beyond_is_misuse) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  constexpr int kLargest = 16 * 1024 * 1024;
  for (const Buffer which : {Buffer::kReceive, Buffer::kSend}) {
    must(socket.set_buffer_size(which, 1024));
    EXPECT_EQ(must(socket.buffer_size(which)), 1024);
    // More than the system allows is only for privileged programs, and said to the others.
    if (const auto set = socket.set_buffer_size(which, kLargest)) {
      EXPECT_EQ(must(socket.buffer_size(which)), kLargest);
    } else {
      EXPECT_EQ(set.error().sys_errno, EPERM);
      EXPECT_LT(must(socket.buffer_size(which)), kLargest);
    }
    EXPECT_EQ(socket.set_buffer_size(which, 1023).error().sys_errno, EINVAL);
    EXPECT_EQ(socket.set_buffer_size(which, kLargest + 1).error().kind, ErrorKind::kMisuse);
  }
}

}  // namespace
}  // namespace dtls::net
