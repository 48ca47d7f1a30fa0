#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"

int main(int argc, char **argv) {
  int code = vlot__lab_main(argc, argv);
  /* what nobody could read was not said: a job that keeps the output must not take that for
   * success */
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == VLOT__EXIT_OK) {
    fprintf(stderr, "vlot: the standard output cannot be written: %s\n", strerror(errno));
    code = VLOT__EXIT_CANNOT_CREATE;
  }
  return code;
}
