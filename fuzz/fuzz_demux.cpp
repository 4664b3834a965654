// An endpoint with a few peers, some of which begin anew for ever, and an owner that keeps the
// rules of endpoint.hpp. Input: steps of a byte that says what happens, a byte that says to whom,
// and what that needs. A model of queue and counts runs beside it.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>

#include "endpoint/endpoint.hpp"
#include "harness/meter.hpp"
#include "harness/require.hpp"
#include "harness/scene.hpp"
#include "unit/wire/hello_bytes.hpp"
#include "wire/reader.hpp"

namespace {

using dtls::Address;
using dtls::TimePoint;
using dtls::endpoint::CookieGate;
using dtls::endpoint::CookieSecrets;
using dtls::endpoint::Endpoint;
using dtls::endpoint::HelloCollector;
using dtls::endpoint::Opening;
using dtls::fuzz::held_bytes;
using dtls::fuzz::require;
using dtls::test::Datagram;
using Bytes = std::span<const std::byte>;
using Outcome = Endpoint::Outcome;

constexpr dtls::Duration kPatience = std::chrono::seconds(30);
constexpr std::size_t kMostDatagram = 4096;
constexpr dtls::Limits kLimits{.accept_queue = 4,
                               .associations = 8,
                               .half_open = 6,
                               .associations_per_address = 5,
                               .half_open_per_address = 3};
// The opening datagrams of one, and what stands around them.
constexpr std::size_t kMostOfOne = 5 * kMostDatagram;
// Tables, contexts of the gate, and the hellos that it collects.
constexpr std::size_t kMostOfNobody =
    std::size_t{24} * 1024 + HelloCollector::kMost * (HelloCollector::kMaxHello + 256);

std::vector<Address> make_peers() {
  return {*Address::parse("192.0.2.1", 1),       *Address::parse("192.0.2.1", 2),
          *Address::parse("192.0.2.1", 3),       *Address::parse("192.0.2.2", 1),
          *Address::parse("2001:db8:1:2::1", 1), *Address::parse("2001:db8:1:2::2", 1),
          *Address::parse("2001:db8:1:3::1", 1), *Address::parse("::ffff:192.0.2.2", 1)};
}

// Of the two versions, so that there are challenges of both.
Endpoint make_endpoint() {
  const std::array<std::byte, CookieSecrets::kKeySize> key{};
  auto settings = std::make_shared<dtls::handshake::Settings>(
      dtls::fuzz::Scene{}.settings(dtls::fuzz::Role::kServer));
  auto gate = CookieGate::create(*CookieSecrets::from_master_key(key), std::move(settings));
  return {std::move(*gate), kLimits, kPatience};
}

// What an accepted peer's datagrams go to.
class Association : public dtls::endpoint::Receiver {
 public:
  explicit Association(const Opening& opening) : peer(opening.peer), mark(opening.mark) {}

  void on_datagram(std::span<std::byte> datagram, TimePoint /*now*/) override {
    require(!has_ended, "who has ended hears nothing");
    last_size = datagram.size();
    ++count;
  }

  void on_evicted(const dtls::endpoint::Eviction& eviction) override {
    require(eviction.half_open == half_open, "the endpoint knows whose handshake is done");
    require(half_open || eviction.since >= dtls::endpoint::Census::kSpokeLately,
            "who spoke within a minute stays");
    const auto ending = end;
    ending(*this);  // destroys this
  }

  Address peer;
  dtls::wire::HelloMark mark;
  std::function<void(Association&)> end;
  // Whose place it took, here or in another thread.
  Association* predecessor = nullptr;
  std::weak_ptr<Association> predecessor_away;
  bool half_open = true;
  bool has_departed = false;
  bool has_ended = false;
  std::size_t last_size = 0;
  std::size_t count = 0;
};

class Target {
 public:
  void step(std::uint8_t what, std::uint8_t who, dtls::wire::Reader& reader) {
    static const auto kPeers = make_peers();
    const Address& peer = kPeers[who % kPeers.size()];
    switch (what % 12) {
      case 0: {
        const auto bytes = reader.vector16(0, kMostDatagram);
        require(give(peer, {bytes.begin(), bytes.end()}) != Outcome::kOpened,
                "nobody opens without a cookie of ours");
        break;
      }
      case 1:
        require(give(peer, hello(reader.u8())) != Outcome::kOpened, "a first hello opens nothing");
        break;
      case 2:
        answer(peer, peer);
        break;
      case 3:
        answer(peer, kPeers[reader.u8() % kPeers.size()]);
        break;
      case 4:
        now_ += std::chrono::seconds(who);
        break;
      case 5:
        accept(true);
        break;
      case 6:
        accept(false);
        break;
      case 7:
        if (auto* one = pick(who); one != nullptr && one->half_open) {
          endpoint_.establish(*one, now_);
          one->half_open = false;
        }
        break;
      case 8:
        end(pick(who));
        break;
      case 9:
        depart(pick(who));
        break;
      case 10:
        if (!away_.empty()) away_.erase(away_.begin() + who % static_cast<int>(away_.size()));
        break;
      default:
        if (auto* one = pick(who)) give(one->peer, Datagram(who % 32U));
    }
    check();
  }

 private:
  static Datagram hello(std::uint8_t last_of_random) {
    Datagram made = dtls::test::from_hex(dtls::test::kFirstHello);
    made.at(dtls::test::kSessionIdAt - 1) = std::byte{last_of_random};
    return made;
  }

  Outcome give(const Address& peer, Datagram datagram) {
    const std::size_t refused = endpoint_.counters().refused;
    const auto heard = heard_by(peer);
    const Datagram sent = datagram;
    std::array<std::byte, CookieGate::kMaxReplySize> reply;
    const auto handled = endpoint_.receive(peer, {}, datagram, now_, reply);
    if (handled.outcome == Outcome::kReply) {
      require(handled.reply_size <= sent.size(), "no answer is longer than its question");
      challenged_[text(peer)] = {
          sent, {reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(handled.reply_size)}};
    } else {
      require(handled.reply_size == 0, "only a reply has a size");
    }
    const bool is_delivered = handled.outcome == Outcome::kDelivered;
    require(heard_by(peer) == heard + (is_delivered ? 1 : 0), "a datagram goes to one of its peer");
    if (handled.outcome == Outcome::kOpened || endpoint_.counters().refused > refused) {
      drop_impatient();
    }
    std::erase_if(queue_, [&](const Waiting& each) { return !endpoint_.is_waiting(each.peer); });
    if (handled.outcome == Outcome::kOpened) {
      const auto known = std::ranges::find(queue_, peer, &Waiting::peer);
      if (known == queue_.end()) queue_.push_back({peer, now_});
    }
    return handled.outcome;
  }

  // The hello of `peer` that was challenged last, with the cookie that `of` got for its own.
  void answer(const Address& peer, const Address& of) {
    const auto own = challenged_.find(text(peer));
    const auto other = challenged_.find(text(of));
    if (own == challenged_.end() || other == challenged_.end()) return;
    const auto& reply = other->second.reply;
    if (reply.size() != CookieGate::kReplySize) return;          // a HelloRetryRequest
    if (!dtls::test::is_whole_hello(own->second.hello)) return;  // answered by its first fragment
    if (own->second.hello.size() + CookieGate::kCookieSize > kMostDatagram) return;
    const auto second =
        dtls::test::with_cookie(own->second.hello, Bytes(reply).last(CookieGate::kCookieSize));
    const auto outcome = give(peer, second);
    require(outcome != Outcome::kOpened || peer == of, "another's cookie opens nothing");
  }

  void accept(bool adopts) {
    drop_impatient();
    require(endpoint_.has_waiting() || queue_.empty(), "who waits is known");
    const auto opening = endpoint_.accept(now_);
    require(opening.has_value() == !queue_.empty(), "who waits is accepted");
    if (!opening) return;
    require(opening->peer == queue_.front().peer, "who has waited longest comes first");
    require(!opening->datagrams.empty() && opening->datagrams.size() <= Opening::kMostDatagrams,
            "the hello waits, and little more");
    queue_.pop_front();
    if (!adopts) {
      endpoint_.abandon(*opening);
      return;
    }
    auto& made = associations_.emplace_back(std::make_unique<Association>(*opening));
    made->predecessor = static_cast<Association*>(opening->replaces);
    made->predecessor_away = std::static_pointer_cast<Association>(opening->replaces_away);
    made->end = [this](Association& evicted) {
      evicted_heard_[text(evicted.peer)] += evicted.count;
      end(&evicted);
    };
    endpoint_.adopt(*opening, *made);
  }

  Association* pick(std::uint8_t which) {
    if (associations_.empty()) return nullptr;
    auto found = associations_.begin();
    std::advance(found, which % associations_.size());
    return found->get();
  }

  std::shared_ptr<Association> take(const Association* association) {
    const auto found =
        std::ranges::find(associations_, association, [](const auto& each) { return each.get(); });
    std::shared_ptr<Association> taken = std::move(*found);
    associations_.erase(found);
    // Nobody is to be restored to a place that was given up.
    for (const auto& each : associations_) {
      if (each->predecessor == association) each->predecessor = nullptr;
    }
    return taken;
  }

  // A new one that fails gives its place back.
  void end(Association* association) {
    if (association == nullptr) return;
    endpoint_.forget(association->peer, *association);
    association->has_ended = true;
    if (association->half_open && association->predecessor != nullptr) {
      const auto* const old = association->predecessor;
      endpoint_.restore(old->peer, *association->predecessor, old->mark);
    } else if (const auto old = association->predecessor_away.lock();
               old && association->half_open) {
      endpoint_.restore_away(old->peer, old, old->mark);
    }
    take(association);
  }

  void depart(Association* association) {
    if (association == nullptr) return;
    auto taken = take(association);
    taken->has_departed = true;
    endpoint_.depart(taken->peer, *taken, taken);
    away_.push_back(std::move(taken));
  }

  [[nodiscard]] std::size_t heard_by(const Address& peer) const {
    const auto evicted = evicted_heard_.find(text(peer));
    std::size_t heard = evicted == evicted_heard_.end() ? 0 : evicted->second;
    for (const auto& each : associations_)
      heard += each->peer == peer ? each->count : 0;
    for (const auto& each : away_)
      heard += each->peer == peer ? each->count : 0;
    return heard;
  }

  void drop_impatient() {
    while (!queue_.empty() && now_ - queue_.front().since >= kPatience)
      queue_.pop_front();
  }

  void check() const {
    require(endpoint_.census().associations() == queue_.size() + associations_.size(),
            "everybody is counted, and nobody twice");
    require(queue_.size() <= kLimits.accept_queue, "the queue has a limit");
    require(endpoint_.has_waiting() == !queue_.empty(), "who waits is known");
    require(endpoint_.census().associations() <= kLimits.associations, "there is a limit");
    std::size_t half_open = queue_.size();
    for (const auto& each : associations_)
      half_open += each->half_open ? 1U : 0U;
    require(half_open <= kLimits.half_open, "there is a limit of half-open ones");
    const std::size_t held = held_bytes() - held_before_;
    require(held <= kMostOfNobody + challenges_size() +
                        endpoint_.census().associations() * kMostOfOne + away_.size() * 512,
            "strangers cost nothing, peers little");
  }

  [[nodiscard]] std::size_t challenges_size() const {
    std::size_t size = 0;
    for (const auto& [peer, each] : challenged_)
      size += each.hello.size() + each.reply.size() + 256;
    return size;
  }

  static std::string text(const Address& peer) { return peer.text(); }

  struct Waiting {
    Address peer;
    TimePoint since;
  };
  struct Challenged {
    Datagram hello;
    Datagram reply;
  };

  std::size_t held_before_ = held_bytes();
  Endpoint endpoint_ = make_endpoint();
  TimePoint now_ = dtls::fuzz::kBeginning;
  std::deque<Waiting> queue_;
  std::list<std::unique_ptr<Association>> associations_;
  std::vector<std::shared_ptr<Association>> away_;
  std::map<std::string, Challenged> challenged_;
  std::map<std::string, std::size_t> evicted_heard_;  // by those that are gone, by peer
};

}  // namespace

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dtls::wire::Reader reader(std::as_bytes(std::span(data, size)));
  Target target;
  while (!reader.empty()) {
    const std::uint8_t what = reader.u8();
    const std::uint8_t who = reader.u8();
    target.step(what, who, reader);
  }
  return 0;
}
