#include "handshake/flight/held_records.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace dtls::handshake {
namespace {

std::vector<std::size_t> sizes_of_due(HeldRecords& records) {
  std::vector<std::size_t> sizes;
  for (auto record = records.next(); !record.empty(); record = records.next())
    sizes.push_back(record.size());
  return sizes;
}

TEST(HeldRecords, are_given_in_their_order_once_there_are_keys) {
  HeldRecords records;
  const std::vector<std::byte> bytes(3);
  for (std::size_t size = 1; size <= 3; ++size)
    records.hold(std::span(bytes).first(size));
  EXPECT_TRUE(records.next().empty());
  records.release();
  EXPECT_EQ(sizes_of_due(records), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_TRUE(records.empty());
}

TEST(HeldRecords, are_bounded_in_number_and_in_bytes) {
  HeldRecords many;
  for (std::size_t i = 0; i < 2 * HeldRecords::kMost; ++i)
    many.hold(std::vector<std::byte>(1));
  many.release();
  EXPECT_EQ(sizes_of_due(many).size(), HeldRecords::kMost);

  HeldRecords large;
  for (int i = 0; i < 5; ++i)
    large.hold(std::vector<std::byte>(HeldRecords::kMostBytes / 2));
  large.release();
  EXPECT_EQ(sizes_of_due(large).size(), 2U);
}

}  // namespace
}  // namespace dtls::handshake
