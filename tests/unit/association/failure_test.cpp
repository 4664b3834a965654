// Sentences about the end of an association.
#include "association/failure.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace dtls::association {
namespace {

Address peer() {
  return *Address::parse("192.0.2.1", 2049);
}

TEST(FailureSentence, of_the_peer_begins_with_the_peer) {
  const auto error = name_peer(
      peer(), {ErrorKind::kMalformed, EPROTO, "broke the protocol: its ACK is empty", {}});
  EXPECT_EQ(error.message, "the peer at 192.0.2.1:2049 broke the protocol: its ACK is empty");
  EXPECT_EQ(error.sys_errno, EPROTO);
}

TEST(FailureSentence, of_our_own_side_does_not_blame_the_peer) {
  for (const auto kind : {ErrorKind::kSystem, ErrorKind::kMisuse}) {
    const auto error = name_peer(peer(), {kind, EIO, "our own certificate chain is too long", {}});
    EXPECT_EQ(error.message,
              "the association with 192.0.2.1:2049 failed: our own certificate chain is too long");
  }
}

TEST(FailureSentence, of_a_timeout_tells_whether_the_peer_was_heard) {
  EXPECT_EQ(handshake_timed_out(peer(), Duration(500), true).message,
            "the handshake with 192.0.2.1:2049 did not finish within 500 ms: the peer stopped "
            "answering half-way");
  EXPECT_EQ(handshake_timed_out(peer(), Duration(500), false).message,
            "the handshake with 192.0.2.1:2049 did not finish within 500 ms: nothing came from "
            "there; check the address, and firewalls on the way");
}

}  // namespace
}  // namespace dtls::association
