// How the fuzzers of associations change an input: by steps and records, whose lengths stay right,
// where bytes changed at random would seldom leave a datagram that can be read.
#include <algorithm>
#include <random>
#include <utility>

#include "harness/steps.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

// libFuzzer's own mutation. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace dtls::fuzz {
namespace {

using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t count) {
  return random() % count;
}

// With room for a few bytes more than there are.
void mutate_bytes(Buffer& bytes) {
  constexpr std::size_t kGrowth = 64;
  const std::size_t size = bytes.size();
  bytes.resize(size + kGrowth);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), size, bytes.size()));
}

void put(Buffer& bytes, std::size_t at, std::size_t width, std::size_t value) {
  for (std::size_t i = 0; i < width; ++i)
    bytes[at + i] = static_cast<std::byte>(value >> 8U * (width - 1 - i));
}

// Makes one unfragmented handshake message as long as it is.
void mend_handshake(Buffer& content) {
  if (content.size() < wire::kHandshakeHeaderSize) return;
  const std::size_t length = content.size() - wire::kHandshakeHeaderSize;
  put(content, 1, 3, length);
  put(content, 6, 3, 0);
  put(content, 9, 3, length);
}

// The content of one record changes, and its header tells the length that it has now.
void mutate_record(Buffer& datagram, Random& random) {
  const auto places = records_of(datagram);
  if (places.empty()) {
    mutate_bytes(datagram);
    return;
  }
  const RecordPlace place = places[below(random, places.size())];
  const auto from = datagram.begin() + static_cast<std::ptrdiff_t>(place.content_at);
  const auto to = datagram.begin() + static_cast<std::ptrdiff_t>(place.end);
  Buffer content(from, to);
  // Keep what is behind the content under a null cipher in its place, now and then.
  constexpr std::size_t kTag = 16;
  constexpr std::size_t kTypeAndTag = kTag + 1;
  constexpr std::size_t kNonce = 8;
  const bool is_protected =
      place.is_unified || datagram[place.begin + 4] != std::byte{0};  // low byte of the epoch
  Buffer front;
  Buffer back;
  if (is_protected && content.size() > kNonce + kTypeAndTag && below(random, 8) != 0) {
    const std::size_t behind = place.is_unified ? kTypeAndTag : kTag;
    back.assign(content.end() - static_cast<std::ptrdiff_t>(behind), content.end());
    content.resize(content.size() - behind);
    if (!place.is_unified) {
      front.assign(content.begin(), content.begin() + kNonce);
      content.erase(content.begin(), content.begin() + kNonce);
    }
  }
  mutate_bytes(content);
  if (below(random, 2) == 0) mend_handshake(content);
  Buffer whole(datagram.begin(), from);
  for (const Buffer* part : {&std::as_const(front), &std::as_const(content), &std::as_const(back)})
    whole.insert(whole.end(), part->begin(), part->end());
  put(whole, place.length_at, 2, whole.size() - place.content_at);
  whole.insert(whole.end(), to, datagram.end());
  datagram = std::move(whole);
}

// One record becomes a datagram of its own.
void split(std::vector<Step>& steps, std::size_t at, Random& random) {
  const auto places = records_of(steps[at].payload);
  if (places.size() < 2) return;
  const std::size_t end = places[below(random, places.size() - 1)].end;
  auto& whole = steps[at].payload;
  Step rest{StepKind::kDatagram, {whole.begin() + static_cast<std::ptrdiff_t>(end), whole.end()}};
  whole.resize(end);
  steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(rest));
}

Step any_step(Random& random) {
  Step made{
      static_cast<StepKind>(1 + below(random, static_cast<std::size_t>(StepKind::kCount) - 1)), {}};
  made.payload = {static_cast<std::byte>(random() & 0xffU)};
  if (made.kind == StepKind::kSetMtu) made.payload.push_back(static_cast<std::byte>(random()));
  // As it will be read again.
  Input input;
  input.steps.push_back(std::move(made));
  return read_input(write_input(input)).steps.front();
}

void mutate_step(Step& step, Random& random) {
  if (step.kind != StepKind::kDatagram) {
    step = any_step(random);
  } else if (below(random, 4) == 0) {
    mutate_bytes(step.payload);
  } else {
    mutate_record(step.payload, random);
  }
}

void mutate(Input& input, Random& random) {
  auto& steps = input.steps;
  if (steps.empty()) {
    steps.push_back(any_step(random));
    return;
  }
  const std::size_t at = below(random, steps.size());
  const auto place = steps.begin() + static_cast<std::ptrdiff_t>(at);
  switch (below(random, 12)) {
    case 0:
      steps.erase(place);
      break;
    case 1: {
      Step copy = *place;
      steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(below(random, steps.size() + 1)),
                   std::move(copy));
      break;
    }
    case 2:
      std::swap(*place, steps[below(random, steps.size())]);
      break;
    case 3:
      steps.insert(place, any_step(random));
      break;
    case 4:
      split(steps, at, random);
      break;
    case 5:
      if (at + 1 < steps.size() && place->kind == StepKind::kDatagram &&
          place[1].kind == StepKind::kDatagram) {
        place->payload.insert(place->payload.end(), place[1].payload.begin(),
                              place[1].payload.end());
        steps.erase(place + 1);
      }
      break;
    case 6:
      input.scene[below(random, input.scene.size())] ^=
          static_cast<std::byte>(1U << below(random, 8));
      break;
    default:
      mutate_step(*place, random);
  }
}

std::size_t store(const Input& input, std::uint8_t* data, std::size_t max_size) {
  const Buffer bytes = write_input(input);
  const std::size_t size = std::min(bytes.size(), max_size);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(bytes.data()), size, data);
  return size;
}

}  // namespace
}  // namespace dtls::fuzz

// libFuzzer knows these by their names. NOLINTBEGIN(readability-identifier-naming)
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  using namespace dtls::fuzz;
  Random random(seed);
  if (below(random, 16) == 0) return LLVMFuzzerMutate(data, size, max_size);
  Input input = read_input(std::as_bytes(std::span(data, size)));
  mutate(input, random);
  return store(input, data, max_size);
}

// The beginning of one, then steps of the other.
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* one, std::size_t one_size,
                                                 const std::uint8_t* other, std::size_t other_size,
                                                 std::uint8_t* out, std::size_t max_size,
                                                 unsigned seed) {
  using namespace dtls::fuzz;
  Random random(seed);
  Input input = read_input(std::as_bytes(std::span(one, one_size)));
  const Input more = read_input(std::as_bytes(std::span(other, other_size)));
  input.steps.resize(below(random, input.steps.size() + 1));
  const auto from =
      more.steps.begin() + static_cast<std::ptrdiff_t>(below(random, more.steps.size() + 1));
  input.steps.insert(input.steps.end(), from, more.steps.end());
  return store(input, out, max_size);
}
// NOLINTEND(readability-identifier-naming)
