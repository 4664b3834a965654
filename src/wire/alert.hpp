// Alerts (RFC 5246 §7.2): two bytes that say why, and their names for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/numbers.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

enum class AlertLevel : std::uint8_t { kWarning = 1, kFatal = 2 };

struct Alert {
  AlertLevel level = AlertLevel::kFatal;
  std::uint8_t description = 0;  // one of the numbers that alert_name knows, or not
};

inline constexpr std::size_t kAlertSize = 2;

// alert_name gives the name that the RFCs use ("handshake_failure"); "unknown_alert" for a
// number that has none.
std::string_view alert_name(std::uint8_t description);
inline std::string_view alert_name(AlertDescription description) {
  return alert_name(static_cast<std::uint8_t>(description));
}

// parse_alert reads the content of an alert record; nullopt when it is not two bytes or the
// level is none.
std::optional<Alert> parse_alert(Bytes content);

void write_alert(Writer& writer, Alert alert);

}  // namespace dtls::wire
