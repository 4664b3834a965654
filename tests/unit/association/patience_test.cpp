// How long a session waits for its handshake.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"
#include "unit/wire/hello_bytes.hpp"

namespace dtls::test {
namespace {

class Patience : public testing::Test {
 protected:
  static Result<Session> client_at(TimePoint now) {
    ClientConfig config;
    config.first_retransmission = Duration(60000);  // only the handshake's deadline is looked at
    return Session::client(*Context::for_client(config), peer(), now);
  }
  Result<Session> server() const {
    ServerConfig config;
    config.identity = authority_.issue();
    return Session::server(*Context::for_server(config), peer());
  }
  static Address peer() { return *Address::parse("192.0.2.9", 1000); }

  // The errno of the failure that the session reports, 0 when it reports none.
  static int failure_of(Session& session) {
    const auto event = session.poll_event();
    const auto* failed = event ? std::get_if<Failed>(&*event) : nullptr;
    return failed == nullptr ? 0 : failed->error.sys_errno;
  }

  Authority authority_;
  TimePoint start_ = Clock::now();
};

TEST_F(Patience, a_session_of_its_own_patience_starts_it_anew) {
  auto session = client_at(start_);
  const TimePoint later = start_ + Duration(30000);
  session->set_handshake_timeout(Duration(500), later);
  EXPECT_EQ(session->deadline(), later + Duration(500));
  session->handle_timeout(later + Duration(499));
  EXPECT_EQ(failure_of(*session), 0);
  session->handle_timeout(later + Duration(500));
  EXPECT_EQ(failure_of(*session), ETIMEDOUT);
}

TEST_F(Patience, is_neither_clamped_below_nor_above) {
  auto session = client_at(start_);
  session->set_handshake_timeout(Duration(1), start_);
  EXPECT_EQ(session->deadline(), start_ + Duration(1));
  session->set_handshake_timeout(Duration(3'600'000), start_);
  session->handle_timeout(start_ + kMaxHandshakeTimeout + Duration(1));
  EXPECT_EQ(failure_of(*session), 0);
}

TEST_F(Patience, the_message_tells_the_patience_that_ran_out) {
  auto session = client_at(start_);
  session->set_handshake_timeout(Duration(777), start_);
  session->handle_timeout(start_ + Duration(777));
  const auto event = session->poll_event();
  ASSERT_TRUE(event && std::holds_alternative<Failed>(*event));
  EXPECT_NE(std::get<Failed>(*event).error.message.find("777 ms"), std::string::npos);
}

TEST_F(Patience, a_server_without_a_hello_has_no_deadline_until_it_is_given_one) {
  auto session = server();
  EXPECT_FALSE(session->deadline());
  session->set_handshake_timeout(Duration(300), start_);
  EXPECT_EQ(session->deadline(), start_ + Duration(300));
  session->handle_timeout(start_ + Duration(300));
  EXPECT_EQ(failure_of(*session), ETIMEDOUT);
}

TEST_F(Patience, a_hello_does_not_lengthen_the_patience_that_was_set_before_it) {
  auto session = server();
  session->set_handshake_timeout(Duration(300), start_);
  auto hello = from_hex(kSecondHello);
  session->receive(hello, start_ + Duration(299));
  EXPECT_EQ(failure_of(*session), 0);
  session->handle_timeout(start_ + Duration(300));
  EXPECT_EQ(failure_of(*session), ETIMEDOUT);
}

TEST_F(Patience, an_established_association_has_no_deadline_to_set) {
  ServerConfig server;
  server.identity = authority_.issue();
  ClientConfig client;
  client.verify = false;
  VirtualPair pair(server, client);
  ASSERT_TRUE(pair.connect());
  for (auto* side : {&pair.client(), &pair.server()}) {
    side->session->set_handshake_timeout(Duration(1), start_);
    EXPECT_FALSE(pair.waits_of(*side));
  }
}

}  // namespace
}  // namespace dtls::test
