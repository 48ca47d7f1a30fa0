/* A C11 program outside the tree, found through pkg-config. */
#include <vlot/vlot.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  if (strcmp(vlot_version_string(), VLOT_VERSION_STRING) != 0) return 1;
  puts(vlot_version_string());
  return 0;
}
