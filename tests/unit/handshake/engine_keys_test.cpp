// What is made of the keys of an association: exporters (RFC 5705, RFC 8446 §7.5) and KeyUpdate
// (RFC 8446 §4.6.3, RFC 9147 §8).
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "support/engine_test.hpp"

namespace dtls::test {
namespace {

using Exported = std::array<std::byte, 48>;

Exported exported(const EngineSide& side, std::string_view label,
                  std::optional<std::string_view> context = std::nullopt) {
  Exported out{};
  std::optional<handshake::Bytes> bytes;
  if (context) bytes = EnginePair::bytes(*context);
  const auto done = side.engine->export_keying_material(label, bytes, out);
  EXPECT_TRUE(done) << done.error().message;
  return out;
}

class EngineExporter : public EngineTestOfVersion {
 protected:
  static void expect_sound(EnginePair& pair) {
    const auto& client = pair.client;
    const auto& server = pair.server;
    constexpr auto kLabel = "EXTRACTOR-dtls_srtp";
    EXPECT_EQ(exported(client, kLabel), exported(server, kLabel));
    EXPECT_EQ(exported(client, kLabel, "of us"), exported(server, kLabel, "of us"));
    EXPECT_EQ(exported(client, kLabel, ""), exported(server, kLabel, ""));
    EXPECT_NE(exported(client, kLabel), exported(client, "EXPERIMENTAL other"));
    EXPECT_NE(exported(client, kLabel), exported(client, kLabel, "of us"));
    EXPECT_NE(exported(client, kLabel, "of us"), exported(client, kLabel, "of them"));
    // RFC 5705 §4 tells no context from an empty one, RFC 8446 §7.5 does not.
    EXPECT_EQ(exported(client, kLabel) == exported(client, kLabel, ""), is_13());
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineExporter, both_versions(), name_of_version);

TEST_P(EngineExporter, gives_both_sides_the_same_and_each_label_its_own) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  expect_sound(*pair);
}

TEST_P(EngineExporter, gives_a_resumed_session_keys_of_its_own) {
  const auto first = this->pair();
  auto ticket = ticket_of(*first);
  const auto pair = this->pair();
  pair->client.owner.to_resume = std::move(ticket);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  ASSERT_TRUE(pair->client.engine->negotiated().resumed);
  expect_sound(*pair);
  EXPECT_NE(exported(pair->client, "label"), exported(first->client, "label"));
}

TEST_P(EngineExporter, has_nothing_to_give_before_the_handshake) {
  const auto pair = this->pair();
  Exported out{};
  for (const auto* side : {&pair->client, &pair->server}) {
    const auto done = side->engine->export_keying_material("label", std::nullopt, out);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().sys_errno, EAGAIN);
  }
}

// A server of DTLS 1.3 has the secret when it has sent its Finished (RFC 8446 §7.1).
TEST_P(EngineExporter, has_nothing_to_give_before_the_client_has_proven_itself) {
  const auto pair = this->pair();
  pair->lose([&](int /*number*/) { return pair->client.sent > 1; });
  pair->start();
  pair->deliver();
  ASSERT_GT(pair->server.sent, 0);
  ASSERT_EQ(pair->server.established, 0);
  Exported out{};
  const auto done = pair->server.engine->export_keying_material("label", std::nullopt, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().sys_errno, EAGAIN);
}

TEST_P(EngineExporter, gives_the_same_after_the_end) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  Exported before{};
  ASSERT_TRUE(pair->client.engine->export_keying_material("label", std::nullopt, before));
  pair->client.engine->close();
  pair->deliver();
  for (const auto* side : {&pair->client, &pair->server}) {
    Exported out{};
    ASSERT_TRUE(side->engine->export_keying_material("label", std::nullopt, out));
    EXPECT_EQ(out, before);
  }
}

class EngineKeyUpdate : public EngineTest {
 protected:
  static constexpr std::uint64_t kFirstEpoch = 3;

  EngineKeyUpdate() { speak(wire::kDtls13); }
  std::unique_ptr<EnginePair> connected() {
    auto made = pair();
    EXPECT_TRUE(made->connect()) << why(*made);
    return made;
  }
  static std::uint64_t epoch_of(const EngineSide& side) {
    return side.engine->channel().write_epoch();
  }
  static void expect_epochs(const EnginePair& pair, std::uint64_t client, std::uint64_t server) {
    EXPECT_EQ(epoch_of(pair.client), kFirstEpoch + client);
    EXPECT_EQ(pair.server.engine->channel().read_epoch(), kFirstEpoch + client);
    EXPECT_EQ(epoch_of(pair.server), kFirstEpoch + server);
    EXPECT_EQ(pair.client.engine->channel().read_epoch(), kFirstEpoch + server);
  }
};

TEST_F(EngineKeyUpdate, of_either_side_changes_its_keys_alone) {
  const auto pair = connected();
  const auto elapsed = pair->elapsed();
  ASSERT_TRUE(pair->client.engine->update_keys(false, pair->now()));
  pair->settle();
  expect_epochs(*pair, 1, 0);
  expect_alive(*pair);
  ASSERT_TRUE(pair->server.engine->update_keys(false, pair->now()));
  pair->settle();
  expect_epochs(*pair, 1, 1);
  EXPECT_EQ(pair->elapsed() - elapsed, Duration(2 * 250))
      << "RFC 9147 §7.1: each ACK waits for a quarter of the timer";
  expect_alive(*pair);
}

TEST_F(EngineKeyUpdate, that_asks_has_the_other_side_change_its_keys_too) {
  const auto pair = connected();
  ASSERT_TRUE(pair->client.engine->update_keys(true, pair->now()));
  pair->settle();
  expect_epochs(*pair, 1, 1);
  ASSERT_TRUE(pair->server.engine->update_keys(true, pair->now()));
  pair->settle();
  expect_epochs(*pair, 2, 2);
  expect_alive(*pair);
}

TEST_F(EngineKeyUpdate, of_both_at_once_is_two_updates) {
  const auto pair = connected();
  ASSERT_TRUE(pair->client.engine->update_keys(false, pair->now()));
  ASSERT_TRUE(pair->server.engine->update_keys(false, pair->now()));
  pair->settle();
  expect_epochs(*pair, 1, 1);
  expect_alive(*pair);
}

// RFC 8446 §4.6.3: each answers, so that both are two generations further.
TEST_F(EngineKeyUpdate, of_both_at_once_that_ask_is_answered_by_both) {
  const auto pair = connected();
  ASSERT_TRUE(pair->client.engine->update_keys(true, pair->now()));
  ASSERT_TRUE(pair->server.engine->update_keys(true, pair->now()));
  pair->settle();
  expect_epochs(*pair, 2, 2);
  expect_alive(*pair);
}

TEST_F(EngineKeyUpdate, is_not_begun_while_one_is_under_way) {
  const auto pair = connected();
  ASSERT_TRUE(pair->client.engine->update_keys(false, pair->now()));
  const auto again = pair->client.engine->update_keys(false, pair->now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().sys_errno, EALREADY);
  expect_epochs(*pair, 0, 0);
  pair->settle();
  EXPECT_TRUE(pair->client.engine->update_keys(false, pair->now()));
}

TEST_F(EngineKeyUpdate, survives_the_loss_of_any_of_its_datagrams) {
  for (const bool asks : {false, true}) {
    for (int lost = 0; lost < 6; ++lost) {
      const auto pair = connected();
      const auto before = pair->elapsed();
      const int first = pair->datagrams();
      pair->lose([&](int number) { return number == first + lost; });
      ASSERT_TRUE(pair->client.engine->update_keys(asks, pair->now()));
      ASSERT_TRUE(pair->settle());
      expect_epochs(*pair, 1, asks ? 1 : 0);
      // One timer; then the ACK of a repetition waits a quarter of what the timer has become (RFC
      // 9147 §7.1).
      EXPECT_LE(pair->elapsed() - before, Duration(1000 + 2000 / 4));
      pair->lose({});
      expect_alive(*pair);
    }
  }
}

TEST_F(EngineKeyUpdate, five_hundred_in_turn_leave_the_association_alive) {
  const auto pair = connected();
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pair->client.engine->update_keys(true, pair->now()));
    pair->settle();
  }
  expect_epochs(*pair, 500, 500);
  expect_alive(*pair);
}

TEST_F(EngineKeyUpdate, what_was_sent_before_it_is_read_after_it) {
  const auto pair = connected();
  const int first = pair->datagrams();
  pair->meet([&](int number) {
    return std::vector<Duration>{number == first ? Duration(300) : Duration(0)};
  });
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes("late")));
  pair->deliver();
  ASSERT_TRUE(pair->client.engine->update_keys(false, pair->now()));
  pair->settle(Duration(299));
  expect_epochs(*pair, 1, 0);
  EXPECT_TRUE(pair->server.messages.empty());
  pair->settle();
  ASSERT_EQ(pair->server.messages.size(), 1U);
  EXPECT_EQ(pair->server.messages.front(), "late");
}

TEST_F(EngineKeyUpdate, messages_flow_while_it_is_not_acknowledged) {
  const auto pair = connected();
  const int first = pair->datagrams();
  pair->lose([&](int number) { return number == first; });
  ASSERT_TRUE(pair->client.engine->update_keys(false, pair->now()));
  pair->deliver();
  expect_epochs(*pair, 0, 0);
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes("meanwhile")));
  pair->deliver();
  ASSERT_EQ(pair->server.messages.size(), 1U);
  pair->settle();
  expect_epochs(*pair, 1, 0);
  expect_alive(*pair);
}

TEST_F(EngineKeyUpdate, is_not_to_be_had_in_dtls_12) {
  speak(wire::kDtls12);
  const auto pair = connected();
  const auto update = pair->client.engine->update_keys(false, pair->now());
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().sys_errno, EOPNOTSUPP);
  expect_alive(*pair);
}

TEST_F(EngineKeyUpdate, is_not_to_be_had_before_the_handshake_nor_after_the_end) {
  const auto pair = this->pair();
  EXPECT_EQ(pair->client.engine->update_keys(false, pair->now()).error().sys_errno, EAGAIN);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  pair->client.engine->close();
  EXPECT_EQ(pair->client.engine->update_keys(false, pair->now()).error().sys_errno, EPIPE);
}

}  // namespace
}  // namespace dtls::test
