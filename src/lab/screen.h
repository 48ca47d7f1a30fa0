/* A live view on a terminal, redrawn in place; nothing at all when the output is no terminal. */
#ifndef VLOT_LAB_SCREEN_H
#define VLOT_LAB_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "view.h"

typedef struct vlot__screen {
  FILE *out;
  bool is_live;
  bool is_ascii; /* no glyphs: wished, or the locale is not UTF-8 */
  bool has_colour;
  unsigned width;
  unsigned height;
  unsigned column; /* of the line being written */
  unsigned lines;  /* of the frame on the screen */
  unsigned drawn;  /* of the frame being drawn */
  uint64_t next;   /* when the next frame is due, in ns */
} vlot__screen;

void vlot__screen_init(vlot__screen *screen, FILE *out, bool wants_live, bool wants_ascii);

/* Is it time for another frame? At most ten a second. */
bool vlot__screen_is_due(vlot__screen *screen);

/* A frame: begin, lines made of texts, end. Texts beyond the width are cut. */
void vlot__screen_begin(vlot__screen *screen);
void vlot__screen_text(vlot__screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void vlot__screen_line_end(vlot__screen *screen);
void vlot__screen_end(vlot__screen *screen);

/* done of total as a bar of [columns]. */
void vlot__screen_bar(vlot__screen *screen, uint64_t done, uint64_t total, unsigned columns);

/* One line per node, as many as there is room for. */
void vlot__screen_nodes(vlot__screen *screen, const vlot__view_nodes *view);

/* Remove the frame, so that something can be printed in its place. */
void vlot__screen_erase(vlot__screen *screen);

/* A node's role as a mark: ▲ leader ◆ candidate ◇ pre-candidate ● follower ○ learner ✕ down. */
const char *vlot__screen_glyph(const vlot_node_status *status, bool is_ascii);
/* What stands between ESC [ and m to colour it; "": nothing. */
const char *vlot__screen_colour(const vlot_node_status *status);
/* "leader", "learner", "down", "suspended", "fenced" … */
const char *vlot__screen_role(const vlot_node_status *status);

#endif
