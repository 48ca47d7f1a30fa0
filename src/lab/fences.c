#include "fences.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool lacks_memory(vlot_cluster *cluster, uint32_t id, vlot_node_status *status) {
  return vlot_cluster_get_status(cluster, id, status) == VLOT_OK &&
         status->state == VLOT_NODE_FENCED && status->raft.fenced_why == VLOT_WHY_NO_MEMORY;
}

/* As many as a sentence can take; the others are counted. */
enum { NAMED = 16 };

/* Into memory that is there: there is no other. */
typedef struct room {
  char *text;
  size_t size, used;
} room;

__attribute__((format(printf, 2, 3))) static void put(room *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
  va_end(arguments);
  if (length > 0) out->used += (size_t)length;
  if (out->used >= out->size) out->used = out->size - 1;
}

static void put_list(room *out, const char *mark, const uint64_t *numbers, uint32_t count) {
  uint32_t named = count < NAMED ? count : NAMED;
  for (uint32_t k = 0; k < named; k++) {
    bool is_last = k > 0 && k + 1 == count;
    put(out, "%s%s%" PRIu64, k == 0 ? "" : is_last ? " and " : ", ", mark, numbers[k]);
  }
  if (named < count) put(out, " and %" PRIu32 " more", count - named);
}

vlot__fences vlot__fences_look(vlot_cluster *cluster, char *text, size_t size) {
  vlot__fences found = {0};
  uint64_t ids[NAMED], ticks[NAMED];
  uint32_t nodes = vlot_cluster_nodes(cluster);
  for (uint32_t id = 1; id <= nodes; id++) {
    vlot_node_status status;
    bool is_short = lacks_memory(cluster, id, &status);
    found.all_voters += !status.is_learner;
    if (!is_short) continue;
    if (found.count < NAMED) {
      ids[found.count] = id;
      ticks[found.count] = status.fenced_tick;
    }
    found.voters += !status.is_learner;
    found.count++;
  }
  if (size == 0) return found;
  text[0] = '\0';
  if (found.count == 0) return found;
  room out = {.text = text, .size = size};
  put_list(&out, "n", ids, found.count);
  put(&out, " %s fenced because memory ran out: at tick ", found.count == 1 ? "was" : "were");
  put_list(&out, "", ticks, found.count);
  return found;
}

/* What a turn or two would take. */
static bool can_have_more(void) {
  void *volatile some = malloc(1 << 18);
  free(some);
  return some != NULL;
}

bool vlot__fences_are_short(vlot_cluster *cluster) {
  return vlot__fences_look(cluster, NULL, 0).count > 0 || !can_have_more();
}

bool vlot__fences_stop(vlot_cluster *cluster) {
  vlot__fences found = vlot__fences_look(cluster, NULL, 0);
  return found.voters > 0 && found.all_voters - found.voters < found.all_voters / 2 + 1;
}
