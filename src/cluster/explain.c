/* An answer to `why` as it grows, and what is read from it: lines, and what each says is waited
 * for. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/writer.h"
#include "cluster/why_inside.h"

/* --- names --- */

const char *vlot_reason_kind_name(vlot_reason_kind kind) {
  switch (kind) {
#define VLOT_X(name, number, text) \
  case VLOT_REASON_##name: return text;
    VLOT_REASONS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_wait_kind_name(vlot_wait_kind kind) {
  switch (kind) {
#define VLOT_X(name, number, text) \
  case VLOT_WAIT_##name: return text;
    VLOT_WAITS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_ask_name(vlot_ask ask) {
  switch (ask) {
#define VLOT_X(name, number, text) \
  case VLOT_ASK_##name: return text;
    VLOT_ASKS(VLOT_X)
#undef VLOT_X
  case VLOT_ASK_COUNT: break;
  }
  return "?";
}

/* --- growing --- */

static const char nothing_said[] = "";

void vlot__why_begin(why *at, vlot_reason_kind kind, uint32_t node) {
  vlot__explaining *out = at->out;
  void *reasons = out->reasons;
  bool has_room = vlot__alloc_grow(out->allocator, &reasons, &out->reason_capacity,
                                   out->told.reason_count + 1, sizeof *out->reasons);
  out->told.reasons = out->reasons = reasons;
  out->is_short |= !has_room;
  if (out->is_short) return;
  out->text = NULL;
  out->text_size = out->text_capacity = 0;
  out->reasons[out->told.reason_count++] =
      (vlot_reason){.kind = kind, .node = node, .text = nothing_said};
}

void vlot__why_begin_event(why *at, vlot_reason_kind kind, const vlot_event *event) {
  char sentence[512];
  vlot__why_begin(at, kind, event->node);
  if (at->out->is_short) return;
  vlot_reason *reason = &at->out->reasons[at->out->told.reason_count - 1];
  reason->event = vlot_event_id(event->node, event->sequence);
  reason->tick = event->tick;
  reason->event_kind = event->kind;
  reason->event_why = event->why;
  vlot_event_text(event, sentence, sizeof sentence);
  vlot__why_say(at, "%s", sentence);
}

void vlot__why_say(why *at, const char *format, ...) {
  vlot__explaining *out = at->out;
  va_list arguments;
  if (out->is_short || out->told.reason_count == 0) return;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  void *text = out->text;
  size_t size = out->text_size + (length > 0 ? (size_t)length : 0);
  if (!vlot__alloc_grow(out->allocator, &text, &out->text_capacity, size + 1, 1)) {
    out->is_short = true;
    return;
  }
  out->text = text;
  va_start(arguments, format);
  vsnprintf(out->text + out->text_size, size - out->text_size + 1, format, arguments);
  va_end(arguments);
  out->text_size = size;
  out->reasons[out->told.reason_count - 1].text = out->text;
}

void vlot__why_wait(why *at, vlot_wait wait) {
  vlot__explaining *out = at->out;
  if (out->told.reason_count == 0) return;
  void *waits = out->waits;
  bool has_room = vlot__alloc_grow(out->allocator, &waits, &out->wait_capacity,
                                   out->told.wait_count + 1, sizeof *out->waits);
  out->told.waits = out->waits = waits;
  out->is_short |= !has_room;
  if (out->is_short) return;
  wait.reason = out->told.reason_count - 1;
  out->waits[out->told.wait_count++] = wait;
}

void vlot__why_wait_quorum(why *at, vlot_wait_kind kind, uint32_t node, uint32_t have,
                           uint32_t need) {
  vlot_wait wait = vlot__why_wait_of(kind, node);
  wait.have = have;
  wait.need = need;
  vlot__why_wait(at, wait);
}

/* --- reading --- */

void vlot_explanation_release(vlot_explanation *explanation) {
  vlot__explaining *out = (vlot__explaining *)explanation; /* it begins with it */
  if (!out) return;
  for (size_t k = 0; k < out->told.reason_count; k++)
    if (out->reasons[k].text != nothing_said)
      vlot__alloc_free(out->allocator, (void *)(uintptr_t)out->reasons[k].text);
  vlot__alloc_free(out->allocator, out->reasons);
  vlot__alloc_free(out->allocator, out->waits);
  vlot__alloc_free(out->allocator, out);
}

static void write_reason(vlot__writer *writer, const vlot_reason *reason) {
  char tick[32];
  const char *indent = reason->kind == VLOT_REASON_FINDING  ? "  "
                       : reason->kind == VLOT_REASON_DETAIL ? "          "
                                                            : "";
  if (reason->kind == VLOT_REASON_EVENT || reason->kind == VLOT_REASON_CAUSE) {
    snprintf(tick, sizeof tick, "%6" PRIu64 "  ", reason->tick);
    indent = tick;
  }
  vlot__write_text(writer, indent);
  if (reason->kind == VLOT_REASON_CAUSE) vlot__write_text(writer, "  because ");
  vlot__write_text(writer, reason->text);
  vlot__write_text(writer, "\n");
}

size_t vlot_explanation_text(const vlot_explanation *explanation, char *out, size_t capacity) {
  VLOT_GIVEN(explanation);
  vlot__writer writer = {.out = out, .capacity = capacity};
  for (size_t k = 0; k < explanation->reason_count; k++)
    write_reason(&writer, &explanation->reasons[k]);
  return vlot__write_end(&writer);
}
