// What a record costs the heap, whose every call is counted, libcrypto's included: nothing.
#include <cstdlib>

#include "support/engine_test.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DTLS_COUNTS_HEAP 0
#else
#define DTLS_COUNTS_HEAP 1
#endif

namespace {
std::size_t allocations = 0;
}

#if DTLS_COUNTS_HEAP
// glibc's own, under the names that it exports them by.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* realloc(void* memory, std::size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
}
#endif

namespace dtls::test {
namespace {

class RecordAllocation : public EngineTestOfVersion {
 protected:
  // carry sends a message from one engine to the other; whether it came.
  static bool carry(handshake::Engine& from, handshake::Engine& to, TimePoint now) {
    static constexpr std::array<std::byte, 1200> kMessage{};
    static std::array<std::byte, 2048> datagram;
    if (!from.send(kMessage)) return false;
    bool came = false;
    while (const std::size_t size = from.poll_transmit(datagram, now)) {
      to.receive(std::span(datagram).first(size), now);
      while (const auto event = to.poll_event())
        came = std::holds_alternative<dtls::Message>(*event);
    }
    return came;
  }
};
INSTANTIATE_TEST_SUITE_P(Of, RecordAllocation, both_versions(), name_of_version);

TEST_P(RecordAllocation, of_an_established_association_is_none) {
  if (DTLS_COUNTS_HEAP == 0) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  handshake::Engine& client = *pair->client.engine;
  handshake::Engine& server = *pair->server.engine;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(carry(client, server, pair->now()));
    ASSERT_TRUE(carry(server, client, pair->now()));
  }
  const std::size_t before = allocations;
  bool all_came = true;
  for (int i = 0; i < 100; ++i) {
    all_came &= carry(client, server, pair->now());
    all_came &= carry(server, client, pair->now());
  }
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_TRUE(all_came);
  EXPECT_GT(before, 0U) << "the counter counts";
}

}  // namespace
}  // namespace dtls::test
