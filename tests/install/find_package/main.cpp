// A C++17 program outside the tree, found through find_package.
#include "../consumer.h"

#include <iostream>

int main() {
  const char *problem = consume();
  std::cout << (problem ? problem : vlot_version_string()) << '\n';
  return problem ? 1 : 0;
}
