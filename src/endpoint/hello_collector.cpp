#include "endpoint/hello_collector.hpp"

#include <algorithm>

#include "wire/writer.hpp"

namespace dtls::endpoint {

// add joins a part with those that it touches. False: it stands apart, and there are too many.
bool HelloCollector::Hello::add(Part part) {
  std::array<Part, kMostParts + 1> joined{};
  std::size_t count = 0;
  bool is_placed = false;
  for (const Part each : std::span(parts_).first(count_)) {
    if (each.end < part.begin) {
      joined.at(count++) = each;
    } else if (each.begin > part.end) {
      if (!is_placed) joined.at(count++) = part;
      is_placed = true;
      joined.at(count++) = each;
    } else {
      part = {std::min(part.begin, each.begin), std::max(part.end, each.end)};
    }
  }
  if (!is_placed) joined.at(count++) = part;
  if (count > kMostParts) return false;
  std::copy_n(joined.begin(), count, parts_.begin());
  count_ = static_cast<std::uint8_t>(count);
  return true;
}

std::span<std::byte> HelloCollector::body_of(const Hello& hello) {
  const auto index = static_cast<std::size_t>(&hello - table_->hellos.data());
  return std::span(table_->bodies.at(index)).first(hello.length_);
}

// contradicts: a byte that has come before comes again, and is another.
bool HelloCollector::contradicts(const Hello& hello, const wire::HandshakeFragment& fragment) {
  const auto body = body_of(hello);
  const std::size_t offset = fragment.header.fragment_offset;
  return std::ranges::any_of(std::span(hello.parts_).first(hello.count_), [&](Hello::Part part) {
    const std::size_t begin = std::max<std::size_t>(part.begin, offset);
    const std::size_t end = std::min<std::size_t>(part.end, offset + fragment.body.size());
    return begin < end && !std::ranges::equal(body.subspan(begin, end - begin),
                                              fragment.body.subspan(begin - offset, end - begin));
  });
}

HelloCollector::Hello* HelloCollector::find(const Address& peer,
                                            const wire::HandshakeHeader& header, TimePoint now) {
  if (!table_) return nullptr;
  const auto found = std::ranges::find_if(table_->hellos, [&](const Hello& each) {
    return each.length_ != 0 && each.length_ == header.length &&
           each.message_seq_ == header.message_seq && each.peer_ == peer &&
           now - each.since_ <= kLife;
  });
  return found == table_->hellos.end() ? nullptr : &*found;
}

HelloCollector::Hello& HelloCollector::room_for_one() {
  return *std::ranges::min_element(table_->hellos, {}, [](const Hello& each) {
    return each.length_ == 0 ? TimePoint::min() : each.since_;
  });
}

HelloCollector::Hello* HelloCollector::add(const Address& peer,
                                           const wire::HandshakeFragment& fragment, TimePoint now) {
  const wire::HandshakeHeader& header = fragment.header;
  if (header.length > kMaxHello || fragment.body.empty()) return nullptr;
  if (!table_) table_ = std::make_unique<Table>();
  Hello* hello = find(peer, header, now);
  if (hello != nullptr && contradicts(*hello, fragment)) {
    forget(*hello);
    hello = nullptr;
  }
  if (hello == nullptr) {
    hello = &room_for_one();
    *hello = {};
    hello->peer_ = peer;
    hello->since_ = now;
    hello->message_seq_ = header.message_seq;
    hello->length_ = static_cast<std::uint16_t>(header.length);
  }
  const auto end = header.fragment_offset + header.fragment_length;
  if (!hello->add(
          {static_cast<std::uint16_t>(header.fragment_offset), static_cast<std::uint16_t>(end)})) {
    return nullptr;
  }
  std::ranges::copy(fragment.body, body_of(*hello).subspan(header.fragment_offset).begin());
  return hello;
}

std::span<std::byte> HelloCollector::take(Hello& hello, std::uint64_t record_sequence) {
  const auto parts = std::span(hello.parts_).first(hello.count_);
  std::size_t size = 0;
  for (const Hello::Part part : parts)
    size += wire::kHandshakeHeaderSize + part.end - part.begin;
  const auto datagram = std::span(table_->taken).first(wire::kRecordHeaderSize + size);
  wire::Writer writer(datagram);
  wire::write_record_header(writer, {.type = wire::ContentType::kHandshake,
                                     .version = wire::kDtls12,
                                     .epoch = 0,
                                     .sequence = record_sequence,
                                     .length = static_cast<std::uint16_t>(size)});
  for (const Hello::Part part : parts) {
    const auto length = static_cast<std::uint32_t>(part.end - part.begin);
    wire::write_handshake_header(writer, {.type = wire::HandshakeType::kClientHello,
                                          .length = hello.length_,
                                          .message_seq = hello.message_seq_,
                                          .fragment_offset = part.begin,
                                          .fragment_length = length});
    writer.bytes(body_of(hello).subspan(part.begin, length));
  }
  forget(hello);
  return datagram;
}

}  // namespace dtls::endpoint
