// Reader: a bounds-checked cursor over bytes that a stranger sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dtls::wire {

using Bytes = std::span<const std::byte>;

// Reader reads integers (network order) and vectors from the front of a span.
// A read past the end gives zero or an empty span and makes ok() false for good, so a
// parser reads a whole structure in a row and asks once at the end; nothing is ever read
// outside the span. Spans that it gives point into the bytes it was made of.
class Reader {
 public:
  constexpr Reader() = default;
  constexpr explicit Reader(Bytes bytes) : rest_(bytes) {}

  constexpr std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  constexpr std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  constexpr std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }
  constexpr std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  constexpr std::uint64_t u48() { return number(6); }
  constexpr std::uint64_t u64() { return number(8); }

  // take gives the next `count` bytes.
  constexpr Bytes take(std::size_t count) {
    if (count > rest_.size()) {
      fail();
      return {};
    }
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  // take_rest gives all that is left.
  constexpr Bytes take_rest() { return take(rest_.size()); }

  // vector8, vector16 and vector24 give a vector whose length stands before it (RFC 5246 §4.3).
  // A length outside [min, max] fails like a read past the end.
  constexpr Bytes vector8(std::size_t min, std::size_t max) { return vector(u8(), min, max); }
  constexpr Bytes vector16(std::size_t min, std::size_t max) { return vector(u16(), min, max); }
  constexpr Bytes vector24(std::size_t min, std::size_t max) { return vector(u24(), min, max); }

  // fail makes ok() false for good: for a caller that finds what it has read wrong. After a
  // failure nothing is left, so that a loop "until empty" ends.
  constexpr void fail() {
    ok_ = false;
    rest_ = {};
  }

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  [[nodiscard]] constexpr bool empty() const { return rest_.empty(); }
  [[nodiscard]] constexpr std::size_t remaining() const { return rest_.size(); }
  // finished is true where everything was read and nothing is left over.
  [[nodiscard]] constexpr bool finished() const { return ok_ && rest_.empty(); }

 private:
  constexpr std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (const std::byte byte : take(width)) {
      value = value << 8U | std::to_integer<unsigned>(byte);
    }
    return value;
  }

  constexpr Bytes vector(std::size_t length, std::size_t min, std::size_t max) {
    if (length < min || length > max) {
      fail();
      return {};
    }
    return take(length);
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace dtls::wire
