// Messages in batches: on_message, send_many, flush and abort, over loopback.
#include <malloc.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/udp_socket.hpp"
#include "support/loopback.hpp"

namespace dtls::test {
namespace {

class Delivery : public Loopback {
 protected:
  Delivery() : server_(listen()), pair_(connect(server_)) {}

  static std::string text_of(std::span<const std::byte> message) {
    return {reinterpret_cast<const char*>(message.data()), message.size()};  // NOLINT
  }
  // collect has a connection's messages appended to the list.
  static void collect(Connection& of, std::vector<std::string>& list) {
    of.on_message(
        [&list](std::span<const std::byte> message) { list.push_back(text_of(message)); });
  }
  bool turn_until(const std::function<bool()>& done) { return loop_.run_until(done, kSoon); }
  // arrived: whether a datagram waits in the client's socket.
  bool arrived() {
    std::array<char, 1> byte{};
    return ::recv(*client().descriptor(), byte.data(), byte.size(), MSG_PEEK | MSG_DONTWAIT) >= 0;
  }
  // in_a_turn calls `action` in a callback of the loop, and ends the turn.
  void in_a_turn(const std::function<void()>& action) {
    bool done = false;
    loop_.add_timer(TimePoint::min(), [&] {
      action();
      done = true;
    });
    while (!done)
      loop_.run_once(Duration::zero(), EventLoop::Scope::kBackground);
  }
  Connection& client() { return pair_.first; }
  Connection& peer() { return pair_.second; }

  Server server_;
  std::pair<Connection, Connection> pair_;
};

TEST_F(Delivery, on_message_gets_the_messages_of_one_turn_in_their_order) {
  std::vector<std::string> got;
  collect(peer(), got);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(client().send(std::to_string(i)));
  loop_.run_once(kSoon, EventLoop::Scope::kBackground);
  ASSERT_EQ(got.size(), 20U) << "of one turn";
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(got[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(receive(peer(), Duration::zero()), "") << "recv gives nothing beside it";
}

TEST_F(Delivery, on_message_gets_what_was_queued_before_it_was_set) {
  for (const char* message : {"first", "second", "third"})
    ASSERT_TRUE(client().send(message));
  while (peer().pending() == 0) {
  }
  std::vector<std::string> got;
  collect(peer(), got);
  ASSERT_TRUE(client().send("fourth"));
  EXPECT_TRUE(turn_until([&] { return got.size() == 4; }));
  EXPECT_EQ(got, (std::vector<std::string>{"first", "second", "third", "fourth"}));
  peer().on_message({});
  ASSERT_TRUE(client().send("fifth"));
  EXPECT_EQ(receive(peer()), "fifth") << "without it messages are queued again";
}

TEST_F(Delivery, a_callback_may_answer_with_the_bytes_that_it_was_given) {
  for (auto* receiver : {&client(), &peer()}) {
    auto& sender = receiver == &client() ? peer() : client();
    receiver->on_message([receiver](std::span<const std::byte> message) {
      EXPECT_TRUE(receiver->send(message));
      EXPECT_EQ(text_of(message), "echo") << "they stay valid";
    });
    ASSERT_TRUE(sender.send("echo"));
    EXPECT_EQ(receive(sender), "echo");
    receiver->on_message({});
  }
}

TEST_F(Delivery, a_callback_may_close_or_destroy_its_connection) {
  auto another = connect(server_);
  int closed = 0;
  peer().on_message([&](std::span<const std::byte>) {
    ++closed;
    peer().close();
  });
  auto destroyed = std::make_unique<Connection>(std::move(another.second));
  int calls = 0;
  destroyed->on_message([&](std::span<const std::byte>) {
    ++calls;
    destroyed.reset();
  });
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client().send("x"));
    ASSERT_TRUE(another.first.send("x"));
  }
  EXPECT_EQ(receive(client()), "error " + std::to_string(ESHUTDOWN));
  EXPECT_EQ(receive(another.first), "error " + std::to_string(ESHUTDOWN));
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(calls, 1);
}

TEST_F(Delivery, a_callback_may_close_the_server_and_its_connections_live_on) {
  std::vector<std::string> got;
  peer().on_message([&](std::span<const std::byte> message) {
    if (got.empty()) server_.close();
    got.push_back(text_of(message));
  });
  for (const char* message : {"first", "second"})
    ASSERT_TRUE(client().send(message));
  EXPECT_TRUE(turn_until([&] { return !got.empty(); }));
  ASSERT_TRUE(client().send("third"));
  EXPECT_TRUE(turn_until([&] { return got.back() == "third"; }));
}

TEST_F(Delivery, an_exception_of_a_callback_passes_out_and_loses_no_message) {
  std::vector<std::string> got;
  peer().on_message([&](std::span<const std::byte> message) {
    got.push_back(text_of(message));
    if (got.size() == 2) throw std::runtime_error("of the program");
  });
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(client().send(std::to_string(i)));
  EXPECT_THROW(turn_until([&] { return got.size() == 5; }), std::runtime_error);
  EXPECT_TRUE(turn_until([&] { return got.size() == 5; }));
  EXPECT_EQ(got.back(), "4");
}

TEST_F(Delivery, on_message_does_not_hide_the_end) {
  std::vector<std::string> got;
  collect(peer(), got);
  bool has_ended = false;
  peer().on_readable([&] { has_ended = peer().state() == Connection::State::kClosedByPeer; });
  ASSERT_TRUE(client().send("last"));
  client().close();
  EXPECT_TRUE(turn_until([&] { return has_ended; }));
  EXPECT_EQ(got, std::vector<std::string>{"last"});
}

TEST_F(Delivery, messages_of_one_turn_leave_at_its_end_and_others_at_once) {
  in_a_turn([&] {
    ASSERT_TRUE(peer().send("first"));
    ASSERT_TRUE(peer().send("second"));
    EXPECT_FALSE(arrived());
    peer().flush();
    EXPECT_TRUE(arrived()) << "flush does not wait";
    EXPECT_EQ(receive(client(), Duration::zero()), "first");
    EXPECT_EQ(receive(client(), Duration::zero()), "second");
    ASSERT_TRUE(peer().send("third"));
    EXPECT_FALSE(arrived());
  });
  EXPECT_TRUE(arrived());
  EXPECT_EQ(receive(client()), "third");
  ASSERT_TRUE(peer().send("fourth"));
  EXPECT_TRUE(arrived()) << "outside of a turn";
}

TEST_F(Delivery, a_turn_that_ends_by_an_exception_sends_what_it_has_accepted) {
  loop_.add_timer(TimePoint::min(), [&] {
    ASSERT_TRUE(peer().send("accepted"));
    throw std::runtime_error("of the program");
  });
  EXPECT_THROW(loop_.run_once(Duration::zero()), std::runtime_error);
  EXPECT_TRUE(arrived());
}

TEST_F(Delivery, a_connection_that_closes_in_a_turn_has_sent_its_messages) {
  for (auto* leaving : {&client(), &peer()}) {
    auto& staying = leaving == &client() ? peer() : client();
    auto other = connect(server_);
    in_a_turn([&] {
      ASSERT_TRUE(leaving->send("last words"));
      leaving->close();
    });
    EXPECT_EQ(receive(staying), "last words");
    EXPECT_EQ(receive(staying), "error " + std::to_string(ESHUTDOWN));
    pair_ = std::move(other);
  }
}

TEST_F(Delivery, an_option_of_the_socket_holds_for_what_is_sent_after_it) {
  in_a_turn([&] {
    ASSERT_TRUE(peer().send("before"));
    ASSERT_TRUE(peer().socket_options()->set_ttl(9));
    EXPECT_TRUE(arrived()) << "sent under the options of before";
  });
}

TEST_F(Delivery, send_many_sends_all_messages_in_their_order) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i)
    texts.push_back("message " + std::to_string(i));
  std::vector<std::span<const std::byte>> messages;
  messages.reserve(texts.size());
  for (const auto& text : texts)
    messages.push_back(std::as_bytes(std::span(text)));
  for (auto* sender : {&client(), &peer()}) {
    auto& receiver = sender == &client() ? peer() : client();
    const auto sent = sender->send_many(messages);
    ASSERT_TRUE(sent);
    EXPECT_EQ(*sent, texts.size());
    for (const auto& text : texts)
      EXPECT_EQ(receive(receiver), text);
  }
}

TEST_F(Delivery, send_many_stops_at_a_message_that_cannot_be_sent_and_says_why) {
  const std::string fits = "fits";
  const std::vector<std::byte> too_long(kMaxMessage + 1);
  const auto good = std::as_bytes(std::span(fits));
  const std::array<std::span<const std::byte>, 3> messages{good, too_long, good};
  const auto sent = client().send_many(messages);
  ASSERT_TRUE(sent);
  EXPECT_EQ(*sent, 1U);
  EXPECT_EQ(receive(peer()), fits);
  const auto refused = client().send_many(std::span(messages).subspan(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EMSGSIZE);
  EXPECT_EQ(*client().send_many({}), 0U);
  client().close();
  EXPECT_EQ(client().send_many(messages).error().sys_errno, EBADF);
}

TEST_F(Delivery, abort_says_nothing_to_the_peer) {
  for (auto* leaving : {&client(), &peer()}) {
    auto& staying = leaving == &client() ? peer() : client();
    auto other = connect(server_);
    leaving->abort();
    EXPECT_EQ(leaving->state(), Connection::State::kClosed);
    EXPECT_EQ(receive(staying, Duration(20)), "");
    EXPECT_EQ(staying.state(), Connection::State::kEstablished);
    leaving->abort();
    pair_ = std::move(other);
  }
}

// Bare is a peer without an event loop: several associations, one after the other, on one address.
class Bare {
 public:
  Bare(const ClientConfig& config, const Address& server)
      : context_(std::move(*Context::for_client(config))),
        server_(server),
        socket_(std::move(*net::UdpSocket::connect(server))) {}

  Session begin() {
    auto session = std::move(*Session::client(context_, server_, Clock::now()));
    send_all(session);
    return session;
  }
  // exchange sends and receives for the session until `done`, and has the server's loop turn.
  void exchange(Session& session, EventLoop& loop, const std::function<bool()>& done) {
    const auto deadline = Clock::now() + *kSoon;
    while (!done() && Clock::now() < deadline) {
      loop.run_once(Duration(1), EventLoop::Scope::kAll);
      ASSERT_TRUE(socket_.receive(batch_));
      for (auto& incoming : batch_.datagrams())
        session.receive(incoming.bytes, Clock::now());
      while (auto event = session.poll_event())
        connected |= std::holds_alternative<Connected>(*event);
      send_all(session);
    }
    EXPECT_TRUE(done());
  }
  void send(std::span<const std::byte> datagram) { ASSERT_TRUE(socket_.send(datagram)); }

  bool connected = false;

 private:
  void send_all(Session& session) {
    std::array<std::byte, kMaxDatagram> datagram;
    while (const std::size_t size = session.poll_transmit(datagram))
      send(std::span(datagram).first(size));
  }

  std::shared_ptr<Context> context_;
  Address server_;
  net::UdpSocket socket_;
  net::ReceiveBatch batch_;
};

class BarePeer : public Loopback {
 protected:
  BarePeer() : server_(listen()), bare_(client_config_, server_.local_address()) {
    server_.on_accept([this](Connection accepted) {
      accepted_.push_back(std::make_unique<Connection>(std::move(accepted)));
    });
  }
  Session connect_bare() {
    auto session = bare_.begin();
    bare_.connected = false;
    bare_.exchange(session, loop_, [&] {
      return bare_.connected && accepted_.back()->state() == Connection::State::kEstablished;
    });
    return session;
  }

  Server server_;
  Bare bare_;
  std::vector<std::unique_ptr<Connection>> accepted_;
};

TEST_F(BarePeer, a_callback_may_destroy_its_connection_while_more_of_the_datagram_waits) {
  auto session = connect_bare();
  int calls = 0;
  accepted_.back()->on_message([&](std::span<const std::byte>) {
    ++calls;
    accepted_.back().reset();
  });
  // Two records in one datagram, which no association of ours sends.
  std::array<std::byte, 2048> datagram;
  const std::array<std::byte, 10> message{};
  const std::size_t first = *session.seal(message, datagram);
  const std::size_t second = *session.seal(message, std::span(datagram).subspan(first));
  ASSERT_GT(second, 0U);
  bare_.send(std::span(datagram).first(first + second));
  bare_.exchange(session, loop_, [&] { return calls > 0; });
  EXPECT_EQ(calls, 1);
}

// RFC 6347 §4.2.8: until the new association is established, datagrams go to both.
TEST_F(BarePeer, a_callback_of_the_old_association_may_close_the_new_one) {
  auto old = connect_bare();
  auto anew = bare_.begin();
  bare_.exchange(anew, loop_, [&] { return accepted_.size() == 2; });
  int calls = 0;
  accepted_.front()->on_message([&](std::span<const std::byte>) {
    ++calls;
    accepted_.back()->close();
  });
  std::array<std::byte, 2048> datagram;
  const std::array<std::byte, 10> message{};
  const std::size_t size = *old.seal(message, datagram);
  bare_.send(std::span(datagram).first(size));
  loop_.run_until([&] { return calls > 0; }, kSoon);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(accepted_.front()->state(), Connection::State::kEstablished);
}

TEST_F(Delivery, a_server_that_closes_in_a_turn_has_read_all_that_came) {
  in_a_turn([&] {
    EXPECT_EQ(receive(peer(), Duration::zero()), "") << "its socket was empty in this turn";
    ASSERT_TRUE(client().send("later"));
    client().flush();
    server_.close();
  });
  EXPECT_EQ(receive(peer()), "later");
}

TEST_F(Delivery, connections_with_nothing_to_send_keep_no_memory_for_it) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator does not count";
#endif
  constexpr std::size_t kCount = 30;
  const auto held = [] {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  std::vector<std::pair<Connection, Connection>> pairs;
  const std::size_t before = held();
  for (std::size_t i = 0; i < kCount; ++i)
    pairs.push_back(connect(server_));
  for (auto& [client, peer] : pairs)
    ASSERT_TRUE(peer.descriptor());
  EXPECT_LT((held() - before) / kCount, std::size_t{128} * 1024) << "a batch has 256 KiB";
}

}  // namespace
}  // namespace dtls::test
