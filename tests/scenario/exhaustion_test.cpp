// Attackers that fill a server's tables, and newcomers meanwhile.
#include <gtest/gtest.h>
#include <malloc.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "net/udp_socket.hpp"
#include "support/loopback.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"
#include "wire/writer.hpp"

namespace dtls::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// DTLS_TEST_ATTACK=full has the attacks reach the default limits; else they reach smaller ones.
bool is_full() {
  return std::getenv("DTLS_TEST_ATTACK") != nullptr;
}

// Attacker opens associations from several addresses of this host, without pause.
class Attacker {
 public:
  enum class Kind : std::uint8_t { kUnfinished, kIdle };

  Attacker(Kind kind, ClientConfig config, const Address& server, int addresses)
      : kind_(kind), server_(server), addresses_(addresses) {
    config.verify = false;
    context_ = std::move(*Context::for_client(config));
  }

  // open makes one more, as far as it goes.
  void open() {
    Address from = *Address::parse("127.0.0." + std::to_string(2 + count_++ % addresses_), 0);
    auto socket = net::UdpSocket::connect(server_, from);
    if (!socket) return;
    auto session = std::move(*Session::client(context_, server_, Clock::now()));
    // A hello, its answer, the hello with the cookie; or all until it is connected.
    bool connected = false;
    for (int flights = 0; !connected; ++flights) {
      send_all(session, *socket);
      if (kind_ == Kind::kUnfinished && flights == 1) return stuff(*socket);
      if (!receive(session, *socket)) return;
      while (auto event = session.poll_event())
        connected |= std::holds_alternative<Connected>(*event);
    }
    send_all(session, *socket);
  }

 private:
  static void send_all(Session& session, net::UdpSocket& socket) {
    std::array<std::byte, kMaxDatagram> datagram;
    while (const std::size_t size = session.poll_transmit(datagram))
      static_cast<void>(socket.send(std::span(datagram).first(size)));
  }

  bool receive(Session& session, net::UdpSocket& socket) {
    pollfd readable{.fd = socket.descriptor(), .events = POLLIN, .revents = 0};
    constexpr int kMilliseconds = 300;
    if (::poll(&readable, 1, kMilliseconds) != 1) return false;
    const auto count = socket.receive(batch_);
    if (!count) return false;
    for (auto& incoming : batch_.datagrams())
      session.receive(incoming.bytes, Clock::now());
    return true;
  }

  // stuff has the server put together a message that never ends.
  static void stuff(net::UdpSocket& socket) {
    constexpr std::uint32_t kLength = 60000;
    constexpr std::uint32_t kPart = 8000;
    for (std::uint32_t at = 0; at + kPart < kLength; at += kPart) {
      std::array<std::byte, wire::kRecordHeaderSize + wire::kHandshakeHeaderSize + kPart> record{};
      wire::Writer writer(record);
      const auto body = static_cast<std::uint16_t>(wire::kHandshakeHeaderSize + kPart);
      writer.u8(22);  // handshake
      writer.u16(0xfefd);
      writer.u16(0);  // epoch
      writer.u48(100 + at);
      writer.u16(body);
      wire::write_handshake_header(writer, {.type = wire::HandshakeType::kCertificate,
                                            .length = kLength,
                                            .message_seq = 2,
                                            .fragment_offset = at,
                                            .fragment_length = kPart});
      static_cast<void>(socket.send(record));
    }
  }

  Kind kind_;
  Address server_;
  int addresses_;
  int count_ = 0;
  std::shared_ptr<Context> context_;
  net::ReceiveBatch batch_;
};

// Attackers are processes of their own. They are forked before there is any thread, and wait for
// the address of their server.
class Attackers {
 public:
  Attackers(Attacker::Kind kind, const ClientConfig& config, int addresses) {
    if (::pipe(go_.data()) != 0) throw std::runtime_error("no pipe");
    for (pid_t& process : processes_) {
      process = ::fork();
      if (process == 0) run(kind, config, addresses);
    }
  }
  ~Attackers() { stop(); }
  Attackers(const Attackers&) = delete;
  Attackers& operator=(const Attackers&) = delete;

  void start(const Address& server) {
    for (std::size_t i = 0; i < processes_.size(); ++i)
      ASSERT_EQ(::write(go_[1], &server, sizeof server), static_cast<ssize_t>(sizeof server));
  }
  void stop() {
    for (pid_t& process : processes_) {
      if (process <= 0) continue;
      ::kill(process, SIGKILL);
      ::waitpid(std::exchange(process, -1), nullptr, 0);
    }
  }

 private:
  [[noreturn]] void run(Attacker::Kind kind, const ClientConfig& config, int addresses) {
    ::close(go_[1]);
    Address server;
    if (::read(go_[0], &server, sizeof server) != static_cast<ssize_t>(sizeof server)) ::_exit(1);
    Attacker self(kind, config, server, addresses);
    const pid_t parent = ::getppid();
    while (::getppid() == parent)
      self.open();
    ::_exit(0);
  }

  std::array<int, 2> go_{};
  std::array<pid_t, 2> processes_{};
};

// Host is a program that serves: it accepts everybody and drops whoever has ended.
class Host {
 public:
  Host(const ServerConfig& config, const Address& local)
      : server_(std::move(*Server::listen(loop_, config, local))) {
    server_.on_accept([this](Connection accepted) {
      const auto peer = peers_.insert(peers_.end(), std::move(accepted));
      peer->on_readable([this, peer] { serve(peer); });
    });
    address_ = server_.local_address();
    thread_ = std::thread([this] {
      while (!done_) {
        loop_.run_once(Duration(20));
        if (drop_all_.exchange(false)) peers_.clear();
        count_ = peers_.size();
        counters_ = server_.counters().evicted_half_open + server_.counters().evicted_idle;
        const std::scoped_lock lock(mutex_);
        turned_.notify_all();
      }
      peers_.clear();
    });
  }
  ~Host() {
    done_ = true;
    thread_.join();
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] std::size_t peers() const { return count_; }
  [[nodiscard]] std::uint64_t evicted() const { return counters_; }
  void drop_all() { drop_all_ = true; }
  // wait asks at every turn of the host's loop, until it is so or the time has passed.
  template <typename Condition>
  bool wait(Condition condition, std::chrono::seconds most) {
    std::unique_lock lock(mutex_);
    return turned_.wait_for(lock, most, condition);
  }

 private:
  void serve(std::list<Connection>::iterator peer) {
    std::array<std::byte, 2048> buffer;
    const auto size = peer->recv(buffer, Duration::zero());
    if (size) {
      static_cast<void>(peer->send(std::span(buffer).first(*size)));
    } else {
      loop_.add_timer(TimePoint::min(), [this, peer] { peers_.erase(peer); });
      peer->on_readable({});
    }
  }

  EventLoop loop_;
  Server server_;
  std::list<Connection> peers_;
  Address address_;
  std::atomic<bool> done_ = false;
  std::atomic<bool> drop_all_ = false;
  std::atomic<std::size_t> count_ = 0;
  std::atomic<std::uint64_t> counters_ = 0;
  std::mutex mutex_;
  std::condition_variable turned_;
  std::thread thread_;
};

class Exhaustion : public Loopback {
 protected:
  void SetUp() override {
    if (kIsSanitized) GTEST_SKIP() << "a sanitizer slows the server, not the attackers' kernel";
  }
  // The time that a newcomer takes to get its first echo.
  Duration come(const Address& server) {
    const auto begin = Clock::now();
    EventLoop loop;
    auto client = Client::connect(loop, client_config_, server, kSoon);
    EXPECT_TRUE(client) << client.error().message;
    if (!client) return Duration::max();
    EXPECT_TRUE(client->send("hello"));
    EXPECT_EQ(receive(*client), "hello");
    return std::chrono::duration_cast<Duration>(Clock::now() - begin);
  }

  // come_all gives the longest time of several newcomers, one after the other.
  Duration come_all(const Address& server, int count) {
    Duration longest{0};
    for (int i = 0; i < count; ++i)
      longest = std::max(longest, come(server));
    return longest;
  }

  // A second, where somebody has chosen an idle machine for it; else everybody gets in.
  static void expect_soon(Duration longest) {
    EXPECT_LE(longest, is_full() ? std::chrono::seconds(1) : kSoon);
  }

  static void expect_as_before(Host& host, std::size_t before) {
    const std::size_t most = before + before / 5;
    EXPECT_TRUE(host.wait([&] { return resident_bytes() <= most; }, std::chrono::seconds(20)))
        << resident_bytes() << " bytes are resident, of " << before << " before";
  }
};

TEST_F(Exhaustion, unfinished_handshakes_keep_no_newcomer_out_and_take_bounded_memory) {
  const std::size_t budget = (is_full() ? std::size_t{128} : std::size_t{8}) * 1024 * 1024;
  if (!is_full()) {
    server_config_.limits.half_open = 512;
    server_config_.limits.half_open_per_address = 128;
    server_config_.limits.half_open_bytes = budget;
  }
  server_config_.handshake_timeout = kMinHandshakeTimeout;
  Attackers attackers(Attacker::Kind::kUnfinished, client_config_, 8);
  Host host(server_config_, *Address::parse("127.0.0.1", 0));
  come_all(host.address(), 20);
  ::malloc_trim(0);
  const std::size_t before = resident_bytes();
  std::size_t most = 0;
  Duration longest{0};
  attackers.start(host.address());
  ASSERT_TRUE(host.wait([&] { return host.evicted() > 0; }, std::chrono::seconds(120)));
  for (int i = 0; i < 20; ++i) {
    longest = std::max(longest, come(host.address()));
    most = std::max(most, resident_bytes());
  }
  attackers.stop();
  std::cout << "newcomers waited " << longest.count() << " ms at most; " << host.evicted()
            << " evicted; resident " << before / 1024 << " KiB before, " << most / 1024
            << " KiB at most\n";
  expect_soon(longest);
  EXPECT_LE(most, before + 2 * budget);
  expect_as_before(host, before);
}

TEST_F(Exhaustion, idle_associations_keep_no_newcomer_out) {
  if (!is_full()) {
    server_config_.limits.associations = 1024;
    server_config_.limits.associations_per_address = 512;
  }
  const std::size_t full = server_config_.limits.associations * 15 / 16;
  Attackers attackers(Attacker::Kind::kIdle, client_config_, 4);
  Host host(server_config_, *Address::parse("127.0.0.1", 0));
  come_all(host.address(), 20);
  ::malloc_trim(0);
  const std::size_t before = resident_bytes();
  attackers.start(host.address());
  ASSERT_TRUE(host.wait([&] { return host.peers() >= full; }, std::chrono::seconds(400)));
  const Duration longest = come_all(host.address(), 20);
  const std::size_t most = resident_bytes();
  attackers.stop();
  std::cout << "newcomers waited " << longest.count() << " ms at most; " << host.peers()
            << " associations; resident " << before / 1024 << " KiB before, " << most / 1024
            << " KiB with them\n";
  expect_soon(longest);
  host.drop_all();
  expect_as_before(host, before);
}

}  // namespace
}  // namespace dtls::test
