// CookieGate: what stands between a datagram of an unknown peer and memory for it.
//
//   client                                   gate
//   ClientHello            ----------------> no cookie: challenged, nothing is remembered
//                          <---------------- HelloVerifyRequest, cookie = MAC(address, hello)
//   ClientHello, cookie    ----------------> the MAC is right: proven
//
// A client that is going to speak DTLS 1.3 is challenged by a HelloRetryRequest (RFC 9147 §5.1),
// whose cookie also holds what the server would have to remember.
//
// Whoever sends the second hello has received at the address it claims, so spoofed sources
// cost no memory, and since no answer is longer than its question nobody is flooded through
// us (RFC 6347 §4.2.1). What is left: somebody who once received a cookie can say the same
// hello again until the cookie expires; the accept queue's limits are for that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "crypto/hmac.hpp"
#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "endpoint/cookie_secrets.hpp"
#include "handshake/retry.hpp"
#include "wire/client_hello.hpp"
#include "wire/hello_verify_request.hpp"

namespace dtls::endpoint {

// CookieGate judges datagrams of unknown peers; no clock, no socket, no state per peer.
// One thread at a time: threads have a gate each and share the CookieSecrets.
class CookieGate {
 public:
  // 32 bytes are all that some clients hold: the limit was that low before DTLS 1.2.
  static constexpr std::size_t kCookieSize = 32;
  // kReplySize is the size of a HelloVerifyRequest, in bytes, kMaxReplySize of any reply.
  static constexpr std::size_t kReplySize = wire::hello_verify_request_size(kCookieSize);
  static constexpr std::size_t kMaxReplySize = 192;

  enum class Verdict : std::uint8_t {
    kDiscard,    // not the start of a handshake that can be answered: count it, forget it
    kChallenge,  // send the reply to where the datagram came from, forget the rest
    kProven,     // the peer is at its address: make an association and give it the datagram
  };

  struct Answer {
    Verdict verdict = Verdict::kDiscard;
    std::size_t reply_size = 0;  // after kChallenge, else 0
    // After kProven, where the hello stands: the first record of the server repeats its
    // record sequence number (RFC 6347 §4.2.1) and ServerHello its message_seq (§4.2.2).
    wire::HelloPosition position;
  };

  // create makes a gate that makes and accepts cookies under `secrets` (not null).
  // Fails with kMisuse (EINVAL) for null, kSystem where OpenSSL has no HMAC-SHA256.
  // `settings` are the server's: without them, everybody is challenged in the way of DTLS 1.2.
  static Result<CookieGate> create(std::shared_ptr<const CookieSecrets> secrets,
                                   std::shared_ptr<const handshake::Settings> settings = nullptr);

  // inspect judges one datagram. A hello is discarded unless it is the first record of the
  // datagram, in epoch 0, whole in one fragment, offers DTLS 1.2 or newer, and is followed
  // by nothing or by whole records.
  //   peer:  source of the datagram; part of the cookie
  //   now:   of the same clock in every call; may go back a little
  //   reply: buffer for the answer, not overlapping `datagram`, of kMaxReplySize bytes. Where it
  //          is too small, or the answer would be longer than the datagram, nobody is challenged:
  //          the verdict is kDiscard.
  Answer inspect(const Address& peer, std::span<const std::byte> datagram, TimePoint now,
                 std::span<std::byte> reply);

 private:
  using Cookie = std::array<std::byte, kCookieSize>;

  // A keyed context for one period; none before the slot's first use.
  struct Slot {
    std::int64_t period = 0;
    std::optional<crypto::HmacSha256> hmac;
  };
  // The current period and its neighbours fall into different slots, also around zero.
  static constexpr std::size_t kSlots = 4;

  CookieGate(std::shared_ptr<const CookieSecrets> secrets,
             std::shared_ptr<const handshake::Settings> settings)
      : secrets_(std::move(secrets)), settings_(std::move(settings)) {}

  Result<crypto::HmacSha256*> keyed_for(std::int64_t period);
  std::optional<Cookie> make_cookie(const Address& peer, const wire::ClientHello& hello,
                                    std::int64_t period);
  bool accepts(const Address& peer, const wire::ClientHello& hello, std::int64_t current);

  struct Hello;
  static std::optional<Hello> read_hello(std::span<const std::byte> datagram);

  // The cookie of DTLS 1.3.
  using RetryMac = std::array<std::byte, handshake::kRetryMacSize>;
  std::optional<RetryMac> make_retry_mac(const Address& peer, const wire::ClientHello& hello,
                                         wire::Bytes terms, std::int64_t period);
  bool accepts_retry(const Address& peer, const wire::ClientHello& hello, wire::Bytes cookie,
                     std::int64_t current);
  Answer inspect_13(const Address& peer, const Hello& hello, const handshake::RetryTerms& terms,
                    std::size_t asked, std::int64_t current, std::span<std::byte> reply);
  std::size_t challenge_13(const Address& peer, const wire::ClientHello& hello,
                           const handshake::RetryTerms& terms, wire::HelloPosition position,
                           std::int64_t period, std::span<std::byte> reply);

  std::shared_ptr<const CookieSecrets> secrets_;
  std::shared_ptr<const handshake::Settings> settings_;
  std::array<Slot, kSlots> slots_{};
};

}  // namespace dtls::endpoint
