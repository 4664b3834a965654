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
  constexpr void u32(std::uint32_t value) { number(value, 4); }
  constexpr void u48(std::uint64_t value) { number(value, 6); }
  constexpr void u64(std::uint64_t value) { number(value, 8); }

  constexpr void bytes(std::span<const std::byte> source) {
    const auto target = claim(source.size());
    if (ok_) {
      std::copy(source.begin(), source.end(), target.begin());
    }
  }

  // vector8, vector16 and vector24 append `content` with its length in front, in that many bits.
  // Content that is too long for them fails like a write that does not fit.
  constexpr void vector8(std::span<const std::byte> content) { vector(content, 1); }
  constexpr void vector16(std::span<const std::byte> content) { vector(content, 2); }
  constexpr void vector24(std::span<const std::byte> content) { vector(content, 3); }

  // VectorMark remembers where the length of a vector belongs that is not written to its end yet.
  struct VectorMark {
    std::size_t begin = 0;  // of the content
    std::size_t width = 0;  // of the length in front of it
  };

  // begin_vector8 (16, 24) leaves room for a length; what is written from here on is the content,
  // until end_vector fills the length in. Vectors may lie in vectors.
  [[nodiscard]] constexpr VectorMark begin_vector8() { return begin_vector(1); }
  [[nodiscard]] constexpr VectorMark begin_vector16() { return begin_vector(2); }
  [[nodiscard]] constexpr VectorMark begin_vector24() { return begin_vector(3); }
  constexpr void end_vector(VectorMark mark) {
    if (!ok_) {
      return;
    }
    const std::size_t size = written_ - mark.begin;
    if (size > longest(mark.width)) {
      fail();
      return;
    }
    put(out_.subspan(mark.begin - mark.width, mark.width), size);
  }
  // end_optional_vector takes an empty vector back, with its length: as if it had never begun.
  // The buffer must have had room for that length all the same.
  constexpr void end_optional_vector(VectorMark mark) {
    if (ok_ && written_ == mark.begin) {
      written_ -= mark.width;
      return;
    }
    end_vector(mark);
  }

  // fail makes ok() false for good: for a caller that was given what cannot be written.
  constexpr void fail() { ok_ = false; }

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  // written is the number of bytes in the buffer that make sense; 0 after a failure.
  [[nodiscard]] constexpr std::size_t written() const { return ok_ ? written_ : 0; }

 private:
  static constexpr std::size_t longest(std::size_t width) {
    return (std::size_t{1} << (8 * width)) - 1;
  }

  constexpr void number(std::uint64_t value, std::size_t width) { put(claim(width), value); }

  static constexpr void put(std::span<std::byte> target, std::uint64_t value) {
    for (std::size_t i = target.size(); i-- > 0; value >>= 8U) {
      target[i] = static_cast<std::byte>(value & 0xffU);
    }
  }

  constexpr void vector(std::span<const std::byte> content, std::size_t width) {
    if (content.size() > longest(width)) {
      fail();
      return;
    }
    number(content.size(), width);
    bytes(content);
  }

  constexpr VectorMark begin_vector(std::size_t width) {
    claim(width);
    return {written_, width};
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
