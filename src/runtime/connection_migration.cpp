// How connections move from thread to thread.
#include <array>
#include <cerrno>
#include <utility>

#include "association/inside.hpp"
#include "association/protocol_options.hpp"
#include "process/forks.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"
#include "runtime/server_core.hpp"

namespace dtls::runtime {

namespace {

// watch_migrations has this thread drop in time what is not taken up. One timer for a thread.
void watch_migrations(EventLoop& loop) {
  thread_local std::weak_ptr<net::Mailbox> watching;  // the loop that has the timer, while it lives
  thread_local unsigned watched_in = 0;               // a forked child has none
  if (!watching.expired() && watched_in == process::forks()) return;
  watched_in = process::forks();
  watching = loop.core().mailbox();
  loop.add_timer(Clock::now() + Migrations::kTimeout, [&loop] {
    watching.reset();
    if (Migrations::of_process().drop_overdue(Clock::now())) watch_migrations(loop);
  });
}

}  // namespace

Migrations::Owner ConnectionCore::as_owner() {
  return {loop_.core().mailbox(), weak_from_this(), this};
}

bool ConnectionCore::can_migrate() const {
  return has_own_socket() && association_.server != nullptr && port_.socket().identity() != 0;
}

void ConnectionCore::fly_away() {
  if (is_elsewhere()) return close();
  if (is_closed()) return;
  const auto self = shared_from_this();
  // Datagrams that wait in the socket now need not be routed by the next owner.
  if (can_migrate()) take_in(loop_.core().now());
  flush();
  if (is_closed()) return;
  cancel_timers();
  cancel_flush();
  loop_.core().detach(*this);
  association_.session.leave_thread();
  const Path path = association_.path;  // stays known
  if (can_migrate()) {
    const auto server = server_here();
    if (server && handle())
      server->depart(handle(), endpoint::Elsewhere{port_.socket().identity()});
    association_.unsent = port_.take_pending();
    auto moving = std::make_unique<Association>(std::move(association_));
    phase_ = Moved{};
    Migrations::of_process().park({std::move(moving), port_.release()}, Clock::now());
    watch_migrations(loop_);
  } else {
    leave_endpoint();
    if (const auto* awaiting = std::get_if<Awaiting>(&phase_)) {
      Migrations::of_process().renounce(awaiting->socket, *this);
    }
    phase_ = Moved{};
    port_.release().release();
    const Association dropped = std::move(association_);
  }
  association_.path = path;
  association_.server.reset();
  home_ = None{};
}

Result<std::shared_ptr<ConnectionCore>> ConnectionCore::take_up(EventLoop& loop,
                                                                const std::string& name, int fd,
                                                                Duration handshake_timeout) {
  if (auto fine = association::check_handshake_timeout(handshake_timeout); !fine)
    return fine.error();
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
      loop, Association(std::move(*session), {*local, *peer}, server->receive_queue));
  core->association_.server = server;
  core->association_.proven = false;

  const auto id = socket->identity();
  const auto known = Migrations::of_process().claim(id, name, core->as_owner(), now);
  if (!known) return keep(known.error());
  if (*known) {
    socket->release();
    loop.core().promise(*core, fd);
    core->phase_ = Awaiting{fd, id, handshake_timeout};
    core->collect();
  } else if (auto begun = core->begin_anywhere(std::move(*socket)); !begun) {
    return keep(std::move(begun).error());
  }
  core->rearm(now);
  return core;
}

// begin_anywhere serves an association by a socket of its own, which came from elsewhere.
Result<void> ConnectionCore::begin_anywhere(net::UdpSocket&& socket) {
  std::unique_ptr<endpoint::CookieGate> gate;
  if (!association_.proven) {
    auto made = endpoint::CookieGate::create(association_.server->secrets,
                                             association_.server->context->inside().settings);
    if (!made) return std::move(made).error();
    gate = std::make_unique<endpoint::CookieGate>(std::move(*made));
  }
  if (auto attached = attach_socket(std::move(socket)); !attached) return attached;
  home_ = Remote{.id = port_.socket().identity()};
  Migrations::of_process().announce(port_.socket().identity(), association_.server->name,
                                    as_owner());
  if (gate) {
    phase_ = Unproven{std::move(gate)};
  } else if (association_.opening.empty()) {
    phase_ = Serving{};
  } else {
    phase_ = Opening{loop_.core().post([this] { start(); })};
  }
  return {};
}

void ConnectionCore::collect() {
  const auto* awaiting = std::get_if<Awaiting>(&phase_);
  if (awaiting == nullptr || !is_live()) return;  // too late: it belongs to others
  auto prospect = Migrations::of_process().collect(awaiting->socket, *this);
  if (std::holds_alternative<Migrations::Later>(prospect)) return;
  const auto [fd, id, handshake_timeout] = *awaiting;
  phase_ = Serving{};
  if (std::holds_alternative<Migrations::Never>(prospect)) {
    return fail({ErrorKind::kMisuse,
                 ECONNABORTED,
                 "the connection to " + association_.path.peer.text() +
                     " was closed by the task that had accepted it, instead of flyAway()",
                 {}});
  }
  auto& collected = std::get<Migrations::Collected>(prospect);
  auto& socket = collected.moving.socket;
  if (fd != socket.descriptor()) {
    // The same socket by another number, which is the one that the program knows here.
    if (auto known = net::UdpSocket::adopt(fd)) socket = std::move(*known);
  }
  const TimePoint now = Clock::now();
  association_ = std::move(*collected.moving.association);
  association_.session.set_handshake_timeout(handshake_timeout, now);
  if (auto begun = begin_anywhere(std::move(socket)); !begun) {
    Migrations::of_process().withdraw(id);
    return fail(std::move(begun).error());
  }
  for (const auto& datagram : std::exchange(association_.unsent, {}))
    port_.add(nullptr, datagram);
  flush_soon();
  on_routing(collected.routing);
  for (auto& datagram : collected.datagrams)
    on_datagram(datagram, now);
  drain(now);
  announce_soon();
}

// An unfinished association is not worth sharing datagrams for: the newer one goes on.
void ConnectionCore::on_routing(Routing routing) {
  auto* remote = std::get_if<Remote>(&home_);
  if (remote == nullptr) return;
  remote->routing = routing;
  if (routing == Routing::kReplaced || (routing == Routing::kShared && is_handshaking())) {
    on_superseded();
  }
}

// admit is the cookie gate of a descriptor whose peer has proven nothing to this process yet. False
// until the hello has come that the handshake begins with; that is put in place of what came.
bool ConnectionCore::admit(Unproven& unproven, net::Incoming& incoming, TimePoint now) {
  std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
  const auto answer = unproven.gate->inspect(incoming.peer, incoming.bytes, now, reply);
  if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
    static_cast<void>(
        port_.socket().send(std::span(reply).first(answer.reply_size)));  // may be lost
  }
  if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
  if (!answer.collected.empty()) incoming.bytes = answer.collected;
  association_.proven = true;
  association_.mark = wire::peek_hello(incoming.bytes).value_or(0);
  return true;
}

}  // namespace dtls::runtime
