// Owned<T>: the one owner type for OpenSSL's objects.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace dtls::crypto {

template <typename T, auto Free>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};

template <typename T, auto Free>
using OwnedBy = std::unique_ptr<T, Deleter<T, Free>>;

using OwnedBio = OwnedBy<BIO, BIO_free_all>;
using OwnedKey = OwnedBy<EVP_PKEY, EVP_PKEY_free>;
using OwnedCertificate = OwnedBy<X509, X509_free>;
using OwnedStore = OwnedBy<X509_STORE, X509_STORE_free>;

}  // namespace dtls::crypto
