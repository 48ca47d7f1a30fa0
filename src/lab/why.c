#include "why.h"

#include <string.h>

vlot_result vlot__why_look(vlot__view_why *view, vlot__workspace *workspace, uint32_t node,
                           vlot_ask ask) {
  vlot_question question;
  vlot_question_init(&question);
  question.ask = ask;
  question.node = node;
  question.past = workspace->past;
  return vlot_cluster_why(workspace->cluster, &question, &view->told);
}

/* What text begins with is behind it; else it stays where it is. */
static bool skip(const char **text, const char *begin) {
  size_t size = strlen(begin);
  bool is_there = strncmp(*text, begin, size) == 0;
  if (is_there) *text += size;
  return is_there;
}

void vlot__why_say_nobody_leads(vlot__workspace *workspace, vlot__text *out) {
  vlot_explanation *told;
  vlot_question question;
  vlot_question_init(&question);
  question.past = workspace->past;
  vlot_result result = vlot_cluster_why(workspace->cluster, &question, &told);
  const char *text = result == VLOT_OK ? told->reasons[0].text : "";
  (void)skip(&text, "There is no leader");
  const char *cannot = skip(&text, ", and there cannot be one") ? ", and nobody can" : "";
  size_t size = strlen(text);
  if (size > 0 && text[size - 1] == '.') size--;
  vlot__text_add(out, "nobody leads%s%.*s", cannot, (int)size, text);
  vlot_explanation_release(told);
}

uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id) {
  const uint64_t leads = UINT64_C(1) << VLOT_EVENT_LEADER, match = UINT64_C(1) << VLOT_EVENT_MATCH;
  uint32_t leader = vlot_cluster_leader(workspace->cluster);
  if (leader == 0 || id == leader) return 0;
  const vlot_event *won = vlot_past_newest(workspace->past, leader, leads, 0, 0);
  const vlot_event *told =
      vlot_past_newest(workspace->past, leader, match, id, won ? won->sequence : 0);
  return told ? told->as.change.to : 0;
}
