#include "endpoint/cookie_gate.hpp"

#include <array>

#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::endpoint {

namespace {

// The shortest ClientHello: no session id, no cookie, one cipher suite, one compression
// method, no extensions.
constexpr std::size_t kShortestHello = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize + 2 +
                                       wire::kRandomSize + 1 + 1 + (2 + 2) + (1 + 1);
static_assert(CookieGate::kReplySize <= kShortestHello,
              "a reply must never be longer than the datagram that asked for it");

// The fragments of one ClientHello that a datagram holds, one after the other.
class FragmentReader {
 public:
  explicit FragmentReader(std::span<const std::byte> datagram) : records_(datagram) {}

  // next gives nothing at the end, and where the datagram is no hello: then is_broken.
  std::optional<wire::HandshakeFragment> next() {
    while (true) {
      if (messages_.empty()) {
        if (records_.empty()) return std::nullopt;
        if (!next_record()) continue;
      }
      const auto fragment = wire::read_handshake(messages_);
      if (fragment && belongs(fragment->header)) {
        if (!first_) first_ = fragment->header;
        return fragment;
      }
      if (is_in_first_record_) return fail();
      messages_ = wire::Reader(wire::Bytes());
    }
  }
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  // record_sequence is that of the first record.
  [[nodiscard]] std::uint64_t record_sequence() const { return record_sequence_.value_or(0); }

 private:
  // A ClientHello is alone in its flight; a client that sends more with it sends records, which
  // are none of ours.
  bool next_record() {
    is_in_first_record_ = !record_sequence_;
    const auto record = wire::read_record(records_);
    const bool is_plain = record && record->header.type == wire::ContentType::kHandshake &&
                          record->header.epoch == 0 &&
                          record->header.length <= wire::kMaxPlaintext && !record->fragment.empty();
    if (!record || (is_in_first_record_ && !is_plain)) {
      fail();
      return false;
    }
    if (is_in_first_record_) record_sequence_ = record->header.sequence;
    if (is_plain) messages_ = wire::Reader(record->fragment);
    return is_plain;
  }
  [[nodiscard]] bool belongs(const wire::HandshakeHeader& header) const {
    if (first_) {
      return header.type == first_->type && header.message_seq == first_->message_seq &&
             header.length == first_->length;
    }
    return header.type == wire::HandshakeType::kClientHello &&
           header.message_seq <= handshake::kMaxHelloSeq;
  }
  std::nullopt_t fail() {
    is_broken_ = true;
    records_ = messages_ = wire::Reader(wire::Bytes());
    return std::nullopt;
  }

  wire::Reader records_;
  wire::Reader messages_{wire::Bytes()};
  std::optional<wire::HandshakeHeader> first_;
  std::optional<std::uint64_t> record_sequence_;
  bool is_in_first_record_ = false;
  bool is_broken_ = false;
};

}  // namespace

Result<CookieGate> CookieGate::create(std::shared_ptr<const CookieSecrets> secrets,
                                      std::shared_ptr<const handshake::Settings> settings) {
  auto maker = CookieMaker::create(std::move(secrets));
  if (!maker) return std::move(maker).error();
  return CookieGate(std::move(*maker), std::move(settings));
}

// Nothing here asks for the content of a hello that costs a hash: noise is turned away first.
CookieGate::Answer CookieGate::inspect(const Address& peer, std::span<const std::byte> datagram,
                                       TimePoint now, std::span<std::byte> reply) {
  FragmentReader reader(datagram);
  const auto first = reader.next();
  if (!first) return {};
  const bool is_start = first->header.fragment_offset == 0;
  while (reader.next()) {
  }
  if (reader.is_broken()) return {};
  const Question question{.peer = peer,
                          .now = now,
                          .asked = datagram.size(),
                          .position = {.record_sequence = reader.record_sequence(),
                                       .message_seq = first->header.message_seq},
                          .reply = reply};
  if (first->header.is_whole()) return judge(question, first->body);
  if (is_start) {
    if (auto answer = judge_start(question, first->body)) {
      add_what_overtook(*answer, question, first->header, datagram);
      return *answer;
    }
  }
  return collect(question, datagram);
}

bool CookieGate::is_collecting(const Address& peer, std::span<const std::byte> datagram,
                               TimePoint now) {
  const auto fragment = FragmentReader(datagram).next();
  return fragment && collector_.find(peer, fragment->header, now) != nullptr;
}

CookieGate::Answer CookieGate::judge(const Question& question, wire::Bytes body) {
  const auto hello = wire::parse_client_hello(body);
  if (!hello || !wire::at_least_dtls12(hello->legacy_version)) return {};
  if (settings_ != nullptr && hello->cookie.empty()) {
    if (const auto terms = handshake::choose_retry_terms(*settings_, *hello, body, question.now)) {
      const auto content = hello->extension_list().find(wire::ExtensionType::kCookie);
      return content ? judge_13(question, *hello, *content)
                     : challenge_13(question, *hello, *terms);
    }
  }
  return judge_12(question, *hello);
}

// judge_start judges a hello by its first fragment; nullopt: the rest of it decides.
std::optional<CookieGate::Answer> CookieGate::judge_start(const Question& question,
                                                          wire::Bytes start) {
  const auto hello = wire::parse_client_hello_start(start);
  if (!hello) return std::nullopt;
  if (!wire::at_least_dtls12(hello->legacy_version)) return Answer{};
  if (settings_ == nullptr || !hello->cookie.empty() ||
      !handshake::may_speak_13(*settings_, *hello)) {
    return judge_12(question, *hello);
  }
  const auto cookie = hello->extension_list().find(wire::ExtensionType::kCookie);
  if (!cookie) return std::nullopt;
  return judge_13(question, *hello, *cookie);
}

CookieGate::Answer CookieGate::judge_12(const Question& question, const wire::ClientHello& hello) {
  if (maker_.accepts(question.peer, hello, question.now)) {
    return {.verdict = Verdict::kProven,
            .reply_size = 0,
            .position = question.position,
            .collected = {}};
  }
  // RFC 6347 §4.2.1: a wrong cookie is treated like none. A client whose cookie has expired
  // meanwhile goes on; to ignore it would stop it for good.
  if (question.reply.size() < kReplySize) return {};
  if (question.is_last()) return {};
  const auto cookie = maker_.make(question.peer, hello, question.now);
  if (!cookie) return {};
  const std::size_t size =
      wire::write_hello_verify_request(question.reply, question.position, *cookie);
  return {.verdict = Verdict::kChallenge, .reply_size = size, .position = {}, .collected = {}};
}

// A client takes one HelloRetryRequest only (RFC 8446 §4.1.4): who comes with a wrong cookie has to
// begin anew.
CookieGate::Answer CookieGate::judge_13(const Question& question, const wire::ClientHello& hello,
                                        wire::Bytes content) {
  const auto cookie = wire::parse_cookie(content);
  if (!cookie || !maker_.accepts_retry(question.peer, hello, *cookie, question.now)) return {};
  return {
      .verdict = Verdict::kProven, .reply_size = 0, .position = question.position, .collected = {}};
}

CookieGate::Answer CookieGate::challenge_13(const Question& question,
                                            const wire::ClientHello& hello,
                                            const handshake::RetryTerms& terms) {
  if (question.reply.size() < wire::kRecordHeaderSize || question.is_last()) return {};
  std::array<std::byte, CookieMaker::kMaxRetryCookie> room{};
  const auto cookie =
      std::span(room).first(maker_.make_retry(question.peer, hello, terms, question.now, room));
  if (cookie.empty()) return {};
  const std::size_t length =
      handshake::write_hello_retry_request(question.reply.subspan(wire::kRecordHeaderSize),
                                           question.position.message_seq, terms, cookie);
  const std::size_t size = wire::kRecordHeaderSize + length;
  // The few that are shorter than the answer get none: docs/guide/troubleshooting.md, Sizes.
  if (length == 0 || size > question.asked) return {};
  wire::Writer header(question.reply);
  // The number is repeated, so that a server that keeps no state never uses one twice.
  wire::write_record_header(
      header, {wire::ContentType::kHandshake, wire::kDtls12, 0, question.position.record_sequence,
               static_cast<std::uint16_t>(length)});
  return {.verdict = Verdict::kChallenge, .reply_size = size, .position = {}, .collected = {}};
}

// add_what_overtook completes the answer to a hello that was judged by its first fragment. A proven
// peer's association gets the fragments that came before the first one; an answered or discarded
// hello needs them no longer.
void CookieGate::add_what_overtook(Answer& answer, const Question& question,
                                   const wire::HandshakeHeader& first,
                                   std::span<const std::byte> datagram) {
  auto* const waiting = collector_.find(question.peer, first, question.now);
  if (waiting == nullptr) return;
  const bool is_proven = answer.verdict == Verdict::kProven;
  if (auto* const joined = is_proven ? add_fragments(question, datagram) : nullptr) {
    answer.collected = collector_.take(*joined, question.position.record_sequence);
  } else {
    HelloCollector::forget(*waiting);
  }
}

// add_fragments gives the hello that the last fragment of the datagram was added to; null: none
// was.
HelloCollector::Hello* CookieGate::add_fragments(const Question& question,
                                                 std::span<const std::byte> datagram) {
  HelloCollector::Hello* hello = nullptr;
  FragmentReader reader(datagram);
  while (const auto fragment = reader.next()) {
    if (auto* const it = collector_.add(question.peer, *fragment, question.now)) hello = it;
  }
  return hello;
}

CookieGate::Answer CookieGate::collect(Question question, std::span<const std::byte> datagram) {
  auto* const hello = add_fragments(question, datagram);
  if (hello == nullptr) return {};
  hello->count_datagram(datagram.size());
  if (!hello->complete()) return {};
  question.asked = hello->asked();
  const auto collected = collector_.take(*hello, question.position.record_sequence);
  constexpr std::size_t kHeaders = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize;
  auto answer = judge(question, collected.subspan(kHeaders));
  if (answer.verdict == Verdict::kProven) answer.collected = collected;
  return answer;
}

}  // namespace dtls::endpoint
