// key_share (RFC 8446 §4.2.8): public keys for groups that the client offers, the server's answer,
// or the group that a HelloRetryRequest asks for.
#pragma once

#include <optional>

#include "wire/extension_list.hpp"
#include "wire/list_view.hpp"
#include "wire/numbers.hpp"

namespace dtls::wire {

struct KeyShare {
  NamedGroup group{};
  Bytes key_exchange;  // the public key, as its group encodes it; 1 byte at least
};

KeyShare read_key_share(Reader& reader);
using KeyShares = ListView<KeyShare, read_key_share>;

// parse_key_shares reads what a ClientHello offers; an empty list asks for a HelloRetryRequest.
// A group that is there twice is not noticed here.
std::optional<KeyShares> parse_key_shares(Bytes content);
// write_key_shares takes any range of KeyShare.
void write_key_share_entry(Writer& writer, const KeyShare& share);
template <typename Shares>
void write_key_shares(Writer& writer, const Shares& shares) {
  const auto extension = begin_extension(writer, ExtensionType::kKeyShare);
  const auto list = writer.begin_vector16();
  for (const KeyShare& share : shares) {
    write_key_share_entry(writer, share);
  }
  writer.end_vector(list);
  writer.end_vector(extension);
}

// Of a ServerHello.
std::optional<KeyShare> parse_key_share(Bytes content);
void write_key_share(Writer& writer, const KeyShare& share);

// Of a HelloRetryRequest.
std::optional<NamedGroup> parse_requested_group(Bytes content);
void write_requested_group(Writer& writer, NamedGroup group);

}  // namespace dtls::wire
