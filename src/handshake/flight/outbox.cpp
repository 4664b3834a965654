#include "handshake/flight/outbox.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dtls::handshake {
namespace {

// Less would be a fragment without content.
constexpr std::size_t kSmallestFragment = wire::kHandshakeHeaderSize + 1;

}  // namespace

wire::Bytes Outbox::add_message(wire::HandshakeType type, std::uint16_t seq, wire::Bytes body,
                                std::uint64_t epoch) {
  Message message;
  message.raw.resize(wire::kHandshakeHeaderSize + body.size());
  wire::Writer writer(message.raw);
  const auto length = static_cast<std::uint32_t>(body.size());
  wire::write_handshake_header(writer, {.type = type,
                                        .length = length,
                                        .message_seq = seq,
                                        .fragment_offset = 0,
                                        .fragment_length = length});
  writer.bytes(body);
  message.acked = ByteSet(std::max<std::size_t>(body.size(), 1));
  message.epoch = epoch;
  message.seq = seq;
  messages_.push_back(std::move(message));
  return messages_.back().raw;
}

void Outbox::add_change_cipher_spec(std::uint64_t epoch) {
  Message message;
  message.epoch = epoch;
  messages_.push_back(std::move(message));
}

void Outbox::release(Then then) {
  for (std::size_t i = released_; i < messages_.size(); ++i)
    messages_[i].then = then;
  released_ = messages_.size();
}

template <typename Drops>
void Outbox::drop(Drops drops) {
  const bool was_sending = is_sending();
  std::vector<Message> kept;
  std::size_t kept_released = 0;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    if (i < released_ && drops(messages_[i])) continue;
    if (i < released_) ++kept_released;
    kept.push_back(std::move(messages_[i]));
  }
  messages_ = std::move(kept);
  released_ = kept_released;
  cursor_ = was_sending ? 0 : released_;
  offset_ = 0;
  if (messages_.empty()) sent_ = {};
}

void Outbox::forget(Then then) {
  drop([&](const Message& message) { return message.then == then; });
}

void Outbox::drop_acked() {
  drop([](const Message& message) { return message.is_done(); });
}

void Outbox::clear() {
  *this = Outbox();
}

bool Outbox::awaits(Then then) const {
  return std::any_of(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(released_),
                     [&](const Message& message) { return message.then == then; });
}

bool Outbox::is_acked(std::uint16_t seq) const {
  return std::none_of(messages_.begin(), messages_.end(), [&](const Message& message) {
    return !message.is_change_cipher_spec() && message.seq == seq && !message.is_done();
  });
}

std::uint64_t Outbox::last_epoch() const {
  return messages_.empty() ? 0 : messages_.back().epoch;
}

void Outbox::rewind() {
  cursor_ = 0;
  offset_ = 0;
}

void Outbox::skip_done() {
  while (cursor_ < released_ && messages_[cursor_].is_done()) {
    ++cursor_;
    offset_ = 0;
  }
}

// A message whose epoch has gone since (two KeyUpdates while a ticket was under way) begins anew in
// the newest one: receivers do not put together what came in different epochs.
void Outbox::use_epoch_at_hand(Message& message, const record::Outbound& records) {
  if (records.has(message.epoch)) return;
  message.epoch = records.newest();
  message.acked = ByteSet(std::max<std::size_t>(message.body_size(), 1));
  std::erase_if(sent_, [&](const Sent& sent) {
    return sent.first <= message.seq && message.seq <= sent.last;
  });
  offset_ = 0;
}

std::size_t Outbox::write_record(record::Outbound& records, std::span<std::byte> out,
                                 bool remember) {
  skip_done();
  if (!is_sending()) return 0;
  if (messages_[cursor_].is_change_cipher_spec()) return write_change_cipher_spec(records, out);
  use_epoch_at_hand(messages_[cursor_], records);
  const std::uint64_t epoch = messages_[cursor_].epoch;
  const std::size_t overhead = records.overhead(epoch);
  if (out.size() < overhead + kSmallestFragment) return 0;

  const auto content = out.subspan(records.prefix(epoch),
                                   std::min(out.size() - overhead, records.max_plaintext(epoch)));
  const std::size_t cursor_before = cursor_;
  const std::size_t offset_before = offset_;
  Sent sent{.number = {}, .begin = offset_, .end = 0, .first = messages_[cursor_].seq, .last = 0};
  const std::size_t filled = gather(epoch, content, sent, packs_);
  const std::size_t size =
      filled > 0 ? records.seal(epoch, wire::ContentType::kHandshake, content.first(filled), out)
                 : 0;
  if (size == 0) {
    cursor_ = cursor_before;
    offset_ = offset_before;
    return 0;
  }
  if (remember) {
    sent.number = records.last();
    if (sent_.size() == kRemembered) sent_.pop_front();
    sent_.push_back(sent);
  }
  return size;
}

std::size_t Outbox::write_change_cipher_spec(record::Outbound& records, std::span<std::byte> out) {
  static constexpr std::array kContent{std::byte{1}};  // RFC 5246 §7.1
  const std::size_t size =
      records.seal(messages_[cursor_].epoch, wire::ContentType::kChangeCipherSpec, kContent, out);
  if (size > 0) ++cursor_;
  return size;
}

// Fills a record's content with what is missing of this message, and where `packs` says so of the
// following ones of its epoch too.
std::size_t Outbox::gather(std::uint64_t epoch, std::span<std::byte> content, Sent& sent,
                           bool packs) {
  std::size_t filled = 0;
  for (; cursor_ < released_; ++cursor_, offset_ = 0) {
    const Message& message = messages_[cursor_];
    if (message.is_change_cipher_spec() || message.epoch != epoch) break;
    if (message.is_done()) continue;
    if (filled > 0 && !packs) break;
    filled += gather_message(message, content.subspan(filled), sent, packs);
    if (!message.acked.next_missing(offset_).empty()) break;  // the rest has no place here
  }
  return filled;
}

std::size_t Outbox::gather_message(const Message& message, std::span<std::byte> content, Sent& sent,
                                   bool packs) {
  wire::Writer writer(content);
  while (true) {
    const ByteRange missing = message.acked.next_missing(offset_);
    const std::size_t room = content.size() - writer.written();
    if (missing.empty() || room < kSmallestFragment) return writer.written();
    if (writer.written() > 0 && !packs) return writer.written();
    const std::size_t end =
        std::min(missing.end, missing.begin + room - wire::kHandshakeHeaderSize);
    // An empty message counts as one byte that is not there: its header.
    const std::size_t body_end = std::min(end, message.body_size());
    const auto length = static_cast<std::uint32_t>(body_end - missing.begin);
    wire::Reader whole(message.raw);
    wire::HandshakeHeader header = wire::read_handshake(whole)->header;
    header.fragment_offset = static_cast<std::uint32_t>(missing.begin);
    header.fragment_length = length;
    wire::write_handshake_header(writer, header);
    writer.bytes(
        wire::Bytes(message.raw).subspan(wire::kHandshakeHeaderSize + missing.begin, length));
    offset_ = end;
    sent.last = message.seq;
    sent.end = end;
  }
}

bool Outbox::acknowledge(record::RecordNumber number) {
  const auto found = std::find_if(sent_.begin(), sent_.end(),
                                  [&](const Sent& sent) { return sent.number == number; });
  if (found == sent_.end()) return false;
  const Sent sent = *found;
  sent_.erase(found);
  bool is_news = false;
  for (Message& message : messages_) {
    if (message.is_change_cipher_spec() || message.seq < sent.first || message.seq > sent.last) {
      continue;
    }
    is_news |= !message.acked.complete();
    message.acked.add({.begin = message.seq == sent.first ? sent.begin : 0,
                       .end = message.seq == sent.last ? sent.end : message.raw.size()});
  }
  return is_news;
}

}  // namespace dtls::handshake
