// DTLS 1.3: what is acknowledged, when, and what is sent again (RFC 9147 §7).
#include <gtest/gtest.h>

#include <algorithm>

#include "handshake/flight/ack_list.hpp"
#include "support/channel_pair.hpp"
#include "wire/ack.hpp"

namespace dtls::handshake {
namespace {

using test::ChannelPair;
using test::Datagram;
using namespace std::chrono_literals;

class ChannelAck : public testing::Test {
 protected:
  // Both are done, and nothing is under way.
  void connect() { ASSERT_TRUE(pair_.play()); }
  std::vector<Datagram> server_flight() {
    pair_.client.start(pair_.now);
    for (Datagram& datagram : pair_.poll(pair_.client))
      pair_.give(pair_.server, datagram);
    return pair_.poll(pair_.server);
  }
  void give_all(test::Player& player, const std::vector<Datagram>& datagrams) {
    for (const Datagram& datagram : datagrams)
      pair_.give(player, datagram);
  }
  void pass(Duration span) {
    pair_.now += span;
    pair_.client.channel.handle_timeout(pair_.now);
    pair_.server.channel.handle_timeout(pair_.now);
  }
  static std::size_t size_of(const std::vector<Datagram>& datagrams) {
    std::size_t size = 0;
    for (const Datagram& datagram : datagrams)
      size += datagram.size();
    return size;
  }
  // A record from the client's side of epoch `epoch`, as if it had sent it.
  Datagram record_of_client(std::uint64_t epoch, wire::ContentType type, const Datagram& content,
                            std::uint64_t sequence) {
    record::Outbound out;
    if (epoch > 0) out.install(epoch, test::test_keys(wire::kDtls13, epoch, true));
    out.continue_from(epoch, sequence);
    Datagram record(content.size() + out.overhead(epoch));
    record.resize(out.seal(epoch, type, content, record));
    return record;
  }
  static Datagram ack_of(std::initializer_list<wire::RecordNumber> numbers) {
    Datagram content(wire::ack_size(numbers.size()));
    wire::Writer writer(content);
    wire::write_ack(writer, std::vector(numbers));
    return content;
  }

  ChannelPair pair_{wire::kDtls13, {}, 4000};
};

TEST_F(ChannelAck, only_the_lost_fragment_is_sent_again) {
  auto flight = server_flight();
  ASSERT_GE(flight.size(), 4U);
  flight.erase(flight.begin() + 2);
  give_all(pair_.client, flight);
  // A gap: acknowledged once reordering is unlikely.
  EXPECT_TRUE(pair_.poll(pair_.client).empty());
  ASSERT_EQ(pair_.client.channel.deadline(), pair_.now + 20ms);
  pass(20ms);
  const auto acks = pair_.poll(pair_.client);
  ASSERT_EQ(acks.size(), 1U);
  give_all(pair_.server, acks);
  pass(20ms);
  const auto again = pair_.poll(pair_.server);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_LE(again.front().size(), 1232U);
  give_all(pair_.client, again);
  EXPECT_EQ(pair_.client.seen, (std::vector<int>{2, 8, 11, 20}));
  EXPECT_TRUE(pair_.play());
}

TEST_F(ChannelAck, a_flight_of_which_the_rest_does_not_come_is_acknowledged_after_a_quarter) {
  auto flight = server_flight();
  flight.resize(2);
  give_all(pair_.client, flight);
  ASSERT_EQ(pair_.client.channel.deadline(), pair_.now + 250ms);
  pass(250ms);
  EXPECT_EQ(pair_.poll(pair_.client).size(), 1U);
  // The answer has begun, so the ClientHello has arrived: nothing is repeated.
  EXPECT_EQ(pair_.client.channel.deadline(), std::nullopt);
}

TEST_F(ChannelAck, the_answer_acknowledges_the_flight_before) {
  give_all(pair_.client, server_flight());
  const auto answer = pair_.poll(pair_.client);
  ASSERT_FALSE(answer.empty());
  give_all(pair_.server, {answer.front()});
  EXPECT_TRUE(pair_.server.channel.all_acked());
  EXPECT_EQ(pair_.server.channel.timeouts(), 0U);
}

TEST_F(ChannelAck, the_clients_last_flight_is_repeated_until_acknowledged) {
  give_all(pair_.client, server_flight());
  const auto last = pair_.poll(pair_.client);
  EXPECT_FALSE(pair_.client.channel.all_acked());
  pass(1000ms);
  EXPECT_EQ(size_of(pair_.poll(pair_.client)), size_of(last));
  give_all(pair_.server, last);
  give_all(pair_.client, pair_.poll(pair_.server));
  EXPECT_TRUE(pair_.client.channel.all_acked());
}

TEST_F(ChannelAck, a_message_that_comes_again_is_acknowledged_again) {
  give_all(pair_.client, server_flight());
  const auto last = pair_.poll(pair_.client);
  give_all(pair_.server, last);
  EXPECT_FALSE(pair_.poll(pair_.server).empty());  // lost: ACK and ticket
  pass(1000ms);
  static_cast<void>(pair_.poll(pair_.server));
  const auto again = pair_.poll(pair_.client);
  EXPECT_EQ(size_of(again), size_of(last));
  give_all(pair_.server, again);
  pass(500ms);  // a quarter of the ticket's timer, which has run out once
  give_all(pair_.client, pair_.poll(pair_.server));
  EXPECT_TRUE(pair_.client.channel.all_acked());
}

// Without keys anybody can send half a message, and our flight is still repeated: the half of a
// second ServerHello to a client, and of a second ClientHello to a server, after a retry.
TEST_F(ChannelAck, part_of_a_message_without_keys_acknowledges_nothing) {
  for (const bool is_server : {false, true}) {
    Channel channel(is_server);
    channel.set_version(wire::kDtls13);
    channel.begin_flight();
    channel.add_message(
        is_server ? wire::HandshakeType::kServerHello : wire::HandshakeType::kClientHello,
        test::bytes_of(100, 0));
    channel.end_flight(Channel::Then::kAwaitAnswer, pair_.now);
    Datagram out(2000);
    ASSERT_GT(channel.poll_transmit(out, pair_.now), 0U);
    Datagram content(wire::kHandshakeHeaderSize + 10);
    wire::Writer writer(content);
    wire::write_handshake_header(
        writer, {is_server ? wire::HandshakeType::kClientHello : wire::HandshakeType::kServerHello,
                 20, 0, 0, 10});
    record::Outbound stranger;
    Datagram datagram(content.size() + wire::kRecordHeaderSize);
    datagram.resize(stranger.seal(0, wire::ContentType::kHandshake, content, datagram));
    channel.receive(datagram, pair_.now);
    EXPECT_FALSE(channel.next());
    channel.handle_timeout(pair_.now + 1000ms);
    EXPECT_GT(channel.poll_transmit(out, pair_.now + 1000ms), 0U);
    EXPECT_EQ(channel.timeouts(), 1U);
  }
}

// The ServerHello has come, and nothing under its keys: an alert without keys is anybody's.
TEST_F(ChannelAck, client_with_keys_takes_no_alert_without) {
  const auto flight = server_flight();
  Datagram hello = flight.front();
  wire::Reader reader(hello);
  const auto record = wire::read_record(reader);
  ASSERT_TRUE(record);
  hello.resize(wire::kRecordHeaderSize + record->fragment.size());
  give_all(pair_.client, {hello});
  ASSERT_EQ(pair_.client.seen.size(), 1U);
  ASSERT_GT(pair_.client.channel.read_epoch(), 0U);
  record::Outbound stranger;
  const std::array alert{std::byte{2}, std::byte{80}};
  Datagram datagram(alert.size() + wire::kRecordHeaderSize);
  datagram.resize(stranger.seal(0, wire::ContentType::kAlert, alert, datagram));
  give_all(pair_.client, {datagram});
  EXPECT_TRUE(pair_.client.alerts.empty());
  give_all(pair_.client, flight);
  EXPECT_TRUE(pair_.play());
}

// RFC 9147 §7.1: without the ServerHello the rest cannot be read.
TEST_F(ChannelAck, an_empty_ack_asks_for_the_lost_server_hello) {
  auto flight = server_flight();
  const Datagram first = flight.front();
  flight.erase(flight.begin());
  give_all(pair_.client, flight);
  EXPECT_TRUE(pair_.poll(pair_.client).empty());
  pass(20ms);
  const auto acks = pair_.poll(pair_.client);
  ASSERT_EQ(acks.size(), 1U);
  EXPECT_EQ(acks.front().size(), wire::kRecordHeaderSize + wire::ack_size(0));
  give_all(pair_.client, flight);  // no more of them before the flight is sent again
  pass(20ms);
  EXPECT_TRUE(pair_.poll(pair_.client).empty());
  give_all(pair_.server, acks);
  pass(20ms);
  const auto again = pair_.poll(pair_.server);
  EXPECT_EQ(again.size(), flight.size() + 1);
  // Anybody can send such an ACK: a second one within the timeout changes nothing.
  give_all(pair_.server, {record_of_client(0, wire::ContentType::kAck, ack_of({}), 100)});
  pass(20ms);
  EXPECT_TRUE(pair_.poll(pair_.server).empty());
  give_all(pair_.client, again);
  EXPECT_TRUE(pair_.play());
}

TEST_F(ChannelAck, who_gives_up_asks_for_nothing_more) {
  auto flight = server_flight();
  flight.erase(flight.begin());
  auto& client = pair_.client.channel;
  for (unsigned i = 0; i < Channel::kMostRepetitions; ++i) {
    pair_.now = client.deadline().value();
    client.handle_timeout(pair_.now);
    pair_.poll(pair_.client);
  }
  const TimePoint last = client.deadline().value();
  give_all(pair_.client, flight);  // it cannot be read, and an empty ACK becomes due
  ASSERT_LT(client.deadline().value(), last);
  pair_.now = last;
  client.handle_timeout(pair_.now);
  EXPECT_TRUE(client.has_given_up());
  EXPECT_EQ(client.deadline(), std::nullopt);
  EXPECT_TRUE(pair_.poll(pair_.client).empty());
}

TEST_F(ChannelAck, what_overtakes_the_server_hello_waits_for_it) {
  auto flight = server_flight();
  std::rotate(flight.begin(), flight.begin() + 1, flight.end());
  const Datagram last = flight.back();
  flight.pop_back();
  give_all(pair_.client, flight);
  EXPECT_TRUE(pair_.client.seen.empty());
  give_all(pair_.client, {last});
  EXPECT_EQ(pair_.client.seen.size(), 4U);  // to the server's Finished
}

TEST_F(ChannelAck, records_of_which_something_was_dropped_are_not_acknowledged) {
  give_all(pair_.client, server_flight());
  give_all(pair_.server, pair_.poll(pair_.client));
  static_cast<void>(pair_.poll(pair_.server));
  Datagram far(wire::kHandshakeHeaderSize + 4);
  wire::Writer writer(far);
  wire::write_handshake_header(writer, {.type = wire::HandshakeType::kFinished,
                                        .length = 4,
                                        .message_seq = 3 + 7,
                                        .fragment_offset = 0,
                                        .fragment_length = 4});
  give_all(pair_.server, {record_of_client(3, wire::ContentType::kHandshake, far, 50)});
  EXPECT_FALSE(pair_.server.fatal);
  EXPECT_FALSE(pair_.server.channel.has_buffered());
  EXPECT_EQ(pair_.server.channel.deadline(), pair_.now + 1000ms);  // no ACK, the ticket's timer
}

TEST_F(ChannelAck, unknown_records_in_an_ack_are_ignored) {
  const auto flight = server_flight();
  give_all(pair_.server,
           {record_of_client(2, wire::ContentType::kAck, ack_of({{2, 999}, {0, 77}}), 50)});
  EXPECT_FALSE(pair_.server.fatal);
  EXPECT_EQ(pair_.server.channel.deadline(), pair_.now + 1000ms);
}

// RFC 9147 §7, erratum 8108.
TEST_F(ChannelAck, an_ack_in_an_older_epoch_than_its_records_is_fatal_where_plaintext_is_strict) {
  ChannelSettings strict;
  strict.strict_plaintext = true;
  pair_ = ChannelPair(wire::kDtls13, strict, 4000);
  static_cast<void>(server_flight());
  give_all(pair_.server, {record_of_client(0, wire::ContentType::kAck, ack_of({{2, 0}}), 50)});
  ASSERT_TRUE(pair_.server.fatal);
  EXPECT_EQ(pair_.server.fatal->alert, wire::AlertDescription::kIllegalParameter);
}

TEST_F(ChannelAck, an_invalid_ack_without_keys_is_dropped) {
  static_cast<void>(server_flight());
  Datagram cut = ack_of({{0, 0}});
  cut.pop_back();
  for (const Datagram& content : {ack_of({{2, 0}}), ack_of({{0, record::kMaxSequence + 1}}), cut})
    give_all(pair_.server, {record_of_client(0, wire::ContentType::kAck, content, 50)});
  EXPECT_FALSE(pair_.server.fatal);
  EXPECT_EQ(pair_.server.channel.deadline(), pair_.now + 1000ms);
}

// Anybody can say that the ServerHello has come. The client, which lacks it, cannot be heard.
TEST_F(ChannelAck, server_repeats_what_an_ack_without_keys_acknowledges) {
  const auto flight = server_flight();
  give_all(pair_.server,
           {record_of_client(0, wire::ContentType::kAck, ack_of({{0, 0}, {0, 1}}), 50)});
  pass(1000ms);
  EXPECT_EQ(size_of(pair_.poll(pair_.server)), size_of(flight));
}

TEST_F(ChannelAck, a_malformed_ack_is_fatal) {
  static_cast<void>(server_flight());
  Datagram content = ack_of({{2, 0}});
  content.pop_back();
  give_all(pair_.server, {record_of_client(2, wire::ContentType::kAck, content, 50)});
  ASSERT_TRUE(pair_.server.fatal);
  EXPECT_EQ(pair_.server.fatal->alert, wire::AlertDescription::kDecodeError);
}

TEST_F(ChannelAck, lists_are_sorted_and_bounded) {
  AckList list;
  for (std::uint64_t i = 0; i < 40; ++i)
    list.add({.epoch = 2 + i % 2, .sequence = 100 - i});
  Datagram content(2000);
  content.resize(list.write(content));
  const auto numbers = wire::parse_ack(content);
  ASSERT_TRUE(numbers);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (const auto number : *numbers)
    found.emplace_back(number.epoch, number.sequence);
  EXPECT_EQ(found.size(), AckList::kMost);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_EQ(found.front(), (std::pair<std::uint64_t, std::uint64_t>(2, 62)));
  // Where there is room for two, they are the newest.
  Datagram small(wire::ack_size(2) + 15);
  small.resize(list.write(small));
  EXPECT_EQ(small.size(), wire::ack_size(2));
}

TEST_F(ChannelAck, records_that_do_not_fit_one_ack_are_named_by_the_next) {
  AckList list;
  const auto named = [&](std::size_t room) {
    Datagram content(wire::ack_size(room));
    content.resize(list.write(content));
    std::vector<std::uint64_t> sequences;
    const auto numbers = wire::parse_ack(content);
    for (const auto number : *numbers)
      sequences.push_back(number.sequence);
    return sequences;
  };
  using Sequences = std::vector<std::uint64_t>;
  for (std::uint64_t i = 0; i < 5; ++i)
    list.add({.epoch = 2, .sequence = i});
  EXPECT_EQ(named(2), (Sequences{3, 4}));
  EXPECT_TRUE(list.has_more());
  EXPECT_EQ(named(2), (Sequences{1, 2}));
  EXPECT_TRUE(list.has_more());
  EXPECT_EQ(named(2), (Sequences{0}));
  EXPECT_FALSE(list.has_more());
  // Those that were named before come again where there is room: that ACK may have been lost.
  EXPECT_EQ(named(3), (Sequences{2, 3, 4}));
  list.add({.epoch = 2, .sequence = 5});
  EXPECT_EQ(named(2), (Sequences{4, 5}));
  EXPECT_FALSE(list.has_more());
}

// A KeyUpdate (RFC 9147 §8): new keys are written with after its ACK; the old ones are read until
// then and for a while after it.
TEST_F(ChannelAck, keys_are_renewed_under_loss) {
  connect();
  Channel& writer = pair_.client.channel;
  writer.begin_flight();
  const auto seq = static_cast<std::uint16_t>(writer.next_message_out());
  writer.add_message(wire::HandshakeType::kKeyUpdate, test::bytes_of(1, 0));
  writer.end_flight(Channel::Then::kAwaitAck, pair_.now);
  EXPECT_EQ(pair_.poll(pair_.client).size(), 1U);  // lost
  EXPECT_FALSE(writer.is_acked(seq));
  const Datagram before = pair_.client.seal("before");
  pass(1000ms);
  give_all(pair_.server, pair_.poll(pair_.client));
  EXPECT_EQ(pair_.server.seen.back(), static_cast<int>(wire::HandshakeType::kKeyUpdate));
  pair_.server.channel.install_read(4, test::test_keys(wire::kDtls13, 4, true));
  give_all(pair_.server, {before, pair_.client.seal("still the old keys")});
  pass(250ms);
  give_all(pair_.client, pair_.poll(pair_.server));
  EXPECT_TRUE(writer.is_acked(seq));
  EXPECT_EQ(writer.deadline(), std::nullopt);
  writer.install_write(4, test::test_keys(wire::kDtls13, 4, true));
  give_all(pair_.server, {pair_.client.seal("new keys")});
  EXPECT_EQ(pair_.server.received,
            (std::vector<std::string>{"before", "still the old keys", "new keys"}));
  // Four minutes after the last handshake message nothing of the old epoch is read.
  Datagram late = record_of_client(3, wire::ContentType::kApplicationData, Datagram(5), 60);
  pair_.now += 4min;
  give_all(pair_.server, {late});
  EXPECT_EQ(pair_.server.received.size(), 3U);
}

TEST_F(ChannelAck, a_ticket_outlives_the_epoch_that_it_was_sent_in) {
  connect();
  Channel& writer = pair_.server.channel;
  writer.begin_flight();
  writer.add_message(wire::HandshakeType::kNewSessionTicket, test::bytes_of(60, 4));
  writer.end_flight(Channel::Then::kAwaitAck, pair_.now);
  static_cast<void>(pair_.poll(pair_.server));  // lost
  for (const std::uint64_t epoch : {4U, 5U}) {
    writer.install_write(epoch, test::test_keys(wire::kDtls13, epoch, false));
    pair_.client.channel.install_read(epoch, test::test_keys(wire::kDtls13, epoch, false));
  }
  pass(1000ms);
  give_all(pair_.client, pair_.poll(pair_.server));
  EXPECT_FALSE(pair_.client.fatal);
  EXPECT_EQ(pair_.client.bodies.back(), test::bytes_of(60, 4));
}

}  // namespace
}  // namespace dtls::handshake
