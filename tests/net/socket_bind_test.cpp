// Binding, and a second socket on the same address for one peer.
#include <cerrno>

#include "socket_support.hpp"

namespace dtls::net {
namespace {

using Texts = std::vector<std::string>;

// foreign_bind is another program's attempt on the address: its errno, 0 if it got the port.
int foreign_bind(const Address& local, bool reuse) {
  const UdpSocket socket(
      ::socket(local.family == Address::Family::kIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0));
  const int on = reuse ? 1 : 0;
  ::setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const SocketAddress system = to_sockaddr(local);
  return ::bind(socket.descriptor(), system.get(), system.length) == 0 ? 0 : errno;
}

void expect_port_taken(const Address& local) {
  EXPECT_EQ(foreign_bind(local, false), EADDRINUSE);
  EXPECT_EQ(foreign_bind(local, true), EADDRINUSE);
}

TEST(UdpBind, a_port_in_use_is_refused_with_a_sentence) {
  UdpSocket first = must(UdpSocket::bind(address("127.0.0.1")));
  const Address taken = must(first.local_address());
  const auto second = UdpSocket::bind(taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_EQ(second.error().kind, ErrorKind::kSystem);
  EXPECT_EQ(second.error().message,
            "cannot bind " + taken.text() +
                ": the address is already in use; stop the other program or choose another port");
}

TEST(UdpBind, an_address_of_another_host_is_refused) {
  const auto socket = UdpSocket::bind(address("192.0.2.200", 5684));
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().sys_errno, EADDRNOTAVAIL);
  EXPECT_NE(socket.error().message.find("192.0.2.200:5684"), std::string::npos);
}

TEST(UdpBind, a_link_local_address_without_its_interface_is_misuse) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  const auto socket = UdpSocket::bind(address("fe80::1"));
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().sys_errno, EINVAL);
  EXPECT_EQ(socket.error().kind, ErrorKind::kMisuse);
  EXPECT_NE(socket.error().message.find("fe80::1%"), std::string::npos);
}

TEST(UdpBind, ipv6_only_leaves_the_port_to_ipv4) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  // A port that nobody on this system has for IPv4.
  UdpSocket four = must(UdpSocket::bind(address("0.0.0.0")));
  const auto port = must(four.local_address()).port;
  four.close();
  UdpSocket six = must(UdpSocket::bind(address("::", port), true));
  EXPECT_EQ(foreign_bind(address("0.0.0.0", port), false), 0);
}

// A server on `bound`, whose clients come from `client` and write to `reached`.
struct Place {
  std::string_view bound;
  std::string_view reached;
  std::string_view client;
};

class BindAndConnect : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (address(GetParam().bound).family == Address::Family::kIpv6 && !has_ipv6()) {
      GTEST_SKIP() << "this system has no IPv6";
    }
    shared_ = must(UdpSocket::bind(address(GetParam().bound)));
    bound_ = must(shared_.local_address());
    reached_ = address(GetParam().reached, bound_.port);
  }

  // new_client has its first datagram received by the shared socket: peer and local as it told.
  UdpSocket new_client(Received& hello) {
    UdpSocket client = must(UdpSocket::bind(address(GetParam().client)));
    must(client.send_to(bytes("hello"), reached_, std::nullopt));
    auto received = receive_now(shared_);
    EXPECT_EQ(received.size(), 1U);
    hello = received.at(0);
    return client;
  }

  UdpSocket shared_;
  Address bound_;
  Address reached_;
};

TEST_P(BindAndConnect, the_peers_datagrams_reach_its_socket_and_those_of_others_the_shared_one) {
  Received first_hello;
  Received second_hello;
  UdpSocket first = new_client(first_hello);
  UdpSocket second = new_client(second_hello);
  UdpSocket for_first =
      must(UdpSocket::bind_and_connect(shared_, *first_hello.local, first_hello.peer));
  must(first.send_to(bytes("one"), reached_, std::nullopt));
  must(second.send_to(bytes("two"), reached_, std::nullopt));
  EXPECT_EQ(texts(receive_now(for_first)), Texts{"one"});
  EXPECT_EQ(texts(receive_now(shared_)), Texts{"two"});

  UdpSocket for_second =
      must(UdpSocket::bind_and_connect(shared_, *second_hello.local, second_hello.peer));
  Received third_hello;
  UdpSocket third = new_client(third_hello);
  must(first.send_to(bytes("one"), reached_, std::nullopt));
  must(second.send_to(bytes("two"), reached_, std::nullopt));
  EXPECT_EQ(texts(receive_now(for_first)), Texts{"one"});
  EXPECT_EQ(texts(receive_now(for_second)), Texts{"two"});
  EXPECT_TRUE(receive_now(shared_).empty());
}

TEST_P(BindAndConnect, its_answers_come_from_the_address_that_was_asked) {
  Received hello;
  UdpSocket client = new_client(hello);
  UdpSocket own = must(UdpSocket::bind_and_connect(shared_, *hello.local, hello.peer));
  must(own.send(bytes("answer")));
  const auto received = receive_now(client);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].peer, reached_);
}

TEST_P(BindAndConnect, no_other_program_can_take_the_port_before_or_after) {
  expect_port_taken(bound_);
  expect_port_taken(reached_);
  Received hello;
  UdpSocket client = new_client(hello);
  UdpSocket own = must(UdpSocket::bind_and_connect(shared_, *hello.local, hello.peer));
  expect_port_taken(bound_);
  expect_port_taken(reached_);
  own.close();
  expect_port_taken(bound_);
  expect_port_taken(reached_);
}

TEST_P(BindAndConnect, a_failure_leaves_the_port_protected) {
  const auto failure = UdpSocket::bind_and_connect(shared_, address("192.0.2.200", bound_.port),
                                                   address("127.0.0.1", 9));
  ASSERT_FALSE(failure);
  EXPECT_NE(failure.error().message.find("192.0.2.200"), std::string::npos);
  expect_port_taken(bound_);
}

TEST_P(BindAndConnect, an_unknown_local_address_means_that_of_the_shared_socket) {
  Received hello;
  UdpSocket client = new_client(hello);
  const Address wildcard = address(bound_.family == Address::Family::kIpv4 ? "0.0.0.0" : "::");
  UdpSocket own = must(UdpSocket::bind_and_connect(shared_, wildcard, hello.peer));
  EXPECT_EQ(must(own.local_address()).port, bound_.port);
  must(client.send_to(bytes("again"), reached_, std::nullopt));
  EXPECT_EQ(texts(receive_now(own)), Texts{"again"});
  expect_port_taken(bound_);
}

std::string name_of(const ::testing::TestParamInfo<Place>& place) {
  const auto family = [](std::string_view host) {
    return std::string(address(host).family == Address::Family::kIpv4 ? "ipv4" : "ipv6");
  };
  const bool wildcard = address(place.param.bound).is_wildcard();
  return family(place.param.bound) + (wildcard ? "_wildcard" : "") + "_reached_by_" +
         family(place.param.reached);
}

INSTANTIATE_TEST_SUITE_P(Places, BindAndConnect,
                         ::testing::Values(Place{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
                                           Place{"0.0.0.0", "127.0.0.1", "127.0.0.1"},
                                           Place{"::1", "::1", "::1"}, Place{"::", "::1", "::1"},
                                           Place{"::", "127.0.0.1", "127.0.0.1"}),
                         name_of);

}  // namespace
}  // namespace dtls::net
