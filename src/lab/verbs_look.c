/* Verbs that look, and change nothing: each fills a view. */
#include <inttypes.h>
#include <string.h>

#include "verbs.h"
#include "why.h"

bool vlot__verbs_show(vlot__workspace *workspace, vlot__view *view, bool is_filled) {
  if (!is_filled) return vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  workspace->render(&workspace->out, view);
  vlot__view_deinit(view);
  return true;
}

/* With a number it sets up, without one it looks: both are what a person expects of this word. */
bool vlot__verbs_nodes(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *count = &arguments->values[0];
  vlot__view view = {.kind = VLOT__VIEW_OF_NODES};
  if (!count->is_given)
    return vlot__workspace_open(workspace) &&
           vlot__verbs_show(workspace, &view,
                            vlot__view_look_nodes(&view.as.nodes, workspace->cluster));
  if (!vlot__workspace_unopen(workspace))
    return vlot__workspace_fail(workspace, 1, "something has happened already: there are %u nodes",
                                workspace->options.nodes);
  if (workspace->start_count > 0 || workspace->options.learners >= count->number)
    return vlot__workspace_fail(workspace, 1,
                                "say how many nodes there are before you say what they are");
  workspace->options.nodes = (uint32_t)count->number;
  workspace->changes++;
  return true;
}

bool vlot__verbs_status(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_STATUS};
  (void)arguments;
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_status(&view.as.status, workspace->cluster));
}

bool vlot__verbs_log(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_LOG};
  uint32_t node = (uint32_t)arguments->values[0].number;
  bool is_filled = vlot__view_look_log(&view.as.log, workspace, node);
  view.as.log.from = arguments->values[1].number;
  return vlot__verbs_show(workspace, &view, is_filled);
}

bool vlot__verbs_net(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_NET};
  (void)arguments;
  return vlot__verbs_show(workspace, &view, vlot__view_look_net(&view.as.net, workspace));
}

bool vlot__verbs_timers(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_TIMERS};
  (void)arguments;
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_timers(&view.as.timers, workspace->cluster));
}

bool vlot__verbs_events(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_EVENTS};
  const vlot__value *node = &arguments->values[0], *most = &arguments->values[1];
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_events(&view.as.events, workspace->cluster,
                                                 (uint32_t)node->number,
                                                 most->is_given ? (size_t)most->number : 10));
}

/* What is wrong is the verb's own problem: a scene ends there. */
static bool is_well(vlot__workspace *workspace, const vlot__view_check *view) {
  const vlot__view_replica *a = view->differs[0], *b = view->differs[1];
  if (*view->violation)
    return vlot__workspace_fail(workspace, 0, "a safety property is broken: %s", view->violation);
  return !a || vlot__workspace_fail(workspace, 0,
                                    "n%u and n%u have applied %" PRIu64 " entr%s and differ",
                                    a->node, b->node, b->applied, b->applied == 1 ? "y" : "ies");
}

bool vlot__verbs_check(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_CHECK};
  (void)arguments;
  bool is_filled = vlot__view_look_check(&view.as.check, workspace->cluster);
  if (!is_filled || is_well(workspace, &view.as.check))
    return vlot__verbs_show(workspace, &view, is_filled);
  vlot__view_deinit(&view);
  return false;
}

bool vlot__verbs_lints(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_LINTS};
  (void)arguments;
  return vlot__verbs_show(workspace, &view,
                          vlot__view_look_lints(&view.as.lints, workspace->cluster));
}

bool vlot__verbs_why(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot__view view = {.kind = VLOT__VIEW_OF_WHY};
  const vlot__value *node = &arguments->values[0], *what = &arguments->values[1];
  vlot__why_about about = what->is_given ? (vlot__why_about)what->number : VLOT__WHY_ANYTHING;
  return vlot__verbs_show(workspace, &view,
                          vlot__why_look(&view.as.why, workspace, (uint32_t)node->number, about));
}

bool vlot__verbs_help(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  const vlot_verb *verb = name->is_given ? vlot_verb_find(name->text) : NULL;
  if (name->is_given && strcmp(name->text, "all") == 0) {
    vlot__command_list(workspace);
    return true;
  }
  if (name->is_given && !verb)
    return vlot__workspace_fail(workspace, 1, "there is no such verb; 'help' lists them");
  vlot__command_help(workspace, verb);
  return true;
}
