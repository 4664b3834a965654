#include "dtls/address.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <unordered_set>

#include "net/sockaddr.hpp"

namespace dtls {
namespace {

Address parse(std::string_view literal, std::uint16_t port) {
  auto address = Address::parse(literal, port);
  EXPECT_TRUE(address) << literal;
  return address ? *address : Address{};
}

TEST(Address, an_ipv4_literal_is_read_and_written) {
  const Address address = parse("192.0.2.1", 5684);
  EXPECT_EQ(address.family, Address::Family::kIpv4);
  EXPECT_EQ(address.host(), "192.0.2.1");
  EXPECT_EQ(address.text(), "192.0.2.1:5684");
}

TEST(Address, an_ipv6_literal_is_written_in_its_short_form_with_brackets) {
  const Address address = parse("2001:0db8:0:0:0:0:0:1", 5684);
  EXPECT_EQ(address.family, Address::Family::kIpv6);
  EXPECT_EQ(address.host(), "2001:db8::1");
  EXPECT_EQ(address.text(), "[2001:db8::1]:5684");
}

TEST(Address, a_scope_is_an_interface_name_or_number) {
  const Address by_name = parse("fe80::1%lo", 1);
  const Address by_number = parse("fe80::1%" + std::to_string(by_name.scope), 1);
  EXPECT_NE(by_name.scope, 0U);
  EXPECT_EQ(by_name, by_number);
  EXPECT_EQ(by_number.text(), "[fe80::1%lo]:1");
}

TEST(Address, a_scope_without_an_interface_is_written_as_number) {
  const Address address = parse("fe80::1%4000000000", 1);
  EXPECT_EQ(address.host(), "fe80::1%4000000000");
}

TEST(Address, what_is_no_ip_literal_is_misuse_and_named) {
  for (const std::string_view literal :
       {"", "localhost", "192.0.2", "192.0.2.1.1", "192.0.2.256", "[::1]", "::1::", "192.0.2.1%lo",
        "fe80::1%", "fe80::1%no-such-if", "fe80::1%0", "2001:db8::1%lo"}) {
    const auto address = Address::parse(literal, 1);
    ASSERT_FALSE(address) << literal;
    EXPECT_EQ(address.error().kind, ErrorKind::kMisuse);
    EXPECT_EQ(address.error().sys_errno, EINVAL);
    EXPECT_NE(address.error().message.find(literal.substr(0, literal.find('%'))),
              std::string::npos);
  }
  EXPECT_FALSE(Address::parse(std::string_view("::1\0x", 5), 1));
}

TEST(Address, only_all_zero_is_a_wildcard) {
  EXPECT_TRUE(parse("0.0.0.0", 1).is_wildcard());
  EXPECT_TRUE(parse("::", 1).is_wildcard());
  EXPECT_FALSE(parse("127.0.0.1", 1).is_wildcard());
  EXPECT_FALSE(parse("::1", 1).is_wildcard());
  EXPECT_FALSE(parse("::ffff:0.0.0.0", 1).is_wildcard());
}

TEST(Address, an_ipv4_mapped_address_stays_ipv6) {
  const Address mapped = parse("::ffff:192.0.2.1", 7);
  EXPECT_EQ(mapped.family, Address::Family::kIpv6);
  EXPECT_EQ(mapped.host(), "::ffff:192.0.2.1");
}

TEST(Address, equal_addresses_hash_alike_and_every_field_counts) {
  std::unordered_set<Address> set;
  for (const std::string_view host :
       {"192.0.2.1", "192.0.2.2", "::1", "c000:201::", "fe80::1%lo"}) {
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{1, 2, 256}) {
      set.insert(parse(host, port));
    }
  }
  set.insert(parse("fe80::1", 1));
  EXPECT_EQ(set.size(), 16U);
  EXPECT_TRUE(set.contains(parse("192.0.2.2", 256)));
  EXPECT_FALSE(set.contains(parse("192.0.2.2", 3)));
}

TEST(Address, the_systems_form_and_back_is_the_same) {
  for (const std::string_view host : {"192.0.2.1", "2001:db8::1", "fe80::1%lo", "::"}) {
    const Address address = parse(host, 65535);
    const net::SocketAddress system = net::to_sockaddr(address);
    EXPECT_EQ(net::from_sockaddr(system.get()), address) << host;
  }
}

TEST(Address, the_scope_of_a_global_address_is_dropped) {
  const Address global = parse("2001:db8::1", 1);
  EXPECT_EQ(net::ipv6_address(net::to_in6_addr(global), 1, 3), global);
}

}  // namespace
}  // namespace dtls
