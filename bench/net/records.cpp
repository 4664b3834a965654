#include "net/records.hpp"

#include <cstring>

#include "engine/candidate.hpp"

namespace dtls::bench {
namespace {

using Bytes = unsigned char;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kAdditional = 13;

template <typename From>
auto* raw(From* bytes) {
  return reinterpret_cast<std::conditional_t<std::is_const_v<From>, const Bytes, Bytes>*>(bytes);
}

void put(std::byte* to, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    to[i] = static_cast<std::byte>(number >> (8 * (size - 1 - i)));
}

// The nonce and the additional data of the record whose header is given (RFC 5246 §6.2.3.3).
struct Inputs {
  std::array<Bytes, kNonce> nonce{1, 2, 3, 4};
  std::array<Bytes, kAdditional> additional;

  Inputs(const std::byte* header, std::size_t message_size) {
    std::memcpy(nonce.data() + 4, header + 13, 8);
    std::memcpy(additional.data(), header + 3, 8);
    std::memcpy(additional.data() + 8, header, 3);
    additional[11] = static_cast<Bytes>(message_size >> 8U);
    additional[12] = static_cast<Bytes>(message_size);
  }
};

}  // namespace

RecordCipher::RecordCipher() : sealer_(EVP_CIPHER_CTX_new()), opener_(EVP_CIPHER_CTX_new()) {
  constexpr std::array<Bytes, 16> kKey{7};
  require(
      EVP_EncryptInit_ex(sealer_.get(), EVP_aes_128_gcm(), nullptr, kKey.data(), nullptr) == 1 &&
          EVP_DecryptInit_ex(opener_.get(), EVP_aes_128_gcm(), nullptr, kKey.data(), nullptr) == 1,
      "records: AES-128-GCM");
}

std::size_t RecordCipher::seal(std::span<const std::byte> message, std::span<std::byte> out) {
  std::byte* const header = out.data();
  put(header, 0x17fefd, 3);
  put(header + 3, std::uint64_t{1} << 48U | sequence_, 8);
  put(header + 11, 8 + message.size() + kTag, 2);
  put(header + 13, std::uint64_t{1} << 48U | sequence_++, 8);
  const Inputs inputs(header, message.size());
  Bytes* const text = raw(header + kHeader);
  Bytes* const tag = text + message.size();
  EVP_CIPHER_CTX* const context = sealer_.get();
  int done = 0;
  require(
      EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, inputs.nonce.data()) == 1 &&
          EVP_EncryptUpdate(context, nullptr, &done, inputs.additional.data(), kAdditional) == 1 &&
          EVP_EncryptUpdate(context, text, &done, raw(message.data()),
                            static_cast<int>(message.size())) == 1 &&
          EVP_EncryptFinal_ex(context, tag, &done) == 1 &&
          EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, tag) == 1,
      "records: seal");
  return kHeader + message.size() + kTag;
}

std::span<std::byte> RecordCipher::open(std::span<std::byte> record) {
  if (record.size() < kHeader + kTag) return {};
  const auto message = record.subspan(kHeader, record.size() - kHeader - kTag);
  const Inputs inputs(record.data(), message.size());
  EVP_CIPHER_CTX* const context = opener_.get();
  Bytes* const text = raw(message.data());
  int done = 0;
  const bool authentic =
      EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, inputs.nonce.data()) == 1 &&
      EVP_DecryptUpdate(context, nullptr, &done, inputs.additional.data(), kAdditional) == 1 &&
      EVP_DecryptUpdate(context, text, &done, text, static_cast<int>(message.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, text + message.size()) == 1 &&
      EVP_DecryptFinal_ex(context, text + message.size(), &done) == 1;
  return authentic ? message : std::span<std::byte>{};
}

}  // namespace dtls::bench
