// Handshake messages of a field or none. Finished is raw bytes; HelloRequest and ServerHelloDone
// are empty: nothing to parse there.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/extension_list.hpp"

namespace dtls::wire {

// EncryptedExtensions (RFC 8446 §4.3.1). Written with Writer::begin_vector16, the extensions, and
// Writer::end_vector.
std::optional<ExtensionList> parse_encrypted_extensions(Bytes body);

// KeyUpdate (RFC 8446 §4.6.3)
enum class KeyUpdateRequest : std::uint8_t { kNotRequested = 0, kRequested = 1 };
// parse_key_update gives the value as received: one without a name is an illegal_parameter, not a
// matter of syntax.
std::optional<KeyUpdateRequest> parse_key_update(Bytes body);
void write_key_update(Writer& writer, KeyUpdateRequest request);

}  // namespace dtls::wire
