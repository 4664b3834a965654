#include "credentials/pem.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "credentials/openssl_errors.hpp"

namespace dtls::credentials {
namespace {

Error unusable(std::string message) {
  return {ErrorKind::kMisuse, EINVAL, std::move(message), {}};
}

std::string quoted(std::string_view option) {
  return "option `" + std::string(option) + "`: ";
}

crypto::OwnedBio text_bio(const std::string& text) {
  return crypto::OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// What OpenSSL's PEM reader asks the password of; remembers that it was asked.
struct PasswordSource {
  const std::string* passwd;
  bool asked = false;

  static int give(char* buffer, int size, int /*writing*/, void* self_pointer) {
    auto* self = static_cast<PasswordSource*>(self_pointer);
    self->asked = true;
    const auto room = static_cast<std::size_t>(size);
    if (self->passwd->empty() || self->passwd->size() > room) return -1;
    std::memcpy(buffer, self->passwd->data(), self->passwd->size());
    return static_cast<int>(self->passwd->size());
  }
};

// libcrypto's decoders free the DER of a private key as it is. A heap gives out again what was
// freed last, so blocks of every size that such a text can have had are taken, wiped and given
// back.
class FreedKeyScrubber {
 public:
  explicit FreedKeyScrubber(std::size_t text) : most_(std::min(text, kMost)) {}
  FreedKeyScrubber(const FreedKeyScrubber&) = delete;
  FreedKeyScrubber& operator=(const FreedKeyScrubber&) = delete;
  ~FreedKeyScrubber() {
    for (std::size_t size = kStep; size <= most_; size += kStep) {
      std::array<void*, kBlocks> blocks{};
      for (void*& block : blocks)
        block = OPENSSL_zalloc(size);
      for (void* const block : blocks)
        OPENSSL_clear_free(block, size);
    }
  }

 private:
  static constexpr std::size_t kStep = 16;    // what glibc rounds sizes to
  static constexpr std::size_t kMost = 8192;  // PEM of an RSA key of 8192 bits has 6.5 KiB
  static constexpr std::size_t kBlocks = 8;   // one more than glibc keeps of a size for a thread

  std::size_t most_;
};

bool is_end_of_pem(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

}  // namespace

Result<std::vector<crypto::OwnedCertificate>> parse_certificates(const std::string& pem,
                                                                 std::string_view option) {
  std::vector<crypto::OwnedCertificate> certificates;
  const auto bio = text_bio(pem);
  ERR_clear_error();
  while (true) {
    crypto::OwnedCertificate next(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    certificates.push_back(std::move(next));
  }
  const unsigned long code = ERR_peek_last_error();
  const std::string cause = take_error_text();
  if (!is_end_of_pem(code)) {
    return unusable(quoted(option) + "certificate number " +
                    std::to_string(certificates.size() + 1) + " of the PEM text cannot be read (" +
                    cause + "); give an undamaged PEM file");
  }
  if (certificates.empty()) {
    return unusable(quoted(option) +
                    "there is no certificate in it; expected PEM text with a line "
                    "\"-----BEGIN CERTIFICATE-----\"");
  }
  return certificates;
}

Result<crypto::OwnedKey> parse_key(const std::string& pem, const std::string& passwd,
                                   std::string_view option) {
  const auto bio = text_bio(pem);
  PasswordSource source{&passwd};
  const FreedKeyScrubber scrubber(pem.size());
  ERR_clear_error();
  crypto::OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &PasswordSource::give, &source));
  if (key != nullptr) {
    ERR_clear_error();
    return key;
  }
  const std::string cause = take_error_text();
  if (source.asked && passwd.empty()) {
    return unusable(quoted(option) + "the private key is encrypted; give its password in `passwd`");
  }
  if (source.asked) {
    return unusable(quoted("passwd") + "the password does not open the private key in `" +
                    std::string(option) + "` (" + cause + ")");
  }
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    return unusable(
        quoted(option) +
        "there is no private key in it; expected PEM text with a line "
        "\"-----BEGIN PRIVATE KEY-----\" (PKCS#8) or \"-----BEGIN EC/RSA PRIVATE KEY-----\"");
  }
  return unusable(quoted(option) + "the private key cannot be read (" + cause +
                  "); give an undamaged PEM file");
}

Result<Identity> load_identity(const IdentityConfig& config) {
  if (config.cert.empty()) {
    return unusable(quoted("cert") + "missing; a certificate is needed as PEM text");
  }
  auto chain = parse_certificates(config.cert, "cert");
  if (!chain) return std::move(chain).error();

  const bool key_in_cert = config.key.empty();
  if (key_in_cert && config.cert.find("PRIVATE KEY-----") == std::string::npos) {
    return unusable(quoted("key") +
                    "missing, and `cert` contains no private key either; give the private key of "
                    "the certificate as PEM text");
  }
  auto key = key_in_cert ? parse_key(config.cert, config.passwd, "cert")
                         : parse_key(config.key, config.passwd, "key");
  if (!key) return std::move(key).error();

  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return unusable(quoted(key_in_cert ? "cert" : "key") +
                    "the private key does not belong to the certificate in `cert` (" +
                    subject_of(chain->front().get()) +
                    "); `cert` must have that key's certificate first");
  }
  return Identity{std::move(*chain), std::move(*key)};
}

namespace {

std::vector<std::byte> take_der(unsigned char* der, int size) {
  std::vector<std::byte> bytes;
  const auto* begin = reinterpret_cast<const std::byte*>(der);
  if (size > 0) bytes.assign(begin, begin + size);
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

std::vector<std::byte> to_der(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  return take_der(der, size);
}

std::vector<std::byte> subject_der(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_NAME(X509_get_subject_name(certificate), &der);
  return take_der(der, size);
}

crypto::OwnedCertificate from_der(std::span<const std::byte> der) {
  const auto* next = reinterpret_cast<const unsigned char*>(der.data());
  crypto::OwnedCertificate certificate(d2i_X509(nullptr, &next, static_cast<long>(der.size())));
  ERR_clear_error();
  return certificate;
}

}  // namespace dtls::credentials
