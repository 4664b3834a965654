#include "association/key_log.hpp"

#include <openssl/err.h>

#include <map>
#include <utility>

#include "net/private_file.hpp"

namespace dtls::association {
namespace {

// The logs in use by path. It must outlive every context, so it is never destroyed.
struct OpenLogs {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<KeyLog>> by_path;
};

OpenLogs& open_logs() {
  static auto* const kLogs = new OpenLogs;
  return *kLogs;
}

}  // namespace

Result<std::shared_ptr<KeyLog>> KeyLog::open(const std::string& path) {
  OpenLogs& logs = open_logs();
  const std::lock_guard lock(logs.mutex);
  std::erase_if(logs.by_path, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = logs.by_path.find(path); found != logs.by_path.end()) {
    if (auto log = found->second.lock()) return log;
  }
  const auto descriptor = net::open_private_file(path, "option `key_log_file`");
  if (!descriptor) return descriptor.error();
  std::shared_ptr<KeyLog> log(new KeyLog(crypto::OwnedBio(BIO_new_fd(*descriptor, BIO_CLOSE))));
  logs.by_path[path] = log;
  return log;
}

void KeyLog::append(std::string_view line) {
  const std::lock_guard lock(mutex_);
  ERR_set_mark();
  BIO_write(file_.get(), line.data(), static_cast<int>(line.size()));
  ERR_pop_to_mark();
}

}  // namespace dtls::association
