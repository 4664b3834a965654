// An endpoint with a few peers, some of which begin anew for ever, and an owner that keeps the
// rules of endpoint.hpp. Input: steps of a byte that says what happens, a byte that says to which
// peer, and the bytes that the step needs. A model of queue, slots and counts runs beside it.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
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
using dtls::endpoint::Elsewhere;
using dtls::endpoint::Endpoint;
using dtls::endpoint::Handle;
using dtls::endpoint::HelloCollector;
using dtls::endpoint::Opening;
using dtls::endpoint::Place;
using dtls::fuzz::held_bytes;
using dtls::fuzz::require;
using dtls::test::Datagram;
using Bytes = std::span<const std::byte>;

constexpr dtls::Duration kAcceptTimeout = std::chrono::seconds(30);
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
  return {std::move(*gate), kLimits, kAcceptTimeout};
}

// Association is an accepted peer's, here or in another thread.
struct Association {
  Place place;
  Address peer;
  bool half_open = true;
};

// The model of a Slot.
struct Places {
  Place current;
  Place candidate;
};

class Target {
 public:
  void step(std::uint8_t what, std::uint8_t who, dtls::wire::Reader& reader) {
    static const auto kPeers = make_peers();
    const Address& peer = kPeers[who % kPeers.size()];
    switch (what % 12) {
      case 0: {
        const auto bytes = reader.vector16(0, kMostDatagram);
        require(!give(peer, {bytes.begin(), bytes.end()}), "nobody opens without a cookie of ours");
        break;
      }
      case 1:
        require(!give(peer, hello(reader.u8())), "a first hello opens nothing");
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
        establish(pick(here_, who));
        break;
      case 8:
        end(here_, pick(here_, who));
        break;
      case 9:
        depart(pick(here_, who));
        break;
      case 10:
        end(away_, pick(away_, who));
        break;
      default:
        if (const auto* one = pick(here_, who)) give(one->peer, Datagram(who % 32U));
        establish(pick(away_, who));
    }
    check();
  }

 private:
  static Datagram hello(std::uint8_t last_of_random) {
    Datagram made = dtls::test::from_hex(dtls::test::kFirstHello);
    made.at(dtls::test::kSessionIdAt - 1) = std::byte{last_of_random};
    return made;
  }

  // True: the datagram has opened an association.
  bool give(const Address& peer, Datagram datagram) {
    const std::size_t refused = endpoint_.counters().refused;
    const Datagram sent = datagram;
    std::array<std::byte, CookieGate::kMaxReplySize> reply;
    const auto routed = endpoint_.receive({{}, peer}, datagram, now_, reply);
    if (const auto* answer = std::get_if<Endpoint::Reply>(&routed)) {
      require(answer->size <= sent.size(), "no answer is longer than its question");
      challenged_[text(peer)] = {
          sent, {reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(answer->size)}};
    } else if (const auto* delivery = std::get_if<Endpoint::Deliver>(&routed)) {
      const Places& known = places_[text(peer)];
      const bool has_candidate = known.candidate != Place();
      require(delivery->to != Place(), "a datagram is delivered to an association");
      require(delivery->to == (has_candidate ? known.candidate : known.current),
              "the newest association of its peer gets it");
      const bool is_hello = dtls::wire::peek_hello(sent).has_value();
      require(delivery->also == (has_candidate && !is_hello ? known.current : Place()),
              "beside a candidate, the current one gets it, too");
    }
    const bool is_opened = std::holds_alternative<Endpoint::Opened>(routed);
    if (is_opened || endpoint_.counters().refused > refused) drop_overdue();
    serve_evictions();
    std::erase_if(queue_, [&](const Waiting& each) { return !endpoint_.is_waiting(each.peer); });
    if (is_opened) {
      const auto known = std::ranges::find(queue_, peer, &Waiting::peer);
      if (known == queue_.end()) queue_.push_back({peer, now_});
    }
    return is_opened;
  }

  void serve_evictions() {
    for (const auto& evicted : endpoint_.take_evicted()) {
      const auto one = std::ranges::find(here_, Place(evicted.handle), &Association::place);
      require(one != here_.end(), "an evicted association was there");
      require(evicted.half_open == one->half_open, "the endpoint knows whose handshake is done");
      require(one->half_open || evicted.since >= dtls::endpoint::Census::kSpokeLately,
              "an association that spoke within a minute stays");
      leave(*one);
      here_.erase(one);
    }
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
    const bool is_opened = give(peer, second);
    require(!is_opened || peer == of, "another's cookie opens nothing");
  }

  void accept(bool keeps) {
    drop_overdue();
    require(endpoint_.has_waiting() || queue_.empty(), "a waiting peer is known");
    const auto accepted = endpoint_.accept(now_);
    require(accepted.has_value() == !queue_.empty(), "a waiting peer is accepted");
    if (!accepted) return;
    const Address& peer = accepted->path.peer;
    require(peer == queue_.front().peer, "the peer that has waited longest comes first");
    require(!accepted->datagrams.empty() && accepted->datagrams.size() <= Opening::kMostDatagrams,
            "the hello waits, and little more");
    queue_.pop_front();
    Places& known = places_[text(peer)];
    const bool is_beside = known.current != Place() && !is_unfinished(known.current);
    Place& role = is_beside ? known.candidate : known.current;
    require(accepted->superseded == role, "of two unfinished associations the newer goes on");
    const bool is_shared = is_beside && std::holds_alternative<Elsewhere>(known.current);
    require(accepted->shared == (is_shared ? known.current : Place()), "another thread shares");
    const Place superseded = std::exchange(role, Place(accepted->handle));
    here_.push_back({accepted->handle, peer});
    end(superseded);
    if (!keeps) end(here_, &here_.back());
  }

  [[nodiscard]] bool is_unfinished(const Place& place) const {
    const auto one = std::ranges::find(here_, place, &Association::place);
    return one != here_.end() && one->half_open;
  }

  static Association* pick(std::list<Association>& of, std::uint8_t which) {
    if (of.empty()) return nullptr;
    auto found = of.begin();
    std::advance(found, which % of.size());
    return &*found;
  }

  void establish(Association* one) {
    if (one == nullptr || !one->half_open) return;
    one->half_open = false;
    Place replaced;
    if (const auto* handle = std::get_if<Handle>(&one->place)) {
      replaced = endpoint_.establish(*handle, now_);
    } else {
      replaced = endpoint_.establish(one->peer, std::get<Elsewhere>(one->place));
    }
    Places& known = places_[text(one->peer)];
    Place expected;
    if (known.candidate == one->place) {
      expected = std::exchange(known.current, std::exchange(known.candidate, Place()));
    }
    require(replaced == expected, "a candidate replaces the current association");
    end(replaced);
  }

  // leave takes an association out of the model.
  void leave(const Association& one) {
    Places& known = places_[text(one.peer)];
    if (known.candidate == one.place) {
      known.candidate = Place();
    } else if (known.current == one.place) {
      known.current = std::exchange(known.candidate, Place());
    }
  }

  void end(const Place& place) {
    for (auto* of : {&here_, &away_}) {
      const auto one = std::ranges::find(*of, place, &Association::place);
      if (one != of->end()) end(*of, &*one);
    }
  }

  void end(std::list<Association>& of, Association* one) {
    if (one == nullptr) return;
    const Places known = places_[text(one->peer)];
    const bool is_candidate = known.candidate == one->place;
    Place resumed;
    if (const auto* handle = std::get_if<Handle>(&one->place)) {
      resumed = endpoint_.end(*handle);
    } else {
      resumed = endpoint_.end(one->peer, std::get<Elsewhere>(one->place));
    }
    const bool resumes = is_candidate && std::holds_alternative<Elsewhere>(known.current);
    require(resumed == (resumes ? known.current : Place()), "another thread need not share");
    leave(*one);
    of.remove_if([&](const Association& each) { return &each == one; });
  }

  void depart(Association* one) {
    if (one == nullptr) return;
    const Elsewhere elsewhere{++last_elsewhere_};
    endpoint_.depart(std::get<Handle>(one->place), elsewhere);
    Places& known = places_[text(one->peer)];
    for (Place* role : {&known.current, &known.candidate}) {
      if (*role == one->place) *role = elsewhere;
    }
    one->place = elsewhere;
    away_.splice(away_.end(), here_, std::ranges::find(here_, one->place, &Association::place));
  }

  void drop_overdue() {
    while (!queue_.empty() && now_ - queue_.front().since >= kAcceptTimeout)
      queue_.pop_front();
  }

  void check() const {
    require(endpoint_.census().associations() == queue_.size() + here_.size(),
            "everybody is counted, and nobody twice");
    require(queue_.size() <= kLimits.accept_queue, "the queue has a limit");
    require(endpoint_.has_waiting() == !queue_.empty(), "who waits is known");
    require(endpoint_.census().associations() <= kLimits.associations, "there is a limit");
    std::size_t half_open = queue_.size();
    for (const auto& each : here_)
      half_open += each.half_open ? 1U : 0U;
    require(half_open <= kLimits.half_open, "there is a limit of half-open ones");
    const std::size_t held = held_bytes() - held_before_;
    require(held <= kMostOfNobody + challenges_size() +
                        endpoint_.census().associations() * kMostOfOne + away_.size() * 512 +
                        places_.size() * 512,
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
  std::list<Association> here_;
  std::list<Association> away_;
  std::map<std::string, Places> places_;
  std::uint64_t last_elsewhere_ = 0;
  std::map<std::string, Challenged> challenged_;
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
