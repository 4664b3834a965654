#include "support/lossy_proxy.hpp"

#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "net/loop_core.hpp"
#include "net/udp_socket.hpp"

namespace dtls::test {
namespace {

net::UdpSocket must(Result<net::UdpSocket> socket) {
  if (!socket) throw std::runtime_error(socket.error().message);
  return std::move(*socket);
}

}  // namespace

Rule lose_if(std::function<bool(const Passing&)> condition) {
  return [condition = std::move(condition)](const Passing& passing) {
    return Fate{.copies = condition(passing) ? 0 : 1};
  };
}

Rule by_chance(std::uint32_t seed, const Chances& chances) {
  return [seed, chances](const Passing& passing) {
    std::seed_seq mixed{seed, static_cast<std::uint32_t>(passing.client),
                        static_cast<std::uint32_t>(passing.way),
                        static_cast<std::uint32_t>(passing.number_in_way)};
    std::minstd_rand dice(mixed);
    const auto happens = [&dice](unsigned percent) { return dice() % 100 < percent; };
    Fate fate;
    if (happens(chances.lost)) fate.copies = 0;
    if (happens(chances.duplicated)) fate.copies *= 2;
    if (happens(chances.delayed)) {
      const auto longest = static_cast<std::uint_fast32_t>(chances.longest_delay.count());
      fate.delay = Duration(dice() % (longest + 1));
    }
    return fate;
  };
}

// A socket that the loop reads in the background.
class LossyProxy::Port final : public net::Source {
 public:
  using Take = std::function<void(const net::Incoming&)>;

  Port(EventLoop& loop, net::UdpSocket opened, Take take)
      : socket(std::move(opened)), loop_(loop), take_(std::move(take)) {
    loop_.core().attach(*this, socket.descriptor());
  }
  ~Port() override { loop_.core().detach(*this); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void on_readable(TimePoint /*now*/) override {
    thread_local net::ReceiveBatch batch;
    const auto count = socket.receive(batch);
    if (!count) return;  // an ICMP error: to lose datagrams is what we are here for
    for (const auto& incoming : batch.datagrams())
      take_(incoming);
  }
  [[nodiscard]] bool ready(Interest /*interest*/) const override { return false; }

  net::UdpSocket socket;

 private:
  EventLoop& loop_;
  Take take_;
};

struct LossyProxy::Held {
  std::vector<std::byte> bytes;
  int copies;
};

struct LossyProxy::Conversation {
  std::size_t client;
  Address address;  // the client's
  std::unique_ptr<Port> upstream;
  int number = 0;
  std::array<int, 2> number_in_way{};
  std::array<std::vector<Held>, 2> held{};  // until the next one of that way has passed
};

LossyProxy::LossyProxy(EventLoop& loop, const Address& server, Rule rule)
    : loop_(loop), server_(server), rule_(std::move(rule)) {
  auto socket = must(net::UdpSocket::bind(*Address::parse("127.0.0.1", 0)));
  front_ =
      std::make_unique<Port>(loop, std::move(socket), [this](const net::Incoming& from_client) {
        take(conversation_of(from_client.peer), Way::kToServer, from_client.bytes);
      });
}

LossyProxy::~LossyProxy() = default;

Address LossyProxy::address() const {
  return *front_->socket.local_address();
}

LossyProxy::Conversation& LossyProxy::conversation_of(const Address& client) {
  auto& known = conversations_[client];
  if (known) return *known;
  known = std::make_unique<Conversation>();
  known->client = conversations_.size() - 1;
  known->address = client;
  known->upstream =
      std::make_unique<Port>(loop_, must(net::UdpSocket::connect(server_)),
                             [this, &conversation = *known](const net::Incoming& from_server) {
                               take(conversation, Way::kToClient, from_server.bytes);
                             });
  return *known;
}

void LossyProxy::take(Conversation& conversation, Way way, std::span<const std::byte> bytes) {
  const auto index = static_cast<std::size_t>(way);
  const Passing passing{way, conversation.client, conversation.number++,
                        conversation.number_in_way[index]++, bytes};
  const Fate fate = rule_ ? rule_(passing) : Fate{};
  auto& counts = counts_[index];
  ++counts.arrived;
  counts.bytes += bytes.size();
  if (fate.copies == 0) {
    ++counts.lost;
    return;
  }
  if (fate.behind_next || fate.delay > Duration::zero()) {
    hold(conversation, way, fate, bytes);
    return;
  }
  deliver(conversation, way, fate.copies, bytes);
  release_held(conversation, way);
}

void LossyProxy::hold(Conversation& conversation, Way way, const Fate& fate,
                      std::span<const std::byte> bytes) {
  Held held{{bytes.begin(), bytes.end()}, fate.copies};
  std::function<void()> let_go = [this, &conversation, way] { release_held(conversation, way); };
  if (fate.behind_next) {
    conversation.held[static_cast<std::size_t>(way)].push_back(std::move(held));
  } else {
    let_go = [this, &conversation, way, held = std::move(held)] {
      deliver(conversation, way, held.copies, held.bytes);
    };
  }
  loop_.add_timer(Clock::now() + fate.delay, [alive = std::weak_ptr(alive_), let_go] {
    if (!alive.expired()) let_go();
  });
}

void LossyProxy::release_held(Conversation& conversation, Way way) {
  for (const auto& held : std::exchange(conversation.held[static_cast<std::size_t>(way)], {}))
    deliver(conversation, way, held.copies, held.bytes);
}

// A datagram that the kernel does not take is a lost datagram.
void LossyProxy::deliver(Conversation& conversation, Way way, int copies,
                         std::span<const std::byte> bytes) {
  for (int i = 0; i < copies; ++i) {
    const auto sent = way == Way::kToServer
                          ? conversation.upstream->socket.send(bytes)
                          : front_->socket.send_to(bytes, conversation.address, {});
    if (sent) ++counts_[static_cast<std::size_t>(way)].delivered;
  }
}

}  // namespace dtls::test
