// A certificate chain of many kilobytes, as deep hierarchies and long lists of names make it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "dtls/config.hpp"

namespace dtls::test {

// LongChain is a root and a row of `intermediates` authorities below it, with about 1 KB of names
// each; the last one issues.
class LongChain {
 public:
  explicit LongChain(int intermediates);
  ~LongChain();
  LongChain(const LongChain&) = delete;
  LongChain& operator=(const LongChain&) = delete;

  [[nodiscard]] const std::string& anchor() const { return anchor_; }  // the root, PEM
  // issue gives an identity for localhost and 127.0.0.1: its leaf, then all intermediates.
  // padding: the leaf has one name of so many bytes more.
  [[nodiscard]] IdentityConfig issue(std::size_t padding = 0) const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
  std::string anchor_;
};

}  // namespace dtls::test
