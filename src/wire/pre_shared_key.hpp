// pre_shared_key (RFC 8446 §4.2.11): the identities that a client offers, each with a binder that
// proves its key over the ClientHello before the binders; and the server's choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/extension_list.hpp"
#include "wire/list_view.hpp"

namespace dtls::wire {

struct PskIdentity {
  Bytes identity;  // 1 byte at least
  std::uint32_t obfuscated_ticket_age = 0;
};

PskIdentity read_psk_identity(Reader& reader);
using PskIdentities = ListView<PskIdentity, read_psk_identity>;
Bytes read_psk_binder(Reader& reader);
using PskBinders = ListView<Bytes, read_psk_binder>;

struct OfferedPsks {
  PskIdentities identities;
  PskBinders binders;  // 32 to 255 bytes each. As many as identities: has been checked.
  // The binders with the length in front of their list, at the very end of the ClientHello: what
  // the transcript of a binder leaves out (RFC 8446 §4.2.11.2).
  std::size_t binders_size = 0;
};

// parse_offered_psks reads the client's extension. nullopt, too, where the lists differ in length.
std::optional<OfferedPsks> parse_offered_psks(Bytes content);

// binders_at gives the offset in the body of a ClientHello at which the binders begin. Only for
// an extension that is the last one of that hello.
constexpr std::size_t binders_at(Bytes client_hello, const OfferedPsks& offered) {
  return client_hello.size() - offered.binders_size;
}

// binders_size is that of `count` binders of `hash_size` bytes, with all lengths.
constexpr std::size_t binders_size(std::size_t count, std::size_t hash_size) {
  return 2 + count * (1 + hash_size);
}

// write_offered_psks takes any range of PskIdentity, and appends the extension with binders of
// `hash_size` bytes, all zero; the last thing in a ClientHello. Once the lengths before are filled
// in, the transcript is taken up to binders_size() from the end, and fill_binder called for each.
void write_psk_identity(Writer& writer, const PskIdentity& identity);
void write_blank_binder(Writer& writer, std::size_t hash_size);
template <typename Identities>
void write_offered_psks(Writer& writer, const Identities& identities, std::size_t hash_size) {
  const auto extension = begin_extension(writer, ExtensionType::kPreSharedKey);
  const auto list = writer.begin_vector16();
  for (const PskIdentity& identity : identities) {
    write_psk_identity(writer, identity);
  }
  writer.end_vector(list);
  const auto binders = writer.begin_vector16();
  for ([[maybe_unused]] const PskIdentity& identity : identities) {
    write_blank_binder(writer, hash_size);
  }
  writer.end_vector(binders);
  writer.end_vector(extension);
}

// fill_binder puts the binder with that index, of `count`, into a hello that write_offered_psks
// has ended. False where the hello is too short for it.
bool fill_binder(std::span<std::byte> client_hello, std::size_t index, std::size_t count,
                 Bytes binder);

// Of a ServerHello: the index of the identity it has taken.
std::optional<std::uint16_t> parse_selected_psk(Bytes content);
void write_selected_psk(Writer& writer, std::uint16_t index);

}  // namespace dtls::wire
