#include "record/inbound.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "record/outbound.hpp"
#include "support/channel_pair.hpp"

namespace dtls::record {
namespace {

using test::Datagram;
using test::test_keys;
constexpr auto kData = wire::ContentType::kApplicationData;

class Records : public testing::TestWithParam<wire::Version> {
 protected:
  Datagram seal(std::uint64_t epoch, const std::string& text) {
    Datagram record(text.size() + out_.overhead(epoch));
    record.resize(out_.seal(epoch, kData, std::as_bytes(std::span(text)), record));
    return record;
  }
  // What of a datagram opens, or "!" for what is fatal.
  std::vector<std::string> open(Datagram datagram) {
    std::vector<std::string> texts;
    in_.begin(datagram);
    while (const auto record = in_.next()) {
      const auto* opened = std::get_if<OpenedRecord>(&*record);
      texts.push_back(opened == nullptr
                          ? "!"
                          : std::string(reinterpret_cast<const char*>(opened->content.data()),
                                        opened->content.size()));
    }
    return texts;
  }
  void install(std::uint64_t epoch) {
    out_.install(epoch, test_keys(GetParam(), epoch, true));
    in_.install(epoch, test_keys(GetParam(), epoch, true));
  }
  static Datagram join(const Datagram& first, const Datagram& second) {
    Datagram both = first;
    both.insert(both.end(), second.begin(), second.end());
    return both;
  }
  using Texts = std::vector<std::string>;

  Outbound out_;
  Inbound in_;
};

TEST_P(Records, of_several_epochs_share_a_datagram) {
  install(2);
  install(3);
  Datagram all;
  for (const auto& [epoch, text] : {std::pair(0, "a"), {2, "b"}, {3, "c"}, {2, "d"}}) {
    all = join(all, seal(static_cast<std::uint64_t>(epoch), text));
  }
  EXPECT_EQ(open(all), (Texts{"a", "b", "c", "d"}));
  EXPECT_EQ(out_.last().epoch, 2U);
  EXPECT_EQ(out_.last().sequence, 1U);
}

TEST_P(Records, are_opened_once) {
  install(3);
  const Datagram record = seal(3, "once");
  const Datagram plain = seal(0, "plain");
  EXPECT_EQ(open(record), Texts{"once"});
  EXPECT_EQ(open(record), Texts{});
  EXPECT_EQ(in_.discarded().replayed, 1U);
  // Not so without keys: a window that everybody could move would lock the peer out.
  EXPECT_EQ(open(plain), Texts{"plain"});
  EXPECT_EQ(open(plain), Texts{"plain"});
}

TEST_P(Records, older_than_the_window_are_discarded_unseen) {
  install(3);
  const Datagram oldest = seal(3, "oldest");
  const Datagram old = seal(3, "old");
  for (std::uint64_t i = 2; i < ReplayWindow::kWidth; ++i)
    static_cast<void>(seal(3, "lost"));
  EXPECT_EQ(open(seal(3, "newest")), Texts{"newest"});
  EXPECT_EQ(open(oldest), Texts{});
  EXPECT_EQ(in_.discarded().replayed, 1U);
  EXPECT_EQ(open(old), Texts{"old"});
}

TEST_P(Records, without_keys_have_at_most_2_to_the_14_bytes) {
  for (const std::size_t size : {wire::kMaxPlaintext, wire::kMaxPlaintext + 1}) {
    Datagram record(wire::kRecordHeaderSize + size);
    wire::Writer writer(record);
    wire::write_record_header(writer,
                              {kData, wire::kDtls12, 0, 0, static_cast<std::uint16_t>(size)});
    EXPECT_EQ(open(record).size(), size == wire::kMaxPlaintext ? 1U : 0U) << size;
  }
  EXPECT_EQ(in_.discarded().malformed, 1U);
}

// In DTLS 1.3 the header of a record under keys has no version.
TEST_P(Records, of_another_version_under_keys_are_malformed) {
  install(3);
  in_.expect_version(wire::kDtls12);
  const std::string text = "text";
  Datagram record(200);
  record.resize(test_keys(GetParam(), 3, true)
                    .seal({3, 0}, wire::kDtls10, kData, std::as_bytes(std::span(text)), record));
  const bool has_version = GetParam() == wire::kDtls12;
  EXPECT_EQ(open(record), has_version ? Texts{} : Texts{text});
  EXPECT_EQ(in_.discarded().malformed, has_version ? 1U : 0U);
}

// RFC 9147 §4.5.3: the newest key's end is the association's, an older one's is its own.
TEST_P(Records, of_an_older_epoch_are_not_read_after_too_many_forgeries) {
  constexpr auto kCcm8 = crypto::AeadAlgorithm::kAes128Ccm8;
  const auto keys = [](std::uint64_t epoch) { return test_keys(GetParam(), epoch, true, kCcm8); };
  if (GetParam() == wire::kDtls12) return;  // 2^20 forgeries take too long
  for (const std::uint64_t epoch : {3U, 4U}) {
    out_.install(epoch, keys(epoch));
    in_.install(epoch, keys(epoch));
  }
  const auto forge = [&](std::uint64_t times) {
    for (std::uint64_t i = 0; i < times; ++i) {
      Datagram bad = seal(3, "forged");
      bad.back() ^= std::byte{1};
      EXPECT_EQ(open(bad), Texts{});
    }
  };
  const auto most = keys(3).limits().forged;
  forge(most - 1);
  EXPECT_EQ(open(seal(3, "good")), Texts{"good"});
  forge(1);
  EXPECT_EQ(open(seal(3, "good")), Texts{});
  EXPECT_FALSE(in_.key_is_worn());
  EXPECT_EQ(open(seal(4, "new")), Texts{"new"});
}

TEST_P(Records, a_forged_one_spoils_neither_the_others_nor_the_window) {
  install(3);
  const Datagram good = seal(3, "good");
  Datagram bad = good;
  bad.back() ^= std::byte{1};
  EXPECT_EQ(open(join(bad, good)), Texts{"good"});
  EXPECT_EQ(in_.discarded().forged, 1U);
  // Its number was forged too: far ahead it must not push real ones out of the window.
  Datagram ahead = seal(3, "ahead");
  for (int i = 0; i < 300; ++i)
    ahead = seal(3, "ahead");
  ahead.back() ^= std::byte{1};
  EXPECT_EQ(open(ahead), Texts{});
  EXPECT_EQ(in_.discarded().forged, 2U);
}

TEST_P(Records, of_an_epoch_without_keys_are_counted) {
  install(3);
  out_.install(6, test_keys(GetParam(), 6, true));
  EXPECT_EQ(open(seal(6, "later")), Texts{});
  EXPECT_EQ(in_.discarded().unknown_epoch, 1U);
  EXPECT_EQ(in_.take_missed_epoch(), GetParam() == wire::kDtls13);
  EXPECT_FALSE(in_.take_missed_epoch());
}

TEST_P(Records, of_the_epoch_before_are_read_until_it_is_retired) {
  install(3);
  const Datagram late = seal(3, "late");
  const Datagram later = seal(3, "later");
  install(4);
  EXPECT_EQ(open(seal(4, "new")), Texts{"new"});
  EXPECT_EQ(open(late), Texts{"late"});
  in_.retire_below(4);
  EXPECT_EQ(open(later), Texts{});
  EXPECT_FALSE(in_.has(3));
  EXPECT_FALSE(in_.has(0));
  EXPECT_TRUE(in_.has(4));
}

TEST_P(Records, the_oldest_epoch_makes_room_for_a_third) {
  install(2);
  install(3);
  install(4);
  EXPECT_FALSE(in_.has(2));
  EXPECT_EQ(seal(2, "gone").size(), 0U);
  EXPECT_EQ(open(join(seal(3, "three"), seal(4, "four"))), (Texts{"three", "four"}));
  EXPECT_EQ(in_.newest(), 4U);
}

TEST_P(Records, without_keys_are_refused_once_epoch_0_is_retired) {
  EXPECT_EQ(open(seal(0, "hello")), Texts{"hello"});
  in_.retire(0);
  EXPECT_EQ(open(seal(0, "hello")), Texts{});
}

TEST_P(Records, any_cut_of_a_datagram_is_harmless) {
  install(3);
  const Datagram whole = join(seal(3, "first"), seal(3, "second"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Inbound fresh;
    fresh.install(3, test_keys(GetParam(), 3, true));
    Datagram cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    fresh.begin(cut);
    int count = 0;
    while (fresh.next())
      ++count;
    EXPECT_LE(count, 1);
  }
}

TEST_P(Records, arrive_in_any_order_within_the_window) {
  install(3);
  std::vector<Datagram> all(100);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = seal(3, std::to_string(i));
  for (int i = 99; i >= 0; --i) {
    EXPECT_EQ(open(all[static_cast<std::size_t>(i)]), Texts{std::to_string(i)});
  }
}

TEST_P(Records, longer_than_the_limit_end_the_association) {
  install(3);
  in_.set_max_plaintext(100);
  EXPECT_EQ(open(seal(3, std::string(100, 'x'))), Texts{std::string(100, 'x')});
  EXPECT_EQ(open(seal(3, std::string(101, 'x'))), Texts{"!"});
}

INSTANTIATE_TEST_SUITE_P(Versions, Records, testing::Values(wire::kDtls12, wire::kDtls13),
                         [](const auto& tested) {
                           return tested.param == wire::kDtls13 ? "dtls13" : "dtls12";
                         });

// RFC 9147 §4.2.2: 16 bits are sent, the rest is what fits best.
TEST(RecordNumbers, are_told_from_their_low_bits) {
  Protection writer = test_keys(wire::kDtls13, 3, true);
  Inbound in;
  in.install(3, test_keys(wire::kDtls13, 3, true));
  const std::uint64_t far = 0x1'0000'0000;
  std::uint64_t last = 0;
  for (const std::uint64_t number :
       {0x7000ULL, 0xf000ULL, 0x17000ULL, 0x1eff0ULL, 0x1ffffULL, 0x20000ULL, 0x1fffeULL}) {
    Datagram record(100);
    record.resize(writer.seal({.epoch = 3, .sequence = number}, wire::kDtls12, kData,
                              test::bytes_of(10, 1), record));
    in.begin(record);
    const auto opened = in.next();
    ASSERT_TRUE(opened) << number;
    EXPECT_EQ(std::get<OpenedRecord>(*opened).number.sequence, number);
    last = number;
  }
  Datagram record(100);
  record.resize(writer.seal({.epoch = 3, .sequence = last + far}, wire::kDtls12, kData,
                            test::bytes_of(10, 1), record));
  in.begin(record);
  EXPECT_FALSE(in.next());  // too far to be guessed: as if forged
}

// RFC 9147 §4.5.3: 2^7 forgeries wear a CCM-8 key out, in DTLS 1.3 only.
TEST(KeyLimits, forgeries_are_counted_by_epoch) {
  using crypto::AeadAlgorithm;
  Inbound in;
  Outbound out;
  in.install(3, test_keys(wire::kDtls13, 3, true, AeadAlgorithm::kAes128Ccm8));
  out.install(3, test_keys(wire::kDtls13, 3, true, AeadAlgorithm::kAes128Ccm8));
  for (int i = 0; i < 128; ++i) {
    EXPECT_FALSE(in.key_is_worn());
    Datagram record(100);
    record.resize(out.seal(3, kData, test::bytes_of(10, 1), record));
    record.back() ^= std::byte{1};
    in.begin(record);
    EXPECT_FALSE(in.next());
  }
  EXPECT_TRUE(in.key_is_worn());
}

TEST(KeyLimits, epoch_0_stops_at_the_last_number_there_is) {
  Outbound out;
  out.continue_from(0, kMaxSequence);
  Datagram record(100);
  EXPECT_GT(out.seal(0, kData, test::bytes_of(10, 1), record), 0U);
  EXPECT_EQ(out.last().sequence, kMaxSequence);
  EXPECT_EQ(out.seal(0, kData, test::bytes_of(10, 1), record), 0U);
}

TEST(KeyLimits, a_key_asks_for_its_renewal_and_stops_at_its_limit) {
  Outbound out;
  out.install(3, test_keys(wire::kDtls13, 3, true, crypto::AeadAlgorithm::kAes128Ccm));
  const auto seal = [&] {
    Datagram record(100);
    return out.seal(3, kData, test::bytes_of(10, 1), record) > 0;
  };
  const std::uint64_t limit = std::uint64_t{1} << 23U;
  out.continue_from(3, limit / 8 * 7 - 1);
  EXPECT_TRUE(seal());
  EXPECT_FALSE(out.needs_rekey());
  EXPECT_TRUE(seal());
  EXPECT_TRUE(out.needs_rekey());
  out.continue_from(3, limit - 1);
  EXPECT_TRUE(seal());
  EXPECT_FALSE(seal());
}

// RFC 8446 §5.5 bounds the blocks, which it tells in records of full size.
TEST(KeyLimits, a_key_of_dtls12_protects_more_records_where_they_are_small) {
  constexpr std::uint32_t kRecords = 8;
  const auto count = [](std::size_t content) {
    Outbound out;
    out.bound_keys(kRecords);
    out.install(1, test_keys(wire::kDtls12, 1, true, crypto::AeadAlgorithm::kAes128Gcm));
    Datagram record(wire::kMaxPlaintext + 100);
    unsigned sealed = 0;
    while (out.seal(1, kData, test::bytes_of(content, 1), record) > 0)
      ++sealed;
    EXPECT_TRUE(out.needs_rekey());
    return sealed;
  };
  EXPECT_EQ(count(wire::kMaxPlaintext), kRecords - 1) << "the tag has a block as well";
  EXPECT_EQ(count(1200), kRecords * 1024 / 77);
  EXPECT_EQ(count(0), kRecords * 1024 / 2);
}

}  // namespace
}  // namespace dtls::record
