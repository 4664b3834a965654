#include "runtime/inlet.hpp"

#include <utility>

#include "runtime/connection_core.hpp"

namespace dtls::runtime {
namespace {

// A flight of the peer, and a little more: it stops and waits for an answer then.
constexpr std::size_t kMostKept = 16;

}  // namespace

void Inlet::on_datagram(std::span<std::byte> datagram, TimePoint now) {
  if (const auto other = stand_in()) return other->on_datagram(datagram, now);
  if (datagram.empty() || datagram.size() > kMaxDatagram) return;  // no session makes such ones
  deliver([copy = std::vector<std::byte>(datagram.begin(), datagram.end()),
           now](ConnectionCore& owner) mutable { owner.on_datagram(copy, now); },
          datagram.size());
}

Inlet::Letter Inlet::letter_of(Order order) {
  return [order](ConnectionCore& owner) {
    switch (order) {
      case Order::kYield:
        return owner.yield();
      case Order::kSupersede:
        return owner.on_superseded();
      case Order::kReinstate:
        return owner.reinstate();
    }
  };
}

void Inlet::tell(Order order) {
  if (const auto other = stand_in()) return other->tell(order);
  const std::scoped_lock lock(mutex_);
  order_ = order;
  if (mailbox_ != nullptr) post(letter_of(order), 0);
}

std::shared_ptr<Inlet> Inlet::stand_in() {
  const std::scoped_lock lock(mutex_);
  return other_;
}

void Inlet::stand_for(Inlet& other) {
  // One step at most from here to where it ends, however often the peer begins anew.
  auto last = other.stand_in();
  if (!last) last = other.shared_from_this();
  const std::scoped_lock lock(mutex_);
  other_ = std::move(last);
}

void Inlet::deliver(Letter letter, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (mailbox_ != nullptr) {
    post(std::move(letter), bytes);
  } else if (kept_.size() < kMostKept) {
    kept_.push_back({std::move(letter), bytes});
  }
}

// A full mailbox loses it, as a full socket buffer would. A datagram that finds its owner flown
// goes the same way as the association; the next owner gets the last order by settle.
void Inlet::post(Letter letter, std::size_t bytes) {
  mailbox_->post(
      [self = shared_from_this(), owner = owner_, letter = std::move(letter), bytes] {
        const auto here = owner.lock();
        if (!here) return;
        if (here->has_flown()) {
          if (bytes > 0) self->deliver(letter, bytes);
        } else {
          letter(*here);
        }
      },
      bytes);
}

void Inlet::settle(std::shared_ptr<net::Mailbox> mailbox, std::weak_ptr<ConnectionCore> owner) {
  const std::scoped_lock lock(mutex_);
  mailbox_ = std::move(mailbox);
  owner_ = std::move(owner);
  if (order_) post(letter_of(*order_), 0);
  for (auto& [letter, bytes] : std::exchange(kept_, {}))
    post(std::move(letter), bytes);
}

void Inlet::leave() {
  const std::scoped_lock lock(mutex_);
  mailbox_.reset();
  owner_.reset();
}

}  // namespace dtls::runtime
