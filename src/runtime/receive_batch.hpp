// The memory that datagrams are received into.
#pragma once

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "net/udp_socket.hpp"

namespace dtls::runtime {

// ReceiveMemory lends a batch of the thread for one receive and the processing of what it brought.
// Batches are large, so the sockets of a thread share one. A program's callback may have another
// socket read meanwhile, which gets another batch.
class ReceiveMemory {
 public:
  ReceiveMemory() {
    auto& kept = kept_batches();
    if (kept.empty()) {
      batch_ = std::make_unique<net::ReceiveBatch>();
    } else {
      batch_ = std::move(kept.back());
      kept.pop_back();
    }
  }
  ~ReceiveMemory() {
    if (kept_batches().empty()) kept_batches().push_back(std::move(batch_));
  }
  ReceiveMemory(const ReceiveMemory&) = delete;
  ReceiveMemory& operator=(const ReceiveMemory&) = delete;

  [[nodiscard]] net::ReceiveBatch& batch() { return *batch_; }

  // process calls `each` for every datagram. Where a callback of the program throws, the datagrams
  // behind it are processed before the exception goes on: they are not received again.
  template <typename Each>
  void process(Each each) {
    std::exception_ptr first;
    for (auto& incoming : batch_->datagrams()) {
      try {
        each(incoming);
      } catch (...) {
        if (!first) first = std::current_exception();
      }
    }
    if (first) std::rethrow_exception(first);
  }

 private:
  static std::vector<std::unique_ptr<net::ReceiveBatch>>& kept_batches() {
    thread_local std::vector<std::unique_ptr<net::ReceiveBatch>> kept;
    return kept;
  }

  std::unique_ptr<net::ReceiveBatch> batch_;
};

}  // namespace dtls::runtime
