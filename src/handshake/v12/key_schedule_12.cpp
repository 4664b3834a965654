#include "handshake/v12/key_schedule_12.hpp"

#include <utility>

#include "crypto/wipe.hpp"
#include "wire/writer.hpp"

namespace dtls::handshake {
namespace {

// RFC 7905 §2 takes the whole nonce from the key block, RFC 5288 §3 and RFC 6655 §3 four bytes.
std::size_t fixed_iv_size(crypto::AeadAlgorithm aead) {
  return aead == crypto::AeadAlgorithm::kChaCha20Poly1305 ? 12 : 4;
}

}  // namespace

crypto::Secret master_secret(crypto::HashAlgorithm hash, Bytes premaster,
                             const crypto::Digest& session_hash) {
  crypto::Secret master(kMasterSecretSize);
  crypto::prf(hash, premaster, "extended master secret", {session_hash.view()}, master.writable());
  return master;
}

PskPremaster psk_premaster(Bytes other, Bytes psk) {
  const std::size_t other_size = other.empty() ? psk.size() : other.size();
  PskPremaster premaster(2 + other_size + 2 + psk.size());
  wire::Writer writer(premaster.writable());
  writer.u16(static_cast<std::uint16_t>(other_size));
  if (other.empty()) {
    for (std::size_t i = 0; i < other_size; ++i)
      writer.u8(0);
  } else {
    writer.bytes(other);
  }
  writer.u16(static_cast<std::uint16_t>(psk.size()));
  writer.bytes(psk);
  return premaster;
}

Protections12 key_block(crypto::HashAlgorithm hash, crypto::AeadAlgorithm aead, Bytes master,
                        const Random& client_random, const Random& server_random) {
  constexpr std::size_t kMost = std::size_t{2} * (32 + 12);
  std::array<std::byte, kMost> block{};
  const std::size_t key = crypto::aead_key_size(aead);
  const std::size_t iv = fixed_iv_size(aead);
  const auto whole = std::span(block).first(2 * (key + iv));
  crypto::prf(hash, master, "key expansion", {server_random, client_random}, whole);
  // RFC 5246 §6.3: both keys, then both IVs, the client's first. AEADs have no MAC keys.
  const auto part = [&](std::size_t from, std::size_t size) {
    return Bytes(whole).subspan(from, size);
  };
  Protections12 made{
      record::Protection::tls12(aead, part(0, key), part(2 * key, iv)),
      record::Protection::tls12(aead, part(key, key), part(2 * key + iv, iv)),
  };
  crypto::wipe(block);
  return made;
}

VerifyData verify_data(crypto::HashAlgorithm hash, Bytes master, Sender sender,
                       const crypto::Digest& transcript) {
  VerifyData data{};
  const auto* label = sender == Sender::kClient ? "client finished" : "server finished";
  crypto::prf(hash, master, label, {transcript.view()}, data);
  return data;
}

void export_12(crypto::HashAlgorithm hash, Bytes master, const Random& client_random,
               const Random& server_random, std::string_view label, const Bytes* context,
               std::span<std::byte> out) {
  if (context == nullptr) {
    crypto::prf(hash, master, label, {client_random, server_random}, out);
    return;
  }
  const std::array<std::byte, 2> size{static_cast<std::byte>(context->size() >> 8U),
                                      static_cast<std::byte>(context->size() & 0xffU)};
  crypto::prf(hash, master, label, {client_random, server_random, size, *context}, out);
}

}  // namespace dtls::handshake
