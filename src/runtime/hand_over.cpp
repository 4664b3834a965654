// How connections move from thread to thread, and how one takes another's place.
#include <cerrno>
#include <utility>

#include "process/forks.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"
#include "runtime/remote_server.hpp"
#include "session/inside.hpp"
#include "session/protocol_options.hpp"

namespace dtls::runtime {

namespace {

// watch_hand_overs has this thread notice in time what nobody takes up. One timer for a thread.
void watch_hand_overs(EventLoop& loop) {
  thread_local std::weak_ptr<net::Mailbox> watching;  // the loop that has the timer, while it lives
  thread_local unsigned watched_in = 0;               // a forked child has none
  if (!watching.expired() && watched_in == process::forks()) return;
  watched_in = process::forks();
  watching = loop.core().mailbox();
  loop.add_timer(Clock::now() + HandOvers::kPatience, [&loop] {
    watching.reset();
    if (HandOvers::of_process().drop_due(Clock::now())) watch_hand_overs(loop);
  });
}

}  // namespace

void ConnectionCore::fly_away() {
  if (is_elsewhere()) return close();
  if (association_.state == State::kClosed) return;
  const auto self = shared_from_this();
  const auto can_be_taken_up = [&] {
    return has_own_socket() && association_.server != nullptr && socket_.identity() != 0;
  };
  // What waits in the socket now is not there for others to sort out later.
  if (can_be_taken_up()) take_in(Clock::now());
  if (start_) loop_.core().cancel_timer(*std::exchange(start_, std::nullopt));
  if (timer_) loop_.cancel_timer(*std::exchange(timer_, std::nullopt));
  if (announcement_) loop_.core().cancel_timer(*std::exchange(announcement_, std::nullopt));
  loop_.core().detach(*this);

  flown_ = true;
  association_.session.leave_thread();
  const auto carrier = carrier_.lock();
  if (can_be_taken_up()) {
    inlet()->leave();
    if (std::exchange(counted_, false) && carrier) {
      carrier->depart(association_.peer, *this, association_.inlet);
    }
    auto moved = std::make_unique<Association>(std::move(association_));
    HandOvers::of_process().park({std::move(moved), std::move(socket_)}, Clock::now());
    watch_hand_overs(loop_);
  } else {
    leave_endpoint();
    if (is_awaiting()) HandOvers::of_process().renounce(awaited_->socket, *this);
    if (association_.inlet) association_.inlet->leave();
    socket_.release();
    const Association dropped = std::move(association_);
  }
  association_.state = State::kClosed;
  association_.server.reset();
  gate_.reset();
  remote_.reset();
}

Result<std::shared_ptr<ConnectionCore>> ConnectionCore::take_up(EventLoop& loop,
                                                                const std::string& name, int fd,
                                                                Duration handshake_timeout) {
  if (auto fine = session::check_handshake_timeout(handshake_timeout); !fine) return fine.error();
  auto socket = net::UdpSocket::adopt(fd);
  if (!socket) return std::move(socket).error();
  // The caller's until it is clear that it can be used.
  const auto keep = [&](Error error) {
    socket->release();
    return error;
  };
  auto server = NamedServers::of_process().find(name);
  if (!server) {
    return keep({ErrorKind::kMisuse,
                 ENOENT,
                 "no server of this process has the name \"" + name +
                     "\"; give a server that `name`, and keep it open",
                 {}});
  }
  auto peer = socket->peer_address();
  if (!peer) return keep(std::move(peer).error());
  auto local = socket->local_address();
  if (!local) return keep(std::move(local).error());
  auto session = Session::server(server->context, *peer, *local);
  if (!session) return keep(std::move(session).error());

  const TimePoint now = Clock::now();
  session->set_handshake_timeout(handshake_timeout, now);
  auto core = std::make_shared<ConnectionCore>(
      loop, Association(std::move(*session), *peer, *local, server->receive_queue));
  core->association_.server = server;
  core->association_.proven = false;
  core->patience_ = handshake_timeout;

  auto& hand_overs = HandOvers::of_process();
  const auto identity = socket->identity();
  const auto known =
      hand_overs.claim(identity, name, {loop.core().mailbox(), core, core.get()}, now);
  if (!known) return keep(known.error());
  if (*known) {
    socket->release();
    loop.core().promise(*core, fd);
    core->awaited_ = std::make_unique<Awaited>(Awaited{fd, identity});
    core->inherit();
  } else {
    if (auto begun = core->begin_anywhere(std::move(*socket)); !begun) {
      return keep(std::move(begun).error());
    }
  }
  core->rearm(now);
  return core;
}

// begin_anywhere serves an association by a socket of its own, which came from elsewhere.
Result<void> ConnectionCore::begin_anywhere(net::UdpSocket&& socket) {
  if (!association_.proven) {
    auto gate = endpoint::CookieGate::create(association_.server->secrets,
                                             association_.server->context->inside().settings);
    if (!gate) return std::move(gate).error();
    gate_ = std::make_unique<endpoint::CookieGate>(std::move(*gate));
  }
  if (auto attached = attach_socket(std::move(socket)); !attached) return attached;
  remote_ = std::make_shared<RemoteServer>(association_.server);
  carrier_ = remote_;
  HandOvers::of_process().announce(socket_.identity(), association_.server->name);
  return {};
}

void ConnectionCore::inherit() {
  // Whoever comes too late leaves it to others.
  if (!is_awaiting() || !is_live()) return;
  auto [prospect, legacy] = HandOvers::of_process().collect(awaited_->socket, *this);
  if (prospect == HandOvers::Prospect::kLater) return;
  const int fd = std::exchange(awaited_, nullptr)->fd;
  if (prospect == HandOvers::Prospect::kNever) {
    return fail({ErrorKind::kMisuse,
                 ECONNABORTED,
                 "the connection to " + association_.peer.text() +
                     " was closed by the task that had accepted it, instead of flyAway()",
                 {}});
  }
  if (fd != legacy.socket.descriptor()) {
    // The same socket by another number, which is the one that the program knows here.
    if (auto known = net::UdpSocket::adopt(fd)) legacy.socket = std::move(*known);
  }
  const TimePoint now = Clock::now();
  association_ = std::move(*legacy.association);
  association_.session.set_handshake_timeout(patience_, now);
  if (association_.inlet) association_.inlet->settle(loop_.core().mailbox(), weak_from_this());
  if (auto begun = begin_anywhere(std::move(legacy.socket)); !begun) {
    return fail(std::move(begun).error());
  }
  if (!association_.opening.empty()) start_soon();
  drain(now);
  announce_soon();
}

// admit is the cookie gate of a descriptor whose peer has proven nothing to this process yet. False
// until the hello has come that the handshake begins with; that is put in place of what came.
bool ConnectionCore::admit(net::Incoming& incoming, TimePoint now) {
  std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
  const auto answer = gate_->inspect(incoming.peer, incoming.bytes, now, reply);
  if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
    static_cast<void>(socket_.send(std::span(reply).first(answer.reply_size)));  // may be lost
  }
  if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
  if (!answer.collected.empty()) incoming.bytes = answer.collected;
  association_.proven = true;
  association_.mark = wire::peek_hello(incoming.bytes).value_or(0);
  return true;
}

std::shared_ptr<Inlet> ConnectionCore::inlet() {
  if (!association_.inlet) {
    association_.inlet = std::make_shared<Inlet>();
    association_.inlet->settle(loop_.core().mailbox(), weak_from_this());
  }
  return association_.inlet;
}

// The new hello decides between associations that have not proven themselves: the newest goes on.
// What an unfinished one was to replace is now for that one to replace.
void ConnectionCore::yield() {
  association_.yielding = true;
  if (!is_live() || !is_handshaking()) return;
  if (const auto older = association_.predecessor.release()) inlet()->stand_for(*older);
  on_superseded();
}

void ConnectionCore::on_superseded() {
  if (!is_live()) return;
  association_.yielding = true;
  if (const auto older = association_.predecessor.release()) older->supersede();
  fail({ErrorKind::kPeer,
        ECONNRESET,
        "the peer at " + association_.peer.text() +
            " has begun a new association (RFC 6347 §4.2.8); the old one is dead",
        {}});
}

void ConnectionCore::reinstate() {
  association_.yielding = false;
  const auto carrier = carrier_.lock();
  if (is_live() && carrier) {
    carrier->restore(association_.peer, *this, inlet(), association_.mark);
  }
}

}  // namespace dtls::runtime
