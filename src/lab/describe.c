/* What a debugger sees of a workspace, to go back in it and to save it: see base/describe.h. */
#include "../base/describe.h"
#include "workspace.h"

const vlot__described vlot_described_lab[] VLOT__DESCRIBED = {
    VLOT__VERSION,

    VLOT__STRUCT(workspace, struct vlot__workspace),
    VLOT__EMBEDDED(workspace.options, struct vlot__workspace, options, struct vlot_cluster_options,
                   struct vlot_cluster_options),
    VLOT__POINTER(workspace.cluster, struct vlot__workspace, cluster, cluster, struct vlot_cluster),
    VLOT__TEXT_AT(workspace.under_way, struct vlot__workspace, under_way),
    VLOT__NUMBER(workspace.scene_at, struct vlot__workspace, scene_at),
    VLOT__EMBEDDED(workspace.story, struct vlot__workspace, story, story, struct vlot__story),

    VLOT__STRUCT(story, struct vlot__story),
    VLOT__NUMBER(story.branch_count, struct vlot__story, branch_count),
    VLOT__ARRAY_AT(story.branches, struct vlot__story, branches, branch, struct vlot__story_branch,
                   branch_count),
    VLOT__NUMBER(story.present, struct vlot__story, present),
    VLOT__NUMBER(story.done, struct vlot__story, done),

    VLOT__STRUCT(branch, struct vlot__story_branch),
    VLOT__NUMBER(branch.line_count, struct vlot__story_branch, count),
    VLOT__ARRAY_AT(branch.lines, struct vlot__story_branch, lines, line, struct vlot__story_line,
                   line_count),

    VLOT__STRUCT(line, struct vlot__story_line),
    VLOT__TEXT_AT(line.text, struct vlot__story_line, text),
    VLOT__NUMBER(line.start, struct vlot__story_line, from.action),
    VLOT__NUMBER(line.start_idle, struct vlot__story_line, from.idle),
    VLOT__NUMBER(line.end, struct vlot__story_line, to.action),
    VLOT__NUMBER(line.end_idle, struct vlot__story_line, to.idle),
    VLOT__NUMBER(line.scene_to, struct vlot__story_line, scene_to),
    VLOT__NUMBER(line.is_time, struct vlot__story_line, is_time),

    VLOT__END,
};
