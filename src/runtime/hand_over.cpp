// How connections move from thread to thread, and how one takes another's place.
#include <cerrno>
#include <utility>

#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"
#include "runtime/remote_server.hpp"

namespace dtls::runtime {

void ConnectionCore::fly_away() {
  if (association_.state == State::kClosed) return;
  const auto self = shared_from_this();
  const bool can_be_taken_up = has_own_socket() && !association_.server_name.empty();
  // What waits in the socket now is not there for others to sort out later.
  if (can_be_taken_up) take_in(Clock::now());
  if (start_) loop_.core().cancel_timer(*std::exchange(start_, std::nullopt));
  if (timer_) loop_.cancel_timer(*std::exchange(timer_, std::nullopt));
  loop_.core().detach(*this);

  flown_ = true;
  const auto carrier = carrier_.lock();
  if (can_be_taken_up) {
    inlet()->leave();
    if (std::exchange(counted_, false) && carrier) {
      carrier->depart(association_.peer, *this, is_handshaking(), association_.inlet);
    }
    auto moved = std::make_unique<Association>(std::move(association_));
    HandOvers::of_process().park({std::move(moved), std::move(socket_)}, Clock::now());
  } else {
    leave_endpoint(is_handshaking());
    if (is_awaiting()) HandOvers::of_process().renounce(awaited_->socket);
    if (association_.inlet) association_.inlet->leave();
    socket_.release();
    const Association dropped = std::move(association_);
  }
  association_.state = State::kClosed;
}

Result<std::shared_ptr<ConnectionCore>> ConnectionCore::take_up(EventLoop& loop,
                                                                const std::string& name, int fd,
                                                                Duration handshake_timeout) {
  auto socket = net::UdpSocket::adopt(fd);
  if (!socket) return std::move(socket).error();
  // The caller's until it is clear that it can be used.
  const auto keep = [&](Error error) {
    socket->release();
    return error;
  };
  const auto server = NamedServers::of_process().find(name);
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
  core->association_.server_name = name;
  core->remote_ = std::make_shared<RemoteServer>(server);
  core->carrier_ = core->remote_;
  core->patience_ = handshake_timeout;

  const auto identity = socket->identity();
  auto claim = HandOvers::of_process().claim(identity, name, {loop.core().mailbox(), core}, now);
  if (!claim) return keep(std::move(claim).error());
  if (claim->known) {
    socket->release();
    loop.core().attach(*core, -1);
    core->awaited_ = std::make_unique<Awaited>(Awaited{fd, identity});
    if (claim->legacy) {
      core->inherit(std::move(*claim->legacy));
    } else {
      core->rearm(now);
    }
    return core;
  }

  auto gate = endpoint::CookieGate::create(server->secrets);
  if (!gate) return keep(std::move(gate).error());
  core->gate_ = std::make_unique<endpoint::CookieGate>(std::move(*gate));
  if (auto attached = core->attach_socket(std::move(*socket)); !attached) {
    return std::move(attached).error();
  }
  HandOvers::of_process().announce(identity, name);
  core->rearm(now);
  return core;
}

void ConnectionCore::inherit(Legacy legacy) {
  if (!is_awaiting() || !is_live()) {
    // Too late: somebody else may still take it up.
    if (legacy.association) HandOvers::of_process().park(std::move(legacy), Clock::now());
    return;
  }
  awaited_.reset();
  if (!legacy.association) {
    return fail({ErrorKind::kMisuse,
                 ECONNABORTED,
                 "the connection to " + association_.peer.text() +
                     " was closed by the task that had accepted it, instead of flyAway()",
                 {}});
  }
  const TimePoint now = Clock::now();
  association_ = std::move(*legacy.association);
  association_.session.set_handshake_timeout(patience_, now);
  if (association_.inlet) association_.inlet->settle(loop_.core().mailbox(), weak_from_this());
  if (auto attached = attach_socket(std::move(legacy.socket)); !attached) {
    return fail(std::move(attached).error());
  }
  HandOvers::of_process().announce(socket_.identity(), association_.server_name);
  if (!association_.opening.empty()) start_soon();
  drain(now);
}

// admit is the cookie gate of a descriptor whose peer has proven nothing to this process yet. True
// if the datagram is the hello that the handshake begins with.
bool ConnectionCore::admit(net::Incoming& incoming, TimePoint now) {
  std::array<std::byte, endpoint::CookieGate::kReplySize> reply;
  const auto answer = gate_->inspect(incoming.peer, incoming.bytes, now, reply);
  if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
    static_cast<void>(socket_.send(std::span(reply).first(answer.reply_size)));  // may be lost
  }
  if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
  gate_.reset();
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
  yielding_ = true;
  if (!is_live() || !is_handshaking()) return;
  if (auto older = std::exchange(association_.predecessor, nullptr)) inlet()->stand_for(*older);
  on_superseded();
}

void ConnectionCore::on_superseded() {
  if (!is_live()) return;
  if (const auto older = std::exchange(association_.predecessor, nullptr)) older->supersede();
  fail({ErrorKind::kPeer,
        ECONNRESET,
        "the peer at " + association_.peer.text() +
            " has begun a new association (RFC 6347 §4.2.8); the old one is dead",
        {}});
}

void ConnectionCore::reinstate() {
  yielding_ = false;
  const auto carrier = carrier_.lock();
  if (is_live() && carrier) carrier->restore(association_.peer, *this, association_.mark);
}

}  // namespace dtls::runtime
