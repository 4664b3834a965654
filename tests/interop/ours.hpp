// Our side of a conversation with a real peer: the engine on a UDP socket of loopback, with its
// peer's certificate verified. The engine instead of the public API, so that tests can ask for all
// that it does: groups, suites, tickets, PSKs, key updates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "association/engine.hpp"
#include "credentials/verify.hpp"
#include "dtls/config.hpp"
#include "dtls/event_loop.hpp"
#include "endpoint/cookie_gate.hpp"
#include "net/udp_socket.hpp"

namespace dtls::interop {

struct Psk {
  std::string identity;
  std::string key;
};

struct OurWishes {
  handshake::Settings settings;
  IdentityConfig identity;  // empty: none
  std::string ca;           // PEM: whom we trust
  bool asks_client = false;
  std::string server_name = "localhost";
  std::optional<Psk> psk;
};

class Ours final : public handshake::Decisions {
 public:
  // A server answers at address() from now on; one peer at a time, the next when that is over.
  Ours(EventLoop& loop, OurWishes wishes);
  ~Ours() override;
  Ours(const Ours&) = delete;
  Ours& operator=(const Ours&) = delete;

  [[nodiscard]] Address address() const { return *socket_.local_address(); }
  // connect begins a client's handshake, from a new port. With the ticket of the association
  // before, if it had one and `resumes`.
  void connect(const Address& server, bool resumes = false);
  // forget ends the association without a word; a server then takes the next peer.
  void forget();

  void send(std::string_view text);
  void close();
  void update_keys(bool ask_peer);
  [[nodiscard]] std::string exported(std::string_view label, std::size_t size) const;  // hex

  // What happened to the association that is, or was, the last.
  [[nodiscard]] bool is_established() const { return established_; }
  [[nodiscard]] int associations() const { return associations_; }  // that were established
  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] const std::vector<std::string>& messages() const { return messages_; }
  [[nodiscard]] bool has_received(std::string_view text) const;
  [[nodiscard]] bool has_ticket() const { return ticket_.has_value(); }
  [[nodiscard]] const handshake::Negotiated& negotiated() const { return engine_->negotiated(); }
  [[nodiscard]] const handshake::Engine& engine() const { return *engine_; }
  // Whether the peer showed a certificate, or resumed a session with one, and it was accepted.
  [[nodiscard]] bool has_verified() const { return verified_; }
  // The largest datagram that was sent before the first message.
  [[nodiscard]] std::size_t largest_handshake_datagram() const { return largest_; }
  [[nodiscard]] std::string why() const { return failure_ ? failure_->message : "no failure"; }

 private:
  void open(net::UdpSocket socket);
  void begin();
  void on_readable();
  void take(const net::Incoming& incoming);
  std::span<std::byte> admit(const net::Incoming& incoming);
  void drain();
  void take(const dtls::Event& event);
  void follow_deadline();

  handshake::Presented present(std::string_view server_name) override;
  std::shared_ptr<const handshake::Identity> client_identity() override { return identity_; }
  handshake::Verdict verify(std::span<const handshake::Bytes> chain) override;
  void accept_resumed(const handshake::SessionState& state) override;
  handshake::PskAnswer psk(std::string_view identity) override;
  std::string server_name() override { return wishes_.server_name; }
  std::optional<handshake::Ticket> ticket() override;
  [[nodiscard]] bool is_logged() const override { return false; }
  void log_secret(std::string_view /*label*/, handshake::Bytes /*client_random*/,
                  handshake::Bytes /*secret*/) override {}

  EventLoop& loop_;
  OurWishes wishes_;
  std::shared_ptr<const handshake::Settings> settings_;
  std::shared_ptr<const handshake::Identity> identity_;
  crypto::OwnedStore trust_;
  net::UdpSocket socket_;
  net::ReceiveBatch batch_;
  std::optional<endpoint::CookieGate> gate_;
  EventLoop::WatchId watch_ = 0;
  std::optional<EventLoop::TimerId> timer_;
  std::optional<Address> peer_;
  std::unique_ptr<handshake::Engine> engine_;
  std::optional<handshake::Ticket> ticket_;
  bool resumes_ = false;
  bool established_ = false;
  int associations_ = 0;
  bool closed_ = false;
  bool verified_ = false;
  bool has_talked_ = false;
  std::optional<Error> failure_;
  std::vector<std::string> messages_;
  std::size_t largest_ = 0;
};

}  // namespace dtls::interop
