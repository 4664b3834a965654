// CoAP over DTLS 1.2 with a PSK (RFC 7252 §9.1.3.1), as small devices speak it: with libcoap's
// programs, which are built around OpenSSL and around GnuTLS.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "handshake/suites.hpp"
#include "interop/ours.hpp"
#include "interop/program.hpp"
#include "support/engine_pair.hpp"

namespace dtls::interop {
namespace {

constexpr Duration kPatience{20'000};

class Coap : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(path("client"))) {
      GTEST_SKIP() << "there is no " << path("client") << " (Debian: libcoap3-bin)";
    }
  }
  static std::string path(const std::string& side) {
    return "/usr/bin/coap-" + side + "-" + GetParam();
  }
  std::unique_ptr<Ours> make_ours(bool is_server) {
    OurWishes wishes;
    wishes.settings = test::default_settings(is_server);
    wishes.settings.max_version = wire::kDtls12;
    const auto suites = handshake::psk_suites();
    wishes.settings.suites.assign(suites.begin(), suites.end());
    wishes.settings.offers_psk = true;
    wishes.settings.channel.first_timeout = Duration(200);
    wishes.psk = {"sensor", "sixteen-secrets!"};
    return std::make_unique<Ours>(loop_, std::move(wishes));
  }

  EventLoop loop_;
};

TEST_P(Coap, its_client_asks_our_server) {
  const auto ours = make_ours(true);
  const Program client(loop_,
                       {path("client"), "-m", "get", "-u", "sensor", "-k", "sixteen-secrets!",
                        "coaps://127.0.0.1:" + std::to_string(ours->address().port) + "/"});
  ASSERT_TRUE(
      loop_.run_until([&] { return !ours->messages().empty() || ours->failure(); }, kPatience))
      << client.output();
  ASSERT_TRUE(ours->is_established()) << ours->why() << client.output();
  EXPECT_TRUE(ours->negotiated().with_psk);

  // RFC 7252 §3: version and type, code, message id, token. A GET is answered in its ACK,
  // with 2.05.
  std::string request = ours->messages().front();
  ASSERT_GE(request.size(), 4U);
  EXPECT_EQ(request[1], '\x01');
  const auto token = static_cast<std::size_t>(request[0] & 0x0f);
  std::string answer = request.substr(0, 4 + token);
  answer[0] = static_cast<char>(0x60U | token);
  answer[1] = '\x45';
  ours->send(answer + "\xff" + "greetings from the server");
  EXPECT_TRUE(loop_.run_until([&] { return client.says("greetings from the server"); }, kPatience))
      << client.output();
}

TEST_P(Coap, its_client_with_an_unknown_identity_is_refused) {
  const auto ours = make_ours(true);
  const Program client(loop_,
                       {path("client"), "-m", "get", "-u", "stranger", "-k", "sixteen-secrets!",
                        "coaps://127.0.0.1:" + std::to_string(ours->address().port) + "/"});
  ASSERT_TRUE(loop_.run_until([&] { return ours->failure().has_value(); }, kPatience))
      << client.output();
  EXPECT_EQ(ours->failure()->kind, ErrorKind::kUntrusted) << ours->why();
  EXPECT_TRUE(loop_.run_until([&] { return client.has_ended(); }, kPatience)) << client.output();
}

TEST_P(Coap, our_client_asks_its_server) {
  // It takes the port after the one it is told, so an address of its own stands for a free one.
  const auto id = static_cast<unsigned>(getpid());
  const auto host = "127." + std::to_string(1 + id / 65536 % 250) + "." +
                    std::to_string(id / 256 % 256) + "." + std::to_string(1 + id % 254);
  const Program server(loop_, {path("server"), "-A", host, "-p", "5683", "-k", "sixteen-secrets!",
                               "-h", "hint", "-v", "7"});
  ASSERT_TRUE(loop_.run_until(
      [&] { return server.says("created DTLS endpoint") || server.has_ended(); }, kPatience))
      << server.output();
  const auto ours = make_ours(false);
  ours->connect(*Address::parse(host, 5684));
  ASSERT_TRUE(loop_.run_until([&] { return ours->is_established() || ours->failure(); }, kPatience))
      << server.output();
  ASSERT_TRUE(ours->is_established()) << ours->why() << server.output();
  EXPECT_TRUE(ours->negotiated().with_psk);
  ours->send(std::string_view("\x40\x01\x12\x34", 4));
  ASSERT_TRUE(loop_.run_until([&] { return !ours->messages().empty(); }, kPatience))
      << server.output();
  EXPECT_EQ(ours->messages().front().substr(0, 4), "\x60\x45\x12\x34");
}

INSTANTIATE_TEST_SUITE_P(With, Coap, testing::Values("openssl", "gnutls"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace dtls::interop
