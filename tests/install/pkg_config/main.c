/* A C11 program outside the tree, found through pkg-config. */
#include "../consumer.h"

#include <stdio.h>

int main(void) {
  const char *problem = consume();
  puts(problem ? problem : vlot_version_string());
  return problem ? 1 : 0;
}
