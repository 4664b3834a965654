// The cookie gate against a stranger's datagram. Input: two bytes of port, one byte of
// seconds that pass before the answer, then the datagram.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "endpoint/cookie_gate.hpp"
#include "unit/wire/hello_bytes.hpp"
#include "wire/handshake_header.hpp"
#include "wire/reader.hpp"
#include "wire/record_header.hpp"

namespace {

using dtls::TimePoint;
using dtls::endpoint::CookieGate;
using dtls::endpoint::CookieSecrets;
using Verdict = CookieGate::Verdict;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// The same secrets in every run: a finding must be repeatable.
CookieGate make_gate() {
  const std::array<std::byte, CookieSecrets::kKeySize> key{};
  return *CookieGate::create(*CookieSecrets::from_master_key(key));
}

// Whether a hello is one that no further challenge is made to.
bool is_last(std::span<const std::byte> datagram) {
  dtls::wire::Reader records(datagram);
  dtls::wire::Reader messages(dtls::wire::read_record(records)->fragment);
  return dtls::wire::read_handshake(messages)->header.message_seq == dtls::handshake::kMaxHelloSeq;
}

// Nobody else's cookie proves this hello, and a client that repeats its own goes through.
void check_exchange(CookieGate& gate, const dtls::Address& peer, TimePoint now,
                    dtls::Duration delay, std::span<const std::byte> datagram,
                    std::span<const std::byte> reply) {
  const auto cookie = reply.last(CookieGate::kCookieSize);
  const auto second = dtls::test::with_cookie(datagram, cookie);
  std::array<std::byte, CookieGate::kReplySize> next{};
  dtls::Address other = peer;
  other.port ^= 1U;
  const auto unproven = is_last(second) ? Verdict::kDiscard : Verdict::kChallenge;
  require(gate.inspect(other, second, now, next).verdict == unproven);
  const auto expected = delay < 2 * CookieSecrets::kDefaultPeriod ? Verdict::kProven : unproven;
  require(gate.inspect(peer, second, now + delay, next).verdict == expected);
}

}  // namespace

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Fragments are remembered, so each input has a gate of its own.
  CookieGate gate = make_gate();
  const auto input = std::as_bytes(std::span(data, size));
  dtls::wire::Reader reader(input);
  dtls::Address peer{.family = dtls::Address::Family::kIpv4, .ip = {192, 0, 2, 1}};
  peer.port = reader.u16();
  const dtls::Duration delay = std::chrono::seconds(reader.u8());
  const auto datagram = reader.take(reader.remaining());

  // The first moment of a period.
  const TimePoint now(1000 * CookieSecrets::kDefaultPeriod);
  std::array<std::byte, CookieGate::kReplySize> reply{};
  const auto answer = gate.inspect(peer, datagram, now, reply);
  require(answer.reply_size <= datagram.size());
  require((answer.verdict == Verdict::kChallenge) == (answer.reply_size == CookieGate::kReplySize));
  // With a cookie the longest hello would no longer fit into a record.
  const bool is_whole = dtls::test::is_whole_hello(datagram);
  const bool has_room =
      is_whole && datagram.size() + CookieGate::kCookieSize <= dtls::wire::kMaxPlaintext;
  if (answer.verdict == Verdict::kChallenge && has_room) {
    check_exchange(gate, peer, now, delay, datagram, reply);
  }
  return 0;
}
