#include "wire/pre_shared_key.hpp"

#include <algorithm>

namespace dtls::wire {
namespace {

// PskBinderEntry<32..255>
constexpr std::size_t kMinBinder = 32;

}  // namespace

PskIdentity read_psk_identity(Reader& reader) {
  const Bytes identity = reader.vector16(1, kMaxVector16);
  return {identity, reader.u32()};
}

Bytes read_psk_binder(Reader& reader) {
  return reader.vector8(kMinBinder, kMaxVector8);
}

std::optional<OfferedPsks> parse_offered_psks(Bytes content) {
  Reader reader(content);
  const auto identities = PskIdentities::parse(reader.vector16(7, kMaxVector16));
  OfferedPsks offered;
  offered.binders_size = reader.remaining();
  const auto binders = PskBinders::parse(reader.vector16(1 + kMinBinder, kMaxVector16));
  if (!reader.finished() || !identities || !binders) {
    return std::nullopt;
  }
  // RFC 8446 §4.2.11: one binder for each identity.
  if (std::ranges::distance(*identities) != std::ranges::distance(*binders)) {
    return std::nullopt;
  }
  offered.identities = *identities;
  offered.binders = *binders;
  return offered;
}

void write_psk_identity(Writer& writer, const PskIdentity& identity) {
  writer.vector16(identity.identity);
  writer.u32(identity.obfuscated_ticket_age);
}

void write_blank_binder(Writer& writer, std::size_t hash_size) {
  const auto binder = writer.begin_vector8();
  for (std::size_t i = 0; i < hash_size; ++i) {
    writer.u8(0);
  }
  writer.end_vector(binder);
}

bool fill_binder(std::span<std::byte> client_hello, std::size_t index, std::size_t count,
                 Bytes binder) {
  const std::size_t size = binders_size(count, binder.size());
  if (index >= count || size > client_hello.size()) {
    return false;
  }
  // After the list's length and the binders before it, behind its own length.
  const std::size_t at = client_hello.size() - size + binders_size(index, binder.size()) + 1;
  std::ranges::copy(binder, client_hello.subspan(at).begin());
  return true;
}

std::optional<std::uint16_t> parse_selected_psk(Bytes content) {
  Reader reader(content);
  const std::uint16_t index = reader.u16();
  return reader.finished() ? std::optional(index) : std::nullopt;
}

void write_selected_psk(Writer& writer, std::uint16_t index) {
  const auto extension = begin_extension(writer, ExtensionType::kPreSharedKey);
  writer.u16(index);
  writer.end_vector(extension);
}

}  // namespace dtls::wire
