#include "runtime/port.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "process/forks.hpp"

namespace dtls::runtime {
namespace {

// Batches that no port needs just now. More than a few at a time are rare: only a port that waits
// for the kernel keeps its own beyond a turn.
constexpr std::size_t kMostKept = 4;
// Ports with a batch that a turn leaves unflushed: each batch is a quarter of a megabyte.
constexpr std::size_t kMostUnflushed = 8;

std::vector<std::unique_ptr<net::TransmitBatch>>& kept_batches() {
  thread_local std::vector<std::unique_ptr<net::TransmitBatch>> kept;
  return kept;
}

// The ports that are flushed at the end of the turn, in the order of their first datagrams.
struct Unflushed {
  std::vector<Flushing*> owners;
  process::Birthplace birthplace;  // a forked child has its parent's datagrams, but not to send
};

std::vector<Flushing*>& unflushed() {
  thread_local Unflushed list;
  if (!list.birthplace.is_here()) list = Unflushed();
  return list.owners;
}

}  // namespace

Port::~Port() {
  give_back();
}

void Port::give_back() {
  is_blocked_ = false;
  if (!batch_) return;
  batch_->clear();
  auto& kept = kept_batches();
  if (kept.size() < kMostKept) kept.push_back(std::move(batch_));
  batch_.reset();
}

net::UdpSocket Port::release() {
  give_back();
  return std::exchange(socket_, net::UdpSocket());
}

void Port::close() {
  give_back();
  socket_.close();
}

std::span<std::byte> Port::room(std::size_t most) {
  if (is_blocked_) {
    flush();
    if (is_blocked_) return {};
  }
  if (!batch_) {
    auto& kept = kept_batches();
    if (kept.empty()) {
      batch_ = std::make_unique<net::TransmitBatch>();
    } else {
      batch_ = std::move(kept.back());
      kept.pop_back();
    }
  }
  const auto memory = batch_->room(most);
  if (!memory.empty()) return memory;
  flush();
  return is_blocked_ ? std::span<std::byte>() : room(most);
}

// A port that has nothing to send keeps no batch.
void Port::commit(const Path* path, std::size_t size) {
  batch_->commit(path, size);
  if (batch_->empty()) give_back();
}

void Port::add(const Path* path, std::span<const std::byte> datagram) {
  const auto memory = room(datagram.size());
  if (memory.empty()) return;
  std::ranges::copy(datagram, memory.begin());
  commit(path, datagram.size());
}

std::optional<Error> Port::flush() {
  if (!batch_) return {};
  auto sent = socket_.flush(*batch_);
  is_blocked_ = !batch_->empty();
  if (!is_blocked_) give_back();
  if (sent || sent.error().sys_errno == EAGAIN) return {};
  return std::move(sent).error();
}

std::vector<std::vector<std::byte>> Port::take_pending() {
  std::vector<std::vector<std::byte>> pending;
  if (!batch_) return pending;
  for (const auto& run : batch_->runs()) {
    std::span<const std::byte> rest(batch_->bytes(run), run.size);
    while (!rest.empty()) {
      const auto datagram = rest.first(std::min(run.segment, rest.size()));
      pending.emplace_back(datagram.begin(), datagram.end());
      rest = rest.subspan(datagram.size());
    }
  }
  give_back();
  return pending;
}

void Flushing::flush_soon(net::LoopCore& loop) {
  if (!loop.in_turn()) return flush();
  if (is_listed_) return;
  auto& owners = unflushed();
  if (owners.size() >= kMostUnflushed) flush_all();
  owners.push_back(this);
  is_listed_ = true;
  loop.set_flusher(flush_all);
  loop.ask_flush();
}

void Flushing::flush_all() {
  for (auto& owners = unflushed(); !owners.empty();) {
    Flushing& first = *owners.front();
    first.cancel_flush();
    first.flush();
  }
}

void Flushing::cancel_flush() {
  if (std::exchange(is_listed_, false)) std::erase(unflushed(), this);
}

}  // namespace dtls::runtime
