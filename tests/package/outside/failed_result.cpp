// Reads the value of a failed Result in the way that its argument names.
#include <dtls/dtls.hpp>

#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "";
  const auto parse = [] { return dtls::Address::parse("10.0.0.256", 1); };
  const auto address = parse();
  if (way == "star") std::cout << (*address).text() << '\n';
  if (way == "arrow") std::cout << address->text() << '\n';
  if (way == "rvalue") std::cout << (*parse()).text() << '\n';
  return 0;
}
