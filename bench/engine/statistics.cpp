#include "engine/statistics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace dtls::bench {
namespace {

template <typename Element, typename Name>
Element& find_or_add(std::vector<Element>& list, const std::string& name, Name name_of) {
  const auto found = std::ranges::find(list, name, name_of);
  if (found != list.end()) return *found;
  list.emplace_back();
  name_of(list.back()) = name;
  return list.back();
}

// Linear between the two nearest samples.
double quantile(const std::vector<double>& sorted, double part) {
  const double at = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::string fixed(double number, int decimals) {
  std::array<char, 48> text{};
  const auto end =
      std::to_chars(text.begin(), text.end(), number, std::chars_format::fixed, decimals);
  return end.ec == std::errc() ? std::string(text.begin(), end.ptr) : "?";
}

std::string left(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}
std::string right(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

// The median of the ratios of each round, whose samples were taken side by side.
double ratio_of(const std::vector<double>& samples, const std::vector<double>& base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(samples.size(), base.size()); ++i) {
    if (base[i] > 0) ratios.push_back(samples[i] / base[i]);
  }
  return ratios.empty() ? 0 : quartiles_of(std::move(ratios)).median;
}

// Widths of a table's columns.
constexpr std::size_t kName = 46;
constexpr std::size_t kNumber = 13;

}  // namespace

Quartiles quartiles_of(std::vector<double> samples) {
  std::ranges::sort(samples);
  return {quantile(samples, 0.25), quantile(samples, 0.5), quantile(samples, 0.75)};
}

void Report::add(const std::string& quantity, const std::string& who, double sample) {
  auto& rows = find_or_add(
                   quantities_, quantity, [](auto& entry) -> auto& { return entry.name; })
                   .rows;
  find_or_add(
      rows, who, [](auto& entry) -> auto& { return entry.first; })
      .second.push_back(sample);
}

std::string Report::text(const std::string& base) const {
  std::string out;
  for (const auto& [who, release] : releases_)
    out += who + " " + release + "\n";
  for (const auto& line : notes_)
    out += line + "\n";
  for (const auto& quantity : quantities_) {
    out += "\n" + left(quantity.name, kName);
    for (const char* head : {"median", "quartile 1", "quartile 3", "ratio"}) {
      out += right(head, kNumber);
    }
    out += "\n";
    const auto ours = std::ranges::find(quantity.rows, base, &Row::first);
    for (const auto& [who, samples] : quantity.rows) {
      const auto of = quartiles_of(samples);
      out += left("  " + who, kName);
      for (const double number : {of.median, of.low, of.high}) {
        out += right(fixed(number, 1), kNumber);
      }
      if (ours != quantity.rows.end()) {
        out += right(fixed(ratio_of(samples, ours->second), 2), kNumber);
      }
      out += "\n";
    }
  }
  return out;
}

// No name here has a character that JSON would want escaped.
std::string Report::json() const {
  std::string out = "{\n  \"releases\": {";
  const char* separator = "";
  for (const auto& [who, release] : releases_) {
    out += separator + ("\n    \"" + who) + "\": \"" + release + "\"";
    separator = ",";
  }
  out += "\n  },\n  \"quantities\": {";
  separator = "";
  for (const auto& quantity : quantities_) {
    out += separator + ("\n    \"" + quantity.name) + "\": {";
    const char* comma = "";
    for (const auto& [who, samples] : quantity.rows) {
      const auto of = quartiles_of(samples);
      out += comma + ("\n      \"" + who) + "\": {\"median\": " + fixed(of.median, 1) +
             ", \"low\": " + fixed(of.low, 1) + ", \"high\": " + fixed(of.high, 1) +
             ", \"samples\": " + std::to_string(samples.size()) + "}";
      comma = ",";
    }
    out += "\n    }";
    separator = ",";
  }
  return out + "\n  }\n}\n";
}

}  // namespace dtls::bench
