// Changes to the bodies of hellos that keep their lengths right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "handshake/v12/key_schedule_12.hpp"
#include "wire/numbers.hpp"

namespace dtls::test {

// HelloEdit works on the extensions of one hello, which must have some.
class HelloEdit {
 public:
  using Body = std::vector<std::byte>;

  HelloEdit(Body& hello, handshake::Sender sender) : hello_(hello) {
    constexpr std::size_t kRandomEnd = 2 + 32;
    at_ = kRandomEnd + 1U + u8(kRandomEnd);  // the session id
    if (sender == handshake::Sender::kServer) {
      at_ += 2 + 1;  // the suite and the compression method
    } else {
      at_ += 1U + u8(at_);   // the cookie
      at_ += 2U + u16(at_);  // the suites
      at_ += 1U + u8(at_);   // the compression methods
    }
  }

  // find gives the content of an extension, to be changed in place; empty, too, where it is
  // missing.
  std::span<std::byte> find(wire::ExtensionType type) {
    const auto begin = position(type);
    return begin ? std::span(hello_).subspan(*begin + 4, u16(*begin + 2)) : std::span<std::byte>();
  }
  void erase(wire::ExtensionType type) {
    const auto begin = position(type);
    if (!begin) return;
    const auto first = hello_.begin() + static_cast<std::ptrdiff_t>(*begin);
    hello_.erase(first, first + 4 + u16(*begin + 2));
    note_size();
  }
  void append(wire::ExtensionType type, const Body& content) {
    const std::size_t begin = hello_.size();
    hello_.resize(begin + 4);
    put(begin, static_cast<std::uint16_t>(type));
    put(begin + 2, static_cast<std::uint16_t>(content.size()));
    hello_.insert(hello_.end(), content.begin(), content.end());
    note_size();
  }
  // rename gives an extension another type.
  void rename(wire::ExtensionType type, std::uint16_t to) {
    if (const auto begin = position(type)) put(*begin, to);
  }

 private:
  [[nodiscard]] std::uint8_t u8(std::size_t at) const {
    return std::to_integer<std::uint8_t>(hello_.at(at));
  }
  [[nodiscard]] std::uint16_t u16(std::size_t at) const {
    return static_cast<std::uint16_t>(u8(at) << 8U | u8(at + 1));
  }
  void put(std::size_t at, std::uint16_t value) {
    hello_.at(at) = static_cast<std::byte>(value >> 8U);
    hello_.at(at + 1) = static_cast<std::byte>(value & 0xffU);
  }
  void note_size() { put(at_, static_cast<std::uint16_t>(hello_.size() - at_ - 2)); }
  [[nodiscard]] std::optional<std::size_t> position(wire::ExtensionType type) const {
    for (std::size_t at = at_ + 2; at < hello_.size(); at += 4U + u16(at + 2))
      if (u16(at) == static_cast<std::uint16_t>(type)) return at;
    return std::nullopt;
  }

  Body& hello_;
  std::size_t at_ = 0;  // of the extensions' length
};

}  // namespace dtls::test
