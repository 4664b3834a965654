// Made once with openssl(1), valid from 2020 to 2119, so that recorded handshakes stay what they
// are. Everybody knows these keys: they are for fuzzers and protect nothing.
#include "harness/identities.hpp"

#include <openssl/x509.h>

#include "credentials/pem.hpp"

namespace dtls::fuzz {
namespace {

constexpr const char* kAuthority =  // Ed25519, CN=authority of the fuzzers
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBKDCB26ADAgECAgEBMAUGAytlcDAjMSEwHwYDVQQDDBhhdXRob3JpdHkgb2Yg\n"
    "dGhlIGZ1enplcnMwIBcNMjAwMTAxMDAwMDAwWhgPMjExOTEyMzEyMzU5NTlaMCMx\n"
    "ITAfBgNVBAMMGGF1dGhvcml0eSBvZiB0aGUgZnV6emVyczAqMAUGAytlcAMhANrC\n"
    "qgEH1bLjGvTNdUSS6YouK2MkUFmtkqHcYUyfGawGozIwMDAPBgNVHRMBAf8EBTAD\n"
    "AQH/MB0GA1UdDgQWBBSP1VV+uylSSffpnp4Gin0bpYc4JjAFBgMrZXADQQCkybZs\n"
    "QPKJYUO4pd6R4y5EBn3B4txZakQRlA78adRd3ASrs4xHzFO/g++//6U3HMsYRaoV\n"
    "iFI+wb2b/fvqOK8C\n"
    "-----END CERTIFICATE-----\n";

constexpr const char* kP256Certificate =  // CN=localhost
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBfDCCAS6gAwIBAgIBAjAFBgMrZXAwIzEhMB8GA1UEAwwYYXV0aG9yaXR5IG9m\n"
    "IHRoZSBmdXp6ZXJzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMTkxMjMxMjM1OTU5WjAU\n"
    "MRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARb\n"
    "hvQskzXrC5KdkUEo2yflYV/zTc3joAcCI+Tb0sbCCdRJqgMdu44xNNa1LgMr1T9L\n"
    "UbB167M9udB5S2/m86Apo2UwYzAUBgNVHREEDTALgglsb2NhbGhvc3QwCwYDVR0P\n"
    "BAQDAgeAMB0GA1UdDgQWBBRuZf8OoMICLOcc1NDIXa8QA7BV/TAfBgNVHSMEGDAW\n"
    "gBSP1VV+uylSSffpnp4Gin0bpYc4JjAFBgMrZXADQQB3Qaal8FN5PJC/DDngjAOk\n"
    "KRttZhAysNdO+VYnxdVIvFEiCHHvEBzmSgT4jgeelQtauszopf5caXo2lzE7qf0G\n"
    "-----END CERTIFICATE-----\n";

constexpr const char* kP256Key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3tAkPY0Mhg7Kq+kd\n"
    "0tSuPVq+JEk9mCg87LmCXEnad3WhRANCAARbhvQskzXrC5KdkUEo2yflYV/zTc3j\n"
    "oAcCI+Tb0sbCCdRJqgMdu44xNNa1LgMr1T9LUbB167M9udB5S2/m86Ap\n"
    "-----END PRIVATE KEY-----\n";

constexpr const char* kEd25519Certificate =  // CN=localhost
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBTDCB/6ADAgECAgEDMAUGAytlcDAjMSEwHwYDVQQDDBhhdXRob3JpdHkgb2Yg\n"
    "dGhlIGZ1enplcnMwIBcNMjAwMTAxMDAwMDAwWhgPMjExOTEyMzEyMzU5NTlaMBQx\n"
    "EjAQBgNVBAMMCWxvY2FsaG9zdDAqMAUGAytlcAMhAGmGM35eY9Ro1mZZ1aHGg8AI\n"
    "wkis3Hu2hEHIr/9w6Jbzo2UwYzAUBgNVHREEDTALgglsb2NhbGhvc3QwCwYDVR0P\n"
    "BAQDAgeAMB0GA1UdDgQWBBSLdWb328Ksvkcz7JUoP1bdcY4mIjAfBgNVHSMEGDAW\n"
    "gBSP1VV+uylSSffpnp4Gin0bpYc4JjAFBgMrZXADQQCWSTlWCRKn8xHpvNSHGvdw\n"
    "J8YxpFeZluWNbe9BtxgNlxFha/+Ijz+sjMp7qP0ElJ8bC2mbLvjo0RTZcc2wePkG\n"
    "-----END CERTIFICATE-----\n";

constexpr const char* kEd25519Key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIAUgLZOfXCB2XFzr/TEZTlIn7oNT3FVHLklYY7f+i0cK\n"
    "-----END PRIVATE KEY-----\n";

std::shared_ptr<const handshake::Identity> load(const IdentityConfig& config) {
  auto loaded = std::move(*credentials::load_identity(config));
  auto identity = std::make_shared<handshake::Identity>();
  for (const auto& certificate : loaded.chain)
    identity->chain.push_back(credentials::to_der(certificate.get()));
  identity->key = std::shared_ptr<EVP_PKEY>(loaded.key.release(), EVP_PKEY_free);
  return identity;
}

}  // namespace

const char* authority() {
  return kAuthority;
}

IdentityConfig identity_config(KeyKind kind) {
  return kind == KeyKind::kP256 ? IdentityConfig{kP256Certificate, kP256Key, ""}
                                : IdentityConfig{kEd25519Certificate, kEd25519Key, ""};
}

std::shared_ptr<const handshake::Identity> identity(KeyKind kind) {
  static const auto kP256 = load(identity_config(KeyKind::kP256));
  static const auto kEd25519 = load(identity_config(KeyKind::kEd25519));
  return kind == KeyKind::kP256 ? kP256 : kEd25519;
}

}  // namespace dtls::fuzz
