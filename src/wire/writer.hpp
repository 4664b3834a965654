// Writer: the counterpart of Reader, into a buffer that the caller owns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dtls::wire {

// Writer appends integers (network order) and bytes to a span. A write that does not fit
// writes nothing and makes ok() false for good; ask once at the end.
class Writer {
 public:
  constexpr explicit Writer(std::span<std::byte> out) : out_(out) {}

  constexpr void u8(std::uint8_t value) { number(value, 1); }
  constexpr void u16(std::uint16_t value) { number(value, 2); }
  constexpr void u24(std::uint32_t value) { number(value, 3); }
  constexpr void u48(std::uint64_t value) { number(value, 6); }

  constexpr void bytes(std::span<const std::byte> source) {
    const auto target = claim(source.size());
    if (ok_) {
      std::copy(source.begin(), source.end(), target.begin());
    }
  }

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  // written is the number of bytes in the buffer that make sense; 0 after a failure.
  [[nodiscard]] constexpr std::size_t written() const { return ok_ ? written_ : 0; }

 private:
  constexpr void number(std::uint64_t value, std::size_t width) {
    const auto target = claim(width);
    for (std::size_t i = target.size(); i-- > 0; value >>= 8U) {
      target[i] = static_cast<std::byte>(value & 0xffU);
    }
  }

  constexpr std::span<std::byte> claim(std::size_t count) {
    if (!ok_ || count > out_.size() - written_) {
      ok_ = false;
      return {};
    }
    const auto target = out_.subspan(written_, count);
    written_ += count;
    return target;
  }

  std::span<std::byte> out_;
  std::size_t written_ = 0;
  bool ok_ = true;
};

}  // namespace dtls::wire
