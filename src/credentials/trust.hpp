// Trust anchors, and what is said when a chain does not lead to one.
#pragma once

#include <string>

#include "crypto/owned.hpp"
#include "dtls/error.hpp"

namespace dtls::credentials {

// load_trust makes a store of the certificates in `ca` (PEM, may be empty) and, where asked, of the
// system's default store. Fails with EINVAL when the PEM cannot be read.
Result<crypto::OwnedStore> load_trust(const std::string& ca, bool with_system);

// describe_rejection says which certificate of the peer's chain was not accepted, and why.
// `name` is the server name that was checked, empty when none was.
std::string describe_rejection(X509_STORE_CTX* verification, const std::string& name);

}  // namespace dtls::credentials
