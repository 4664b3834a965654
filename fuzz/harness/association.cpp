#include "harness/association.hpp"

#include <algorithm>
#include <utility>

#include "harness/meter.hpp"
#include "harness/require.hpp"

namespace dtls::fuzz {
namespace {

using wire::ContentType;

// What one association may hold. Before its handshake is over: a message in full length (66 KiB)
// as it is put together, once more in the transcript and where a hello is kept, 16 KiB of messages
// ahead, 32 KiB of early data, 32 KiB of records without keys yet, our flight. After it: 8 tickets
// of 64 KiB (PostHandshake).
constexpr std::size_t kMostBefore = std::size_t{328} * 1024;
constexpr std::size_t kMostAfter = kMostBefore + std::size_t{8} * 66 * 1024;
// Of a flight, all of them ours are below it in both versions, in datagrams of 296 bytes too.
constexpr std::size_t kFlight = 6 * 1024;
constexpr std::size_t kMostDatagramsAtOnce = 64;
constexpr std::size_t kMostEventsAtOnce = 4096;
constexpr std::size_t kMostInput = std::size_t{96} * 1024;

std::uint64_t seed_of(Role role) {
  return role == Role::kClient ? 1 : 2;
}

// The type of a record as only a peer with keys can see it.
std::optional<ContentType> type_of(const Buffer& datagram, const RecordPlace& place,
                                   std::size_t tag_size) {
  if (!place.is_unified) return static_cast<ContentType>(datagram[place.begin]);
  std::size_t end = place.end - tag_size;
  while (end > place.content_at && datagram[end - 1] == std::byte{0})
    --end;
  if (end == place.content_at) return std::nullopt;
  return static_cast<ContentType>(datagram[end - 1]);
}

}  // namespace

Buffer message(std::uint8_t number) {
  Buffer content(2 + number % 64U, std::byte{'.'});
  content[0] = std::byte{'m'};
  content[1] = std::byte{number};
  return content;
}

Association::Association(Role role, const Scene& scene)
    : role_(role),
      scene_(scene),
      random_(seed_of(role)),
      decider_(scene, role),
      held_before_(held_bytes()),
      engine_(std::make_shared<handshake::Settings>(scene.settings(role)), decider_) {
  const UseRandom use(random_);
  if (role_ == Role::kClient) engine_.start(now_);
  if (role_ == Role::kServer && scene_.is_proven) engine_.continue_from(1, 1);
  drain();
}

std::vector<Buffer> Association::take_outgoing() {
  return std::exchange(outgoing_, {});
}

void Association::perform(const Step& step) {
  const UseRandom use(random_);
  act(step);
  drain();
  check_deadline();
  check_budget();
  check_memory();
}

void Association::act(const Step& step) {
  switch (step.kind) {
    case StepKind::kDatagram: {
      Buffer bytes = step.payload;  // it is decrypted in place
      ++came_;
      engine_.receive(bytes, now_);
      drain();  // while `bytes` lives
      break;
    }
    case StepKind::kPass:
      now_ += Duration(50 * step.number());
      engine_.handle_timeout(now_);
      break;
    case StepKind::kTimeout:
      if (const auto due = engine_.deadline()) {
        now_ = std::max(now_, *due);
        ++timeouts_;
        engine_.handle_timeout(now_);
      }
      break;
    case StepKind::kSend: {
      const auto sent = engine_.send(message(static_cast<std::uint8_t>(step.number())));
      require(!sent || was_established_, "nothing is sent before the handshake is over");
      break;
    }
    case StepKind::kClose:
      engine_.close();
      break;
    case StepKind::kUpdateKeys: {
      const auto begun = engine_.update_keys(step.number() == 1, now_);
      require(!begun || engine_.negotiated().version == wire::kDtls13,
              "only DTLS 1.3 has a KeyUpdate");
      break;
    }
    case StepKind::kRenegotiate: {
      const auto begun = engine_.renegotiate(now_);
      require(!begun || scene_.renegotiates, "nobody renegotiates against the settings");
      break;
    }
    case StepKind::kAnswerPsk:
      engine_.provide_psk(step.number() == 1 ? std::optional(Decider::key()) : std::nullopt, now_);
      break;
    case StepKind::kGiveUp:
      engine_.give_up({ErrorKind::kTimeout, ETIMEDOUT, "was given up by the fuzzer", {}});
      break;
    case StepKind::kSetMtu:
      engine_.set_mtu(step.number());
      break;
    case StepKind::kExport: {
      Buffer out(step.number());
      const auto exported = engine_.export_keying_material("EXPORTER-fuzz", std::nullopt, out);
      require(!exported || was_established_, "keys are exported when the handshake is over");
      break;
    }
    case StepKind::kTakeTicket:
      require(!engine_.take_ticket() || role_ == Role::kClient, "tickets come to clients");
      break;
    case StepKind::kCount:
      break;
  }
}

void Association::drain() {
  for (std::size_t count = 0; auto event = engine_.poll_event(); ++count) {
    require(count < kMostEventsAtOnce, "a datagram has an end of events");
    on_event(*event);
  }
  transmit();
  if (engine_.has_ended()) is_silent_ = true;
}

void Association::on_event(const dtls::Event& event) {
  require(!is_silent_ && !was_told_end_, "no event comes after the end");
  if (std::holds_alternative<dtls::Connected>(event)) {
    require(!was_established_, "a handshake is over once");
    was_established_ = true;
  } else if (const auto* received = std::get_if<dtls::Message>(&event)) {
    on_message(received->bytes);
  } else if (std::holds_alternative<dtls::Closed>(event)) {
    require(was_established_, "only what was established can be closed");
    on_end(nullptr);
  } else if (const auto* ended = std::get_if<dtls::Failed>(&event)) {
    on_end(&ended->error);
  } else if (std::holds_alternative<dtls::PskWanted>(event)) {
    require(role_ == Role::kServer && scene_.has_psk(), "a key is asked of who may have one");
  } else {
    require(role_ == Role::kClient && was_established_, "tickets come to established clients");
  }
}

void Association::on_message(std::span<const std::byte> content) {
  require(was_established_, "nothing is given to the application before the handshake is over");
  require(!content.empty() && content.size() <= wire::kMaxPlaintext, "a message fits a record");
  ++messages_;
  if (has_null_cipher()) return;
  // Of whom has no keys nothing is taken, and of the peer everything once.
  require(content.size() >= 2, "it is a message of the peer");
  const auto number = std::to_integer<std::uint8_t>(content[1]);
  require(std::ranges::equal(content, message(number)), "it is a message of the peer");
  require(!seen_[number], "a message comes once");
  seen_[number] = true;
}

void Association::on_end(const Error* error) {
  was_told_end_ = true;
  require(engine_.has_ended(), "who is told of the end has ended");
  if (error == nullptr) return;
  error_ = *error;
  require(error->sys_errno != 0 && !error->message.empty(), "an error says what happened");
  // A stranger, who may reorder, lose and repeat at will what the peer has sent, cannot end what is
  // established. Renegotiations go on in answer to what we do, which an input may leave out, or we
  // decline what its recording has; and 2^7 forgeries wear out a key of CCM-8 (RFC 9147 §4.5.3).
  if (has_null_cipher() || !was_established_ || scene_.renegotiates || engine_.has_declined() ||
      scene_.suites == Scene::Suites::kCcm8) {
    return;
  }
  const std::string what = "a stranger does not end an established association: " + error->message;
  require(error->kind != ErrorKind::kMalformed && error->kind != ErrorKind::kIncompatible &&
              error->kind != ErrorKind::kUntrusted,
          what.c_str());
}

void Association::transmit() {
  std::array<std::byte, 18432> out;
  std::vector<Buffer> datagrams;
  while (const std::size_t size = engine_.poll_transmit(out, now_)) {
    require(size <= out.size(), "a datagram fits its buffer");
    require(datagrams.size() < kMostDatagramsAtOnce, "a flight has an end");
    sent_bytes_ += size;
    datagrams.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  }
  if (is_silent_) require(datagrams.empty(), "who has ended is silent");
  if (engine_.has_ended()) check_last_words(datagrams);
  for (auto& each : datagrams)
    outgoing_.push_back(std::move(each));
}

// After the end nothing goes out but what was queued before, and the alert behind it.
void Association::check_last_words(const std::vector<Buffer>& datagrams) const {
  if (!has_null_cipher() || datagrams.empty()) return;
  const auto& last = datagrams.back();
  const auto places = records_of(last);
  require(!places.empty(), "what is sent are records");
  const std::size_t tag_size = scene_.suites == Scene::Suites::kCcm8 ? 8 : crypto::kMaxAeadTagSize;
  require(type_of(last, places.back(), tag_size) == ContentType::kAlert,
          "the last word is an alert");
}

// A stranger has us send a flight once for each time the timer runs out, or once in a quarter of
// it for repetitions (Channel), and an ACK or an alert for a datagram.
void Association::check_budget() const {
  if (has_null_cipher() || was_established_) return;
  const auto elapsed = std::chrono::duration_cast<Duration>(now_ - kBeginning).count();
  const std::size_t flights = 3 + timeouts_ + static_cast<std::size_t>(elapsed / 200);
  require(sent_bytes_ <= flights * kFlight + came_ * 600, "no stranger has us flood the peer");
}

void Association::check_memory() const {
  std::size_t waiting = 0;
  for (const auto& each : outgoing_)
    waiting += each.size() + 64;
  const std::size_t held = held_bytes() - held_before_;
  require(held <= (was_established_ ? kMostAfter : kMostBefore) + waiting,
          "what a peer makes us hold is bounded");
}

void Association::check_deadline() const {
  const auto due = engine_.deadline();
  require(!due || *due > now_, "a deadline lies ahead");
  require(!due || !engine_.has_ended(), "who has ended waits for nothing");
}

void Association::fall_silent() {
  // 13 timeouts of a flight, ACKs and hurries between them; each may be of two kinds (a flight and
  // a HelloRequest, a ticket and a KeyUpdate).
  constexpr int kMostTimeouts = 64;
  for (int i = 0; engine_.deadline(); ++i) {
    require(i < kMostTimeouts, "who hears nothing falls silent");
    perform(step(StepKind::kTimeout));
  }
}

int run_association(Role role, const std::uint8_t* data, std::size_t size) {
  if (size > kMostInput) return -1;
  const Input input = read_input(std::as_bytes(std::span(data, size)));
  Association association(role, Scene::read(input.scene));
  for (const Step& step : input.steps) {
    association.perform(step);
    association.take_outgoing();
  }
  association.fall_silent();
  return 0;
}

}  // namespace dtls::fuzz
