// Batches out.
#include <netinet/udp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

#include "net/transmit_batch.hpp"
#include "socket_support.hpp"

namespace {

// Loopback takes whatever is sent, so that a full send buffer has to be made up: this program's
// functions take the place of the C library's, and count the messages.
struct Kernel {
  int room = INT_MAX;  // for messages, until the send buffer is full
  int single_calls = 0;
  int multiple_calls = 0;
  int messages = 0;
};
thread_local Kernel kernel;  // other tests have threads that send

}  // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  ++kernel.single_calls;
  if (kernel.room == 0) {
    errno = EAGAIN;
    return -1;
  }
  const auto sent = ::syscall(SYS_sendmsg, fd, message, flags);
  if (sent >= 0) {
    --kernel.room;
    ++kernel.messages;
  }
  return sent;
}

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  ++kernel.multiple_calls;
  if (kernel.room == 0) {
    errno = EAGAIN;
    return -1;
  }
  const unsigned most = std::min(count, static_cast<unsigned>(kernel.room));
  const auto sent = static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, most, flags));
  if (sent > 0) {
    kernel.room -= sent;
    kernel.messages += sent;
  }
  return sent;
}

namespace dtls::net {
namespace {

using Texts = std::vector<std::string>;

class UdpFlush : public ::testing::Test {
 protected:
  UdpFlush() { kernel = {}; }
  ~UdpFlush() override { kernel = {}; }

  void add(const Path* path, std::string_view datagram) {
    const auto room = batch_.room(datagram.size());
    ASSERT_EQ(room.size(), datagram.size());
    std::memcpy(room.data(), datagram.data(), datagram.size());
    batch_.commit(path, datagram.size());
  }

  // add_numbered adds datagrams of `size` bytes that begin with their number.
  Texts add_numbered(const Path* path, int count, std::size_t size, int from = 0) {
    Texts added;
    for (int i = from; i < from + count; ++i) {
      std::string datagram = std::to_string(i);
      datagram.resize(std::max(size, datagram.size()), '.');
      add(path, datagram);
      added.push_back(std::move(datagram));
    }
    return added;
  }

  // next_message is what the kernel has as one: the size of its segments, and its bytes.
  struct Message {
    int segment = 0;
    std::size_t size = 0;
  };
  static Message next_message(const UdpSocket& socket) {
    std::vector<char> bytes(65'536);
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket.descriptor(), &header, MSG_DONTWAIT);
    EXPECT_GE(size, 0);
    Message result{0, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
         each = CMSG_NXTHDR(&header, each)) {
      if (each->cmsg_level != SOL_UDP || each->cmsg_type != UDP_GRO) continue;
      std::memcpy(&result.segment, CMSG_DATA(each), sizeof result.segment);
    }
    return result;
  }

  static bool can_segment(const UdpSocket& socket) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(socket.descriptor(), SOL_UDP, UDP_SEGMENT, &value, &size) == 0;
  }

  static void set_no_checksums(const UdpSocket& socket, int value) {
    ASSERT_EQ(::setsockopt(socket.descriptor(), SOL_SOCKET, SO_NO_CHECK, &value, sizeof value), 0);
  }

  static Path to(const UdpSocket& socket, const char* local = "0.0.0.0") {
    return {address(local), must(socket.local_address())};
  }

  TransmitBatch batch_;
  UdpSocket receiver_ = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket sender_ = must(UdpSocket::bind(address("0.0.0.0")));
  UdpSocket connected_ = must(UdpSocket::connect(must(receiver_.local_address())));
};

TEST_F(UdpFlush, an_empty_batch_makes_no_system_call) {
  must(sender_.flush(batch_));
  EXPECT_EQ(kernel.single_calls + kernel.multiple_calls, 0);
}

TEST_F(UdpFlush, a_run_is_one_message_of_one_system_call) {
  if (!can_segment(connected_)) GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  const Path path = to(receiver_);
  for (const bool is_connected : {true, false}) {
    kernel = {};
    add_numbered(is_connected ? nullptr : &path, 50, 100);
    must((is_connected ? connected_ : sender_).flush(batch_));
    EXPECT_TRUE(batch_.empty());
    EXPECT_EQ(kernel.single_calls, 1);
    EXPECT_EQ(kernel.multiple_calls, 0);
    const auto message = next_message(receiver_);
    EXPECT_EQ(message.segment, 100);
    EXPECT_EQ(message.size, 5000U);
  }
}

TEST_F(UdpFlush, runs_of_many_peers_are_one_system_call_and_each_peer_gets_its_own_in_order) {
  constexpr int kPeers = 20;
  std::vector<UdpSocket> peers;
  std::vector<Texts> sent(kPeers);
  for (int i = 0; i < kPeers; ++i)
    peers.push_back(must(UdpSocket::bind(address("127.0.0.1"))));
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < kPeers; ++i) {
      const Path path = to(peers[i], "127.0.0.3");
      for (auto& each : add_numbered(&path, 2, 10 + i, round * 2))
        sent[i].push_back(each);
    }
  }
  must(sender_.flush(batch_));
  EXPECT_EQ(kernel.multiple_calls, 1);
  EXPECT_EQ(kernel.single_calls, 0);
  for (std::size_t i = 0; i < kPeers; ++i) {
    const auto received = receive_now(peers[i]);
    EXPECT_EQ(texts(received), sent[i]);
    for (const Received& each : received)
      EXPECT_EQ(each.peer.host(), "127.0.0.3");
  }
}

TEST_F(UdpFlush, more_runs_than_a_system_call_takes_arrive_in_order) {
  const Path path = to(receiver_);
  Texts sent;
  for (int i = 0; i < 150; ++i) {
    for (auto& each : add_numbered(&path, 1, 4 + static_cast<std::size_t>(i), i))
      sent.push_back(each);
  }
  must(sender_.flush(batch_));
  EXPECT_EQ(texts(receive_now(receiver_)), sent);
  EXPECT_EQ(kernel.multiple_calls, 3);
}

TEST_F(UdpFlush, sizes_that_change_arrive_in_order_on_a_connected_socket) {
  Texts sent;
  for (const std::size_t size : {100U, 100U, 7U, 200U, 200U, 200U, 1U, 18432U, 18432U, 18432U}) {
    const int number = static_cast<int>(sent.size());
    for (auto& each : add_numbered(nullptr, 1, size, number))
      sent.push_back(each);
  }
  must(connected_.flush(batch_));
  EXPECT_EQ(texts(receive_now(receiver_)), sent);
}

TEST_F(UdpFlush, ipv6_takes_the_longest_run_from_the_address_that_was_asked) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket receiver = must(UdpSocket::bind(address("::1")));
  UdpSocket sender = must(UdpSocket::bind(address("::")));
  const Path path{address("::1"), must(receiver.local_address())};
  auto sent = add_numbered(&path, 1, 32'744);
  for (auto& each : add_numbered(&path, 1, 32'743, 1))
    sent.push_back(each);
  ASSERT_EQ(batch_.runs().size(), 1U);
  must(sender.flush(batch_));
  EXPECT_EQ(kernel.messages, can_segment(sender) ? 1 : 2);
  const auto received = receive_now(receiver);
  EXPECT_EQ(texts(received), sent);
  EXPECT_EQ(received.at(0).peer.host(), "::1");
}

TEST_F(UdpFlush, an_ipv4_mapped_peer_of_a_socket_for_both_families_gets_a_run) {
  if (!has_ipv6()) GTEST_SKIP() << "this system has no IPv6";
  UdpSocket sender = must(UdpSocket::bind(address("::"), false));
  const Path path{address("::ffff:127.0.0.2"),
                  address("::ffff:127.0.0.1", must(receiver_.local_address()).port)};
  const auto sent = add_numbered(&path, 5, 50);
  must(sender.flush(batch_));
  const auto received = receive_now(receiver_);
  EXPECT_EQ(texts(received), sent);
  EXPECT_EQ(received.at(0).peer.host(), "127.0.0.2");
}

TEST_F(UdpFlush, a_socket_that_may_not_segment_sends_single_datagrams_and_tries_no_more) {
  set_no_checksums(sender_, 1);  // the kernel segments only with checksums
  const Path path = to(receiver_);
  const auto sent = add_numbered(&path, 10, 100);
  must(sender_.flush(batch_));
  EXPECT_EQ(texts(receive_now(receiver_)), sent);

  set_no_checksums(sender_, 0);
  kernel = {};
  const auto later = add_numbered(&path, 10, 100);
  must(sender_.flush(batch_));
  EXPECT_EQ(kernel.multiple_calls, 1);
  EXPECT_EQ(kernel.messages, 10);
  EXPECT_EQ(texts(receive_now(receiver_)), later);
}

TEST_F(UdpFlush, a_connected_socket_that_may_not_segment_sends_single_datagrams) {
  set_no_checksums(connected_, 1);
  for (int twice = 0; twice < 2; ++twice) {
    const auto sent = add_numbered(nullptr, 10, 100);
    must(connected_.flush(batch_));
    EXPECT_EQ(texts(receive_now(receiver_)), sent);
  }
}

TEST_F(UdpFlush, segments_that_are_refused_for_their_size_leave_smaller_ones_possible) {
  if (!can_segment(sender_)) GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  const Path path = to(receiver_);
  set_no_checksums(sender_, 1);
  const auto sent = add_numbered(&path, 3, 1233);
  must(sender_.flush(batch_));
  EXPECT_EQ(texts(receive_now(receiver_)), sent);

  set_no_checksums(sender_, 0);
  for (const std::size_t size : {1233U, 1232U}) {
    kernel = {};
    add_numbered(&path, 3, size);
    must(sender_.flush(batch_));
    EXPECT_EQ(kernel.messages, size == 1232 ? 1 : 3);
  }
}

TEST_F(UdpFlush, a_source_address_that_is_missing_is_no_reason_to_stop_segmenting) {
  if (!can_segment(sender_)) GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  const Path strange = to(receiver_, "192.0.2.200");
  add_numbered(&strange, 3, 100);
  const auto failure = sender_.flush(batch_);
  ASSERT_FALSE(failure);
  EXPECT_NE(failure.error().message.find("from 192.0.2.200"), std::string::npos);
  EXPECT_TRUE(batch_.empty());
  const Path path = to(receiver_);
  kernel = {};
  add_numbered(&path, 3, 100);
  must(sender_.flush(batch_));
  EXPECT_EQ(kernel.messages, 1);
}

TEST_F(UdpFlush, a_failure_drops_its_own_run_only_and_the_first_one_is_told) {
  const Path path = to(receiver_);
  const Path strange = to(receiver_, "192.0.2.200");
  const Path stranger = to(receiver_, "192.0.2.201");
  Texts sent = add_numbered(&path, 2, 100);
  add_numbered(&strange, 2, 100);
  for (auto& each : add_numbered(&path, 2, 100, 2))
    sent.push_back(each);
  add_numbered(&stranger, 2, 100);
  for (auto& each : add_numbered(&path, 2, 100, 4))
    sent.push_back(each);
  const auto failure = sender_.flush(batch_);
  ASSERT_FALSE(failure);
  EXPECT_NE(failure.error().message.find("192.0.2.200"), std::string::npos);
  EXPECT_NE(failure.error().message.find("100 bytes"), std::string::npos);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(texts(receive_now(receiver_)), sent);
}

TEST_F(UdpFlush, a_full_send_buffer_keeps_the_rest_in_order_and_loses_nothing) {
  UdpSocket other = must(UdpSocket::bind(address("127.0.0.1")));
  const std::array<Path, 2> paths{to(receiver_), to(other)};
  const std::array<UdpSocket*, 2> sockets{&receiver_, &other};
  std::array<Texts, 2> sent;
  std::array<Texts, 2> received;
  const auto take = [&] {
    for (std::size_t i = 0; i < 2; ++i) {
      for (auto& each : texts(receive_now(*sockets[i])))
        received[i].push_back(each);
    }
  };
  for (int i = 0; i < 100; ++i) {
    const std::size_t which = static_cast<std::size_t>(i) % 2;
    for (auto& each : add_numbered(&paths[which], 3, 50 + which, i * 3))
      sent[which].push_back(each);
  }
  for (const int room : {0, 1, 7, 64, 20}) {
    kernel.room = room;
    const auto failure = sender_.flush(batch_);
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().sys_errno, EAGAIN);
    EXPECT_FALSE(batch_.empty());
    take();
    // What is added meanwhile comes behind what waits.
    for (auto& each : add_numbered(paths.data(), 1, 10, 1000 + room))
      sent[0].push_back(each);
  }
  kernel.room = INT_MAX;
  must(sender_.flush(batch_));
  take();
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(received, sent);
}

TEST_F(UdpFlush, a_send_buffer_that_is_full_within_a_run_of_single_datagrams_loses_nothing) {
  set_no_checksums(sender_, 1);
  set_no_checksums(connected_, 1);
  const Path path = to(receiver_);
  for (const bool is_connected : {true, false}) {
    UdpSocket& sender = is_connected ? connected_ : sender_;
    const auto sent = add_numbered(is_connected ? nullptr : &path, 20, 30);
    for (int i = 0; i < 3; ++i) {
      kernel.room = 3;
      EXPECT_EQ(sender.flush(batch_).error().sys_errno, EAGAIN);
    }
    kernel.room = INT_MAX;
    must(sender.flush(batch_));
    EXPECT_EQ(texts(receive_now(receiver_)), sent);
  }
}

TEST_F(UdpFlush, an_icmp_error_is_told_and_costs_no_datagram) {
  UdpSocket first = must(UdpSocket::bind(address("127.0.0.1")));
  const Address place = must(first.local_address());
  UdpSocket client = must(UdpSocket::connect(place));
  first.close();
  must(client.send(bytes("nobody listens")));
  UdpSocket second = must(UdpSocket::bind(place));
  const auto sent = add_numbered(nullptr, 5, 100);
  const auto failure = client.flush(batch_);
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().sys_errno, ECONNREFUSED);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(texts(receive_now(second)), sent);
}

TEST_F(UdpFlush, an_icmp_error_between_two_runs_is_told) {
  UdpSocket nobody = must(UdpSocket::bind(address("127.0.0.1")));
  UdpSocket client = must(UdpSocket::connect(must(nobody.local_address())));
  nobody.close();
  for (const std::size_t size : {10U, 20U, 30U})
    add_numbered(nullptr, 2, size);
  EXPECT_EQ(client.flush(batch_).error().sys_errno, ECONNREFUSED);
  EXPECT_TRUE(batch_.empty());
}

TEST_F(UdpFlush, a_closed_socket_drops_the_batch_with_EBADF) {
  UdpSocket closed;
  const Path path = to(receiver_);
  add_numbered(&path, 3, 10);
  add_numbered(nullptr, 3, 10);
  EXPECT_EQ(closed.flush(batch_).error().sys_errno, EBADF);
  EXPECT_TRUE(batch_.empty());
}

TEST_F(UdpFlush, one_batch_serves_sockets_in_turn) {
  const Path path = to(receiver_);
  auto sent = add_numbered(&path, 3, 10);
  must(sender_.flush(batch_));
  for (auto& each : add_numbered(nullptr, 3, 10, 3))
    sent.push_back(each);
  must(connected_.flush(batch_));
  EXPECT_EQ(texts(receive_now(receiver_)), sent);
}

}  // namespace
}  // namespace dtls::net
