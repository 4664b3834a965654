// What holds for every message and every extension.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "unit/wire/message_checks.hpp"

namespace dtls::wire {
namespace {

using test::MessageCheck;
using test::MessageSample;

struct Numbered {
  std::size_t number;
  MessageCheck check;
};

Numbered check_of(const MessageSample& sample) {
  const auto find = [&](std::span<const MessageCheck> checks) {
    return std::ranges::find(checks, sample.check, &MessageCheck::name);
  };
  const auto messages = test::message_checks();
  const auto extensions = test::extension_checks();
  if (const auto found = find(messages); found != messages.end()) {
    return {static_cast<std::size_t>(found - messages.begin()), *found};
  }
  const auto found = find(extensions);
  EXPECT_NE(found, extensions.end()) << sample.check;
  return {test::kExtensionChecks + static_cast<std::size_t>(found - extensions.begin()), *found};
}

TEST(Messages, each_kind_has_a_sample) {
  std::set<std::string_view> sampled;
  for (const auto& sample : test::message_samples()) {
    sampled.insert(sample.check);
  }
  EXPECT_EQ(sampled.size(), test::message_checks().size() + test::extension_checks().size());
}

// The checks write again what they have read, and compare.
TEST(Messages, are_read_and_written_unchanged) {
  for (const auto& sample : test::message_samples()) {
    EXPECT_TRUE(check_of(sample).check.accepts(sample.bytes)) << sample.name;
  }
}

TEST(Messages, cut_short_anywhere_are_refused) {
  for (const auto& sample : test::message_samples()) {
    const MessageCheck check = check_of(sample).check;
    for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
      if (check.name == "extension_list" && size == 4) {
        continue;  // the end of the first of them
      }
      // Nothing at all is an empty list.
      const bool whole =
          check.name == "extension_list" ? size == 0 : size != 0 && size == sample.bare_size;
      // A buffer of exactly that size, so that a sanitizer sees a read beyond its end.
      const std::vector<std::byte> cut(sample.bytes.begin(),
                                       sample.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(check.accepts(cut), whole) << sample.name << " cut to " << size;
    }
  }
}

TEST(Messages, with_bytes_left_over_are_refused) {
  for (auto sample : test::message_samples()) {
    sample.bytes.push_back(std::byte{0});
    EXPECT_FALSE(check_of(sample).check.accepts(sample.bytes)) << sample.name;
  }
}

TEST(Messages, a_changed_byte_never_leads_out_of_them) {
  for (const auto& sample : test::message_samples()) {
    const MessageCheck check = check_of(sample).check;
    for (std::size_t at = 0; at < sample.bytes.size(); ++at) {
      for (const unsigned flip : {0x01U, 0x02U, 0x08U, 0x20U, 0x80U, 0xffU}) {
        auto changed = sample.bytes;
        changed[at] ^= static_cast<std::byte>(flip);
        EXPECT_NO_THROW(check.accepts(changed)) << sample.name << " at " << at;
      }
    }
  }
}

TEST(Messages, the_fuzzers_corpus_holds_every_sample) {
  const std::string corpus = DTLS_SOURCE_DIR "/fuzz/corpus/handshake_messages/";
  for (const auto& sample : test::message_samples()) {
    std::string expected(1, static_cast<char>(check_of(sample).number));
    for (const std::byte byte : sample.bytes) {
      expected.push_back(static_cast<char>(byte));
    }
    std::ifstream stream(corpus + std::string(sample.name), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(content, expected) << sample.name;
  }
}

}  // namespace
}  // namespace dtls::wire
