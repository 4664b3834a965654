// Certificates chosen by the name a client asks for, or by the address it sends to.
#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

#include "association/host_identities.hpp"
#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class HostIdentity : public testing::Test {
 protected:
  HostIdentity() {
    server_.identity = authority_.issue({"own", "DNS:own.example.net,IP:192.0.2.2"});
    client_.ca = authority_.certificate();
    client_.verify = false;  // what is shown is looked at, whatever it is
  }

  // A certificate whose common name tells which identity it belongs to.
  [[nodiscard]] HostIdentityConfig host(const std::string& name, const std::string& label = "",
                                        const std::string& alt_names = "DNS:unused") const {
    return {name, authority_.issue({label.empty() ? name : label, alt_names}), ""};
  }

  // The common name of the certificate that a client gets who asks for `name`.
  std::string shown_to(const std::string& name, const std::vector<HostIdentityConfig>& hosts,
                       std::optional<Address> local = {}) {
    client_.server_name = name;
    VirtualPair pair(server_, client_, {}, local);
    for (const auto& host : hosts)
      EXPECT_TRUE(pair.server_context().add_identity(host));
    EXPECT_TRUE(pair.connect());
    if (pair.client().failure) return pair.client().failure->message;
    return common_name_of(pair.client().session->verification().certificate);
  }

  // The message of a host that must be refused; every one names the option.
  std::string refusal(const HostIdentityConfig& config) {
    auto context = std::move(*Context::for_server(server_));
    const auto added = context->add_identity(config);
    if (added) return "it was accepted";
    EXPECT_EQ(added.error().sys_errno, EINVAL);
    return added.error().message;
  }
  static bool says(const std::string& message, const std::string& part) {
    return message.find(part) != std::string::npos;
  }
  std::string refusal_of_name(const std::string& name) {
    HostIdentityConfig config = host("good.example.org");
    config.host = name;
    auto message = refusal(config);
    EXPECT_TRUE(says(message, "option `name`")) << message;
    return message;
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};

TEST_F(HostIdentity, is_chosen_by_the_name_the_client_asks_for) {
  const std::vector hosts{host("a.example.org"), host("b.example.org")};
  EXPECT_EQ(shown_to("a.example.org", hosts), "a.example.org");
  EXPECT_EQ(shown_to("b.example.org", hosts), "b.example.org");
}

TEST_F(HostIdentity, does_not_change_what_unknown_names_and_nameless_clients_get) {
  const std::vector hosts{host("a.example.org")};
  EXPECT_EQ(shown_to("c.example.org", hosts), "own");
  EXPECT_EQ(shown_to("a.example.org.evil.example", hosts), "own");
  EXPECT_EQ(shown_to("", hosts), "own");
  EXPECT_EQ(shown_to("192.0.2.2", hosts), "own") << "an IP literal is not sent";
}

// RFC 6066 §3, RFC 4343.
TEST_F(HostIdentity, is_found_in_any_case) {
  EXPECT_EQ(shown_to("a.EXAMPLE.org", {host("A.example.ORG", "it")}), "it");
}

// RFC 6125 §6.4.3.
TEST_F(HostIdentity, of_a_wildcard_is_for_exactly_one_label) {
  const std::vector hosts{host("*.example.org", "wild")};
  EXPECT_EQ(shown_to("a.example.org", hosts), "wild");
  EXPECT_EQ(shown_to("xn--bcher-kva.example.org", hosts), "wild");
  EXPECT_EQ(shown_to("a.b.example.org", hosts), "own");
  EXPECT_EQ(shown_to("example.org", hosts), "own");
}

TEST_F(HostIdentity, of_the_exact_name_comes_before_a_wildcard) {
  const auto wild = host("*.example.org", "wild");
  const auto exact = host("a.example.org", "exact");
  EXPECT_EQ(shown_to("a.example.org", {wild, exact}), "exact");
  EXPECT_EQ(shown_to("a.example.org", {exact, wild}), "exact");
  EXPECT_EQ(shown_to("b.example.org", {exact, wild}), "wild");
}

TEST_F(HostIdentity, of_the_same_name_replaces) {
  EXPECT_EQ(shown_to("a.example.org", {host("a.example.org", "old"), host("A.example.org", "new")}),
            "new");
}

// The certificate of the server itself must not remain beside it for clients that like RSA better.
TEST_F(HostIdentity, of_another_kind_of_key_takes_the_place_of_the_servers_own) {
  Authority::Wish own{"own", "DNS:own.example.net"};
  own.kind = KeyKind::kP256;
  server_.identity = authority_.issue(own);
  Authority::Wish wish{"rsa", "DNS:a.example.org"};
  wish.kind = KeyKind::kRsa2048;
  EXPECT_EQ(shown_to("a.example.org", {{"a.example.org", authority_.issue(wish), ""}}), "rsa");
}

TEST_F(HostIdentity, brings_its_intermediates) {
  client_.verify = true;
  const Authority intermediate("intermediate", authority_);
  auto identity = intermediate.issue({"leaf", "DNS:a.example.org"});
  identity.cert += intermediate.certificate();
  EXPECT_EQ(shown_to("a.example.org", {{"a.example.org", identity, ""}}), "leaf");
}

TEST_F(HostIdentity, may_be_added_while_sessions_run_and_holds_for_later_hellos) {
  client_.server_name = "a.example.org";
  auto server = std::move(*Context::for_server(server_));
  VirtualPair before(server, client_);
  ASSERT_TRUE(before.connect());
  EXPECT_EQ(common_name_of(before.client().session->verification().certificate), "own");
  ASSERT_TRUE(server->add_identity(host("a.example.org")));
  VirtualPair after(server, client_);
  ASSERT_TRUE(after.connect());
  EXPECT_EQ(common_name_of(after.client().session->verification().certificate), "a.example.org");
}

TEST_F(HostIdentity, may_be_added_by_one_thread_while_others_shake_hands) {
  auto server = std::move(*Context::for_server(server_));
  client_.server_name = "a.example.org";
  const std::vector hosts{host("a.example.org"), host("b.example.org"), host("*.example.org")};
  std::jthread adding([&](const std::stop_token& stop) {
    for (std::size_t i = 0; !stop.stop_requested(); ++i)
      EXPECT_TRUE(server->add_identity(hosts[i % hosts.size()]));
  });
  for (int i = 0; i < 20; ++i) {
    VirtualPair pair(server, client_);
    ASSERT_TRUE(pair.connect());
    EXPECT_FALSE(pair.client().failure);
  }
}

TEST_F(HostIdentity, stays_that_of_the_association_in_a_renegotiation) {
  server_.renegotiate = client_.renegotiate = true;
  client_.server_name = "a.example.org";
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.server_context().add_identity(host("a.example.org", "first")));
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.server_context().add_identity(host("a.example.org", "second")));
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  pair.settle([] { return true; });
  EXPECT_FALSE(pair.client().failure) << pair.client().failure->message;
  EXPECT_EQ(common_name_of(pair.client().session->verification().certificate), "first");
}

class HostAuthority : public HostIdentity {
 protected:
  // Whether the server accepts a client that asks for `name` and shows `identity`.
  bool accepts(const std::string& name, const IdentityConfig& identity,
               const std::vector<HostIdentityConfig>& hosts) {
    client_.server_name = name;
    client_.identity = identity;
    VirtualPair pair(server_, client_);
    for (const auto& host : hosts)
      EXPECT_TRUE(pair.server_context().add_identity(host));
    EXPECT_TRUE(pair.connect());
    if (pair.server().connected == 0) return false;
    authorized_ = pair.server().session->verification().authorized;
    return true;
  }

  Authority partners_{"partners"};
  IdentityConfig partner_ = partners_.issue({"a partner", "DNS:partner"});
  IdentityConfig member_ = authority_.issue({"a member", "DNS:member"});
  bool authorized_ = false;
};

TEST_F(HostAuthority, is_required_of_clients_that_ask_for_its_name_and_of_no_others) {
  auto guarded = host("partners.example.org");
  guarded.ca = partners_.certificate();
  EXPECT_FALSE(accepts("partners.example.org", {}, {guarded}));
  EXPECT_FALSE(accepts("partners.example.org", member_, {guarded}));
  EXPECT_TRUE(accepts("partners.example.org", partner_, {guarded}));
  EXPECT_TRUE(authorized_);
  EXPECT_TRUE(accepts("other.example.org", {}, {guarded}));
  EXPECT_FALSE(authorized_);
}

TEST_F(HostAuthority, takes_the_place_of_the_servers_for_its_name) {
  server_.ca = authority_.certificate();
  auto guarded = host("partners.example.org");
  guarded.ca = partners_.certificate();
  EXPECT_TRUE(accepts("partners.example.org", partner_, {guarded}));
  EXPECT_FALSE(accepts("partners.example.org", member_, {guarded}));
  EXPECT_TRUE(accepts("other.example.org", member_, {guarded}));
  EXPECT_FALSE(accepts("other.example.org", partner_, {guarded}));
}

TEST_F(HostAuthority, of_the_server_is_not_escaped_by_asking_for_a_name_without_one) {
  server_.ca = authority_.certificate();
  EXPECT_FALSE(accepts("open.example.org", {}, {host("open.example.org")}));
  EXPECT_FALSE(accepts("open.example.org", partner_, {host("open.example.org")}));
  EXPECT_TRUE(accepts("open.example.org", member_, {host("open.example.org")}));
  EXPECT_TRUE(authorized_);
}

TEST_F(HostAuthority, judges_clients_by_the_usage_of_clients) {
  server_.ca = authority_.certificate();
  Authority::Wish wish{"a member", "DNS:member"};
  wish.extended_key_usage = "clientAuth";
  EXPECT_TRUE(accepts("", authority_.issue(wish), {}));
  wish.extended_key_usage = "serverAuth";
  EXPECT_FALSE(accepts("", authority_.issue(wish), {}));
}

// RFC 5246 §7.4.4, RFC 8446 §4.2.4: an empty list lets clients show any certificate.
TEST_F(HostAuthority, of_more_names_than_fit_is_not_named_to_clients) {
  server_.ca = authority_.certificate();
  const auto named = *association::ClientAuthority::load(server_.ca);
  EXPECT_EQ(named->names->size(), 1U);
  for (int i = 0; i < 700; ++i) {
    server_.ca +=
        Authority("authority number " + std::to_string(i) + std::string(40, '.')).certificate();
  }
  EXPECT_TRUE((*association::ClientAuthority::load(server_.ca))->names->empty());
  for (const auto version : {ProtocolVersion::kDtls12, ProtocolVersion::kDtls13}) {
    client_.versions = {version, version};
    EXPECT_TRUE(accepts("", member_, {}));
    EXPECT_FALSE(accepts("", partner_, {}));
  }
}

// Sessions are resumed only under the identity under which they began.
TEST_F(HostIdentity, binds_sessions_to_its_certificate_its_name_and_its_authorities) {
  const auto one = authority_.issue();
  const auto other = authority_.issue();
  const auto binding = [](const IdentityConfig& identity, const std::string& name,
                          const std::string& ca) {
    return (*association::HostIdentity::load({name, identity, ca}))->binding;
  };
  const auto first = binding(one, "a.example.org", "");
  EXPECT_EQ(binding(one, "a.example.org", ""), first);
  EXPECT_NE(binding(other, "a.example.org", ""), first);
  EXPECT_NE(binding(one, "b.example.org", ""), first);
  EXPECT_NE(binding(one, "a.example.org", authority_.certificate()), first);
}

TEST_F(HostIdentity, with_a_bad_name_is_refused_with_the_option_named) {
  EXPECT_TRUE(says(refusal_of_name(""), "is empty"));
  EXPECT_TRUE(says(refusal_of_name("b\xc3\xbc"
                                   "cher.example"),
                   "xn--"));
  for (const char* name : {"*", "a.*.example.org", "a*.example.org", "*.*.example.org", "**.org"})
    EXPECT_TRUE(says(refusal_of_name(name), "\"*\"")) << name;
  for (const char* name : {".", "a..b", ".a", "a.", "-a.org", "a-.org", "a b.org", "*.", "a/b"})
    EXPECT_TRUE(says(refusal_of_name(name), "has the label")) << name;
  EXPECT_TRUE(says(refusal_of_name(std::string(64, 'a') + ".org"), "1 to 63"));
  const std::string label(62, 'a');
  EXPECT_TRUE(
      says(refusal_of_name(label + "." + label + "." + label + "." + label + ".org"), "253"));
}

TEST_F(HostIdentity, with_names_at_the_limits_is_accepted) {
  const std::string longest = std::string(63, 'a') + ".example.org";
  EXPECT_EQ(shown_to(longest, {host(longest, "long")}), "long");
  EXPECT_EQ(shown_to("_dev.example.org", {host("_dev.example.org", "underscore")}), "underscore");
  EXPECT_EQ(shown_to("host", {host("host", "one label")}), "one label");
}

TEST_F(HostIdentity, with_bad_credentials_is_refused_with_the_option_named) {
  auto config = host("a.example.org");
  config.identity.key = authority_.issue().key;
  EXPECT_TRUE(says(refusal(config), "option `key`"));
  config = host("a.example.org");
  config.identity.cert = "rubbish";
  EXPECT_TRUE(says(refusal(config), "option `cert`"));
  config = host("a.example.org");
  config.ca = "rubbish";
  EXPECT_TRUE(says(refusal(config), "option `ca`"));
}

TEST_F(HostIdentity, belongs_to_servers) {
  auto context = std::move(*Context::for_client(client_));
  EXPECT_EQ(context->add_identity(host("a.example.org")).error().sys_errno, EOPNOTSUPP);
}

class ByAddress : public HostIdentity {
 protected:
  ByAddress() { server_.select_by_address = true; }

  static Address at(const std::string& ip) { return *Address::parse(ip, 5684); }

  std::vector<HostIdentityConfig> hosts_{
      host("a.example.org", "four", "IP:192.0.2.77,IP:192.0.2.2"),
      host("b.example.org", "six", "IP:2001:db8::7")};
};

TEST_F(ByAddress, a_nameless_client_gets_the_certificate_of_the_address_it_sent_to) {
  EXPECT_EQ(shown_to("", hosts_, at("192.0.2.77")), "four");
  EXPECT_EQ(shown_to("", hosts_, at("2001:db8::7")), "six");
}

TEST_F(ByAddress, an_ipv4_address_mapped_into_ipv6_is_the_same) {
  EXPECT_EQ(shown_to("", hosts_, at("::ffff:192.0.2.77")), "four");
}

TEST_F(ByAddress, the_servers_own_certificate_comes_first) {
  EXPECT_EQ(shown_to("", hosts_, at("192.0.2.2")), "own");
}

TEST_F(ByAddress, an_address_of_no_certificate_and_an_unknown_one_get_the_servers_own) {
  EXPECT_EQ(shown_to("", hosts_, at("192.0.2.78")), "own");
  EXPECT_EQ(shown_to("", hosts_, std::nullopt), "own");
}

TEST_F(ByAddress, a_name_goes_before_the_address) {
  EXPECT_EQ(shown_to("b.example.org", hosts_, at("192.0.2.77")), "six");
  EXPECT_EQ(shown_to("unknown.example.org", hosts_, at("192.0.2.77")), "own");
}

TEST_F(ByAddress, is_off_by_default) {
  server_.select_by_address = ServerConfig().select_by_address;
  EXPECT_EQ(shown_to("", hosts_, at("192.0.2.77")), "own");
}

}  // namespace
}  // namespace dtls::test
