// What libssl's errors become.
#include "session/failure.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

namespace dtls::session {
namespace {

TEST(Failure, of_a_flight_that_was_repeated_too_often_is_a_timeout_and_nobodys_fault) {
  ERR_raise(ERR_LIB_SSL, SSL_R_READ_TIMEOUT_EXPIRED);
  const auto error = explain_failure(*Address::parse("192.0.2.1", 5684), {}, "");
  EXPECT_EQ(error.kind, ErrorKind::kTimeout);
  EXPECT_EQ(error.sys_errno, ETIMEDOUT);
  EXPECT_NE(error.message.find("192.0.2.1:5684"), std::string::npos) << error.message;
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace dtls::session
