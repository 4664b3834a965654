// Throw-away certificates for tests, made in memory.
#pragma once

#include <string>

#include "dtls/config.hpp"

namespace dtls::test {

enum class KeyKind { kP256, kP384, kP521, kEd25519, kEd448, kRsa1024, kRsa2048 };

// Authority issues certificates; its own is the trust anchor.
class Authority {
 public:
  explicit Authority(const std::string& name = "test authority");
  // An intermediate: its own certificate is issued by another.
  Authority(const std::string& name, const Authority& issuer);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::string& certificate() const { return pem_; }

  struct Wish {
    std::string common_name = "localhost";
    std::string alt_names = "DNS:localhost,IP:127.0.0.1,IP:::1";
    KeyKind kind = KeyKind::kP256;
    long valid_from_s = -3600;  // seconds from now
    long valid_until_s = 86400;
    std::string key_usage = {};           // as openssl.cnf has it; empty for none
    std::string extended_key_usage = {};  // the same
  };
  [[nodiscard]] IdentityConfig issue(const Wish& wish) const;
  [[nodiscard]] IdentityConfig issue() const { return issue(Wish{}); }

 private:
  struct Inside;
  void certify(const std::string& name, const Inside& issuer);

  Inside* inside_;
  std::string pem_;
};

// encrypt_key gives the same key as encrypted PKCS#8 PEM.
std::string encrypt_key(const std::string& key_pem, const std::string& password);

// encrypt_key_traditionally gives it as "EC/RSA PRIVATE KEY" with a Proc-Type header (RFC 1421).
std::string encrypt_key_traditionally(const std::string& key_pem, const std::string& password);

// common_name_of reads the subject of a PEM certificate.
std::string common_name_of(const std::string& certificate_pem);

}  // namespace dtls::test
