// What the inputs of the fuzzers of associations are made of: a scene, then steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dtls::fuzz {

using Bytes = std::span<const std::byte>;
using Buffer = std::vector<std::byte>;

enum class StepKind : std::uint8_t {
  kDatagram,     // 16 bits of length, then the datagram that comes
  kPass,         // time passes: that many times 50 ms
  kTimeout,      // time passes until the deadline
  kSend,         // a message, by number
  kClose,        //
  kUpdateKeys,   // 1: and asks the peer to do so
  kRenegotiate,  //
  kAnswerPsk,    // 1: with the key
  kGiveUp,       //
  kSetMtu,       // 16 bits
  kExport,       // keying material, that many bytes
  kTakeTicket,   //
  kCount,
};

struct Step {
  StepKind kind{};
  Buffer payload;

  // number is a payload of one or two bytes.
  [[nodiscard]] unsigned number() const;
};

struct Input {
  static constexpr std::size_t kSceneSize = 3;

  std::array<std::byte, kSceneSize> scene{};
  std::vector<Step> steps;
};

// Any bytes are an input; what is cut short ends where they end.
Input read_input(Bytes bytes);
Buffer write_input(const Input& input);

Step step(StepKind kind);
Step step(StepKind kind, std::uint8_t number);
Step datagram(Bytes bytes);

// Where a record lies in a datagram, as its header has it.
struct RecordPlace {
  std::size_t begin = 0;
  std::size_t length_at = 0;  // of the 16 bits of length
  std::size_t content_at = 0;
  std::size_t end = 0;
  bool is_unified = false;
};
std::vector<RecordPlace> records_of(Bytes datagram);

}  // namespace dtls::fuzz
