// What strangers on the way can send, repeat or alter: an association is not moved by it.
#include <array>
#include <cerrno>
#include <random>

#include "support/engine_test.hpp"
#include "wire/record_header.hpp"

namespace dtls::test {
namespace {

EngineSide::Datagram plain_message(wire::HandshakeType type, std::uint16_t message_seq) {
  EngineSide::Datagram datagram(wire::kRecordHeaderSize + wire::kHandshakeHeaderSize);
  wire::Writer writer(datagram);
  wire::write_record_header(
      writer, {wire::ContentType::kHandshake, wire::kDtls12, 0, 90, wire::kHandshakeHeaderSize});
  wire::write_handshake_header(writer, {type, 0, message_seq, 0, 0});
  return datagram;
}

class EngineHostile : public EngineTestOfVersion {
 protected:
  static void give(EnginePair& pair, EngineSide& to, EngineSide::Datagram datagram) {
    to.engine->receive(datagram, pair.now());
    pair.drain(to, &to == &pair.client ? pair.server : pair.client);
  }
  std::unique_ptr<EnginePair> connected() {
    auto made = pair();
    EXPECT_TRUE(made->connect()) << why(*made);
    return made;
  }
  // taken has the client send a message, and takes its datagram off the wire.
  static EngineSide::Datagram taken(EnginePair& pair, std::string_view message) {
    EXPECT_TRUE(pair.client.engine->send(EnginePair::bytes(message)));
    pair.drain();
    EXPECT_EQ(pair.server.wire.size(), 1U);
    auto datagram = std::move(pair.server.wire.front());
    pair.server.wire.clear();
    return datagram;
  }
  static void expect_unmoved(EnginePair& pair) {
    EXPECT_FALSE(pair.client.failure) << why(pair);
    EXPECT_FALSE(pair.server.failure) << why(pair);
    EXPECT_TRUE(pair.server.messages.empty());
    EXPECT_TRUE(pair.client.messages.empty());
    expect_alive(pair);
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineHostile, both_versions(), name_of_version);

TEST_P(EngineHostile, junk_is_ignored_and_not_answered) {
  const auto pair = connected();
  const int before = pair->datagrams();
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    EngineSide::Datagram junk(random() % 200);
    for (auto& byte : junk)
      byte = static_cast<std::byte>(random());
    // Half of it begins as a record might.
    constexpr std::array kFirst{0x14, 0x15, 0x16, 0x17, 0x1a, 0x20, 0x2c, 0x2d, 0x2e, 0x2f, 0x3f};
    if (!junk.empty() && i % 2 == 0) junk[0] = static_cast<std::byte>(kFirst[random() % 11]);
    give(*pair, i % 4 < 2 ? pair->client : pair->server, std::move(junk));
  }
  EXPECT_EQ(pair->datagrams(), before);
  expect_unmoved(*pair);
}

TEST_P(EngineHostile, a_record_altered_in_any_bit_is_ignored) {
  const auto pair = connected();
  const auto good = taken(*pair, "a message");
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto altered = good;
    altered[bit / 8] ^= std::byte{1} << (bit % 8);
    give(*pair, pair->server, std::move(altered));
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    give(*pair, pair->server, {good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  EXPECT_TRUE(pair->server.messages.empty());
  give(*pair, pair->server, good);
  EXPECT_EQ(pair->server.messages, std::vector<std::string>{"a message"});
  pair->server.messages.clear();
  expect_unmoved(*pair);
}

TEST_P(EngineHostile, a_repeated_record_is_delivered_once) {
  const auto pair = connected();
  const auto first = taken(*pair, "first");
  const auto second = taken(*pair, "second");
  give(*pair, pair->server, second);
  give(*pair, pair->server, second);
  give(*pair, pair->server, first);
  give(*pair, pair->server, first);
  EXPECT_EQ(pair->server.messages, (std::vector<std::string>{"second", "first"}));
  pair->server.messages.clear();
  expect_unmoved(*pair);
}

TEST_P(EngineHostile, what_a_side_sent_itself_is_no_news_to_it) {
  const auto pair = connected();
  give(*pair, pair->client, taken(*pair, "reflected"));
  expect_unmoved(*pair);
}

TEST_P(EngineHostile, a_whole_handshake_sent_again_changes_nothing) {
  const auto pair = this->pair();
  std::vector<EngineSide::Datagram> all;
  pair->alter(
      [&](int /*number*/, const EngineSide::Datagram& datagram) { all.push_back(datagram); });
  ASSERT_TRUE(pair->connect()) << why(*pair);
  pair->alter({});
  const auto before = pair->datagrams();
  for (int i = 0; i < 5; ++i) {
    for (const auto& datagram : all) {
      give(*pair, pair->client, datagram);
      give(*pair, pair->server, datagram);
    }
  }
  pair->settle();
  EXPECT_EQ(pair->datagrams(), before) << "nor is it answered";
  expect_unmoved(*pair);
}

TEST_P(EngineHostile, plaintext_after_the_handshake_is_ignored) {
  const auto pair = connected();
  for (int type = 0; type < 64; ++type) {
    for (std::uint16_t epoch = 0; epoch < 6; ++epoch) {
      EngineSide::Datagram datagram(wire::kRecordHeaderSize + 40, std::byte{1});
      wire::Writer writer(datagram);
      wire::write_record_header(
          writer, {static_cast<wire::ContentType>(type), wire::kDtls12, epoch, 77, 40});
      for (auto* side : {&pair->client, &pair->server})
        give(*pair, *side, datagram);
    }
  }
  expect_unmoved(*pair);
}

TEST_P(EngineHostile, junk_between_the_flights_does_not_disturb_a_handshake) {
  const auto pair = this->pair();
  std::mt19937 random(11);
  pair->alter([&](int /*number*/, const EngineSide::Datagram& /*datagram*/) {
    EngineSide::Datagram junk(1 + random() % 100);
    for (auto& byte : junk)
      byte = static_cast<std::byte>(random());
    junk[0] |= std::byte{0x80};  // no first byte of any record (RFC 9147 §4.1)
    pair->client.wire.push_back(junk);
    pair->server.wire.push_back(junk);
  });
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->handshake_time(), Duration(0));
  pair->alter({});
  expect_unmoved(*pair);
}

// Of DTLS 1.2 the server, of DTLS 1.3 the client is done first, and may send at once.
TEST_P(EngineHostile, messages_are_not_delivered_before_the_end_of_the_handshake) {
  const auto pair = this->pair();
  const int last_flight = is_13() ? 2 : 3;
  pair->lose([&](int number) { return number == last_flight; });
  pair->start();
  pair->deliver();
  auto& early = is_13() ? pair->client : pair->server;
  auto& late = is_13() ? pair->server : pair->client;
  ASSERT_EQ(early.established, 1);
  ASSERT_EQ(late.established, 0);
  const std::size_t held = late.engine->held_bytes();
  ASSERT_TRUE(early.engine->send(EnginePair::bytes("early")));
  pair->deliver();
  EXPECT_TRUE(late.messages.empty());
  EXPECT_GE(late.engine->held_bytes(), held + 5) << "what waits is counted";
  const auto sent = late.engine->send(EnginePair::bytes("too early"));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sys_errno, EAGAIN);
  pair->settle();
  EXPECT_EQ(late.established, 1);
  EXPECT_EQ(late.messages, std::vector<std::string>{"early"});
  expect_alive(*pair);
}

// What comes after the last message of a side, sent by somebody before that has come.
TEST_P(EngineHostile, a_message_without_keys_ahead_of_its_turn_does_not_outlive_the_handshake) {
  const auto pair = this->pair();
  pair->start();
  pair->drain();
  auto to_server = plain_message(wire::HandshakeType::kClientKeyExchange, is_13() ? 2 : 3);
  auto to_client = plain_message(wire::HandshakeType::kServerHello, 6);
  pair->server.engine->receive(to_server, pair->now());
  pair->client.engine->receive(to_client, pair->now());
  pair->drain();
  ASSERT_TRUE(pair->settle());
  ASSERT_TRUE(pair->client.established && pair->server.established) << why(*pair);
  expect_alive(*pair);
}

EngineSide::Datagram plain_record(wire::ContentType type, const std::vector<std::byte>& content) {
  EngineSide::Datagram datagram(wire::kRecordHeaderSize);
  wire::Writer writer(datagram);
  wire::write_record_header(
      writer, {type, wire::kDtls12, 0, 91, static_cast<std::uint16_t>(content.size())});
  datagram.insert(datagram.end(), content.begin(), content.end());
  return datagram;
}

// forgeries are records without keys that break the protocol, whatever came before.
std::vector<EngineSide::Datagram> forgeries() {
  using wire::ContentType;
  using wire::HandshakeType;
  std::vector<EngineSide::Datagram> all;
  all.push_back(plain_record(ContentType::kApplicationData, std::vector<std::byte>(5)));
  all.push_back(plain_record(ContentType::kChangeCipherSpec, {std::byte{2}}));
  all.push_back(plain_record(ContentType::kHandshake, std::vector<std::byte>(5)));
  all.push_back(plain_record(ContentType::kAck, std::vector<std::byte>(5)));
  std::vector<std::byte> ack(2 + 16, std::byte{9});
  ack[0] = std::byte{0};
  ack[1] = std::byte{16};
  all.push_back(plain_record(ContentType::kAck, ack));  // of a record that cannot be
  all.push_back(plain_record(static_cast<ContentType>(99), std::vector<std::byte>(5)));
  all.push_back(plain_record(ContentType::kAlert, {std::byte{1}, std::byte{90}}));
  all.push_back(plain_record(ContentType::kAlert, {std::byte{9}, std::byte{9}}));
  for (std::uint16_t seq = 0; seq < 9; ++seq) {
    for (const auto type : {HandshakeType::kHelloRequest, HandshakeType::kKeyUpdate,
                            HandshakeType::kFinished, static_cast<HandshakeType>(99)}) {
      all.push_back(plain_message(type, seq));
    }
  }
  return all;
}

TEST_P(EngineHostile, what_an_unfinished_peer_has_a_server_hold_is_counted) {
  client_.alpn.assign(10, std::string(60, 'a'));
  const auto pair = this->pair();
  pair->lose([](int n) { return n > 0; });
  pair->start();
  pair->deliver();
  EXPECT_GT(pair->server.engine->held_bytes(), 600U) << "the hello is kept";
}

TEST_P(EngineHostile, one_forged_record_without_keys_does_not_end_a_handshake) {
  for (const auto& forged : forgeries()) {
    // Ahead of each datagram, on both sides; then likewise behind each.
    for (const bool is_ahead : {true, false}) {
      const auto pair = this->pair();
      const auto inject = [&] {
        for (auto* side : {&pair->client, &pair->server}) {
          auto copy = forged;
          side->engine->receive(copy, pair->now());
          pair->drain();  // while the engine may read the copy
        }
      };
      pair->start();
      if (is_ahead) inject();
      pair->drain();
      while (!pair->client.wire.empty() || !pair->server.wire.empty()) {
        inject();
        for (auto* side : {&pair->server, &pair->client}) {
          if (side->wire.empty()) continue;
          auto datagram = std::move(side->wire.front());
          side->wire.pop_front();
          give(*pair, *side, std::move(datagram));
          if (!is_ahead) inject();
        }
      }
      pair->settle();
      ASSERT_TRUE(pair->client.established && pair->server.established)
          << why(*pair) << "; type " << std::to_integer<int>(forged[0]) << ", message "
          << std::to_integer<int>(forged[wire::kRecordHeaderSize]) << " number "
          << (forged.size() > 18 ? std::to_integer<int>(forged[18]) : 0);
      expect_alive(*pair);
    }
  }
}

// A piece of each message that comes without keys, with another length, just behind it.
TEST_P(EngineHostile, forged_fragments_that_contradict_the_genuine_ones_do_not_end_a_handshake) {
  for (const bool is_ahead : {true, false}) {
    server_.channel.mtu = client_.channel.mtu = 256;
    const auto pair = this->pair();
    int forged = 0;
    pair->alter([&](int /*number*/, const EngineSide::Datagram& datagram) {
      wire::Reader reader(datagram);
      const auto record = wire::read_record(reader);
      if (!record || record->header.epoch > 0 ||
          record->header.type != wire::ContentType::kHandshake || forged > 30) {
        return;
      }
      wire::Reader messages(record->fragment);
      auto header = wire::read_handshake(messages)->header;
      ++header.length;
      header.fragment_length = 0;
      std::vector<std::byte> content(wire::kHandshakeHeaderSize);
      wire::Writer writer(content);
      wire::write_handshake_header(writer, header);
      auto copy = plain_record(wire::ContentType::kHandshake, content);
      ++forged;
      const bool is_from_client = pair->server.wire.size() >= pair->client.wire.size();
      auto& to = is_from_client ? pair->server : pair->client;
      if (is_ahead) {
        to.wire.push_front(std::move(copy));
      } else {
        to.late.emplace_back(pair->now() + Duration(1), std::move(copy));
      }
    });
    pair->start();
    pair->settle();
    EXPECT_GT(forged, 0);
    EXPECT_TRUE(pair->client.established && pair->server.established) << why(*pair);
  }
}

// RFC 5246 §7.4, RFC 8446 §4: the first message of either side can be nothing else. Without keys
// that is an error only where plaintext is strict; anybody can send it.
TEST_P(EngineHostile, a_message_out_of_turn_ends_the_handshake) {
  server_.channel.strict_plaintext = client_.channel.strict_plaintext = true;
  using wire::HandshakeType;
  for (const auto type :
       {HandshakeType::kClientHello, HandshakeType::kServerHello, HandshakeType::kNewSessionTicket,
        HandshakeType::kEncryptedExtensions, HandshakeType::kCertificate,
        HandshakeType::kServerKeyExchange, HandshakeType::kCertificateRequest,
        HandshakeType::kServerHelloDone, HandshakeType::kCertificateVerify,
        HandshakeType::kClientKeyExchange, HandshakeType::kFinished, HandshakeType::kKeyUpdate}) {
    SCOPED_TRACE(static_cast<int>(type));
    const auto pair = this->pair();
    pair->lose([](int /*number*/) { return true; });
    pair->start();
    pair->drain();
    for (auto* side : {&pair->client, &pair->server}) {
      const bool is_its_turn = type == (side == &pair->client ? HandshakeType::kServerHello
                                                              : HandshakeType::kClientHello);
      if (is_its_turn) continue;
      auto datagram = plain_message(type, 0);
      side->engine->receive(datagram, pair->now());
      pair->drain();
      ASSERT_TRUE(side->failure);
      EXPECT_EQ(side->failure->alert,
                static_cast<std::uint8_t>(wire::AlertDescription::kUnexpectedMessage));
    }
  }
}

}  // namespace
}  // namespace dtls::test
