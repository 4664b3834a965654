#include "net/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "net/descriptor.hpp"

namespace dtls::net {
namespace {

constexpr mode_t kModes = 07777;
constexpr mode_t kOwnerOnly = 0600;

struct Refusal {
  int cause;
  std::string why;
};

// check looks at the open file, so that nobody can put another one in its place meanwhile.
std::optional<Refusal> check(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    const int cause = errno;
    return Refusal{cause, "cannot be examined: " + std::generic_category().message(cause)};
  }
  if (!S_ISREG(status.st_mode)) {
    return Refusal{EINVAL, "is not a regular file; give the path of one, or of a new one"};
  }
  if (status.st_uid != ::geteuid()) {
    return Refusal{EACCES, "belongs to another user (uid " + std::to_string(status.st_uid) +
                               "), who could read it; remove it or choose another path"};
  }
  if ((status.st_mode & kModes) != kOwnerOnly) {
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), status.st_mode & kModes, 8).ptr;
    return Refusal{EACCES, "has mode 0" + std::string(digits.begin(), end) +
                               ", but must have 0600, so that only its owner can read it; use " +
                               "chmod 600, or remove it"};
  }
  return std::nullopt;
}

}  // namespace

Result<int> open_private_file(const std::string& path, const std::string& what) {
  const auto refuse = [&](int cause, const std::string& why) {
    return Error{ErrorKind::kSystem, cause, what + ": \"" + path + "\" " + why, {}};
  };
  // O_NONBLOCK: a FIFO without a reader would block for ever. A regular file is as it was.
  const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  Descriptor file(::open(path.c_str(), flags, kOwnerOnly));
  if (file.get() < 0) {
    const int cause = errno;
    if (cause == ELOOP) {
      return refuse(cause,
                    "is a symbolic link, which another user may have made; give the path of the "
                    "file itself");
    }
    return refuse(cause, "cannot be opened: " + std::generic_category().message(cause));
  }
  if (const auto refusal = check(file.get())) return refuse(refusal->cause, refusal->why);
  return file.release();
}

}  // namespace dtls::net
