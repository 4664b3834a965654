#include "harness/steps.hpp"

#include <algorithm>

#include "wire/reader.hpp"
#include "wire/record_header.hpp"
#include "wire/unified_header.hpp"

namespace dtls::fuzz {
namespace {

std::size_t payload_size(StepKind kind) {
  switch (kind) {
    case StepKind::kPass:
    case StepKind::kSend:
    case StepKind::kUpdateKeys:
    case StepKind::kAnswerPsk:
    case StepKind::kExport:
      return 1;
    case StepKind::kSetMtu:
      return 2;
    default:
      return 0;
  }
}

}  // namespace

unsigned Step::number() const {
  unsigned value = 0;
  for (const std::byte byte : payload)
    value = value << 8U | std::to_integer<unsigned>(byte);
  return value;
}

Input read_input(Bytes bytes) {
  Input input;
  const std::size_t scene = std::min(bytes.size(), input.scene.size());
  std::copy_n(bytes.begin(), scene, input.scene.begin());
  wire::Reader reader(bytes.subspan(scene));
  while (!reader.empty()) {
    Step step;
    step.kind = static_cast<StepKind>(reader.u8() % static_cast<unsigned>(StepKind::kCount));
    std::size_t size = payload_size(step.kind);
    if (step.kind == StepKind::kDatagram) size = reader.u16();
    const auto payload = reader.take(std::min(size, reader.remaining()));
    step.payload.assign(payload.begin(), payload.end());
    input.steps.push_back(std::move(step));
  }
  return input;
}

Buffer write_input(const Input& input) {
  Buffer out(input.scene.begin(), input.scene.end());
  for (const Step& step : input.steps) {
    out.push_back(static_cast<std::byte>(step.kind));
    if (step.kind == StepKind::kDatagram) {
      out.push_back(static_cast<std::byte>(step.payload.size() >> 8U));
      out.push_back(static_cast<std::byte>(step.payload.size() & 0xffU));
    }
    out.insert(out.end(), step.payload.begin(), step.payload.end());
  }
  return out;
}

Step step(StepKind kind) {
  return {kind, {}};
}

Step step(StepKind kind, std::uint8_t number) {
  return {kind, {std::byte{number}}};
}

Step datagram(Bytes bytes) {
  return {StepKind::kDatagram, {bytes.begin(), bytes.end()}};
}

std::vector<RecordPlace> records_of(Bytes datagram) {
  std::vector<RecordPlace> places;
  std::size_t at = 0;
  while (at < datagram.size()) {
    wire::Reader reader(datagram.subspan(at));
    RecordPlace place{.begin = at};
    if (wire::has_unified_header(datagram[at])) {
      const auto record = wire::read_unified_record(reader);
      if (!record || !record->has_length) break;
      place.content_at = at + record->header.size();
      place.length_at = place.content_at - 2;
      place.end = place.content_at + record->ciphertext.size();
      place.is_unified = true;
    } else {
      const auto record = wire::read_record(reader);
      if (!record) break;
      place.content_at = at + wire::kRecordHeaderSize;
      place.length_at = place.content_at - 2;
      place.end = place.content_at + record->fragment.size();
    }
    at = place.end;
    places.push_back(place);
  }
  return places;
}

}  // namespace dtls::fuzz
