/* What was asked of the workspace's clients, and what came of it. */
#include "asked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In the order of members, so that each has the same number whoever was asked first, or asked in
 * vain: who goes back asks only what was taken. */
static vlot_client *client_of(vlot__workspace *workspace, uint32_t contact) {
  vlot_client_options options;
  vlot_client_options_init(&options);
  for (uint32_t k = workspace->is_adopted ? contact : 1; k <= contact; k++) {
    options.contact = k;
    if (!workspace->clients[k] &&
        vlot_client_open(&workspace->clients[k], workspace->cluster, &options) != VLOT_OK)
      workspace->clients[k] = NULL;
  }
  return workspace->clients[contact];
}

static vlot__workspace_asked *free_place(vlot__workspace *workspace) {
  for (size_t k = 0; k < VLOT__WORKSPACE_ASKED_MAX; k++)
    if (workspace->asked[k].sequence == 0) return &workspace->asked[k];
  return NULL;
}

static uint64_t timeout_ticks(void) {
  vlot_client_options options;
  vlot_client_options_init(&options);
  return options.timeout_ticks;
}

/* Takes bytes; operation: of the key-value machine. */
static bool submit(vlot__workspace *workspace, uint32_t contact, vlot_bytes *bytes,
                   uint32_t operation, bool is_read, bool is_local, const char *what) {
  vlot__workspace_asked *asked = free_place(workspace);
  vlot_client *client = client_of(workspace, contact);
  uint64_t sequence = 0;
  vlot_result result = asked ? VLOT_NOMEM : VLOT_BUSY;
  if (asked && client && bytes) {
    vlot_command command = {
        .data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes), .owner = bytes};
    result = is_read ? vlot_client_read(client, command.data, command.size,
                                        is_local ? 0 : VLOT_NEVER, &sequence)
                     : vlot_client_submit(client, &command, 1, &sequence);
  }
  vlot_bytes_release(bytes);
  if (result != VLOT_OK)
    return vlot__workspace_fail(workspace, 1, "n%u does not take it: %s", contact,
                                workspace->journal
                                    ? "this is a recorded run, and nothing in it can be changed"
                                    : vlot_result_text(result));
  /* sequences are kept from 1 on: 0 marks a free place */
  *asked =
      (vlot__workspace_asked){.contact = contact,
                              .sequence = sequence + 1,
                              .is_read = is_read,
                              .operation = operation,
                              .deadline = vlot_cluster_now(workspace->cluster) + timeout_ticks()};
  snprintf(asked->what, sizeof asked->what, "%s", what);
  return true;
}

bool vlot__workspace_ask(vlot__workspace *workspace, uint32_t contact, const vlot_kv_command *kv,
                         bool is_local, const char *what) {
  return submit(workspace, contact, vlot_kv_encode(NULL, kv), kv->operation,
                kv->operation == VLOT_KV_GET, is_local, what);
}

bool vlot__workspace_ask_own(vlot__workspace *workspace, uint32_t contact, bool is_read,
                             bool is_local, const char *line, size_t size, const char *what) {
  char problem[VLOT__PLUGIN_PROBLEM_MAX];
  vlot_bytes *bytes = vlot__plugin_encode(workspace->plugin, is_read, line, size, problem);
  if (!bytes) return vlot__workspace_fail(workspace, 1, "%s", problem);
  return submit(workspace, contact, bytes, 0, is_read, is_local, what);
}

uint64_t vlot__workspace_deadline(const vlot__workspace *workspace) {
  uint64_t deadline = VLOT_NEVER;
  for (size_t k = 0; k < VLOT__WORKSPACE_ASKED_MAX; k++) {
    const vlot__workspace_asked *asked = &workspace->asked[k];
    if (asked->sequence != 0 && asked->deadline < deadline) deadline = asked->deadline;
  }
  return deadline;
}

static void say_value(vlot__text *out, const vlot_answer *answer) {
  vlot_kv_answer kv;
  if (vlot_kv_answer_decode(answer->reply, answer->reply_size, &kv) != VLOT_OK || kv.status > 1)
    vlot__text_add(out, "an answer that is no value");
  else if (kv.status == 1)
    vlot__text_add(out, "no such key");
  else if (kv.size == 0)
    vlot__text_add(out, "\"\"");
  else
    vlot__view_escape(out, kv.value, kv.size, SIZE_MAX);
}

/* What came of a command that has an answer of its own. */
static void say_outcome(vlot__text *out, const vlot__workspace_asked *asked,
                        const vlot_answer *answer) {
  vlot_kv_answer kv;
  if (asked->operation == VLOT_KV_SET ||
      vlot_kv_answer_decode(answer->reply, answer->reply_size, &kv) != VLOT_OK)
    return;
  bool is_true = kv.status == 0 && kv.size == 1 && kv.value[0] != 0;
  if (kv.status > 1)
    vlot__text_add(out, "; its value is no whole number of 64 bits: nothing was added");
  else if (asked->operation == VLOT_KV_INCREMENT)
    vlot__text_add(out, "; it is %.*s now", (int)kv.size, (const char *)kv.value);
  else if (asked->operation == VLOT_KV_DELETE)
    vlot__text_add(out, is_true ? "; it was there" : "; there was no such key");
  else
    vlot__text_add(out, is_true ? "; it is set" : "; it had another value: nothing was set");
}

static void say_answer(const vlot_plugin *plugin, vlot__text *out,
                       const vlot__workspace_asked *asked, const vlot_answer *answer) {
  vlot__text_add(out, "%6" PRIu64 "  The client of n%u, %s: ", answer->tick, asked->contact,
                 asked->what);
  if (answer->result != VLOT_OK && asked->is_read) {
    bool is_lost = answer->why == VLOT_WHY_LEADERSHIP_LOST;
    vlot__text_add(out, "not answered");
    if (answer->why != VLOT_WHY_NONE)
      vlot__text_add(out, ": %s",
                     is_lost ? "leadership was lost before it was confirmed"
                             : vlot_why_text(answer->why));
  } else if (answer->result != VLOT_OK) {
    vlot__text_add(out, "%s", vlot_result_text(answer->result));
    if (answer->why != VLOT_WHY_NONE) vlot__text_add(out, ": %s", vlot_why_text(answer->why));
  } else if (asked->is_read && plugin) {
    vlot__plugin_say_answer(plugin, out, answer->reply, answer->reply_size);
  } else if (asked->is_read) {
    say_value(out, answer);
  } else {
    vlot__text_add(out, "committed at %" PRIu64 " of term %" PRIu64, answer->index, answer->term);
    if (plugin && answer->reply_size > 0) {
      vlot__text_add(out, "; the answer is ");
      vlot__plugin_say_answer(plugin, out, answer->reply, answer->reply_size);
    } else if (!plugin) {
      say_outcome(out, asked, answer);
    }
  }
  vlot__text_add(out, "\n");
}

static void keep_answer(const vlot_plugin *plugin, vlot__told_answers *told,
                        const vlot__workspace_asked *asked, const vlot_answer *answer) {
  size_t at = told->count++;
  for (; at > 0 && told->all[at - 1].tick > answer->tick; at--) told->all[at] = told->all[at - 1];
  told->all[at] = (vlot__told_answer){.tick = answer->tick};
  say_answer(plugin, &told->all[at].text, asked, answer);
}

static void take_of(vlot__workspace *workspace, uint32_t contact, vlot__told_answers *told) {
  vlot_answer answer;
  while (workspace->clients[contact] &&
         vlot_client_poll(workspace->clients[contact], &answer, 1) == 1)
    for (size_t k = 0; k < VLOT__WORKSPACE_ASKED_MAX; k++) {
      vlot__workspace_asked *asked = &workspace->asked[k];
      if (asked->contact != contact || asked->sequence != answer.sequence + 1) continue;
      asked->sequence = 0;
      if (!workspace->is_redoing) keep_answer(workspace->plugin, told, asked, &answer);
      break;
    }
}

void vlot__asked_take(vlot__workspace *workspace, vlot__told_answers *told) {
  told->count = told->said = 0;
  for (uint32_t k = 0; k <= VLOT__WORKSPACE_NODES_MAX; k++) take_of(workspace, k, told);
}

void vlot__asked_say(vlot__workspace *workspace, vlot__told_answers *told, uint64_t before) {
  for (; told->said < told->count && told->all[told->said].tick < before; told->said++) {
    vlot__text *text = &told->all[told->said].text;
    if (text->size > 0) vlot__text_put(&workspace->out, text->data, text->size);
    workspace->out.is_short |= text->is_short;
    vlot__text_deinit(text);
  }
}
