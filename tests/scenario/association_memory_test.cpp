// What an established server's association that is idle costs, all included: engine, session, what
// the endpoint knows of the peer and of its address.
#include <gtest/gtest.h>
#include <malloc.h>

#include <array>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "association/inside.hpp"
#include "dtls/session.hpp"
#include "endpoint/endpoint.hpp"
#include "support/certificates.hpp"
#include "support/heap.hpp"

namespace dtls::test {
namespace {

// Guest is an association of the server.
struct Guest {
  void receive(std::span<std::byte> datagram, TimePoint now) {
    session.receive(datagram, now);
    while (session.poll_event()) {
    }
  }
  Session session;
  endpoint::Handle handle;
};

class AssociationMemory : public testing::TestWithParam<Versions> {
 protected:
  static constexpr std::size_t kCount = 100;
  static constexpr std::size_t kBound = 2176;  // of which 130 are for finding whom to evict

  AssociationMemory() {
    ServerConfig server;
    server.identity = authority_.issue();
    server.versions = GetParam();
    ClientConfig client;
    client.ca = authority_.certificate();
    client.server_name = "localhost";
    client.versions = GetParam();
    server_ = std::move(*Context::for_server(server));
    client_ = std::move(*Context::for_client(client));
    endpoint_.emplace(
        std::move(*endpoint::CookieGate::create(std::move(*endpoint::CookieSecrets::generate()),
                                                server_->inside().settings)),
        server.limits, server.handshake_timeout);
  }

  void deliver(Session& client, const Address& from) {
    std::array<std::byte, kMaxDatagram> datagram;
    std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
    while (const std::size_t size = client.poll_transmit(datagram)) {
      const auto bytes = std::span(datagram).first(size);
      const auto routed = endpoint_->receive({{}, from}, bytes, now_, reply);
      if (const auto* answer = std::get_if<endpoint::Endpoint::Reply>(&routed)) {
        take(client, std::span(reply).first(answer->size));
      } else if (std::holds_alternative<endpoint::Endpoint::Opened>(routed)) {
        accept();
      } else if (const auto* to = std::get_if<endpoint::Endpoint::Deliver>(&routed)) {
        ASSERT_EQ(to->to, endpoint::Place(guests_.back()->handle));
        guests_.back()->receive(bytes, now_);
      }
    }
  }
  void accept() {
    auto accepted = endpoint_->accept(now_);
    ASSERT_TRUE(accepted);
    guests_.push_back(std::make_unique<Guest>(
        Guest{std::move(*Session::server(server_, accepted->path.peer, {})), accepted->handle}));
    for (auto& datagram : accepted->datagrams)
      guests_.back()->receive(datagram, now_);
  }
  void take(Session& client, std::span<std::byte> datagram) const {
    client.receive(datagram, now_);
    while (client.poll_event()) {
    }
  }
  void exchange(Session& client, const Address& from) {
    std::array<std::byte, kMaxDatagram> datagram;
    for (int turn = 0; turn < 6; ++turn) {
      deliver(client, from);
      if (guests_.empty()) continue;
      while (const std::size_t size = guests_.back()->session.poll_transmit(datagram)) {
        take(client, std::span(datagram).first(size));
      }
    }
  }
  // One client shakes hands and talks, falls silent, and is forgotten on its own side.
  void welcome(std::size_t number) {
    const auto from = *Address::parse(
        "192.0." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1), 40000);
    auto client = std::move(*Session::client(client_, *Address::parse("198.51.100.1", 5684), now_));
    exchange(client, from);
    now_ += Duration(250);  // the ticket's ACK
    client.handle_timeout(now_);
    exchange(client, from);
    const std::array<std::byte, 64> message{};
    ASSERT_TRUE(client.send(message));
    exchange(client, from);
    ASSERT_TRUE(guests_.back()->session.send(message));
    exchange(client, from);
    now_ = guests_.back()->session.deadline().value();
    guests_.back()->session.handle_timeout(now_);
    ASSERT_EQ(guests_.back()->session.deadline(), std::nullopt);
    endpoint_->establish(guests_.back()->handle, now_);
  }

  Authority authority_;
  std::shared_ptr<Context> server_;
  std::shared_ptr<Context> client_;
  std::optional<endpoint::Endpoint> endpoint_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<Guest>> guests_;
};

INSTANTIATE_TEST_SUITE_P(
    Of, AssociationMemory,
    testing::Values(Versions{.min = ProtocolVersion::kDtls12, .max = ProtocolVersion::kDtls12},
                    Versions{.min = ProtocolVersion::kDtls13, .max = ProtocolVersion::kDtls13}),
    [](const auto& about) {
      return about.param.max == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
    });

TEST_P(AssociationMemory, of_an_idle_association_is_hardly_more_than_two_kibibytes_all_included) {
  if (!kCountsHeap) GTEST_SKIP() << "a sanitizer's allocator does not count";
  // What a thread and libcrypto keep for all is made first.
  for (std::size_t i = 0; i < 2 * kCount; ++i)
    welcome(i);
  guests_.reserve(4 * kCount);
  const auto before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < kCount; ++i)
    welcome(2 * kCount + i);
  ASSERT_EQ(guests_.size(), 3 * kCount);
  const auto each = (mallinfo2().uordblks - before) / kCount;
  std::cout << "an idle association has " << each << " bytes, all included\n";
  EXPECT_LE(each, kBound);
}

}  // namespace
}  // namespace dtls::test
