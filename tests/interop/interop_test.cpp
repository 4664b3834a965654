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
    case Library::kNewNss:
      return "new_nss";
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

void Interop::use_long_certificates() {
  use_certificates(test::KeyKind::kP256, true);
  test::Authority::Wish wish;
  for (int i = 0; i < 30; ++i)
    wish.alt_names += ",DNS:one-of-many-names-" + std::to_string(i) + ".example.org";
  our_wishes_.identity = authority_.issue(wish);
  const auto theirs = authority_.issue(wish);
  file("peer.pem", theirs.cert);
  file("peer.key", theirs.key);
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

void Interop::distrust(Whom whom, const char* alt_names) {
  const auto& issuer = alt_names == nullptr ? stranger_ : authority_;
  test::Authority::Wish wish;
  if (alt_names != nullptr) wish.alt_names = alt_names;
  const auto identity = issuer.issue(wish);
  if (whom == Whom::kUs) {
    our_wishes_.identity = identity;
  } else {
    file("peer.pem", identity.cert);
    file("peer.key", identity.key);
  }
}

void Interop::expect_refusal_by_us() {
  ASSERT_NO_FATAL_FAILURE(begin());
  ASSERT_TRUE(until([&] { return ours_->failure().has_value(); })) << story();
  EXPECT_EQ(ours_->failure()->kind, ErrorKind::kUntrusted) << story();
  EXPECT_FALSE(ours_->is_established());
  EXPECT_FALSE(ours_->has_verified());
}

void Interop::expect_refusal_by_peer() {
  ASSERT_NO_FATAL_FAILURE(begin());
  ASSERT_TRUE(until([&] { return peer_->has_refused(); })) << story();
  ASSERT_TRUE(until([&] { return ours_->failure().has_value(); })) << story();
  EXPECT_EQ(ours_->failure()->kind, ErrorKind::kPeer) << story();
  EXPECT_FALSE(peer_->has_verified()) << story();
}

void Interop::expect_verified(bool mutual) {
  const bool we_serve = !GetParam().peer_is_server;
  if (!we_serve || mutual) {
    EXPECT_TRUE(ours_->has_verified()) << story();
  }
  if (we_serve || mutual) {
    EXPECT_TRUE(until([&] { return peer_->has_verified(); })) << story();
  }
}

void Interop::meet_in_small_datagrams() {
  // mbedTLS and wolfSSL do not take, or make, a ClientHello in fragments. That of wolfSSL 5.9, with
  // its many algorithms, has some 560 bytes with a single group (else it says -328).
  const bool whole_hello = GetParam().library != Library::kOpenssl;
  const bool long_hello = GetParam().library == Library::kNewWolfssl;
  if (long_hello) peer_wishes_.groups = {"X25519"};
  const std::uint16_t mtu = long_hello ? 640 : (whole_hello ? 512 : 296);
  our_wishes_.settings.channel.mtu = mtu;
  peer_wishes_.mtu = mtu;
  std::size_t largest_of_peer = 0;
  const auto way_of_peer = GetParam().peer_is_server ? test::Way::kToClient : test::Way::kToServer;
  ASSERT_NO_FATAL_FAILURE(meet([&](const test::Passing& passing) {
    if (passing.way == way_of_peer && !ours_->is_established()) {
      largest_of_peer = std::max(largest_of_peer, passing.bytes.size());
    }
    return test::Fate{};
  }));
  EXPECT_LE(ours_->largest_handshake_datagram(), mtu);
  EXPECT_GT(ours_->largest_handshake_datagram(), mtu - 100);
  proxy_->follow({});  // this one knows of a variable that goes
  // NSS and Debian 12's wolfSSL cannot be told. OpenSSL's client counts its first hello without the
  // header of the record, and the proxy all of it.
  const auto library = GetParam().library;
  if (library != Library::kWolfssl && library != Library::kNss && library != Library::kNewNss) {
    EXPECT_LE(largest_of_peer, mtu + (library == Library::kOpenssl ? 25 : 0));
  }
}

void Interop::meet_with_each_loss() {
  // Of the cookie exchange, the server's flight and the client's; what is sent later is a
  // repetition.
  constexpr int kDatagrams = 3;
  struct Conversation {
    std::string lost;
    std::unique_ptr<Ours> ours;
    std::unique_ptr<Peer> peer;
    std::unique_ptr<test::LossyProxy> proxy;
  };
  std::vector<Conversation> all;
  const auto wishes = our_wishes_;
  for (const auto way : {test::Way::kToServer, test::Way::kToClient}) {
    for (int number = 0; number < kDatagrams; ++number) {
      // wolfSSL 5.5 as a server of DTLS 1.2 says that it is done, and does not answer our flight
      // that comes again because its own last one was lost.
      const bool is_last_flight = way == test::Way::kToClient && number == 2;
      if (is_last_flight && GetParam().library == Library::kWolfssl && GetParam().peer_is_server) {
        continue;
      }
      our_wishes_ = wishes;
      ASSERT_NO_FATAL_FAILURE(begin(test::lose_if([way, number](const test::Passing& passing) {
        return passing.way == way && passing.number_in_way == number;
      })));
      all.push_back({(way == test::Way::kToServer ? "to the server " : "to the client ") +
                         std::to_string(number),
                     std::move(ours_), std::move(peer_), std::move(proxy_)});
    }
  }
  int number = 0;
  for (auto& each : all) {
    SCOPED_TRACE("lost: " + each.lost);
    ours_ = std::move(each.ours);
    peer_ = std::move(each.peer);
    proxy_ = std::move(each.proxy);
    ASSERT_TRUE(until([&] { return ours_->is_established() || ours_->failure(); })) << story();
    ASSERT_TRUE(ours_->is_established()) << story();
    // What ends the handshake for the peer may have to be sent again.
    ASSERT_TRUE(until([&] { return peer_->has_established(); })) << story();
    if (number++ % kDatagrams < 2) {
      EXPECT_EQ(proxy_->lost(), 1);
    }
    proxy_->follow({});
    ASSERT_NO_FATAL_FAILURE(talk());
    proxy_.reset();
  }
}

void Interop::resume() {
  const auto library = GetParam().library;
  peer_wishes_.connections = 2;
  if (!peer_wishes_.is_server) peer_wishes_.session = path("session");
  ASSERT_NO_FATAL_FAILURE(meet());
  // gnutls-cli may have come again already.
  if (library != Library::kGnutls) {
    EXPECT_FALSE(ours_->negotiated().resumed);
  }
  if (GetParam().peer_is_server) {
    ASSERT_NO_FATAL_FAILURE(talk());
    ASSERT_TRUE(until([&] { return ours_->has_ticket(); })) << story();
    ours_->close();
    // The server is ready for the next when it has said so, or at once.
    ours_->connect(*Address::parse("127.0.0.1", peer_->port()), true);
  } else if (GetParam().library == Library::kOpenssl) {
    ASSERT_NO_FATAL_FAILURE(talk());
    peer_->close();
    ASSERT_TRUE(until([&] { return peer_->program().has_ended(); })) << story();
    start_peer();
  } else if (GetParam().library != Library::kGnutls) {  // gnutls-cli goes on by itself
    ASSERT_NO_FATAL_FAILURE(talk());
    peer_->send("next");
  }
  ASSERT_TRUE(until([&] { return ours_->associations() == 2 || ours_->failure(); })) << story();
  ASSERT_TRUE(ours_->is_established()) << story();
  EXPECT_TRUE(ours_->negotiated().resumed) << story();
  ASSERT_NO_FATAL_FAILURE(talk("question again", "answer again"));
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
  EXPECT_TRUE(until([&] { return peer_->has_established(); })) << story();
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
