// Session: one DTLS association as a pure state machine. No sockets, no event loop.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "dtls/address.hpp"
#include "dtls/config.hpp"
#include "dtls/error.hpp"
#include "dtls/negotiated.hpp"
#include "dtls/psk.hpp"
#include "dtls/session_ticket.hpp"
#include "dtls/time.hpp"

namespace dtls {

// The largest message: one record's plaintext (RFC 6347 §4.1, 2^14 bytes).
inline constexpr std::size_t kMaxMessage = 16384;
// The largest datagram a session makes: a full record with header and AEAD expansion.
inline constexpr std::size_t kMaxDatagram = kMaxMessage + 2048;
// A datagram that Session::seal writes is at most this much larger than its message.
inline constexpr std::size_t kMaxExpansion = 64;

// PeerVerification is the outcome of checking the peer's certificate.
struct PeerVerification {
  bool authorized = false;  // chain and, where asked, name were accepted
  std::string reason;       // why not: names the certificate and what is wrong with it
  std::string certificate;  // the peer's leaf, PEM; empty when it sent none
};

// Events of a session, in the order they happened.
struct Connected {};
struct Message {
  std::span<const std::byte> bytes;  // valid until the next call to any session on this thread
};
struct Closed {};  // the peer sent close_notify (RFC 5246 §7.2.1)
struct Failed {
  Error error;
  // Who the peer said it is, proven or not; of a handshake that failed.
  std::string psk_identity =
      {};  // server: of the pre-shared key that the client named; may be any bytes
  std::string subject = {};  // of the certificate that it showed: "CN=example.org,O=Example"
};
// A key is wanted, as the configuration's psk_callback has put off: the handshake waits for
// provide_psk, within its patience.
struct PskWanted {
  std::string identity;
};
struct TicketReceived {};  // client: take_ticket has one
using Event = std::variant<Connected, Message, Closed, Failed, PskWanted, TicketReceived>;

// Context is what sessions share: parsed credentials and settings. Created once per server or
// client configuration; any thread may make sessions from it. Only add_identity changes it.
class Context {
 public:
  // Both fail with EINVAL when a PEM text, a key or a name is not usable; the message names the
  // option. Where the key log cannot be opened, they fail with the errno of open(2).
  static Result<std::shared_ptr<Context>> for_server(const ServerConfig& config);
  static Result<std::shared_ptr<Context>> for_client(const ClientConfig& config);
  ~Context();

  // add_identity adds what a server shows to clients that ask for a host name; the same name again
  // replaces. Among the added names the exact one comes before a wildcard; a client that asks for
  // no name or an unknown one gets the server's own identity. Any thread, while sessions run: it
  // holds for handshakes whose ClientHello comes later, and an association keeps what it began with
  // when it renegotiates. Fails with EINVAL (the message names the option) for a host, PEM text or
  // key that is not usable, EOPNOTSUPP on a client's context.
  Result<void> add_identity(const HostIdentityConfig& config);

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  struct Inside;
  [[nodiscard]] const Inside& inside() const { return *inside_; }

 private:
  explicit Context(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

// Drain contract: after every call that may change state (receive, send, close, renegotiate,
// handle_timeout) call poll_event until it returns nothing, then poll_transmit until it returns 0,
// then re-read deadline. seal and open say when there is nothing to drain after them. A session may
// be used by one thread at a time. In a child process made by fork(2) the parent's sessions are
// dead, since both would send under the same nonces: calls that return a Result fail with EBADF,
// the others do nothing and give nothing.
class Session {
 public:
  struct State;  // the engine's own

  // server answers a client whose address the cookie exchange has proven: the first datagram
  // given to receive must be its ClientHello with the cookie. `local` is the address that datagram
  // was sent to, where known: a certificate can be chosen by it.
  static Result<Session> server(std::shared_ptr<const Context> context, const Address& peer,
                                const std::optional<Address>& local = std::nullopt);
  // client starts a handshake: drain after creation gives the first flight.
  static Result<Session> client(std::shared_ptr<const Context> context, const Address& peer,
                                TimePoint now);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // receive takes in one datagram. Junk is dropped silently (RFC 6347 §4.1.2.7).
  void receive(std::span<std::byte> datagram, TimePoint now);

  // send makes one record, in one datagram, of the message. Fails with EAGAIN before Connected and
  // while a renegotiation runs, EMSGSIZE above Negotiated::max_message, EPIPE after the end.
  Result<void> send(std::span<const std::byte> message);

  // open takes in one datagram, as receive does. Where the datagram is one record of application
  // data of an established association, open decrypts it in place and returns the message, a part
  // of `datagram`; there is nothing to drain then. Otherwise it returns nullopt: drain the session
  // as after receive; poll_event returns the messages. Call it on a drained session.
  std::optional<std::span<const std::byte>> open(std::span<std::byte> datagram, TimePoint now);

  // seal writes the one datagram of a message directly to `out` and returns its size; there is
  // nothing to drain then. It returns 0 where other datagrams have to go out first (of a handshake,
  // a key update, an earlier send) and for an empty message, for which no record is made: the
  // session has accepted the message as by send, and poll_transmit returns the datagrams in their
  // order. Fails as send does, and with ENOBUFS where `out` has no room for the record:
  // message.size() + kMaxExpansion bytes are always enough. `message` must not overlap `out`.
  Result<std::size_t> seal(std::span<const std::byte> message, std::span<std::byte> out);

  // close makes the close_notify alert, once the association was established. Harmless at any time.
  // The secrets of the association are wiped when the session is destroyed.
  void close();

  // leave_thread must be called on the thread that has worked with the session before another one
  // does: the keys are removed from the cipher contexts of this thread, which destroying the
  // session on another thread does not reach. The session goes on; harmless at any time.
  void leave_thread() const noexcept;

  // renegotiate begins a new handshake inside the association (RFC 5246 §7.4.1, RFC 5746): a client
  // sends its hello, a server a HelloRequest, which is repeated until it is answered or the
  // handshake's patience has run out. While the handshake runs, deadline() has its timers, send
  // fails with EAGAIN, and messages of the peer may be lost as datagrams are. There is no second
  // Connected: verification() is brought up to date, and a peer that shows another certificate than
  // before ends the association with Failed (EACCES). So does a refusal: a client that asked goes
  // on without no more, and other libraries end it too (RFC 5246 §7.2.2). Fails with EOPNOTSUPP
  // where the configuration's `renegotiate` is off, the peer does not know RFC 5746 or was itself
  // refused before, EAGAIN before Connected, EALREADY while one runs, EPIPE after the end.
  Result<void> renegotiate(TimePoint now);

  // is_renegotiating: send fails with EAGAIN until the handshake has ended; what the peer sends is
  // received (RFC 5246 §6.2.1).
  [[nodiscard]] bool is_renegotiating() const;

  // update_keys has what is sent from now on protected by new keys (RFC 8446 §4.6.3, RFC 9147 §8),
  // and with `ask_peer` what is received, too. It happens by itself before a key is worn out. Fails
  // with EOPNOTSUPP in DTLS 1.2, EAGAIN before Connected, EALREADY while the peer has not
  // acknowledged one, EPIPE after the end.
  Result<void> update_keys(bool ask_peer, TimePoint now);

  // provide_psk answers PskWanted; nullopt: there is no such key, and the handshake fails, unless
  // the peer can do without. Harmless when nothing is wanted.
  void provide_psk(std::optional<Psk> key, TimePoint now);

  // take_ticket gives the newest ticket that has come, once (RFC 5077, RFC 8446 §4.6.1); in DTLS
  // 1.3 they come after Connected. For ClientConfig::session. Needs ClientConfig::tickets.
  std::optional<SessionTicket> take_ticket();

  // export_keying_material fills `out` with bytes that only both sides can have (RFC 5705, RFC 8446
  // §7.5), for other protocols.
  //   label: at most 249 bytes, with a prefix of its own or from IANA's registry of exporter
  //   labels;
  //     not one that the handshake of DTLS 1.2 uses itself (RFC 5705 §4)
  //   context: at most 65535 bytes; in DTLS 1.2 none is not the same as an empty one
  //   out: 1 to 8160 bytes (255 digests, RFC 5869 §2.3)
  // Fails with EINVAL for what cannot be, EAGAIN before Connected, EPIPE where the handshake
  // failed.
  Result<void> export_keying_material(std::string_view label,
                                      std::optional<std::span<const std::byte>> context,
                                      std::span<std::byte> out) const;

  // set_handshake_timeout gives this session a patience of its own in place of the configuration's
  // handshake_timeout: an unfinished handshake fails with ETIMEDOUT at now + timeout, whatever has
  // passed before, also where the client's hello has not come yet. After Connected it counts for
  // renegotiations only. `timeout` must be above 0 and is not clamped.
  void set_handshake_timeout(Duration timeout, TimePoint now);

  std::optional<Event> poll_event();

  // poll_transmit copies the next datagram to send into `out` (at least kMaxDatagram bytes) and
  // returns its size; 0: none.
  std::size_t poll_transmit(std::span<std::byte> out);

  // deadline is when handle_timeout is due: for a retransmission, the end of the handshake's
  // patience, or, 4 minutes after a handshake, to free what it may have needed until then.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  void handle_timeout(TimePoint now);

  // held_bytes is the memory that the peer's records and fragments take which cannot be read yet.
  // A server bounds by it how much its peers make it hold.
  [[nodiscard]] std::size_t held_bytes() const;

  // verification may be asked once Connected or Failed was seen. A renegotiation refreshes it.
  [[nodiscard]] const PeerVerification& verification() const;

  // negotiated is what was agreed upon; nullopt before Connected.
  [[nodiscard]] std::optional<Negotiated> negotiated() const;

 private:
  explicit Session(std::unique_ptr<State> state);
  static Result<Session> make(std::shared_ptr<const Context> context, const Address& peer);
  std::unique_ptr<State> state_;
};

// OpensslRuntime tells which OpenSSL is in use: for programs that carry a second one.
struct OpensslRuntime {
  std::string version;
  const void* crypto_code = nullptr;  // an address inside its code, for dladdr(3)
};
OpensslRuntime openssl_runtime();

}  // namespace dtls
