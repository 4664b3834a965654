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
// A hello in several fragments is judged by its first one where that says enough:
//
//   it cannot become DTLS 1.3              -> challenged, or proven by its cookie
//   the cookie of a HelloRetryRequest      -> proven, or turned away
//   anything else                          -> put together (HelloCollector), then judged whole
//
// A fragment that overtakes the first one waits in the collector in every case. So a flood that
// fills the collector delays no client that speaks DTLS 1.2, or whose second hello has its cookie
// in front, as ours has, unless its fragments are reordered.
//
// Whoever sends the second hello has received at the address it claims, so spoofed sources
// cost no memory, and since no answer is longer than its question nobody is flooded through
// us (RFC 6347 §4.2.1). What is left: somebody who once received a cookie can say the same
// hello again until the cookie expires; the accept queue's limits are for that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "endpoint/cookie_maker.hpp"
#include "endpoint/hello_collector.hpp"
#include "handshake/hello/retry.hpp"
#include "wire/client_hello.hpp"
#include "wire/hello_verify_request.hpp"

namespace dtls::endpoint {

// CookieGate judges datagrams of unknown peers; no clock, no socket, no memory that grows.
// One thread at a time: threads have a gate each and share the CookieSecrets.
class CookieGate {
 public:
  static constexpr std::size_t kCookieSize = CookieMaker::kCookieSize;
  // kReplySize is the size of a HelloVerifyRequest, in bytes, kMaxReplySize of any reply.
  static constexpr std::size_t kReplySize = wire::hello_verify_request_size(kCookieSize);
  static constexpr std::size_t kMaxReplySize = 192;

  enum class Verdict : std::uint8_t {
    kDiscard,    // nothing that can be answered, or not yet: count it, forget it
    kChallenge,  // send the reply to where the datagram came from, forget the rest
    kProven,     // the peer is at its address: make an association and give it the datagram
  };

  struct Answer {
    Verdict verdict = Verdict::kDiscard;
    std::size_t reply_size = 0;  // after kChallenge, else 0
    // After kProven, where the hello stands: the first record of the server repeats its
    // record sequence number (RFC 6347 §4.2.1) and ServerHello its message_seq (§4.2.2).
    wire::HelloPosition position;
    // After kProven, where the hello came in several datagrams: all that has come of it in one, to
    // be given to the association instead of the last. In the gate's memory, until its next use.
    std::span<std::byte> collected;
  };

  // create makes a gate that makes and accepts cookies under `secrets` (not null).
  // Fails with kMisuse (EINVAL) for null, kSystem where OpenSSL has no HMAC-SHA256.
  // `settings` are the server's: without them, everybody is challenged in the way of DTLS 1.2.
  static Result<CookieGate> create(std::shared_ptr<const CookieSecrets> secrets,
                                   std::shared_ptr<const handshake::Settings> settings = nullptr);

  // inspect judges one datagram. It is discarded unless it begins with a hello, or a fragment of
  // one, in epoch 0 that offers DTLS 1.2 or newer, with nothing else in that record, and is made of
  // whole records. Fragments of the same hello in further records count as well.
  //   peer:  source of the datagram; part of the cookie
  //   now:   of the same clock in every call; may go back a little
  //   reply: buffer for the answer, not overlapping `datagram`, of kMaxReplySize bytes. Where it
  //          is too small, or the answer would be longer than what the peer has sent for it, nobody
  //          is challenged: the verdict is kDiscard.
  Answer inspect(const Address& peer, std::span<const std::byte> datagram, TimePoint now,
                 std::span<std::byte> reply);

  // is_collecting: the datagram begins with a fragment of a hello of which others wait here.
  [[nodiscard]] bool is_collecting(const Address& peer, std::span<const std::byte> datagram,
                                   TimePoint now);

 private:
  // What was asked, by whom, and where the answer goes.
  struct Question {
    const Address& peer;
    TimePoint now;
    std::size_t asked = 0;  // in bytes of datagrams
    wire::HelloPosition position;
    std::span<std::byte> reply;

    // is_last: a hello that answers a further challenge would not be listened to.
    [[nodiscard]] bool is_last() const { return position.message_seq == handshake::kMaxHelloSeq; }
  };

  CookieGate(CookieMaker maker, std::shared_ptr<const handshake::Settings> settings)
      : maker_(std::move(maker)), settings_(std::move(settings)) {}

  Answer judge(const Question& question, wire::Bytes body);
  std::optional<Answer> judge_start(const Question& question, wire::Bytes start);
  Answer judge_12(const Question& question, const wire::ClientHello& hello);
  Answer judge_13(const Question& question, const wire::ClientHello& hello, wire::Bytes content);
  Answer challenge_13(const Question& question, const wire::ClientHello& hello,
                      const handshake::RetryTerms& terms);
  void add_what_overtook(Answer& answer, const Question& question,
                         const wire::HandshakeHeader& first, std::span<const std::byte> datagram);
  HelloCollector::Hello* add_fragments(const Question& question,
                                       std::span<const std::byte> datagram);
  Answer collect(Question question, std::span<const std::byte> datagram);

  CookieMaker maker_;
  std::shared_ptr<const handshake::Settings> settings_;
  HelloCollector collector_;
};

}  // namespace dtls::endpoint
