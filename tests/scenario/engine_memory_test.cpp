// What an established association that is idle costs: the engine itself and all that it holds on
// the heap, libcrypto's contexts included.
#include <malloc.h>

#include <iostream>

#include "support/engine_test.hpp"
#include "support/heap.hpp"

namespace dtls::test {
namespace {

class EngineMemory : public EngineTestOfVersion {
 protected:
  static constexpr std::size_t kCount = 100;
  // Of each side. The rest of what an association needs is the session's.
  static constexpr std::size_t kBound = 2048;

  struct Couple {
    Owner owner_of_server, owner_of_client;
    std::unique_ptr<handshake::Engine> server, client;
  };

  static void pass_on(handshake::Engine& from, handshake::Engine& to, TimePoint now) {
    static std::array<std::byte, 2048> datagram;
    while (const std::size_t size = from.poll_transmit(datagram, now)) {
      to.receive(std::span(datagram).first(size), now);
      while (to.poll_event()) {
      }
    }
  }
  // settle lets both say all, until nothing can be repeated any more.
  static void settle(Couple& couple) {
    TimePoint now(std::chrono::hours(1));
    couple.client->start(now);
    for (int i = 0; i < 6; ++i) {
      pass_on(*couple.client, *couple.server, now);
      pass_on(*couple.server, *couple.client, now);
    }
    ASSERT_TRUE(couple.client->is_established() && couple.server->is_established());
    now += Duration(250);  // the ticket's ACK
    couple.client->handle_timeout(now);
    pass_on(*couple.client, *couple.server, now);
    ASSERT_EQ(couple.client->deadline(), std::nullopt);
    ASSERT_EQ(couple.server->deadline(), std::nullopt);
    static_cast<void>(couple.client->take_ticket());
    ASSERT_TRUE(couple.client->send(EnginePair::bytes("still here")));
    pass_on(*couple.client, *couple.server, now);
    ASSERT_TRUE(couple.server->send(EnginePair::bytes("so am I")));
    pass_on(*couple.server, *couple.client, now);
    for (auto* side : {couple.client.get(), couple.server.get()}) {
      side->handle_timeout(side->linger_deadline().value());
      ASSERT_EQ(side->linger_deadline(), std::nullopt);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineMemory, both_versions(), name_of_version);

TEST_P(EngineMemory, of_an_idle_association_is_small) {
  if (!kCountsHeap) GTEST_SKIP() << "a sanitizer's allocator does not count";
  const auto of_server = std::make_shared<const handshake::Settings>(server_);
  const auto of_client = std::make_shared<const handshake::Settings>(client_);
  const auto own = identity();
  const auto make = [&](Couple& couple) {
    couple.owner_of_server.presented.identity = own;
    couple.server = std::make_unique<handshake::Engine>(of_server, couple.owner_of_server);
    couple.client = std::make_unique<handshake::Engine>(of_client, couple.owner_of_client);
    settle(couple);
    couple.owner_of_client.peer_chain = {};
  };
  // What a thread and libcrypto keep for all, contexts of the newest keys foremost, is made first.
  std::vector<Couple> earlier(2 * kCount);
  for (auto& couple : earlier)
    make(couple);
  std::vector<Couple> couples(kCount);
  const auto before = mallinfo2().uordblks;
  for (auto& couple : couples)
    make(couple);
  const auto each = (mallinfo2().uordblks - before) / kCount / 2;
  std::cout << "an engine has " << sizeof(handshake::Engine) << " bytes; with all that it holds "
            << each << " bytes\n";
  EXPECT_LE(each, kBound);
}

}  // namespace
}  // namespace dtls::test
