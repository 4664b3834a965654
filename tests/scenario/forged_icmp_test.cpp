// ICMP messages that anybody can forge: "fragmentation needed" neither ends a client nor loses its
// datagrams (RFC 8085 §5.2, RFC 5927 §7).
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "support/loopback.hpp"

namespace dtls::test {
namespace {

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8U | bytes[i + 1]);
  while (sum > 0xffff)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return htons(static_cast<std::uint16_t>(~sum));
}

class ForgedIcmp : public Loopback {
 protected:
  ForgedIcmp() : raw_(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)) {
    // No timer runs out in these tests: a datagram that an error swallows is not sent again.
    server_config_.first_retransmission = client_config_.first_retransmission = Duration(60'000);
  }
  ~ForgedIcmp() override {
    if (raw_ >= 0) ::close(raw_);
  }
  void SetUp() override {
    if (raw_ < 0) GTEST_SKIP() << "raw sockets need CAP_NET_RAW";
  }

  // forge tells the sender of datagrams from `from` to `to` that they do not fit a path of 68
  // bytes.
  void forge(const Address& from, const Address& to) const {
    struct {
      icmphdr icmp{};
      iphdr ip{};
      udphdr udp{};
    } packet;
    packet.icmp.type = ICMP_DEST_UNREACH;
    packet.icmp.code = ICMP_FRAG_NEEDED;
    packet.icmp.un.frag.mtu = htons(68);
    packet.ip.version = 4;
    packet.ip.ihl = sizeof(iphdr) / 4;
    packet.ip.tot_len = htons(1400);
    packet.ip.ttl = 64;
    packet.ip.protocol = IPPROTO_UDP;
    packet.ip.saddr = packet.ip.daddr = htonl(INADDR_LOOPBACK);
    packet.udp.source = htons(from.port);
    packet.udp.dest = htons(to.port);
    std::array<std::uint8_t, sizeof packet> bytes{};
    std::memcpy(bytes.data(), &packet, sizeof packet);
    packet.icmp.checksum = checksum(bytes);
    sockaddr_in victim{};
    victim.sin_family = AF_INET;
    victim.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::sendto(raw_, &packet, sizeof packet, 0, reinterpret_cast<const sockaddr*>(&victim),
                       sizeof victim),
              static_cast<ssize_t>(sizeof packet));
  }
  void forge(const Connection& victim) const {
    forge(victim.local_address(), victim.peer_address());
  }

 private:
  int raw_;
};

TEST_F(ForgedIcmp, fragmentation_needed_does_not_end_a_client_that_has_heard_nothing) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  forge(client);
  const auto peer = server.accept(kSoon);
  const auto established = client.wait_established(kSoon);
  ASSERT_TRUE(established) << established.error().message;
  EXPECT_EQ(client.take_socket_error(), EMSGSIZE) << "the client was told";
}

TEST_F(ForgedIcmp, fragmentation_needed_before_each_turn_costs_a_handshake_no_datagram) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  std::optional<Connection> peer;
  for (int turns = 0; client.state() == Connection::State::kHandshaking && turns < 1000; ++turns) {
    forge(client);
    loop_.run_once(Duration(10), EventLoop::Scope::kBackground);
    if (auto accepted = server.accept(Duration::zero())) peer = std::move(*accepted);
  }
  EXPECT_EQ(client.state(), Connection::State::kEstablished);
}

TEST_F(ForgedIcmp, fragmentation_needed_takes_no_message_of_either_side) {
  auto server = listen();
  auto [client, peer] = connect(server);
  ASSERT_TRUE(peer.descriptor()) << "a connected socket of its own";
  for (auto* sender : {&client, &peer}) {
    auto& receiver = sender == &client ? peer : client;
    const std::string large(1300, 'x');
    forge(*sender);
    EXPECT_TRUE(sender->send(large)) << "it is sent all the same";
    EXPECT_EQ(receive(receiver), large);
    EXPECT_EQ(sender->take_socket_error(), EMSGSIZE);
    EXPECT_EQ(sender->state(), Connection::State::kEstablished);
  }
}

}  // namespace
}  // namespace dtls::test
