// ListView: the elements of a vector, read one after the other where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <type_traits>

#include "wire/reader.hpp"

namespace dtls::wire {

// ListView is a forward range of what `Read` takes off a Reader. Read calls Reader::fail on an
// element that breaks the syntax; it must read at least one byte. Over bytes that parse() has not
// accepted a walk is safe too: it ends before the first element that cannot be read.
template <typename T, T (*Read)(Reader&)>
class ListView {
 public:
  class Iterator {
   public:
    // The standard library knows them by these names. NOLINTBEGIN(readability-identifier-naming)
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;  // gives values, not references
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = T;
    // NOLINTEND(readability-identifier-naming)

    constexpr Iterator() = default;
    constexpr explicit Iterator(Bytes bytes) : rest_(bytes) { advance(); }

    constexpr T operator*() const { return value_; }
    constexpr Iterator& operator++() {
      advance();
      return *this;
    }
    constexpr Iterator operator++(int) {
      const Iterator before = *this;
      advance();
      return before;
    }
    // Two iterators of the same list: the one with less before it has come farther.
    constexpr bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    constexpr void advance() {
      left_ = rest_.remaining();
      if (left_ == 0) {
        return;
      }
      value_ = Read(rest_);
      if (!rest_.ok()) {
        left_ = 0;
      }
    }

    Reader rest_;
    std::size_t left_ = 0;  // bytes from the present element on; 0 at the end
    T value_{};
  };

  constexpr ListView() = default;
  constexpr explicit ListView(Bytes bytes) : bytes_(bytes) {}

  // parse accepts bytes that are whole elements to the last byte.
  static constexpr std::optional<ListView> parse(Bytes bytes) {
    Reader reader(bytes);
    while (!reader.empty()) {
      Read(reader);
    }
    return reader.ok() ? std::optional(ListView(bytes)) : std::nullopt;
  }

  [[nodiscard]] constexpr Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] constexpr Iterator end() const { return {}; }
  [[nodiscard]] constexpr bool empty() const { return begin() == end(); }
  // bytes gives the encoding of all elements, without a length in front.
  [[nodiscard]] constexpr Bytes bytes() const { return bytes_; }

  // contains asks for a number in a list of numbers.
  [[nodiscard]] constexpr bool contains(T value) const
      requires(std::is_enum_v<T> || std::is_integral_v<T>) {
    for (const T element : *this) {
      if (element == value) {
        return true;
      }
    }
    return false;
  }

 private:
  Bytes bytes_;
};

// read_number reads an integer or enumerator of one or two bytes.
template <typename T>
constexpr T read_number(Reader& reader) {
  static_assert(sizeof(T) <= 2);
  if constexpr (sizeof(T) == 1) {
    return static_cast<T>(reader.u8());
  } else {
    return static_cast<T>(reader.u16());
  }
}

template <typename T>
using NumberList = ListView<T, read_number<T>>;

}  // namespace dtls::wire
