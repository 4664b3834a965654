// What configurations say of the protocol: ALPN, SRTP, sizes of records, exporters, key updates.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class Options : public testing::TestWithParam<ProtocolVersion> {
 protected:
  Options() {
    server_.identity = authority_.issue();
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
    client_.versions = {GetParam(), GetParam()};
  }
  static bool is_13() { return GetParam() == ProtocolVersion::kDtls13; }
  // What both configurations refuse with this set.
  template <typename Set>
  void expect_refused(Set set, const std::string& option) {
    ServerConfig server = server_;
    ClientConfig client = client_;
    set(server);
    set(client);
    for (const auto& made : {Context::for_server(server), Context::for_client(client)}) {
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().sys_errno, EINVAL);
      EXPECT_NE(made.error().message.find("`" + option + "`"), std::string::npos)
          << made.error().message;
    }
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};
INSTANTIATE_TEST_SUITE_P(Of, Options,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& tested) {
                           return tested.param == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
                         });

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_P(Options, both_sides_tell_the_application_protocol) {
  server_.alpn = {"coap", "c-webrtc"};
  client_.alpn = {"webrtc", "c-webrtc"};
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.client().session->negotiated()->alpn, "c-webrtc");
  EXPECT_EQ(pair.server().session->negotiated()->alpn, "c-webrtc");
}

TEST_P(Options, no_application_protocol_in_common_is_no_application_protocol) {
  server_.alpn = {"coap"};
  client_.alpn = {"webrtc"};
  VirtualPair pair(server_, client_);
  pair.connect();
  ASSERT_TRUE(pair.client().failure && pair.server().failure);
  EXPECT_EQ(pair.client().failure->alert, 120);
  EXPECT_EQ(pair.server().failure->kind, ErrorKind::kIncompatible);
}

TEST_P(Options, protocols_that_cannot_be_are_refused) {
  expect_refused([](auto& config) { config.alpn = {""}; }, "alpn");
  expect_refused([](auto& config) { config.alpn = {std::string(256, 'x')}; }, "alpn");
  expect_refused(
      [](auto& config) {
        config.alpn = {std::string(255, 'x'), std::string(255, 'y'), "z"};
      },
      "alpn");
}

TEST_P(Options, handshake_timeouts_of_nothing_or_above_a_day_are_refused) {
  for (const auto timeout : {Duration::zero(), Duration(-1),
                             Duration(std::chrono::hours(24)) + Duration(1), Duration::max()}) {
    expect_refused([&](auto& config) { config.handshake_timeout = timeout; }, "handshake_timeout");
  }
  server_.handshake_timeout = client_.handshake_timeout = std::chrono::hours(24);
  VirtualPair pair(server_, client_);
  EXPECT_TRUE(pair.connect());
}

TEST_P(Options, both_sides_tell_the_srtp_profile_and_have_its_keys) {
  server_.srtp_profiles = {SrtpProfile::kAeadAes128Gcm};
  client_.srtp_profiles = {SrtpProfile::kAes128CmHmacSha1Tag80, SrtpProfile::kAeadAes128Gcm};
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  std::array<std::byte, 56> of_client{};
  std::array<std::byte, 56> of_server{};
  ASSERT_TRUE(pair.client().session->export_keying_material("EXTRACTOR-dtls_srtp", {}, of_client));
  ASSERT_TRUE(pair.server().session->export_keying_material("EXTRACTOR-dtls_srtp", {}, of_server));
  EXPECT_EQ(of_client, of_server);
  EXPECT_EQ(pair.client().session->negotiated()->srtp_profile, SrtpProfile::kAeadAes128Gcm);
  EXPECT_EQ(pair.server().session->negotiated()->srtp_profile, SrtpProfile::kAeadAes128Gcm);
  expect_refused([](auto& config) { config.srtp_profiles = {SrtpProfile{3}}; }, "srtp_profiles");
}

TEST_P(Options, keying_material_depends_on_label_context_and_association) {
  VirtualPair one(server_, client_);
  VirtualPair other(server_, client_);
  ASSERT_TRUE(one.connect() && other.connect());
  const auto material = [](VirtualPair& pair, std::string_view label,
                           std::optional<std::span<const std::byte>> context) {
    std::array<std::byte, 32> out{};
    EXPECT_TRUE(pair.client().session->export_keying_material(label, context, out));
    return out;
  };
  const auto first = material(one, "EXPERIMENTAL a", {});
  EXPECT_EQ(first, material(one, "EXPERIMENTAL a", {}));
  EXPECT_NE(first, material(one, "EXPERIMENTAL b", {}));
  EXPECT_NE(first, material(one, "EXPERIMENTAL a", bytes("context")));
  EXPECT_NE(first, material(other, "EXPERIMENTAL a", {}));
  // RFC 5705 §4; RFC 8446 §7.5 makes them one.
  EXPECT_EQ(first == material(one, "EXPERIMENTAL a", bytes("")), is_13());
}

TEST_P(Options, keying_material_that_cannot_be_had_is_refused) {
  VirtualPair pair(server_, client_);
  std::vector<std::byte> out(8161);
  const auto errno_of = [&](std::string_view label, std::size_t context, std::size_t size) {
    const std::vector<std::byte> with(context);
    const auto done =
        pair.client().session->export_keying_material(label, with, std::span(out).first(size));
    return done ? 0 : done.error().sys_errno;
  };
  EXPECT_EQ(errno_of("EXPERIMENTAL", 0, 32), EAGAIN);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(errno_of(std::string(249, 'x'), 65535, 8160), 0);
  EXPECT_EQ(errno_of(std::string(250, 'x'), 0, 32), EINVAL);
  EXPECT_EQ(errno_of("", 0, 32), 0);
  EXPECT_EQ(errno_of("EXPERIMENTAL", 65536, 32), EINVAL);
  EXPECT_EQ(errno_of("EXPERIMENTAL", 0, 8161), EINVAL);
  EXPECT_EQ(errno_of("EXPERIMENTAL", 0, 0), EINVAL);
  for (const char* own : {"client finished", "server finished", "master secret", "key expansion",
                          "extended master secret"}) {
    EXPECT_EQ(errno_of(own, 0, 32), EINVAL) << own;
  }
}

TEST_P(Options, no_keying_material_comes_of_a_handshake_that_failed) {
  client_.server_name = "other.example";
  VirtualPair pair(server_, client_);
  pair.connect();
  for (auto* side : {&pair.client(), &pair.server()}) {
    std::array<std::byte, 32> out{};
    const auto done = side->session->export_keying_material("EXPERIMENTAL", {}, out);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().sys_errno, EPIPE);
  }
}

TEST_P(Options, a_message_above_the_peers_record_size_limit_is_refused_with_the_limit) {
  server_.record_size_limit = 500;
  client_.record_size_limit = 1000;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const std::size_t most = is_13() ? 499 : 500;  // RFC 8449 §4: the type counts
  EXPECT_EQ(pair.client().session->negotiated()->max_message, most);
  EXPECT_EQ(pair.server().session->negotiated()->max_message, is_13() ? 999U : 1000U);
  const std::string largest(most, 'x');
  ASSERT_TRUE(pair.client().session->send(bytes(largest)));
  const auto refused = pair.client().session->send(bytes(largest + "x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EMSGSIZE);
  EXPECT_NE(refused.error().message.find(std::to_string(most)), std::string::npos);
  pair.settle([] { return true; });
  EXPECT_EQ(pair.server().messages, std::vector{largest});
  expect_refused([](auto& config) { config.mtu = 63; }, "mtu");
  expect_refused([](auto& config) { config.mtu = 65508; }, "mtu");
  expect_refused([](auto& config) { config.record_size_limit = 63; }, "record_size_limit");
  expect_refused([](auto& config) { config.record_size_limit = 16385; }, "record_size_limit");
}

TEST_P(Options, keys_are_updated_in_dtls_13_only) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const auto begun = pair.client().session->update_keys(true, pair.now());
  EXPECT_EQ(begun ? 0 : begun.error().sys_errno, is_13() ? 0 : EOPNOTSUPP);
  pair.settle([] { return true; });
  ASSERT_TRUE(pair.client().session->send(bytes("after")));
  ASSERT_TRUE(pair.server().session->send(bytes("it")));
  pair.settle([] { return true; });
  EXPECT_EQ(pair.server().messages, std::vector<std::string>{"after"});
  EXPECT_EQ(pair.client().messages, std::vector<std::string>{"it"});
}

TEST_P(Options, ccm_is_spoken_only_where_both_sides_have_it_on) {
  VirtualPair plain(server_, client_);
  ASSERT_TRUE(plain.connect());
  EXPECT_EQ(plain.client().session->negotiated()->cipher_suite.find("CCM"), std::string::npos);
  // Also then it is the last choice.
  server_.ccm_suites = client_.ccm_suites = true;
  VirtualPair both(server_, client_);
  ASSERT_TRUE(both.connect());
  EXPECT_EQ(both.client().session->negotiated()->cipher_suite.find("CCM"), std::string::npos);
  const auto suites = [](const Context& context) { return context.inside().settings->suites; };
  const auto with = suites(both.server_context());
  const auto without = suites(plain.server_context());
  EXPECT_EQ(with.size(), without.size() + 4);
  EXPECT_TRUE(std::equal(without.begin(), without.end(), with.begin()));
}

}  // namespace
}  // namespace dtls::test
