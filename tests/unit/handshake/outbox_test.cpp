// How messages are cut and packed into records.
#include "handshake/flight/outbox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "wire/record_header.hpp"

namespace dtls::handshake {
namespace {

using wire::HandshakeType;

constexpr std::size_t kMostRecord = wire::kRecordHeaderSize + 200;

// What is in each record, in order: "seq@offset+length", more of them with spaces.
std::vector<std::string> records_of(Outbox& outbox) {
  record::Outbound records;
  std::vector<std::string> all;
  std::array<std::byte, 1200> out;
  while (const auto size = outbox.write_record(records, std::span(out).first(kMostRecord), false)) {
    const wire::Bytes written = std::as_bytes(std::span(out)).first(size);
    wire::Reader reader(written);
    const auto record = wire::read_record(reader);
    EXPECT_TRUE(record && reader.finished());
    wire::Reader messages(record->fragment);
    std::string text;
    while (!messages.empty()) {
      const auto fragment = wire::read_handshake(messages);
      if (!fragment) return {"broken"};
      text += (text.empty() ? "" : " ") + std::to_string(fragment->header.message_seq) + "@" +
              std::to_string(fragment->header.fragment_offset) + "+" +
              std::to_string(fragment->header.fragment_length);
    }
    all.push_back(std::move(text));
  }
  EXPECT_FALSE(outbox.is_sending());
  return all;
}

void add(Outbox& outbox, std::uint16_t seq, std::size_t size) {
  const std::vector<std::byte> body(size);
  outbox.add_message(HandshakeType::kCertificate, seq, body, 0);
}

// tinydtls reads the first message of a record only.
TEST(Outbox, a_message_has_a_record_of_its_own) {
  Outbox outbox;
  add(outbox, 0, 50);
  add(outbox, 1, 0);
  add(outbox, 2, 100);
  outbox.release(Then::kAwaitAnswer);
  EXPECT_EQ(records_of(outbox), (std::vector<std::string>{"0@0+50", "1@0+0", "2@0+100"}));
}

TEST(Outbox, each_missing_fragment_has_a_record_of_its_own) {
  Outbox outbox;
  add(outbox, 0, 188 * 3);
  outbox.release(Then::kAwaitAnswer);
  record::Outbound records;
  std::array<std::byte, 1200> out;
  while (outbox.write_record(records, std::span(out).first(kMostRecord), true) > 0) {
  }
  EXPECT_TRUE(outbox.acknowledge({.epoch = 0, .sequence = 1}));
  outbox.rewind();
  record::Outbound others;
  std::vector<std::size_t> sizes;
  while (const auto size = outbox.write_record(others, out, false))
    sizes.push_back(size);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{213, 213}));
}

TEST(Outbox, whole_messages_and_fragments_share_a_record_where_they_are_packed) {
  Outbox outbox;
  outbox.pack_fragments(true);
  add(outbox, 0, 50);
  add(outbox, 1, 0);
  add(outbox, 2, 200);
  outbox.release(Then::kAwaitAnswer);
  EXPECT_EQ(records_of(outbox), (std::vector<std::string>{"0@0+50 1@0+0 2@0+114", "2@114+86"}));
}

// mbedTLS forgets what stands behind a fragment in a record.
TEST(Outbox, a_fragment_has_a_record_of_its_own) {
  Outbox outbox;
  add(outbox, 0, 50);
  add(outbox, 1, 400);
  add(outbox, 2, 50);
  add(outbox, 3, 60);
  outbox.release(Then::kAwaitAnswer);
  EXPECT_EQ(records_of(outbox), (std::vector<std::string>{"0@0+50", "1@0+188", "1@188+188",
                                                          "1@376+24", "2@0+50", "3@0+60"}));
}

TEST(Outbox, a_message_that_fits_a_record_is_not_cut_to_fill_the_one_before) {
  Outbox outbox;
  add(outbox, 0, 150);
  add(outbox, 1, 150);
  outbox.release(Then::kAwaitAnswer);
  EXPECT_EQ(records_of(outbox), (std::vector<std::string>{"0@0+150", "1@0+150"}));
}

TEST(Outbox, a_message_cut_to_its_end_is_followed_by_one_of_another_epoch) {
  Outbox outbox;
  add(outbox, 0, 188 + 188);
  outbox.add_change_cipher_spec(0);
  add(outbox, 1, 10);
  outbox.release(Then::kAwaitAnswer);
  record::Outbound records;
  std::array<std::byte, 1200> out;
  std::vector<std::size_t> sizes;
  while (const auto size = outbox.write_record(records, std::span(out).first(kMostRecord), false))
    sizes.push_back(size);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{213, 213, 14, 35}));
}

}  // namespace
}  // namespace dtls::handshake
