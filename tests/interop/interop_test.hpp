// What the interop tests share: certificates in files, one of ours and one real peer, and waiting
// for what they do.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "interop/ours.hpp"
#include "interop/peer.hpp"
#include "support/certificates.hpp"
#include "support/lossy_proxy.hpp"

namespace dtls::interop {

// Pairing is whom we talk to, in which version, and who of both is the server.
struct Pairing {
  Library library;
  bool speaks_13;
  bool peer_is_server;
};
std::string name_of(const testing::TestParamInfo<Pairing>& info);
// pairings_of gives both directions of each.
std::vector<Pairing> pairings_of(const std::vector<Library>& libraries, bool speaks_13);

class Interop : public testing::TestWithParam<Pairing> {
 protected:
  static constexpr Duration kPatience{20'000};

  Interop();
  ~Interop() override;
  void SetUp() override;

  // What both are told, with a certificate of `kind` for each that needs one and the other one's
  // authority to check it. Change it before make_ours and start_peer.
  void use_certificates(test::KeyKind kind = test::KeyKind::kP256, bool mutual = false);
  // The same for both, and of many names, so that no small datagram holds a flight.
  void use_long_certificates();
  void use_psk(bool dhe);
  // Whose certificates is nobody's to check: that of the peer, or ours.
  enum class Whom { kPeer, kUs };
  void distrust(Whom whom, const char* alt_names = nullptr);
  // expect_refusal lets them meet and has one refuse the other.
  void expect_refusal_by_us();
  void expect_refusal_by_peer();
  // Both keep to small datagrams, but for a peer whose library cannot.
  void meet_in_small_datagrams();
  // meet_with_each_loss has several handshakes at once, in each of which another datagram is lost,
  // and a message each way after all of them.
  void meet_with_each_loss();
  // resume meets once, and once more with the ticket of the first time.
  void resume();

  // make_ours and start_peer put the two up; meet does both in the right order, has the client
  // begin, and waits until both say that they are established. By way of `rule` if there is one.
  void make_ours() { ours_ = std::make_unique<Ours>(loop_, our_wishes_); }
  void start_peer();
  void begin(test::Rule rule = {});
  void meet(test::Rule rule = {});
  // expect_verified: both have accepted what they were shown.
  void expect_verified(bool mutual = false);
  // talk has a message go each way.
  void talk(const std::string& question = "question", const std::string& answer = "answer");

  [[nodiscard]] bool until(const std::function<bool()>& done) {
    return loop_.run_until(done, kPatience);
  }
  std::string file(const std::string& name, const std::string& content) const;
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // What is said when something is not as it should be.
  [[nodiscard]] std::string story() const;

  EventLoop loop_;
  test::Authority authority_{"the interop authority"};
  test::Authority stranger_{"an authority that nobody knows"};
  std::string folder_;
  OurWishes our_wishes_;
  PeerWishes peer_wishes_;
  std::unique_ptr<Ours> ours_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<test::LossyProxy> proxy_;
};

}  // namespace dtls::interop
