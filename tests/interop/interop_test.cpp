#include "interop/interop_test.hpp"

#include <filesystem>
#include <fstream>

#include "handshake/suites.hpp"
#include "support/engine_pair.hpp"

namespace dtls::interop {
namespace {

const char* word_for(Library library) {
  switch (library) {
    case Library::kOpenssl:
      return "openssl";
    case Library::kGnutls:
      return "gnutls";
    case Library::kMbedtls:
      return "mbedtls";
    case Library::kWolfssl:
      return "wolfssl";
    case Library::kNewWolfssl:
      return "new_wolfssl";
    case Library::kNss:
      return "nss";
  }
  return "";
}

}  // namespace

std::string name_of(const testing::TestParamInfo<Pairing>& info) {
  const auto& [library, speaks_13, peer_is_server] = info.param;
  return std::string(word_for(library)) + (peer_is_server ? "_server" : "_client");
}

std::vector<Pairing> pairings_of(const std::vector<Library>& libraries, bool speaks_13) {
  std::vector<Pairing> pairings;
  for (const auto library : libraries) {
    pairings.push_back({library, speaks_13, false});
    pairings.push_back({library, speaks_13, true});
  }
  return pairings;
}

Interop::Interop() : folder_(testing::TempDir() + "dtls-interop-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no folder to be had");
}

Interop::~Interop() {
  std::filesystem::remove_all(folder_);
}

void Interop::SetUp() {
  const auto reason = missing(GetParam().library);
  if (!reason.empty()) GTEST_SKIP() << reason;
  auto& settings = our_wishes_.settings = test::default_settings(!GetParam().peer_is_server);
  settings.min_version = settings.max_version =
      GetParam().speaks_13 ? wire::kDtls13 : wire::kDtls12;
  settings.channel.first_timeout = Duration(200);
  peer_wishes_.is_server = GetParam().peer_is_server;
  peer_wishes_.speaks_13 = GetParam().speaks_13;
}

std::string Interop::file(const std::string& name, const std::string& content) const {
  std::ofstream(path(name)) << content;
  return path(name);
}

void Interop::use_certificates(test::KeyKind kind, bool mutual) {
  const bool we_serve = !GetParam().peer_is_server;
  const auto issued = [&](const char* name) {
    return authority_.issue({.common_name = name, .kind = kind});
  };
  const auto ca = file("ca.pem", authority_.certificate());
  if (we_serve || mutual) {
    our_wishes_.identity = issued("ours");
    peer_wishes_.ca = ca;
  }
  if (!we_serve || mutual) {
    const auto identity = issued("theirs");
    peer_wishes_.certificate = file("peer.pem", identity.cert);
    peer_wishes_.key = file("peer.key", identity.key);
    our_wishes_.ca = authority_.certificate();
  }
  our_wishes_.asks_client = we_serve && mutual;
}

void Interop::use_psk(bool dhe) {
  our_wishes_.psk = {"device 7", "sixteen secrets!"};
  our_wishes_.settings.offers_psk = true;
  const auto suites = handshake::psk_suites();
  our_wishes_.settings.suites.insert(our_wishes_.settings.suites.begin(), suites.begin(),
                                     suites.end());
  peer_wishes_.psk_identity = "device 7";
  peer_wishes_.psk_hex = "7369787465656e207365637265747321";
  peer_wishes_.psk_file = file("psk", "device 7:" + peer_wishes_.psk_hex + "\n");
  peer_wishes_.psk_dhe = dhe;
}

void Interop::start_peer() {
  peer_ = make_peer(loop_, GetParam().library, peer_wishes_);
}

void Interop::begin(test::Rule rule) {
  make_ours();
  if (!GetParam().peer_is_server) {
    if (rule) proxy_ = std::make_unique<test::LossyProxy>(loop_, ours_->address(), std::move(rule));
    peer_wishes_.port = proxy_ ? proxy_->address().port : ours_->address().port;
    start_peer();
    return;
  }
  start_peer();
  ASSERT_TRUE(until([&] { return peer_->port() != 0 || peer_->program().has_ended(); }));
  auto server = *Address::parse("127.0.0.1", peer_->port());
  if (rule) proxy_ = std::make_unique<test::LossyProxy>(loop_, server, std::move(rule));
  ours_->connect(proxy_ ? proxy_->address() : server);
}

void Interop::meet(test::Rule rule) {
  ASSERT_NO_FATAL_FAILURE(begin(std::move(rule)));
  ASSERT_TRUE(until([&] { return ours_->associations() > 0 || ours_->failure(); })) << story();
  ASSERT_TRUE(ours_->is_established()) << story();
  EXPECT_EQ(ours_->negotiated().version, GetParam().speaks_13 ? wire::kDtls13 : wire::kDtls12);
}

void Interop::talk(const std::string& question, const std::string& answer) {
  ours_->send(question + "\n");
  ASSERT_TRUE(until([&] { return peer_->has_received(question); })) << story();
  if (!peer_->echoes()) peer_->send(answer);
  const auto& expected = peer_->echoes() ? question : answer;
  ASSERT_TRUE(until([&] { return ours_->has_received(expected); })) << story();
}

std::string Interop::story() const {
  std::string text = "we: ";
  text += ours_ ? ours_->why() : "not there";
  if (peer_) text += "\nthe peer said:\n" + peer_->program().output();
  return text;
}

}  // namespace dtls::interop
