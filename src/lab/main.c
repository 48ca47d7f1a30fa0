#include "lab.h"

int main(int argc, char **argv) {
  return vlot__lab_main(argc, argv);
}
