// What is left of secrets in the memory of a process.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "credentials/pem.hpp"
#include "crypto/random.hpp"
#include "crypto/wipe.hpp"
#include "dtls/dtls.hpp"
#include "support/certificates.hpp"
#include "support/loopback.hpp"
#include "support/memory_scan.hpp"

namespace dtls::test {
namespace {

constexpr std::string_view kSeparator = "@@";

std::string private_number_of(const IdentityConfig& identity) {
  const auto parsed = credentials::load_identity(identity);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(parsed->key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number);
  std::string bytes(32, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), 32);
  BN_free(number);
  return bytes;
}

// One line, for from_child.
std::string in_one_line(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
    text.replace(at, 1, kSeparator);
  return text;
}
std::string in_lines(std::string text) {
  for (std::size_t at = 0; (at = text.find(kSeparator, at)) != std::string::npos;)
    text.replace(at, kSeparator.size(), "\n");
  return text;
}

// BIGNUMs are words with the lowest first.
std::string reversed(std::string bytes) {
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

class SecretsInMemory : public testing::TestWithParam<ProtocolVersion> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's shadow memory is too large to be looked through";
#endif
    std::string name = (std::filesystem::temp_directory_path() / "secrets-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    // Keys are made in a child: its memory is not this process's.
    const auto lines = from_child([] {
      const Authority authority;
      const auto identity = authority.issue();
      const auto number = private_number_of(identity);
      return std::vector{in_one_line(authority.certificate()), in_one_line(identity.cert),
                         in_one_line(identity.key), to_line("private key", number),
                         to_line("private key as a BIGNUM", reversed(number))};
    });
    authority_ = in_lines(lines.at(0));
    cert_ = in_lines(lines.at(1));
    key_ = in_lines(lines.at(2));
    private_key_ = {to_needle(lines.at(3)), to_needle(lines.at(4))};
    psk_ = to_needle(from_child([] { return std::vector{to_line("PSK", random_psk())}; }).at(0));
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  static std::string random_psk() {
    std::string bytes(32, '\0');
    std::random_device device;
    for (char& byte : bytes)
      byte = static_cast<char>(device());
    return bytes;
  }
  [[nodiscard]] Psk psk() const {
    std::string key = masked(psk_.masked);
    auto made = std::move(*Psk::make("somebody", std::as_bytes(std::span(key))));
    wipe(key);
    return made;
  }
  static void wipe(std::string& text) {
    crypto::wipe(std::as_writable_bytes(std::span(text)));
  }

  [[nodiscard]] std::string log_path() const {
    return folder_ + "/keys";
  }
  [[nodiscard]] ServerConfig server_config() const {
    ServerConfig config;
    config.identity.cert = cert_;
    config.identity.key = key_;
    config.key_log_file = log_path();
    config.versions = {GetParam(), GetParam()};
    return config;
  }
  [[nodiscard]] ClientConfig client_config() const {
    ClientConfig config;
    config.ca = authority_;
    config.server_name = "localhost";
    config.key_log_file = log_path();
    config.versions = {GetParam(), GetParam()};
    return config;
  }

  struct Pair {
    Server server;
    Connection client;
    Connection accepted;
  };
  Pair connect(const ServerConfig& server_config, const ClientConfig& client_config) {
    auto server = Server::listen(loop_, server_config, *Address::parse("127.0.0.1", 0));
    EXPECT_TRUE(server) << server.error().message;
    auto client = std::move(*Client::start(loop_, client_config, server->local_address()));
    auto accepted = std::move(*server->accept(kSoon));
    EXPECT_TRUE(client.wait_established(kSoon));
    EXPECT_TRUE(accepted.wait_established(kSoon));
    return {std::move(*server), std::move(client), std::move(accepted)};
  }
  // Both directions, so that every key has been in a context.
  static void talk(Connection& client, Connection& accepted) {
    std::array<std::byte, 16> buffer{};
    ASSERT_TRUE(client.send("ping"));
    ASSERT_EQ(*accepted.recv(buffer, kSoon), 4U);
    ASSERT_TRUE(accepted.send("pong"));
    ASSERT_EQ(*client.recv(buffer, kSoon), 4U);
    std::array<std::byte, 32> exported{};
    ASSERT_TRUE(client.export_keying_material("EXPORTER-test", {}, exported));
    crypto::wipe(exported);
  }
  [[nodiscard]] std::vector<Needle> needles() const {
    auto all = needles_of_key_log(log_path());
    all.insert(all.end(), private_key_.begin(), private_key_.end());
    all.push_back(psk_);
    return all;
  }

  // The search itself is no good if it finds nothing while the association lives.
  void expect_to_find_some() const {
    const auto found = found_in_memory(needles());
    const std::vector<std::string> expected =
        GetParam() == ProtocolVersion::kDtls12
            ? std::vector<std::string>{"CLIENT_RANDOM"}
            : std::vector<std::string>{"CLIENT_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
                                       "SERVER_TRAFFIC_SECRET_0 key", "SERVER_TRAFFIC_SECRET_0 sn"};
    for (const auto& name : expected)
      EXPECT_NE(std::ranges::find(found, name), found.end())
          << name << testing::PrintToString(found);
  }
  void expect_to_go_at_close(Pair& pair) {
    talk(pair.client, pair.accepted);
    expect_to_find_some();
    pair.client.close();
    pair.accepted.close();
    pair.server.close();
    EXPECT_EQ(found_in_memory(needles()), std::vector<std::string>());
  }

  EventLoop loop_;
  std::string folder_;
  std::string authority_;
  std::string cert_;
  std::string key_;
  std::vector<Needle> private_key_;
  Needle psk_;
};

using Names = std::vector<std::string>;

// They may have become a key.
TEST(RandomInMemory, bytes_that_were_drawn_are_forgotten) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's shadow memory is too large to be looked through";
#endif
  std::string drawn(48, '\0');
  const auto bytes = std::as_writable_bytes(std::span(drawn));
  ASSERT_TRUE(crypto::fill_random(bytes));
  const Needle needle{"drawn", masked(drawn)};
  EXPECT_EQ(found_in_memory({needle}), Names{"drawn"}) << "it is here";
  crypto::wipe(bytes);
  EXPECT_EQ(found_in_memory({needle}), Names());
}

TEST_P(SecretsInMemory, of_a_certificate_server_are_gone_when_it_and_its_connections_are_closed) {
  auto pair = connect(server_config(), client_config());
  expect_to_go_at_close(pair);
}

TEST_P(SecretsInMemory, of_the_key_log_are_not_left_as_text) {
  const auto pair = connect(server_config(), client_config());
  const auto lines = from_child([path = log_path()] {
    std::vector<std::string> all;
    std::ifstream file(path);
    for (std::string label, random, secret; file >> label >> random >> secret;)
      all.push_back(to_line(label, secret.substr(secret.size() - 48)));
    return all;
  });
  EXPECT_FALSE(lines.empty());
  std::vector<Needle> texts;
  for (const auto& line : lines)
    texts.push_back(to_needle(line));
  EXPECT_EQ(found_in_memory(texts), Names());
}

TEST_P(SecretsInMemory, of_a_psk_server_are_gone_when_it_and_its_connections_are_closed) {
  auto pair = [&] {
    ServerConfig server = server_config();
    server.identity = {};
    server.psks.push_back(psk());
    ClientConfig client = client_config();
    client.psk = psk();
    return connect(server, client);
  }();
  expect_to_go_at_close(pair);
}

TEST_P(SecretsInMemory, of_a_resumed_session_are_gone_when_ticket_and_connections_are) {
  auto first = connect(server_config(), [&] {
    ClientConfig config = client_config();
    config.tickets = true;
    return config;
  }());
  talk(first.client, first.accepted);
  {
    ClientConfig again = client_config();
    again.session = first.client.take_ticket();
    ASSERT_TRUE(again.session);
    auto client = std::move(*Client::start(loop_, again, first.server.local_address()));
    auto accepted = std::move(*first.server.accept(kSoon));
    ASSERT_TRUE(client.wait_established(kSoon));
    ASSERT_TRUE(accepted.wait_established(kSoon));
    ASSERT_TRUE(client.negotiated()->resumed);
    talk(client, accepted);
    client.close();
    accepted.close();
  }
  first.client.close();
  first.accepted.close();
  first.server.close();
  EXPECT_EQ(found_in_memory(needles()), Names());
}

TEST_P(SecretsInMemory, of_an_association_that_moved_are_gone_in_the_thread_that_it_left) {
  ServerConfig config = server_config();
  config.name = "moving";
  auto pair = connect(config, client_config());
  talk(pair.client, pair.accepted);
  const int fd = *pair.accepted.descriptor();
  pair.accepted.fly_away();
  std::thread([fd] {
    EventLoop loop;
    auto taken = Connection::from_descriptor(loop, "moving", fd);
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_TRUE(taken->send("from afar", kSoon));
    taken->close();
  }).join();
  pair.client.close();
  pair.server.close();
  EXPECT_EQ(found_in_memory(needles()), Names());
}

INSTANTIATE_TEST_SUITE_P(, SecretsInMemory,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& of) {
                           return of.param == ProtocolVersion::kDtls12 ? "dtls12" : "dtls13";
                         });

}  // namespace
}  // namespace dtls::test
