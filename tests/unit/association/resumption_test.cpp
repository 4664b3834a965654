// Sessions are resumed (RFC 5077) only under the identity under which they began.
#include <gtest/gtest.h>

#include "support/certificates.hpp"
#include "support/raw_client.hpp"

namespace dtls::test {
namespace {

class Resumption : public testing::Test {
 protected:
  Resumption() {
    ServerConfig config;
    config.identity = identity_;
    server_ = std::move(*Context::for_server(config));
    add("open.example.org", "");
    add("other.example.org", "");
    add("guarded.example.org", authority_.certificate());
  }
  void add(const std::string& name, const std::string& ca) {
    EXPECT_TRUE(server_->add_identity({name, identity_, ca}));
  }
  // A session that began with `name`.
  OwnedSslSession begun_with(const std::string& name, const IdentityConfig& identity = {}) {
    RawClient client(name);
    if (!identity.empty()) client.show(identity);
    EXPECT_TRUE(client.connect(server_));
    return client.session();
  }

  Authority authority_;
  IdentityConfig identity_ = authority_.issue();  // one for all: the names alone tell them apart
  std::shared_ptr<Context> server_;
};

TEST_F(Resumption, works_under_the_same_name_and_without_one) {
  for (const char* name : {"open.example.org", "unknown.example.org"}) {
    const auto session = begun_with(name);
    RawClient client(name);
    client.resume(session.get());
    EXPECT_TRUE(client.connect(server_)) << name;
    EXPECT_TRUE(client.resumed()) << name;
  }
}

// RFC 6066 §3: a full handshake instead.
TEST_F(Resumption, does_not_carry_over_to_another_name) {
  const auto session = begun_with("open.example.org");
  RawClient client("other.example.org");
  client.resume(session.get());
  EXPECT_TRUE(client.connect(server_));
  EXPECT_FALSE(client.resumed());
}

TEST_F(Resumption, is_no_way_around_the_client_certificate_of_a_name) {
  for (const char* name : {"open.example.org", "unknown.example.org"}) {
    const auto session = begun_with(name);
    RawClient client("guarded.example.org");
    client.resume(session.get());
    EXPECT_FALSE(client.connect(server_)) << name;
  }
}

TEST_F(Resumption, keeps_the_peer_that_had_shown_its_certificate) {
  const auto session = begun_with("guarded.example.org", authority_.issue({"me", "DNS:me"}));
  RawClient client("guarded.example.org");
  client.resume(session.get());
  ASSERT_TRUE(client.connect(server_));
  EXPECT_TRUE(client.resumed());
  EXPECT_TRUE(client.server().verification().authorized);
  EXPECT_EQ(common_name_of(client.server().verification().certificate), "me");
}

TEST_F(Resumption, ends_where_the_name_gets_another_authority) {
  const auto session = begun_with("open.example.org");
  add("open.example.org", authority_.certificate());
  RawClient client("open.example.org");
  client.resume(session.get());
  EXPECT_FALSE(client.connect(server_));
}

// RFC 6066 §3.
TEST(KnownName, is_acknowledged_where_the_server_went_by_it) {
  const Authority authority;
  ServerConfig config;
  config.identity = authority.issue();
  const auto server = std::move(*Context::for_server(config));
  ASSERT_TRUE(server->add_identity({"known.example.org", authority.issue(), ""}));
  RawClient known("known.example.org");
  ASSERT_TRUE(known.connect(server));
  EXPECT_TRUE(known.name_was_acknowledged());
  RawClient unknown("unknown.example.org");
  ASSERT_TRUE(unknown.connect(server));
  EXPECT_FALSE(unknown.name_was_acknowledged());
}

}  // namespace
}  // namespace dtls::test
