// After the handshake: messages of DTLS 1.3 that a peer must not send, and messages that overtake
// the end of a handshake.
#include <string>

#include "handshake/v13/post_handshake.hpp"
#include "record/protection.hpp"
#include "record/record_number.hpp"
#include "support/engine_test.hpp"
#include "wire/new_session_ticket.hpp"

namespace dtls::test {
namespace {

using wire::AlertDescription;
using wire::HandshakeType;

class EnginePost : public EngineTest {
 protected:
  using Bytes = std::vector<std::byte>;

  EnginePost() {
    speak(wire::kDtls13);
    server_.tickets = false;  // no message of the server's own
  }
  std::unique_ptr<EnginePair> connected() const {
    auto made = pair();
    for (auto* side : {&made->client, &made->server})
      side->owner.keeps_secrets = true;
    EXPECT_TRUE(made->connect()) << why(*made);
    return made;
  }
  // say has a side send handshake messages in one record. Each side has had as many messages as
  // `first` says.
  static void say(EnginePair& pair, bool is_server, std::uint16_t first,
                  const std::vector<std::pair<HandshakeType, Bytes>>& messages) {
    Bytes content;
    for (const auto& [type, body] : messages) {
      const auto size = static_cast<std::uint32_t>(body.size());
      Bytes header(wire::kHandshakeHeaderSize);
      wire::Writer writer(header);
      wire::write_handshake_header(writer, {type, size, first, 0, size});
      content.insert(content.end(), header.begin(), header.end());
      content.insert(content.end(), body.begin(), body.end());
      ++first;
    }
    const auto& suite = *handshake::find_suite(pair.server.engine->negotiated().suite);
    const auto protection = record::Protection::tls13(
        suite.aead, suite.hash,
        pair.server.owner.secrets.at(is_server ? "SERVER_TRAFFIC_SECRET_0"
                                               : "CLIENT_TRAFFIC_SECRET_0"));
    Bytes record(content.size() + 100);
    static std::uint64_t sequence = 1000;
    record.resize(protection.seal({record::kApplicationEpoch, ++sequence}, wire::kDtls12,
                                  wire::ContentType::kHandshake, content, record));
    auto& to = is_server ? pair.client : pair.server;
    to.engine->receive(record, pair.now());
    pair.drain(to, is_server ? pair.server : pair.client);
  }
  static constexpr std::uint16_t kOfClient = 2;  // ClientHello, Finished
  static constexpr std::uint16_t kOfServer = 5;  // ServerHello to Finished
};

TEST_F(EnginePost, peer_rejects_what_follows_a_key_update_in_its_record) {
  const Bytes update{std::byte{0}};
  for (const bool is_server : {false, true}) {
    const auto pair = connected();
    say(*pair, is_server, is_server ? kOfServer : kOfClient,
        {{HandshakeType::kKeyUpdate, update}, {HandshakeType::kKeyUpdate, update}});
    const auto& judge = is_server ? pair->client : pair->server;
    ASSERT_TRUE(judge.failure);
    EXPECT_EQ(judge.failure->alert,
              static_cast<std::uint8_t>(AlertDescription::kUnexpectedMessage));
    EXPECT_NE(judge.failure->message.find("it sent more after its KeyUpdate"), std::string::npos)
        << judge.failure->message;
  }
}

EngineSide::Datagram ticket_body(std::size_t number) {
  EngineSide::Datagram body(200);
  wire::Writer writer(body);
  const std::array nonce{static_cast<std::byte>(number)};
  const std::array<std::byte, 32> ticket{};
  wire::write_new_session_ticket_13(
      writer,
      {.lifetime_s = 600, .age_add = 1, .nonce = nonce, .ticket = ticket, .extensions = {}});
  body.resize(writer.written());
  return body;
}

TEST_F(EnginePost, server_rejects_a_ticket) {
  const auto pair = connected();
  say(*pair, false, kOfClient, {{HandshakeType::kNewSessionTicket, ticket_body(0)}});
  ASSERT_TRUE(pair->server.failure);
  EXPECT_EQ(pair->server.failure->alert,
            static_cast<std::uint8_t>(AlertDescription::kUnexpectedMessage));
}

TEST_F(EnginePost, client_keeps_eight_tickets_of_an_association) {
  const auto pair = connected();
  for (std::uint16_t i = 0; i < 12; ++i)
    say(*pair, true, static_cast<std::uint16_t>(kOfServer + i),
        {{HandshakeType::kNewSessionTicket, ticket_body(i)}});
  EXPECT_FALSE(pair->client.failure) << pair->client.failure->message;
  EXPECT_EQ(pair->client.tickets_came, 8);
}

TEST_F(EnginePost, no_key_update_is_begun_without_a_message_number_for_it) {
  Owner owner;
  handshake::Core core(std::make_shared<handshake::Settings>(server_), owner);
  core.channel.continue_from(0, 0, 0xffff);
  EXPECT_TRUE(handshake::PostHandshake::can_update(core));
  EXPECT_FALSE(core.channel.add_message(HandshakeType::kKeyUpdate, Bytes{std::byte{0}}).empty());
  EXPECT_FALSE(handshake::PostHandshake::can_update(core));
}

// ---- application data that overtakes a Finished of DTLS 1.2 ----

class EngineEarly : public EngineTest {
 protected:
  EngineEarly() { speak(wire::kDtls12); }
  static void give(EnginePair& pair, EngineSide& to, EngineSide::Datagram datagram) {
    to.engine->receive(datagram, pair.now());
    pair.drain(to, &to == &pair.client ? pair.server : pair.client);
  }
  static void give_all(EnginePair& pair, EngineSide& to) {
    for (auto& datagram : std::exchange(to.wire, {}))
      give(pair, to, std::move(datagram));
  }
  // up_to_finished stops where the server's Finished is on the way to the client.
  static EngineSide::Datagram up_to_finished(EnginePair& pair) {
    pair.drain(pair.client, pair.server);
    give_all(pair, pair.server);
    give_all(pair, pair.client);
    give_all(pair, pair.server);
    EXPECT_EQ(pair.client.wire.size(), 1U);
    auto finished = std::move(pair.client.wire.front());
    pair.client.wire.clear();
    return finished;
  }
  static void send(EnginePair& pair, const std::string& message) {
    ASSERT_TRUE(pair.server.engine->send(EnginePair::bytes(message)));
    pair.drain(pair.server, pair.client);
    give_all(pair, pair.client);
  }
};

TEST_F(EngineEarly, data_is_held_within_bounds_on_its_number_and_its_bytes) {
  struct Bound {
    std::size_t size, held;
  };
  for (const auto& [size, held] : {Bound{1, 16}, Bound{16'000, 2}}) {
    const auto pair = this->pair();
    pair->start();
    auto finished = up_to_finished(*pair);
    for (int i = 0; i < 20; ++i)
      send(*pair, std::string(size, 'x'));
    EXPECT_TRUE(pair->client.messages.empty());
    give(*pair, pair->client, std::move(finished));
    EXPECT_EQ(pair->client.established, 1);
    EXPECT_EQ(pair->client.messages.size(), held);
    expect_alive(*pair);
  }
}

class EngineEarlyRenegotiation : public EngineEarly {
 protected:
  EngineEarlyRenegotiation() { server_.renegotiate = client_.renegotiate = true; }
  // renegotiating gives a pair whose server is done with the second handshake.
  std::unique_ptr<EnginePair> renegotiating(EngineSide::Datagram& finished) const {
    auto made = pair();
    EXPECT_TRUE(made->connect());
    EXPECT_TRUE(made->client.engine->renegotiate(made->now()));
    finished = up_to_finished(*made);
    return made;
  }
};

TEST_F(EngineEarlyRenegotiation, data_is_held_until_finished) {
  EngineSide::Datagram finished;
  const auto pair = renegotiating(finished);
  send(*pair, "early");
  EXPECT_TRUE(pair->client.messages.empty());
  give(*pair, pair->client, std::move(finished));
  EXPECT_EQ(pair->client.messages, std::vector<std::string>{"early"});
  expect_alive(*pair);
}

TEST_F(EngineEarlyRenegotiation, data_of_a_handshake_that_is_not_finished_is_never_given_out) {
  EngineSide::Datagram finished;
  const auto pair = renegotiating(finished);
  send(*pair, "early");
  pair->server.engine->close();
  pair->drain(pair->server, pair->client);
  give_all(*pair, pair->client);
  EXPECT_TRUE(pair->client.engine->has_ended());
  EXPECT_TRUE(pair->client.messages.empty());
}

}  // namespace
}  // namespace dtls::test
