/* What the benchmarks of whole clusters share. */
#include "bench_load.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void bench_pretouch(uint32_t mebibytes) {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, -1); /* never */
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_MMAP_MAX, 0);
  size_t bytes = (size_t)mebibytes << 20;
  uint8_t *memory = malloc(bytes);
  if (memory != NULL) {
    memset(memory, 1, bytes);
    /* The compiler may not leave out what nobody reads. */
    __asm__ volatile("" : : "r"(memory) : "memory");
  }
  free(memory);
}

enum bench_exit bench_load_exit(const struct cluster_load_result *result) {
  if (result->status == CLUSTER_LOAD_OK) return BENCH_DONE;
  bool is_mismatch = result->status == CLUSTER_LOAD_MISMATCH;
  return bench_complain(is_mismatch ? BENCH_MISMATCH : BENCH_SYSTEM, "%s", result->why);
}

enum bench_exit bench_load_pair(const struct cluster_load_options loads[2], uint64_t round,
                                struct cluster_load_result results[2]) {
  for (uint64_t k = 0; k < 2; k++) {
    size_t which = (round + k) % 2;
    results[which] = cluster_load_run(&loads[which]);
    enum bench_exit done = bench_load_exit(&results[which]);
    if (done != BENCH_DONE) return done;
  }
  return BENCH_DONE;
}
