/* Clients' operations as JSON lines. A lane is a client number with at most one operation under
 * way: its text is built up to the value when it begins, so that ending it as unknown needs no
 * memory.
 */
#include "vlot/history.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/json.h"
#include "base/problem.h"

/* TAIL_MAX: room for the end of a line without a result */
enum { NO_LANE = 0, TAIL_MAX = 64 };

typedef struct lane {
  uint64_t number;   /* in the file */
  vlot__writer text; /* its room is the lane's */
  uint32_t client;
  uint32_t next_free; /* of the same client: position + 1, or NO_LANE */
  bool is_busy;
} lane;

struct vlot_history {
  const vlot_allocator *allocator;
  vlot_history_sink sink;
  lane *lanes; /* [lane_count] */
  size_t lane_count;
  size_t lane_capacity;
  uint32_t *free_lanes; /* [client_count] of each client: position + 1, or NO_LANE */
  size_t client_count;
  size_t client_capacity;
  uint64_t next_number;
  size_t busy_count; /* operations under way */
};

/* --- text --- */

/* Room for so much more: what is written within it is there, whole. */
static bool reserve_text(vlot_history *history, lane *at, size_t more) {
  vlot__writer *text = &at->text;
  void *out = text->out;
  if (more > SIZE_MAX / 4 - text->length) return false;
  bool has_room =
      vlot__alloc_grow(history->allocator, &out, &text->capacity, text->length + more, 1);
  text->out = out;
  return has_room;
}

static void write_bytes_or_null(lane *at, const void *bytes, size_t size) {
  if (bytes)
    vlot__json_bytes(&at->text, bytes, size);
  else
    vlot__write_text(&at->text, "null");
}

/* --- lanes --- */

static bool reserve_client(vlot_history *history, uint32_t client) {
  void *free_lanes = history->free_lanes;
  if (client < history->client_count) return true;
  if (!vlot__alloc_grow(history->allocator, &free_lanes, &history->client_capacity,
                        (size_t)client + 1, sizeof *history->free_lanes))
    return false;
  history->free_lanes = free_lanes;
  while (history->client_count <= client) history->free_lanes[history->client_count++] = NO_LANE;
  return true;
}

/* A lane of the client with nothing under way; NULL without memory. It stays free until it is
 * taken. */
static lane *free_lane(vlot_history *history, uint32_t client) {
  if (!reserve_client(history, client)) return NULL;
  if (history->free_lanes[client] != NO_LANE)
    return &history->lanes[history->free_lanes[client] - 1];
  void *lanes = history->lanes;
  if (history->lane_count >= UINT32_MAX - 1) return NULL; /* handles are numbers of 32 bits */
  if (!vlot__alloc_grow(history->allocator, &lanes, &history->lane_capacity,
                        history->lane_count + 1, sizeof *history->lanes))
    return NULL;
  history->lanes = lanes;
  lane *made = &history->lanes[history->lane_count++];
  *made = (lane){.number = history->next_number++, .client = client};
  history->free_lanes[client] = (uint32_t)history->lane_count;
  return made;
}

static void write_line(vlot_history *history, lane *at) {
  vlot__write_text(&at->text, "}\n");
  history->sink.line(history->sink.context, at->text.out, at->text.length);
  at->is_busy = false;
  history->busy_count--;
  at->next_free = history->free_lanes[at->client];
  history->free_lanes[at->client] = (uint32_t)(at - history->lanes) + 1;
}

/* --- the interface --- */

vlot_result vlot_history_open(vlot_history **out, const vlot_allocator *allocator,
                              const vlot_history_sink *sink) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(sink);
  *out = NULL;
  if (!sink->line) return vlot__refuse(VLOT_INVALID, "sink.line: missing");
  allocator = vlot__alloc_or_default(allocator);
  *out = vlot__alloc_zero(allocator, 1, sizeof **out);
  if (!*out) return VLOT_NOMEM;
  (*out)->allocator = allocator;
  (*out)->sink = *sink;
  (*out)->next_number = 1;
  return VLOT_OK;
}

void vlot_history_close(vlot_history *history) {
  if (!history) return;
  for (size_t k = 0; k < history->lane_count; k++) {
    if (history->lanes[k].is_busy) write_line(history, &history->lanes[k]);
    vlot__alloc_free(history->allocator, history->lanes[k].text.out);
  }
  vlot__alloc_free(history->allocator, history->lanes);
  vlot__alloc_free(history->allocator, history->free_lanes);
  vlot__alloc_free(history->allocator, history);
}

static bool is_valid(const vlot_history_call *call) {
  return call->client < VLOT_HISTORY_CLIENTS_MAX && call->operation &&
         (call->key || call->key_size == 0);
}

vlot_result vlot_history_begin(vlot_history *history, const vlot_history_call *call,
                               uint32_t *operation) {
  VLOT_GIVEN(history);
  VLOT_GIVEN(call);
  VLOT_GIVEN(operation);
  if (!is_valid(call))
    return vlot__refuse_value(
        VLOT_INVALID,
        "client {0}: below {1}; and operation is needed, and a key where key_size is not 0",
        call->client, VLOT_HISTORY_CLIENTS_MAX);
  if (history->busy_count >= VLOT_HISTORY_OPERATIONS_MAX)
    return vlot__refuse_value(VLOT_BUSY, "{0} operations are under way, the most there can be",
                              VLOT_HISTORY_OPERATIONS_MAX, 0);
  size_t name_size = strlen(call->operation);
  size_t sizes[] = {name_size, call->key_size, call->value ? call->value_size : 0,
                    call->expected ? call->expected_size : 0};
  size_t wanted = 2 * TAIL_MAX + TAIL_MAX; /* keys, numbers; and what ends the line */
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    if (sizes[k] > SIZE_MAX / 64)
      return vlot__refuse_value(VLOT_TOO_LARGE, "{0} bytes in one field: at most {1}", sizes[k],
                                SIZE_MAX / 64);
    wanted += vlot__json_bytes_max(sizes[k]);
  }
  lane *at = free_lane(history, call->client);
  if (!at) return VLOT_NOMEM;
  at->text.length = 0;
  if (!reserve_text(history, at, wanted)) return VLOT_NOMEM;

  history->free_lanes[call->client] = at->next_free;
  at->is_busy = true;
  history->busy_count++;
  vlot__write_text(&at->text, "{\"client\":");
  vlot__write_number(&at->text, at->number);
  vlot__json_number_of(&at->text, "call", call->time);
  vlot__json_key(&at->text, "op");
  vlot__json_bytes(&at->text, call->operation, name_size);
  vlot__json_key(&at->text, "key");
  vlot__json_bytes(&at->text, call->key, call->key_size);
  if (call->value) {
    vlot__json_key(&at->text, "value");
    vlot__json_bytes(&at->text, call->value, call->value_size);
  }
  if (call->has_expected) {
    vlot__json_key(&at->text, "expected");
    write_bytes_or_null(at, call->expected, call->expected_size);
  }
  *operation = (uint32_t)(at - history->lanes);
  return VLOT_OK;
}

vlot_result vlot_history_end(vlot_history *history, uint32_t operation, uint64_t time,
                             vlot_result outcome, const void *result, size_t size) {
  VLOT_GIVEN(history);
  if (operation >= history->lane_count || !history->lanes[operation].is_busy)
    return vlot__refuse_value(VLOT_NOT_FOUND, "operation {0} was not begun, or has ended",
                              operation, 0);
  lane *at = &history->lanes[operation];
  if (outcome == VLOT_UNKNOWN || outcome == VLOT_TIMEOUT || outcome == VLOT_CLOSED) {
    write_line(history, at);
    at->number = history->next_number++;
    return VLOT_OK;
  }
  bool is_ok = outcome == VLOT_OK;
  if (is_ok && result && size > SIZE_MAX / 64)
    return vlot__refuse_value(VLOT_TOO_LARGE, "a result of {0} bytes: at most {1}", size,
                              SIZE_MAX / 64);
  size_t wanted = TAIL_MAX + (is_ok && result ? vlot__json_bytes_max(size) : 0);
  if (!reserve_text(history, at, wanted)) return VLOT_NOMEM;
  vlot__json_number_of(&at->text, "return", time);
  vlot__json_key(&at->text, is_ok ? "result" : "fail");
  if (is_ok)
    write_bytes_or_null(at, result, size);
  else
    vlot__json_truth(&at->text, true);
  write_line(history, at);
  return VLOT_OK;
}
