// What was measured: samples by quantity and candidate, their quartiles, a table and JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dtls::bench {

struct Quartiles {
  double low = 0;
  double median = 0;
  double high = 0;
};

// quartiles_of sorts `samples`, of which there must be one at least.
Quartiles quartiles_of(std::vector<double> samples);

// Report collects in the order in which quantities and candidates are first named.
class Report {
 public:
  // add takes one sample: nanoseconds or bytes, as the quantity's name says.
  void add(const std::string& quantity, const std::string& who, double sample);
  void note(std::string line) { notes_.push_back(std::move(line)); }
  void name_release(const std::string& who, std::string release) {
    releases_.emplace_back(who, std::move(release));
  }

  // text is the table: median, quartiles, and the ratio of each median to that of `base`.
  [[nodiscard]] std::string text(const std::string& base) const;
  [[nodiscard]] std::string json() const;

 private:
  using Row = std::pair<std::string, std::vector<double>>;
  struct Quantity {
    std::string name;
    std::vector<Row> rows;
  };
  std::vector<Quantity> quantities_;
  std::vector<std::pair<std::string, std::string>> releases_;
  std::vector<std::string> notes_;
};

}  // namespace dtls::bench
