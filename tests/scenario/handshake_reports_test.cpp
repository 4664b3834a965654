// What a server tells of the handshakes of its peers.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dtls/dtls.hpp"
#include "support/loopback.hpp"

namespace dtls::test {
namespace {

class HandshakeReports : public Loopback {
 protected:
  Server listen_and_note() {
    auto server = listen();
    server.on_handshake_failed(
        [this](const HandshakeFailure& failure) { failures_.push_back(failure); });
    return server;
  }
  static Psk psk(const std::string& identity, char byte) {
    const std::string key(16, byte);
    return std::move(*Psk::make(identity, std::as_bytes(std::span(key))));
  }
  // Both sides turn until the client's handshake has ended; the failure, if that is how it ended.
  std::optional<Error> attempt(Server& server) {
    auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
    port_ = client.local_address().port;
    accepted_.push_back(std::move(*server.accept(kSoon)));
    const auto there = client.wait_established(kSoon);
    if (there) return std::nullopt;
    return there.error();
  }
  bool turn_until(const std::function<bool()>& done) {
    return loop_.run_until(done, kSoon, EventLoop::Scope::kBackground);
  }

  std::vector<HandshakeFailure> failures_;
  std::vector<Connection> accepted_;
  std::uint16_t port_ = 0;
};

TEST_F(HandshakeReports, server_tells_subject_and_alert_of_a_client_that_is_not_trusted) {
  const Authority stranger("stranger");
  server_config_.ca = authority_.certificate();
  client_config_.identity = stranger.issue({.common_name = "intruder"});
  auto server = listen_and_note();
  ASSERT_TRUE(attempt(server));
  ASSERT_TRUE(turn_until([&] { return !failures_.empty(); }));
  ASSERT_EQ(failures_.size(), 1U);
  const auto& failure = failures_.front();
  EXPECT_EQ(failure.peer.port, port_);
  EXPECT_NE(failure.subject.find("CN=intruder"), std::string::npos) << failure.subject;
  EXPECT_EQ(failure.psk_identity, "");
  EXPECT_TRUE(failure.error.alert);
  EXPECT_NE(failure.error.message.find("is not trusted"), std::string::npos);
}

TEST_F(HandshakeReports, server_tells_the_bytes_of_an_unknown_psk_identity) {
  const std::string identity("\xff\x00z", 3);
  server_config_.identity = {};
  server_config_.psks.push_back(psk("known", 1));
  client_config_.psk = psk(identity, 1);
  for (const auto version : {ProtocolVersion::kDtls12, ProtocolVersion::kDtls13}) {
    failures_.clear();
    client_config_.versions = {version, version};
    auto server = listen_and_note();
    ASSERT_TRUE(attempt(server));
    ASSERT_TRUE(turn_until([&] { return !failures_.empty(); }));
    EXPECT_EQ(failures_.front().psk_identity, identity);
    EXPECT_EQ(failures_.front().peer.port, port_);
  }
}

TEST_F(HandshakeReports, psk_identities_that_differ_in_one_byte_beyond_utf8_are_different) {
  const std::string first("dev\xfe");
  const std::string second("dev\xff");
  server_config_.identity = {};
  server_config_.psks = {psk(first, 1), psk(second, 2)};
  client_config_.psk = psk(second, 2);
  auto server = listen_and_note();
  EXPECT_FALSE(attempt(server));
  ASSERT_TRUE(accepted_.back().wait_established(kSoon));
  EXPECT_EQ(accepted_.back().negotiated()->psk_identity, second);
}

TEST_F(HandshakeReports, server_tells_nothing_of_a_handshake_that_finished) {
  auto server = listen_and_note();
  ASSERT_FALSE(attempt(server));
  ASSERT_TRUE(accepted_.back().wait_established(kSoon));
  accepted_.clear();
  server.close();
  EXPECT_FALSE(loop_.run_until([&] { return !failures_.empty(); }, Duration(1),
                               EventLoop::Scope::kBackground));
}

TEST_F(HandshakeReports, server_tells_nothing_after_its_close) {
  server_config_.ca = authority_.certificate();  // the client shows none
  auto server = listen_and_note();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  auto accepted = std::move(*server.accept(kSoon));
  server.close();
  ASSERT_TRUE(turn_until([&] { return accepted.state() == Connection::State::kFailed; }));
  loop_.run_once(Duration(1));
  EXPECT_TRUE(failures_.empty());
}

TEST_F(HandshakeReports, callback_may_close_server_and_connection) {
  server_config_.ca = authority_.certificate();
  auto server = listen();
  int told = 0;
  server.on_handshake_failed([&](const HandshakeFailure& /*failure*/) {
    ++told;
    server.on_handshake_failed({});
    accepted_.clear();
    server.close();
  });
  ASSERT_TRUE(attempt(server));
  ASSERT_TRUE(turn_until([&] { return told > 0; }));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(server.descriptor(), -1);
}

TEST_F(HandshakeReports, callback_that_throws_leaves_the_other_failures_to_be_told) {
  server_config_.ca = authority_.certificate();  // the clients show none
  auto server = listen();
  int told = 0;
  server.on_handshake_failed([&](const HandshakeFailure&) {
    if (++told == 1) throw std::runtime_error("of the program");
  });
  std::vector<Connection> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::move(*Client::start(loop_, client_config_, server.local_address())));
    accepted_.push_back(std::move(*server.accept(kSoon)));
  }
  int thrown = 0;
  while (told < 3) {
    try {
      ASSERT_TRUE(turn_until([&] { return told == 3; }));
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  EXPECT_EQ(thrown, 1);
}

TEST_F(HandshakeReports, closed_connection_tells_nothing_more) {
  client_config_.versions = {ProtocolVersion::kDtls12, ProtocolVersion::kDtls12};
  client_config_.tickets = true;
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  auto accepted = std::move(*server.accept(kSoon));
  bool has_ticket = false;
  bool is_closed = false;
  client.on_established([&] {
    client.close();
    is_closed = true;
  });
  client.on_ticket([&] { has_ticket = true; });
  ASSERT_TRUE(turn_until([&] { return is_closed; }));
  EXPECT_FALSE(
      loop_.run_until([&] { return has_ticket; }, Duration(20), EventLoop::Scope::kBackground));
}

TEST_F(HandshakeReports, connection_tells_once_that_its_handshake_has_finished) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  auto accepted = std::move(*server.accept(kSoon));
  int client_told = 0;
  int accepted_told = 0;
  client.on_established([&] { ++client_told; });
  accepted.on_established([&] {
    ++accepted_told;
    EXPECT_EQ(accepted.state(), Connection::State::kEstablished);
  });
  EXPECT_EQ(client_told + accepted_told, 0);
  ASSERT_TRUE(turn_until([&] { return client_told > 0 && accepted_told > 0; }));
  ASSERT_TRUE(client.send("x"));
  EXPECT_EQ(receive(accepted), "x");
  EXPECT_EQ(client_told, 1);
  EXPECT_EQ(accepted_told, 1);
  // Who asks later is told as well.
  accepted.on_established([&] { ++accepted_told; });
  ASSERT_TRUE(turn_until([&] { return accepted_told == 2; }));
}

}  // namespace
}  // namespace dtls::test
