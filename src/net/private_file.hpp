// A file for secrets, which only its owner may read.
#pragma once

#include <string>

#include "dtls/error.hpp"

namespace dtls::net {

// open_private_file opens a file to append to, close-on-exec, and makes it with mode 0600 where it
// is missing. It refuses what another user may have put there: a symbolic link (ELOOP), anything
// but a regular file (EINVAL), a file of another user than the effective one, and one with another
// mode than 0600 (both EACCES). Otherwise fails with the errno of open(2). `what` begins the
// message, which has the path. The caller closes the descriptor.
Result<int> open_private_file(const std::string& path, const std::string& what);

}  // namespace dtls::net
