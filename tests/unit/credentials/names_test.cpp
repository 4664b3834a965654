#include "credentials/names.hpp"

#include <gtest/gtest.h>

namespace dtls::credentials {
namespace {

// RFC 6125 §6.4.3: a wildcard stands for one label, which is not empty.
TEST(Names, wildcard_for_a_name_replaces_its_first_label) {
  EXPECT_EQ(wildcard_for("a.example.org"), "*.example.org");
  EXPECT_EQ(wildcard_for("a.b.example.org"), "*.b.example.org");
  EXPECT_EQ(wildcard_for(".example.org"), "");
  EXPECT_EQ(wildcard_for("localhost"), "");
  EXPECT_EQ(wildcard_for(""), "");
}

}  // namespace
}  // namespace dtls::credentials
