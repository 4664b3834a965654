// Every kind of certificate and key that the options take completes a verified handshake.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>

#include "credentials/pem.hpp"
#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class Credentials : public testing::Test {
 protected:
  Credentials() {
    server_.identity = authority_.issue();
    server_.ca = authority_.certificate();
    client_.identity = authority_.issue({"a client", "DNS:client"});
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
  }

  // Both sides verify each other and say so.
  void expect_connected() {
    VirtualPair pair(server_, client_);
    ASSERT_TRUE(pair.connect());
    for (auto* side : {&pair.client(), &pair.server()}) {
      ASSERT_FALSE(side->failure) << side->failure->message;
      const auto& peer = side->session->verification();
      EXPECT_TRUE(peer.authorized);
      EXPECT_EQ(peer.reason, "");
    }
    EXPECT_TRUE(is_leaf_of(pair.client().session->verification().certificate, server_.identity));
    EXPECT_TRUE(is_leaf_of(pair.server().session->verification().certificate, client_.identity));
  }
  // Why the client does not accept the server; empty when it does.
  std::string rejection() {
    VirtualPair pair(server_, client_);
    EXPECT_TRUE(pair.connect());
    return pair.client().failure ? pair.client().failure->message : "";
  }
  static bool is_leaf_of(const std::string& certificate, const IdentityConfig& identity) {
    return !certificate.empty() && identity.cert.find(certificate) != std::string::npos;
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};

class EachKind : public Credentials, public testing::WithParamInterface<KeyKind> {};

TEST_P(EachKind, of_key_serves_on_both_sides) {
  Authority::Wish wish;
  wish.kind = GetParam();
  server_.identity = authority_.issue(wish);
  wish.common_name = "a client";
  client_.identity = authority_.issue(wish);
  expect_connected();
}

TEST_P(EachKind, of_key_may_be_encrypted_as_pkcs8) {
  Authority::Wish wish;
  wish.kind = GetParam();
  server_.identity = authority_.issue(wish);
  server_.identity.key = encrypt_key(server_.identity.key, "correct horse");
  ASSERT_NE(server_.identity.key.find("BEGIN ENCRYPTED PRIVATE KEY"), std::string::npos);
  server_.identity.passwd = "correct horse";
  expect_connected();
}

INSTANTIATE_TEST_SUITE_P(Of, EachKind,
                         testing::Values(KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa2048,
                                         KeyKind::kEd25519));

TEST_F(Credentials, of_ed25519_serve_clients) {
  Authority::Wish wish;
  wish.kind = KeyKind::kEd25519;
  client_.identity = authority_.issue(wish);
  client_.identity.key = encrypt_key(client_.identity.key, "correct horse");
  client_.identity.passwd = "correct horse";
  expect_connected();
}

class Unserved : public Credentials,
                 public testing::WithParamInterface<std::pair<KeyKind, const char*>> {};

TEST_P(Unserved, keys_are_refused_for_servers_before_a_handshake_has_to_fail) {
  Authority::Wish wish;
  wish.kind = GetParam().first;
  const auto identity = authority_.issue(wish);
  const auto good = std::move(*Context::for_server(server_));
  server_.identity = identity;
  const auto refused = Context::for_server(server_);
  const auto not_added = good->add_identity({"a.example.org", identity, ""});
  ASSERT_FALSE(refused);
  ASSERT_FALSE(not_added);
  for (const auto& error : {refused.error(), not_added.error()}) {
    EXPECT_EQ(error.sys_errno, EINVAL);
    EXPECT_NE(error.message.find(GetParam().second), std::string::npos) << error.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Unserved,
                         testing::Values(std::pair(KeyKind::kP521, "secp521r1"),
                                         std::pair(KeyKind::kRsa1024, "an RSA key of 1024 bits"),
                                         std::pair(KeyKind::kEd448, "ED448")));

// RFC 8422 §5.10 has ed448, which is not spoken here.
TEST_F(Credentials, client_refuses_a_key_that_signs_no_handshake) {
  Authority::Wish wish;
  wish.kind = KeyKind::kEd448;
  client_.identity = authority_.issue(wish);
  const auto refused = Context::for_client(client_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EINVAL);
  EXPECT_NE(refused.error().message.find("a key of the kind ED448 signs no handshake"),
            std::string::npos)
      << refused.error().message;
  wish.kind = KeyKind::kRsa1024;
  client_.identity = authority_.issue(wish);
  EXPECT_FALSE(Context::for_client(client_));
  wish.kind = KeyKind::kP521;
  client_.identity = authority_.issue(wish);
  EXPECT_TRUE(Context::for_client(client_));
}

TEST_F(Credentials, with_a_traditionally_encrypted_key_serve) {
  for (const auto kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
    Authority::Wish wish;
    wish.kind = kind;
    client_.identity = authority_.issue(wish);
    client_.identity.key = encrypt_key_traditionally(client_.identity.key, "battery staple");
    ASSERT_NE(client_.identity.key.find("Proc-Type: 4,ENCRYPTED"), std::string::npos);
    client_.identity.passwd = "battery staple";
    expect_connected();
  }
}

TEST_F(Credentials, with_the_key_in_the_certificates_text_serve) {
  for (auto* identity : {&server_.identity, &client_.identity})
    *identity = {identity->cert + encrypt_key(identity->key, "secret"), "", "secret"};
  expect_connected();
}

TEST_F(Credentials, with_intermediates_send_them_all) {
  const Authority upper("upper intermediate", authority_);
  const Authority lower("lower intermediate", upper);
  for (auto* identity : {&server_.identity, &client_.identity}) {
    *identity = lower.issue();
    identity->cert += lower.certificate() + upper.certificate();
  }
  expect_connected();
}

TEST_F(Credentials, that_leave_out_an_intermediate_are_rejected_with_the_reason) {
  const Authority intermediate("intermediate", authority_);
  server_.identity = intermediate.issue();
  EXPECT_NE(rejection().find("was not issued by any certificate authority trusted"),
            std::string::npos);
}

// Fragments of both Certificate messages fill about ten datagrams each (RFC 6347 §4.2.3).
TEST_F(Credentials, of_ten_kilobytes_pass_in_both_directions) {
  const Authority upper("upper intermediate", authority_);
  Authority::Wish wish;
  for (int i = 0; i < 400; ++i)
    wish.alt_names += ",DNS:host-number-" + std::to_string(i) + ".example.org";
  for (auto* identity : {&server_.identity, &client_.identity}) {
    *identity = upper.issue(wish);
    identity->cert += upper.certificate();
    ASSERT_GT(identity->cert.size(), 10U * 1024 * 4 / 3) << "base64";
  }
  expect_connected();
}

TEST_F(Credentials, of_both_sides_are_readable_when_the_client_rejects_the_server) {
  client_.ca = Authority("another").certificate();
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const auto& seen = pair.client().session->verification();
  EXPECT_FALSE(seen.authorized);
  EXPECT_NE(seen.reason.find("CN=localhost"), std::string::npos) << seen.reason;
  EXPECT_TRUE(is_leaf_of(seen.certificate, server_.identity));
}

TEST_F(Credentials, of_both_sides_are_readable_when_the_server_rejects_the_client) {
  const Authority another("another");
  client_.identity = another.issue({"a stranger", "DNS:stranger"});
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.server().failure);
  EXPECT_EQ(pair.server().failure->kind, ErrorKind::kUntrusted);
  const auto& seen = pair.server().session->verification();
  EXPECT_FALSE(seen.authorized);
  EXPECT_NE(seen.reason.find("CN=a stranger"), std::string::npos) << seen.reason;
  EXPECT_TRUE(is_leaf_of(seen.certificate, client_.identity));
  ASSERT_TRUE(pair.client().failure);
  EXPECT_EQ(pair.client().failure->alert, 48) << "unknown_ca, RFC 5246 §7.2.2";
}

TEST_F(Credentials, that_the_client_does_not_have_are_missed_in_words) {
  client_.identity = {};
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.server().failure);
  EXPECT_NE(pair.server().failure->message.find("sent no certificate"), std::string::npos);
  const auto& seen = pair.server().session->verification();
  EXPECT_FALSE(seen.authorized);
  EXPECT_EQ(seen.reason, "the peer sent no certificate");
  EXPECT_EQ(seen.certificate, "");
}

class ServerName : public Credentials {
 protected:
  ServerName() {
    server_.ca.clear();
    client_.identity = {};
  }
  void show(const std::string& alt_names) {
    server_.identity = authority_.issue({"a server", alt_names});
  }
  std::string rejection_of(const std::string& name) {
    client_.server_name = name;
    return rejection();
  }
  // What the first flight of a client has in it.
  bool first_flight_has(const std::string& text) {
    const auto context = std::move(*Context::for_client(client_));
    auto session = std::move(*Session::client(context, *Address::parse("192.0.2.2", 1), {}));
    std::array<std::byte, kMaxDatagram> out;
    const std::size_t size = session.poll_transmit(out);
    return std::string(reinterpret_cast<const char*>(out.data()), size).find(text) !=
           std::string::npos;
  }
};

TEST_F(ServerName, is_sent_unless_it_is_an_address) {
  client_.server_name = "a.example.org";
  EXPECT_TRUE(first_flight_has("a.example.org"));
  for (const char* literal : {"192.0.2.2", "2001:db8::1"}) {
    client_.server_name = literal;
    EXPECT_FALSE(first_flight_has(literal)) << literal;
  }
}

// RFC 6125 §6.4.3.
TEST_F(ServerName, is_matched_by_a_wildcard_for_one_label) {
  show("DNS:*.example.org");
  EXPECT_EQ(rejection_of("a.example.org"), "");
  EXPECT_EQ(rejection_of("A.Example.ORG"), "");
  EXPECT_NE(rejection_of("a.b.example.org"), "");
  EXPECT_NE(rejection_of("example.org"), "");
  show("DNS:a*.example.org");
  EXPECT_NE(rejection_of("ab.example.org"), "") << "a part of a label";
}

TEST_F(ServerName, that_is_an_address_is_matched_by_addresses_only) {
  show("IP:192.0.2.2,IP:2001:db8::1,DNS:192.0.2.3");
  EXPECT_EQ(rejection_of("192.0.2.2"), "");
  EXPECT_EQ(rejection_of("2001:DB8:0::1"), "");
  EXPECT_NE(rejection_of("192.0.2.3"), "");
  EXPECT_NE(rejection_of("2001:db8::2"), "");
}

TEST_F(ServerName, of_another_script_is_its_a_label) {
  show("DNS:xn--bcher-kva.example");
  EXPECT_EQ(rejection_of("xn--bcher-kva.example"), "");
  client_.server_name =
      "b\xc3\xbc"
      "cher.example";
  const auto refused = Context::for_client(client_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EINVAL);
  EXPECT_NE(refused.error().message.find("option `server`"), std::string::npos);
  EXPECT_NE(refused.error().message.find("xn--"), std::string::npos);
}

// A setting of the environment for as long as the object lives.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Setting() { unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

class SystemTrust : public ServerName {
 protected:
  SystemTrust() {
    client_.ca.clear();
    client_.load_system_trust = true;
    std::filesystem::create_directory(folder_ / "empty");
    std::ofstream(folder_ / "store.pem") << authority_.certificate();
  }
  ~SystemTrust() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ = [] {
    std::string name = testing::TempDir() + "dtls_trust_XXXXXX";
    return std::filesystem::path(mkdtemp(name.data()));
  }();
};

TEST_F(SystemTrust, is_what_the_file_of_the_environment_has) {
  const Setting folder("SSL_CERT_DIR", folder_ / "empty");
  const Setting file("SSL_CERT_FILE", folder_ / "store.pem");
  EXPECT_EQ(rejection(), "");
  client_.load_system_trust = false;
  EXPECT_NE(rejection(), "") << "only where it is asked for";
}

TEST_F(SystemTrust, is_what_the_folder_of_the_environment_has) {
  const auto anchor = std::move(*credentials::parse_certificates(authority_.certificate(), "ca"));
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "%08lx.0", X509_subject_name_hash(anchor.front().get()));
  std::ofstream(folder_ / name.data()) << authority_.certificate();
  const Setting file("SSL_CERT_FILE", folder_ / "missing.pem");
  {
    const Setting folder("SSL_CERT_DIR", folder_);
    EXPECT_EQ(rejection(), "");
  }
  const Setting folder("SSL_CERT_DIR", folder_ / "empty");
  EXPECT_NE(rejection(), "");
}

TEST_F(SystemTrust, stands_beside_the_authorities_of_the_option) {
  const Setting folder("SSL_CERT_DIR", folder_ / "empty");
  const Setting file("SSL_CERT_FILE", folder_ / "store.pem");
  const Authority another("another");
  client_.ca = another.certificate();
  EXPECT_EQ(rejection(), "");
  server_.identity = another.issue();
  EXPECT_EQ(rejection(), "");
}

}  // namespace
}  // namespace dtls::test
