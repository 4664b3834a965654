// Datagrams in and out.
#include <netinet/udp.h>

#include <cerrno>
#include <set>

#include "socket_support.hpp"

namespace dtls::net {
namespace {

using Texts = std::vector<std::string>;

TEST(UdpSocket, a_datagram_comes_with_its_peer_and_the_address_it_was_sent_to) {
  UdpSocket server = must(UdpSocket::bind(address("0.0.0.0")));
  const std::uint16_t port = must(server.local_address()).port;
  UdpSocket client = must(UdpSocket::bind(address("127.0.0.1")));
  must(client.send_to(bytes("hello"), address("127.0.0.2", port), std::nullopt));

  const auto received = receive_now(server);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].text, "hello");
  EXPECT_EQ(received[0].peer, must(client.local_address()));
  EXPECT_EQ(received[0].local, address("127.0.0.2", port));
}

TEST(UdpSocket, an_answer_leaves_from_the_address_that_was_asked) {
  UdpSocket server = must(UdpSocket::bind(address("0.0.0.0")));
  const std::uint16_t port = must(server.local_address()).port;
  UdpSocket client = must(UdpSocket::bind(address("127.0.0.1")));
  const Address client_address = must(client.local_address());
  must(server.send_to(bytes("answer"), client_address, address("127.0.0.3", port)));
  must(server.send_to(bytes("any"), client_address, address("0.0.0.0", port)));

  const auto received = receive_now(client);
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(received[0].peer, address("127.0.0.3", port));
  EXPECT_EQ(received[1].peer, address("127.0.0.1", port));
}

TEST(UdpSocket, ipv6_tells_the_local_address_too) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket server = must(UdpSocket::bind(address("::")));
  const std::uint16_t port = must(server.local_address()).port;
  UdpSocket client = must(UdpSocket::bind(address("::1")));
  must(client.send_to(bytes("six"), address("::1", port), address("::1")));

  const auto received = receive_now(server);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].peer, must(client.local_address()));
  EXPECT_EQ(received[0].local, address("::1", port));
}

TEST(UdpSocket, an_ipv4_peer_of_a_socket_for_both_families_is_ipv4_mapped_both_ways) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket server = must(UdpSocket::bind(address("::"), false));
  const std::uint16_t port = must(server.local_address()).port;
  UdpSocket client = must(UdpSocket::bind(address("127.0.0.1")));
  must(client.send_to(bytes("four"), address("127.0.0.2", port), std::nullopt));

  const auto received = receive_now(server);
  ASSERT_EQ(received.size(), 1U);
  const std::uint16_t client_port = must(client.local_address()).port;
  EXPECT_EQ(received[0].peer, address("::ffff:127.0.0.1", client_port));
  EXPECT_EQ(received[0].local, address("::ffff:127.0.0.2", port));

  must(server.send_to(bytes("back"), received[0].peer, received[0].local));
  const auto answer = receive_now(client);
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].peer, address("127.0.0.2", port));
}

TEST(UdpSocket, many_datagrams_keep_their_order_and_an_empty_one_counts) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  Texts sent;
  for (int i = 0; i < 70; ++i)
    sent.push_back(i == 40 ? "" : std::to_string(i));
  for (const std::string& each : sent)
    must(client.send(bytes(each)));
  EXPECT_EQ(texts(receive_now(server)), sent);
}

TEST(UdpSocket, a_batch_is_bounded_and_the_rest_waits) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  for (int i = 0; i < 40; ++i)
    must(client.send(bytes("x")));
  ReceiveBatch batch;
  EXPECT_EQ(must(server.receive(batch)), 32U);
  EXPECT_EQ(must(server.receive(batch)), 8U);
  EXPECT_EQ(must(server.receive(batch)), 0U);
  EXPECT_TRUE(batch.datagrams().empty());
}

TEST(UdpSocket, the_largest_datagram_arrives_whole) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  const std::string large(65'507, 'L');
  must(client.send(bytes(large)));
  EXPECT_EQ(texts(receive_now(server)), Texts{large});

  const auto failure = client.send(bytes(large + "x"));
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().sys_errno, EMSGSIZE);
  EXPECT_NE(failure.error().message.find("65508 bytes"), std::string::npos);
}

TEST(UdpSocket, a_run_that_the_kernel_joined_is_split_into_its_datagrams) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  const int segment = 4;
  if (::setsockopt(client.descriptor(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
    GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  }
  must(client.send(bytes("aaaabbbbcccc")));
  must(client.send(bytes("ddddeeeef")));
  const auto received = receive_now(server);
  EXPECT_EQ(texts(received), (Texts{"aaaa", "bbbb", "cccc", "dddd", "eeee", "f"}));
  for (const Received& each : received) {
    EXPECT_EQ(each.peer, must(client.local_address()));
    EXPECT_EQ(each.local, must(server.local_address()));
  }
}

TEST(UdpSocket, datagrams_of_a_joined_run_do_not_share_memory) {
  UdpSocket server = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(server.local_address())));
  const int segment = 4;
  if (::setsockopt(client.descriptor(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
    GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  }
  must(client.send(bytes("aaaabbbb")));
  ReceiveBatch batch;
  ASSERT_EQ(must(server.receive(batch)), 2U);
  for (std::byte& byte : batch.datagrams()[0].bytes)
    byte = std::byte{0};
  EXPECT_EQ(text(batch.datagrams()[1].bytes), "bbbb");
}

TEST(UdpSocket, a_refused_datagram_is_told_once) {
  UdpSocket nobody = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(nobody.local_address())));
  nobody.close();
  must(client.send(bytes("hello")));
  ReceiveBatch batch;
  const auto refused = client.receive(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, ECONNREFUSED);
  EXPECT_EQ(refused.error().kind, ErrorKind::kSystem);
  EXPECT_EQ(must(client.receive(batch)), 0U);

  must(client.send(bytes("hello")));
  EXPECT_EQ(client.take_error(), ECONNREFUSED);
  EXPECT_EQ(client.take_error(), 0);
}

TEST(UdpSocket, sending_without_a_route_names_the_peer) {
  UdpSocket socket = must(UdpSocket::bind(address("127.0.0.1")));
  const auto failure =
      socket.send_to(bytes("x"), address("127.0.0.1", 9), address("192.0.2.200", 1));
  ASSERT_FALSE(failure);
  EXPECT_NE(failure.error().message.find("127.0.0.1:9 from 192.0.2.200"), std::string::npos);
}

TEST(UdpSocket, a_closed_socket_fails_with_EBADF) {
  UdpSocket socket;
  ReceiveBatch batch;
  EXPECT_EQ(socket.descriptor(), -1);
  EXPECT_EQ(socket.receive(batch).error().sys_errno, EBADF);
  EXPECT_EQ(socket.send(bytes("x")).error().sys_errno, EBADF);
  EXPECT_EQ(socket.local_address().error().sys_errno, EBADF);
  EXPECT_EQ(socket.set_ttl(1).error().sys_errno, EBADF);
  EXPECT_EQ(socket.buffer_size(UdpSocket::Buffer::kSend).error().sys_errno, EBADF);
  socket.close();
}

TEST(UdpSocket, a_moved_socket_has_one_owner) {
  UdpSocket first = must(UdpSocket::bind(address("127.0.0.1")));
  const int fd = first.descriptor();
  UdpSocket second = std::move(first);
  EXPECT_EQ(second.descriptor(), fd);
  EXPECT_EQ(first.descriptor(), -1);  // NOLINT(bugprone-use-after-move,*-analyzer-cplusplus.Move)
  const UdpSocket third(second.release());
  EXPECT_EQ(second.descriptor(), -1);
  EXPECT_EQ(third.descriptor(), fd);
}

}  // namespace
}  // namespace dtls::net
