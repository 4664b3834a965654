// The load of `./dev bench net`: clients of one contender, until it is killed.
#include <cstdio>
#include <cstdlib>

#include "net/job.hpp"
#include "net/load/crowd.hpp"

namespace dtls::bench {
namespace {

// After so long without an answer, those that are missing are given up.
constexpr Duration kSilence{100};

// Load never sleeps while something is measured, so that no contender pays for waking it.
class Load {
 public:
  explicit Load(const Arguments& arguments)
      : work_(arguments.text("work")),
        counters_(map_counters(arguments.text("counters"))),
        server_{.ip = htonl(kLoopback),
                .port = htons(static_cast<std::uint16_t>(arguments.number("server", 0)))},
        associations_(arguments.number("associations", 1)),
        in_flight_(arguments.number("in-flight", 128)),
        rate_(arguments.number("rate", 0)),
        bursts_(arguments.number("bursts", 0)),
        message_(arguments.number("size", 64), std::byte{7}),
        talkers_(make_talkers(arguments)),
        line_(server_, associations_ == 1 && !makes_handshakes()) {}

  void run() {
    if (work_ == "hello") ask_for_cookies();
    if (makes_handshakes()) shake_hands();
    const bool answers = work_ == "echo" || work_ == "bursts" || work_ == "idle";
    Crowd crowd(*talkers_, line_, counters_, associations_, answers);
    crowd.open_all();
    counters_.ready = 1;
    if (work_ == "sink") pour(crowd);
    if (work_ == "source") drink(crowd);
    if (work_ == "echo") play(crowd);
    if (work_ == "bursts") burst(crowd);
    for (;;)
      crowd.turn(
          true, [](std::size_t) {}, [](std::size_t) {});
  }

 private:
  [[nodiscard]] bool makes_handshakes() const {
    return work_ == "handshakes" || work_ == "resumed";
  }

  std::unique_ptr<Talkers> make_talkers(const Arguments& arguments) const {
    const auto protocol = arguments.text("protocol");
    if (protocol == "plain") return make_plain_talkers();
    if (protocol == "records") return make_record_talkers();
    require(protocol == "dtls", "--protocol is plain, records or dtls");
    return make_session_talkers(version_of(arguments.text("version")),
                                read_file(arguments.text("root")), server_,
                                work_ == "resumed" ? Handshakes::kResumed : Handshakes::kFull);
  }

  // pour sends without a pause; what the server does not take in time the kernel drops. At a rate,
  // it sends one datagram after the other in equal distances.
  [[noreturn]] void pour(Crowd& crowd) {
    auto due = Clock::now();
    while (rate_ != 0) {
      crowd.turn(
          false, [](std::size_t) {}, [](std::size_t) {});
      if (Clock::now() < due) continue;
      due += std::chrono::nanoseconds(1'000'000'000 / rate_);
      crowd.send(0, message_);
      line_.flush();
    }
    for (;;) {
      for (int i = 0; i < 1024; ++i)
        crowd.send(0, message_);
      crowd.turn(
          false, [](std::size_t) {}, [](std::size_t) {});
    }
  }

  // drink asks the server to send without a pause, and counts.
  [[noreturn]] void drink(Crowd& crowd) {
    crowd.send(0, message_);
    line_.flush();
    for (;;)
      crowd.turn(
          false, [this](std::size_t) { count(counters_.received); }, [](std::size_t) {});
  }

  // play keeps a number of messages under way, on one association after the other; each answer has
  // the next one sent.
  [[noreturn]] void play(Crowd& crowd) {
    std::size_t next = 0;
    std::uint64_t answered = 0;
    const auto serve = [&] {
      crowd.send(next, message_);
      next = (next + 1) % associations_;
    };
    for (;;) {
      for (std::size_t i = 0; i < in_flight_; ++i)
        serve();
      line_.flush();
      // Until nothing comes any more: then some were lost, and as many set out anew.
      auto last = Clock::now();
      while (Clock::now() - last < kSilence) {
        const auto before = answered;
        crowd.turn(
            false,
            [&](std::size_t) {
              ++answered;
              count(counters_.received);
              serve();
            },
            [](std::size_t) {});
        if (answered != before) last = Clock::now();
      }
      count(counters_.failed);
    }
  }

  // burst sends many messages at once on the first association, and the next ones when all are
  // answered or given up.
  void burst(Crowd& crowd) {
    for (std::uint64_t i = 0; i < bursts_; ++i) {
      for (std::size_t sent = 0; sent < in_flight_; ++sent) {
        crowd.send(0, message_);
        // One datagram each: of a run that it drops, the kernel counts one.
        line_.flush();
      }
      std::size_t answered = 0;
      auto last = Clock::now();
      while (answered < in_flight_ && Clock::now() - last < kSilence) {
        crowd.turn(
            false,
            [&](std::size_t) {
              ++answered;
              last = Clock::now();
              count(counters_.received);
            },
            [](std::size_t) {});
      }
    }
    counters_.done = 1;
  }

  // shake_hands keeps handshakes under way. Each association has one message answered, and leaves;
  // the next one comes from another address.
  [[noreturn]] void shake_hands() {
    constexpr std::size_t kPlaces = 65536;
    Crowd crowd(*talkers_, line_, counters_, kPlaces, true);
    std::size_t next = 0;
    const auto begin_next = [&] {
      crowd.begin(next);
      next = (next + 1) % kPlaces;
    };
    for (std::size_t i = 0; i < Crowd::kAtOnce; ++i)
      begin_next();
    line_.flush();
    counters_.ready = 1;
    for (;;) {
      crowd.turn(
          false, [](std::size_t) {},
          [&](std::size_t place) {
            crowd.leave(place);
            begin_next();
          });
    }
  }

  // ask_for_cookies sends the same first hello from many addresses and hears the answers.
  [[noreturn]] void ask_for_cookies() {
    std::vector<std::byte> hello(2048);
    hello.resize(talkers_->make(Clock::now())->transmit(hello));
    std::size_t next = 0;
    const auto ask = [&] {
      std::ranges::copy(hello, line_.room(hello.size()).begin());
      line_.commit(next, hello.size());
      next = (next + 1) % associations_;
    };
    counters_.ready = 1;
    for (;;) {
      for (std::size_t i = 0; i < in_flight_; ++i)
        ask();
      line_.flush();
      for (auto last = Clock::now(); Clock::now() - last < kSilence;) {
        for (const auto& run : line_.receive(false)) {
          last = Clock::now();
          count(counters_.received, run.count());
          for (std::size_t i = 0; i < run.count(); ++i)
            ask();
        }
        line_.flush();
      }
    }
  }

  std::string work_;
  Counters& counters_;
  Peer server_;
  std::size_t associations_;
  std::size_t in_flight_;
  std::uint64_t rate_;  // of messages a second; 0: as many as can be
  std::uint64_t bursts_;
  std::vector<std::byte> message_;
  std::unique_ptr<Talkers> talkers_;
  Line line_;
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  dtls::bench::Load(dtls::bench::Arguments(count, values)).run();
}
