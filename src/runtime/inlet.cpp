#include "runtime/inlet.hpp"

#include "runtime/connection_core.hpp"

namespace dtls::runtime {
namespace {

// A flight of the peer, and a little more: it stops and waits for an answer then.
constexpr std::size_t kMostKept = 16;

}  // namespace

void Inlet::on_datagram(std::span<std::byte> datagram, TimePoint now) {
  deliver([copy = std::vector<std::byte>(datagram.begin(), datagram.end()),
           now](ConnectionCore& owner) mutable { owner.on_datagram(copy, now); });
}

void Inlet::tell(Order order) {
  deliver([order](ConnectionCore& owner) {
    switch (order) {
      case Order::kYield:
        return owner.yield();
      case Order::kSupersede:
        return owner.on_superseded();
      case Order::kReinstate:
        return owner.reinstate();
    }
  });
}

void Inlet::deliver(Letter letter) {
  const std::scoped_lock lock(mutex_);
  if (mailbox_ != nullptr) {
    post(std::move(letter));
  } else if (kept_.size() < kMostKept) {
    kept_.push_back(std::move(letter));
  }
}

// A full mailbox loses it, as a full socket buffer would.
void Inlet::post(Letter letter) {
  mailbox_->post([owner = owner_, letter = std::move(letter)] {
    if (const auto here = owner.lock()) letter(*here);
  });
}

void Inlet::settle(std::shared_ptr<net::Mailbox> mailbox, std::weak_ptr<ConnectionCore> owner) {
  const std::scoped_lock lock(mutex_);
  mailbox_ = std::move(mailbox);
  owner_ = std::move(owner);
  for (Letter& letter : std::exchange(kept_, {}))
    post(std::move(letter));
}

void Inlet::leave() {
  const std::scoped_lock lock(mutex_);
  mailbox_.reset();
  owner_.reset();
}

}  // namespace dtls::runtime
