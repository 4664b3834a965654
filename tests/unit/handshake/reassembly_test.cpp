// Reassembly: fragments of different epochs never make one message.
#include "handshake/flight/reassembly.hpp"

#include <gtest/gtest.h>

#include "support/channel_pair.hpp"

namespace dtls::handshake {
namespace {

class ReassemblyOfEpochs : public testing::Test {
 protected:
  static constexpr std::uint32_t kLength = 20;
  // add gives half of a message.
  Reassembly::Added add(std::uint32_t offset, std::uint64_t epoch, int seed = 1) {
    const auto body = test::bytes_of(kLength, seed);
    wire::HandshakeFragment fragment{};
    fragment.header = {wire::HandshakeType::kFinished, kLength, 0, offset, kLength / 2};
    fragment.body = wire::Bytes(body).subspan(offset, kLength / 2);
    return reassembly_.add(0, fragment, epoch, false);
  }
  Reassembly reassembly_;
};

TEST_F(ReassemblyOfEpochs, half_a_message_under_older_keys_is_dropped) {
  EXPECT_EQ(add(0, 1), Reassembly::Added::kInOrder);
  EXPECT_EQ(add(kLength / 2, 0), Reassembly::Added::kDropped);
  EXPECT_EQ(reassembly_.take(0), nullptr);
  EXPECT_EQ(add(kLength / 2, 1), Reassembly::Added::kInOrder);
  EXPECT_NE(reassembly_.take(0), nullptr);
}

TEST_F(ReassemblyOfEpochs, half_a_message_under_newer_keys_replaces_the_other) {
  EXPECT_EQ(add(0, 0), Reassembly::Added::kInOrder);
  EXPECT_EQ(add(kLength / 2, 1), Reassembly::Added::kWithGap);
  EXPECT_EQ(reassembly_.take(0), nullptr);
  EXPECT_EQ(add(0, 1), Reassembly::Added::kInOrder);
  const auto message = reassembly_.take(0);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->epoch, 1U);
}

}  // namespace
}  // namespace dtls::handshake
