// A C++17 program outside the tree, found through find_package.
#include <vlot/vlot.h>

#include <iostream>
#include <string_view>

int main() {
  const std::string_view version = vlot_version_string();
  if (version != VLOT_VERSION_STRING) return 1;
  std::cout << version << '\n';
  return 0;
}
