// What one association knows: the inside of Session.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "dtls/session.hpp"
#include "session/datagram_bio.hpp"
#include "session/failure.hpp"
#include "session/host_identities.hpp"
#include "session/renegotiation.hpp"
#include "session/ssl_types.hpp"
#include "wire/record_header.hpp"

namespace dtls {

struct Session::State {
  struct Opening {};  // server: the first ClientHello has not come
  struct Handshaking {};
  struct Established {};
  struct Renegotiating {};  // and back to Established
  struct Ended {};          // closed, failed, or closed by the peer: nothing more comes
  using Phase = std::variant<Opening, Handshaking, Established, Renegotiating, Ended>;

  std::shared_ptr<const Context> context;
  Address peer;
  std::optional<Address> local;  // server: what the first hello was sent to
  session::DatagramPort port;
  OwnedSsl ssl;
  Phase phase;
  std::span<const std::byte> unread;  // records of the caller's datagram that libssl has not got
  TimePoint now;                      // when the caller last told the time
  std::deque<Event> events;           // never a Message: those are read on demand
  session::AlertTrace alerts;

  session::PeerRule peer_rule;
  PeerVerification verification;
  std::string rejection;      // why the certificate of the running handshake was not accepted
  std::string rejected_leaf;  // and that certificate, PEM

  // Server: made by the first ClientHello, kept in renegotiations.
  bool identity_chosen = false;
  bool named = false;  // the client asked for a name that is known

  Duration patience{};  // how long a handshake may take
  std::optional<TimePoint> handshake_deadline;
  std::optional<TimePoint> retransmission;
  bool heard_from_peer = false;
  int retransmissions = 0;  // of the flight that waits for its answer

  std::uint16_t read_epoch = 1;  // after the first handshake; one more with every renegotiation
  session::RenegotiationLimit peers_renegotiations;
  std::optional<session::HelloRequestRepeat> hello_request;  // server: sent and not answered
  bool asked_by_us = false;      // the next renegotiation is one that we want
  bool declined = false;         // we answered no_renegotiation: see admits
  bool refused_by_peer = false;  // the peer did

  template <typename P>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<P>(phase);
  }
  // Messages can come.
  [[nodiscard]] bool is_open() const { return is<Established>() || is<Renegotiating>(); }

  static State& of(const SSL* ssl) { return *static_cast<State*>(SSL_get_app_data(ssl)); }

  // state.cpp: from the first datagram to the last.
  // limit_handshake_datagrams to so many bytes, from now on.
  void limit_handshake_datagrams(std::size_t size);
  void start_clock() { handshake_deadline = now + patience; }
  void open();
  void advance();
  void fail(Error error);
  void fail_from_ssl();
  void note_verification();
  std::optional<Event> read_message();
  void reread_timer();

  // renegotiation.cpp
  bool feed_next_record();
  [[nodiscard]] bool admits(const wire::RecordHeader& header);
  void permit_renegotiation();
  void follow_renegotiation();
  void finish_renegotiation();
  void repeat_hello_request();
};

}  // namespace dtls
