// The key log: a file with the secrets of handshakes, for programs that decode captured traffic.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "crypto/owned.hpp"
#include "dtls/error.hpp"

namespace dtls::association {

// KeyLog appends lines to a file. Whoever can read the file can read the traffic. Any thread.
class KeyLog {
 public:
  // open gives the log of that path: contexts with the same path share one. The file is made with
  // mode 0600 where it is missing. Fails with the errno of open(2), ELOOP for a symbolic link,
  // EINVAL for anything but a regular file, and EACCES for a file of another user or with another
  // mode than 0600; the message has the path.
  static Result<std::shared_ptr<KeyLog>> open(const std::string& path);

  // append writes the line, which ends with a line feed, in one write(2), so that lines of several
  // processes do not mix. A full disk loses lines, not connections. No copy is made.
  void append(std::string_view line);

 private:
  explicit KeyLog(crypto::OwnedBio file) : file_(std::move(file)) {}

  std::mutex mutex_;
  crypto::OwnedBio file_;
};

}  // namespace dtls::association
