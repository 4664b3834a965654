// SessionAssociation: a Session, as programs have it, that is led through steps.
#pragma once

#include <memory>
#include <optional>

#include "dtls/session.hpp"
#include "harness/scene.hpp"
#include "harness/seeded_random.hpp"
#include "harness/steps.hpp"

namespace dtls::fuzz {

class SessionAssociation {
 public:
  SessionAssociation(Role role, const Scene& scene);

  void perform(const Step& step);
  void fall_silent();

  std::vector<Buffer> take_outgoing();
  [[nodiscard]] bool was_established() const { return was_connected_; }
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] std::size_t messages() const { return messages_; }
  [[nodiscard]] bool has_timer() const { return session_->deadline().has_value(); }

 private:
  void act(const Step& step);
  void drain();
  void on_event(const Event& event);

  Role role_;
  Scene scene_;
  RandomStream random_;
  std::optional<Session> session_;
  TimePoint now_ = kBeginning;
  bool was_connected_ = false;
  bool is_over_ = false;  // by an event or by us
  bool is_silent_ = false;
  std::optional<Error> error_;
  std::size_t messages_ = 0;
  std::vector<Buffer> outgoing_;
};

int run_session(Role role, const std::uint8_t* data, std::size_t size);

}  // namespace dtls::fuzz
