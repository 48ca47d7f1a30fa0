/* Clients' operations as JSON lines. A lane is a client number with at most one operation under
 * way: its text is built up to the value when it begins, so that ending it as unknown needs no
 * memory.
 */
#include "vlot/history.h"

#include <string.h>

#include "base/alloc.h"

/* TAIL_MAX: room for the end of a line without a result */
enum { NO_LANE = 0, TAIL_MAX = 64 };

typedef struct lane {
  uint64_t number; /* in the file */
  char *text;
  size_t length;
  size_t capacity;
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

static bool reserve_text(vlot_history *history, lane *at, size_t more) {
  void *text = at->text;
  if (more > SIZE_MAX / 4 - at->length) return false;
  bool has_room = vlot__alloc_grow(history->allocator, &text, &at->capacity, at->length + more, 1);
  at->text = text;
  return has_room;
}

static void put(lane *at, const char *text, size_t size) {
  memcpy(at->text + at->length, text, size);
  at->length += size;
}

static void put_text(lane *at, const char *text) { put(at, text, strlen(text)); }

static void put_number(lane *at, uint64_t number) {
  char digits[20];
  size_t k = sizeof digits;
  do digits[--k] = (char)('0' + number % 10);
  while (number /= 10);
  put(at, digits + k, sizeof digits - k);
}

static bool is_tail(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* Bytes of the UTF-8 character at data, 0 when there is none: no surrogates, nothing longer than it
 * must be. */
static size_t character(const uint8_t *data, size_t size) {
  uint8_t first = data[0];
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return size >= 2 && is_tail(data[1]) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (size < 3 || !is_tail(data[1]) || !is_tail(data[2])) return 0;
    if (first == 0xe0 && data[1] < 0xa0) return 0;
    return first == 0xed && data[1] >= 0xa0 ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (size < 4 || !is_tail(data[1]) || !is_tail(data[2]) || !is_tail(data[3])) return 0;
    if (first == 0xf0 && data[1] < 0x90) return 0;
    return first == 0xf4 && data[1] >= 0x90 ? 0 : 4;
  }
  return 0;
}

static void put_escape(lane *at, uint8_t byte) {
  char code[6] = {
      '\\', 'u', '0', '0', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  put(at, code, sizeof code);
}

/* Room for it must have been reserved: string_max(). */
static void put_string(lane *at, const void *bytes, size_t size) {
  const uint8_t *data = bytes;
  put(at, "\"", 1);
  for (size_t k = 0, length; k < size; k += length) {
    length = character(data + k, size - k);
    if (length == 0 || data[k] < 0x20) {
      put_escape(at, data[k]);
      length = 1;
    } else {
      if (data[k] == '"' || data[k] == '\\') put(at, "\\", 1);
      put(at, (const char *)data + k, length);
    }
  }
  put(at, "\"", 1);
}

static void put_string_or_null(lane *at, const void *bytes, size_t size) {
  if (bytes)
    put_string(at, bytes, size);
  else
    put_text(at, "null");
}

/* Every byte may become six. SIZE_MAX / 4: too long for any memory. */
static size_t string_max(size_t size) { return size < SIZE_MAX / 64 ? size * 6 + 4 : SIZE_MAX / 4; }

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
  put_text(at, "}\n");
  history->sink.line(history->sink.context, at->text, at->length);
  at->is_busy = false;
  history->busy_count--;
  at->next_free = history->free_lanes[at->client];
  history->free_lanes[at->client] = (uint32_t)(at - history->lanes) + 1;
}

/* --- the interface --- */

vlot_result vlot_history_open(vlot_history **out, const vlot_allocator *allocator,
                              const vlot_history_sink *sink) {
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
    vlot__alloc_free(history->allocator, history->lanes[k].text);
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
  if (!is_valid(call)) return VLOT_INVALID;
  if (history->busy_count >= VLOT_HISTORY_OPERATIONS_MAX) return VLOT_BUSY;
  size_t name_size = strlen(call->operation);
  size_t sizes[] = {name_size, call->key_size, call->value ? call->value_size : 0,
                    call->expected ? call->expected_size : 0};
  size_t wanted = 2 * TAIL_MAX + TAIL_MAX; /* keys, numbers; and what ends the line */
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    if (sizes[k] > SIZE_MAX / 64) return VLOT_NOMEM;
    wanted += string_max(sizes[k]);
  }
  lane *at = free_lane(history, call->client);
  if (!at) return VLOT_NOMEM;
  at->length = 0;
  if (!reserve_text(history, at, wanted)) return VLOT_NOMEM;

  history->free_lanes[call->client] = at->next_free;
  at->is_busy = true;
  history->busy_count++;
  put_text(at, "{\"client\":");
  put_number(at, at->number);
  put_text(at, ",\"call\":");
  put_number(at, call->time);
  put_text(at, ",\"op\":");
  put_string(at, call->operation, name_size);
  put_text(at, ",\"key\":");
  put_string(at, call->key, call->key_size);
  if (call->value) {
    put_text(at, ",\"value\":");
    put_string(at, call->value, call->value_size);
  }
  if (call->has_expected) {
    put_text(at, ",\"expected\":");
    put_string_or_null(at, call->expected, call->expected_size);
  }
  *operation = (uint32_t)(at - history->lanes);
  return VLOT_OK;
}

vlot_result vlot_history_end(vlot_history *history, uint32_t operation, uint64_t time,
                             vlot_result outcome, const void *result, size_t size) {
  if (operation >= history->lane_count || !history->lanes[operation].is_busy) return VLOT_NOT_FOUND;
  lane *at = &history->lanes[operation];
  if (outcome == VLOT_UNKNOWN || outcome == VLOT_TIMEOUT || outcome == VLOT_CLOSED) {
    write_line(history, at);
    at->number = history->next_number++;
    return VLOT_OK;
  }
  bool is_ok = outcome == VLOT_OK;
  size_t wanted = TAIL_MAX + (is_ok && result ? string_max(size) : 0);
  if (!reserve_text(history, at, wanted)) return VLOT_NOMEM;
  put_text(at, ",\"return\":");
  put_number(at, time);
  put_text(at, is_ok ? ",\"result\":" : ",\"fail\":true");
  if (is_ok) put_string_or_null(at, result, size);
  write_line(history, at);
  return VLOT_OK;
}
