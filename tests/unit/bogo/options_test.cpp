#include "bogo/options.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <variant>

namespace dtls::bogo {
namespace {

std::variant<AllOptions, Unsupported> parse(std::initializer_list<const char*> arguments) {
  return parse_options(std::span(arguments.begin(), arguments.size()));
}

void expect_refused(std::initializer_list<const char*> arguments, const std::string& flag) {
  const auto parsed = parse(arguments);
  const auto* const refused = std::get_if<Unsupported>(&parsed);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->flag, flag);
  EXPECT_FALSE(refused->reason.empty());
}

TEST(BogoOptions, a_flag_without_a_prefix_is_for_every_connection) {
  const auto parsed = parse({"-server", "-dtls", "-port", "65535", "-resume-count", "2"});
  const auto& all = std::get<AllOptions>(parsed);
  for (const Options& options : {all.initial, all.resumed}) {
    EXPECT_TRUE(options.server);
    EXPECT_EQ(options.port, 65535);
    EXPECT_EQ(options.resume_count, 2);
  }
}

TEST(BogoOptions, a_prefix_says_which_connection_a_flag_is_for) {
  const auto parsed = parse({"-on-resume-verify-fail", "-on-initial-mtu", "512"});
  const auto& all = std::get<AllOptions>(parsed);
  EXPECT_FALSE(all.initial.verify_fail);
  EXPECT_TRUE(all.resumed.verify_fail);
  EXPECT_EQ(all.initial.mtu, 512U);
  EXPECT_EQ(all.resumed.mtu, 0U);
}

TEST(BogoOptions, files_belong_to_the_credential_begun_last) {
  const auto parsed = parse({"-cert-file", "a", "-new-x509-credential", "-cert-file", "b",
                             "-signing-prefs", "2053", "-new-x509-credential", "-key-file", "c"});
  const auto& options = std::get<AllOptions>(parsed).initial;
  EXPECT_EQ(options.own.cert_file, "a");
  ASSERT_EQ(options.credentials.size(), 2U);
  EXPECT_EQ(options.credentials[0].cert_file, "b");
  EXPECT_EQ(options.credentials[0].signing_prefs, std::vector<std::uint16_t>{0x0805});
  EXPECT_EQ(options.credentials[1].key_file, "c");
}

TEST(BogoOptions, an_unknown_flag_is_refused_by_its_whole_name) {
  expect_refused({"-dtls", "-on-resume-quantum"}, "-on-resume-quantum");
  expect_refused({"-on-resume"}, "-on-resume");
  expect_refused({""}, "");
}

TEST(BogoOptions, a_value_that_is_missing_or_no_such_number_is_refused) {
  expect_refused({"-port"}, "-port");
  for (const char* port : {"65536", "-1", "80x", "", " 80"}) {
    expect_refused({"-port", port}, "-port");
  }
}

TEST(BogoOptions, dtls_1_0_is_refused_unless_it_is_only_the_least_that_will_do) {
  expect_refused({"-max-version", "65279"}, "-max-version");
  const auto parsed = parse({"-min-version", "65279"});
  EXPECT_EQ(std::get<AllOptions>(parsed).initial.min_version, 0xfefd);
}

}  // namespace
}  // namespace dtls::bogo
