#include "handshake/flight/reassembly.hpp"

#include <algorithm>
#include <utility>

namespace dtls::handshake {
namespace {

std::unique_ptr<IncomingMessage> make_message(const wire::HandshakeHeader& fragment,
                                              std::uint64_t epoch) {
  auto message = std::make_unique<IncomingMessage>();
  message->header = {.type = fragment.type,
                     .length = fragment.length,
                     .message_seq = fragment.message_seq,
                     .fragment_offset = 0,
                     .fragment_length = fragment.length};
  message->epoch = epoch;
  message->raw.resize(wire::kHandshakeHeaderSize);
  wire::Writer writer(message->raw);
  wire::write_handshake_header(writer, message->header);
  message->received = ByteSet(fragment.length);
  return message;
}

}  // namespace

bool IncomingMessage::contradicts(std::size_t offset, wire::Bytes part, std::size_t end) const {
  const auto body = std::span(raw).subspan(wire::kHandshakeHeaderSize).subspan(offset, part.size());
  const std::size_t last = std::clamp(end, offset, offset + part.size()) - offset;
  for (std::size_t at = 0; at < last;) {
    const ByteRange missing = received.next_missing(offset + at);
    const std::size_t known_end = std::clamp(missing.begin - offset, at, last);
    if (!std::equal(body.begin() + static_cast<std::ptrdiff_t>(at),
                    body.begin() + static_cast<std::ptrdiff_t>(known_end),
                    part.begin() + static_cast<std::ptrdiff_t>(at))) {
      return true;
    }
    at = std::clamp(missing.end - offset, known_end, last);
  }
  return false;
}

bool IncomingMessage::fill(std::size_t offset, wire::Bytes part) {
  const std::size_t needed = wire::kHandshakeHeaderSize + offset + part.size();
  if (raw.size() < needed) raw.resize(needed);
  if (contradicts(offset, part, offset + part.size())) return false;
  std::ranges::copy(part,
                    raw.begin() + static_cast<std::ptrdiff_t>(wire::kHandshakeHeaderSize + offset));
  received.add({.begin = offset, .end = offset + part.size()});
  return true;
}

void IncomingMessage::forget() {
  received = ByteSet(header.length);
  received.add({.begin = 0, .end = judged});
  is_followed = false;
}

Reassembly::Added Reassembly::add(std::uint32_t next, const wire::HandshakeFragment& fragment,
                                  std::uint64_t epoch, bool is_judged, std::size_t max_ahead) {
  const wire::HandshakeHeader& header = fragment.header;
  if (header.message_seq - next >= kWindow) return Added::kDropped;
  Slot& message = slot(header.message_seq);
  // What came under older keys, or none, does not mix with what comes under newer ones.
  if (message && message->epoch < epoch) message.reset();
  if (message && message->epoch > epoch) return Added::kDropped;
  const bool is_replaced_whole =
      message && (message->header.type != header.type || message->header.length != header.length);
  if (is_replaced_whole && (epoch > 0 || message->judged > 0)) return Added::kMismatch;
  const std::size_t arrived = message && !is_replaced_whole ? message->received.count() : 0;
  if (header.fragment_offset + fragment.body.size() > 2 * arrived + kMaxGap) return Added::kDropped;
  bool is_replaced = is_replaced_whole;
  if (is_replaced_whole) message.reset();
  const bool is_first = !message;
  if (!message) {
    if (header.message_seq != next && bytes_beyond(next) + header.length > max_ahead) {
      return Added::kDropped;
    }
    message = make_message(header, epoch);
  }
  while (header.message_seq > next && has_complete(next))
    ++next;
  const bool has_gap =
      header.message_seq != next || header.fragment_offset > message->received.prefix();
  if (message->complete() && epoch > 0) return Added::kInOrder;  // a repetition
  if (!message->fill(header.fragment_offset, fragment.body)) {
    const bool is_fixed =
        epoch > 0 || message->contradicts(header.fragment_offset, fragment.body, message->judged);
    if (is_fixed) return Added::kMismatch;
    message->forget();
    message->fill(header.fragment_offset, fragment.body);
    is_replaced = true;
  }
  if (is_first && is_judged && header.fragment_offset == 0) message->judged = fragment.body.size();
  if (is_replaced) return Added::kReplaced;
  return has_gap ? Added::kWithGap : Added::kInOrder;
}

void Reassembly::mark_followed(std::uint32_t seq) {
  if (Slot& message = slot(seq); message && message->header.message_seq == seq) {
    message->is_followed = true;
  }
}

std::unique_ptr<IncomingMessage> Reassembly::take(std::uint32_t next) {
  return has_complete(next) ? std::move(slot(next)) : nullptr;
}

bool Reassembly::has_complete(std::uint32_t next) const {
  return slot(next) && slot(next)->complete();
}

bool Reassembly::empty() const {
  return std::none_of(slots_.begin(), slots_.end(),
                      [](const Slot& each) { return each != nullptr; });
}

void Reassembly::clear() {
  for (Slot& each : slots_)
    each.reset();
}

void Reassembly::drop_below(std::uint64_t epoch) {
  for (Slot& each : slots_) {
    if (each && each->epoch < epoch) each.reset();
  }
}

std::size_t Reassembly::held_bytes() const {
  std::size_t bytes = 0;
  for (const Slot& each : slots_) {
    if (each) bytes += sizeof(IncomingMessage) + each->raw.capacity() + each->received.held_bytes();
  }
  return bytes;
}

std::size_t Reassembly::bytes_beyond(std::uint32_t next) const {
  std::size_t bytes = 0;
  for (const Slot& each : slots_) {
    if (each && each->header.message_seq != next) bytes += each->header.length;
  }
  return bytes;
}

}  // namespace dtls::handshake
