#include "bogo/wire.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <variant>

namespace dtls::bogo {
namespace {

// A link and the runner's end of it.
struct Ends {
  Ends() : Ends(make()) {}

  void write(const std::string& bytes) const {
    ASSERT_EQ(::send(runner.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  // The runner closes.
  void leave() { runner = net::Descriptor(); }
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    EXPECT_EQ(::recv(runner.get(), bytes.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
    return bytes;
  }

  net::Descriptor runner;
  RunnerLink link;

 private:
  static std::array<int, 2> make() {
    std::array<int, 2> pair{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    return pair;
  }
  explicit Ends(std::array<int, 2> pair) : runner(pair[0]), link(net::Descriptor(pair[1])) {}
};

template <typename Kind>
Kind next(RunnerLink& link) {
  return std::get<Kind>(link.next());
}

using std::string_literals::operator""s;

TEST(BogoWire, every_command_of_the_runner_is_read) {
  Ends ends;
  ends.write("P\0\0\0\3abc"s + "T\0\0\0\0\0\0\1\0"s + "M\0\0\2\0"s + "U\0\0\0\xfa"s);
  ends.write("E\0\0\0\0\0\0\0\7"s + "E\xff\xff\xff\xff\xff\xff\xff\xff"s + "P\0\0\0\0"s);
  EXPECT_EQ(next<Datagram>(ends.link).bytes.size(), 3U);
  EXPECT_EQ(next<TimePasses>(ends.link).by, std::chrono::nanoseconds(256));
  EXPECT_EQ(next<NewMtu>(ends.link).bytes, 512U);
  EXPECT_EQ(next<NewFirstTimeout>(ends.link).timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(next<ExpectDeadline>(ends.link).in, std::chrono::nanoseconds(7));
  EXPECT_EQ(next<ExpectDeadline>(ends.link).in, std::nullopt);
  EXPECT_TRUE(next<Datagram>(ends.link).bytes.empty());
  ends.leave();
  next<RunnerLeft>(ends.link);
}

TEST(BogoWire, datagrams_and_answers_to_time_go_out_framed) {
  Ends ends;
  const std::array<std::byte, 2> datagram{std::byte{'h'}, std::byte{'i'}};
  EXPECT_TRUE(ends.link.send_datagram(datagram));
  EXPECT_TRUE(ends.link.acknowledge_time());
  EXPECT_EQ(ends.read(8), "P\0\0\0\2hit"s);
  ends.leave();
  EXPECT_FALSE(ends.link.acknowledge_time());
}

TEST(BogoWire, commands_that_cannot_be_are_refused) {
  for (const auto& bytes : {"X\0\0\0\0"s, "P\0\x10\0\1"s, "T\xff\xff\xff\xff\xff\xff\xff\xfe"s}) {
    Ends ends;
    ends.write(bytes);
    EXPECT_TRUE(std::holds_alternative<Garbled>(ends.link.next()));
    ends.leave();
  }
}

TEST(BogoWire, a_command_that_ends_early_is_refused) {
  for (const auto& bytes : {"M\0\0"s, "P\0\0\0\5abc"s}) {
    Ends ends;
    ends.write(bytes);
    ends.leave();
    EXPECT_TRUE(std::holds_alternative<Garbled>(ends.link.next()));
  }
}

}  // namespace
}  // namespace dtls::bogo
