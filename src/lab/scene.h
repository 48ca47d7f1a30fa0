/* Scenes: a text of blocks, each of comments that tell the story, commands, a line ----, what was
 * seen, and an empty line. */
#ifndef VLOT_LAB_SCENE_H
#define VLOT_LAB_SCENE_H

#include "workspace.h"

enum { VLOT__SCENE_BYTES_MAX = 1 << 20, VLOT__SCENE_ACTIONS_MAX = 100000 };

/* How a file is written, which says nothing: it is read without, and written as it was. */
typedef struct vlot__scene_form {
  bool has_mark; /* it begins with a byte-order mark */
  bool has_crlf; /* its first line ends with a carriage return too */
} vlot__scene_form;

/* Read a scene's text, which ends with a zero and is freed by the caller. form: out; NULL to
 * ignore. Returns VLOT__EXIT_OK, or an exit code and what is wrong. */
int vlot__scene_read(const char *name, char **text, vlot__scene_form *form, const char **problem);

/* A scene that is being played. */
typedef struct vlot__scene {
  const char *name;          /* of the file, for messages */
  const char *at;            /* the next line */
  unsigned line;             /* its number */
  const vlot_plugin *plugin; /* its machine; NULL: the key-value one */
  vlot__workspace workspace;
  vlot__text written;   /* the scene as it should be */
  bool rewrites;        /* mistakes are told on stderr, differences are not */
  bool is_silent;       /* nothing is printed at all */
  unsigned differences; /* blocks that saw something else than stands there */
} vlot__scene;

/* Play all of a text, which ends with a zero; scene: name and switches are set, the rest is zero.
 * Then deinit it. */
void vlot__scene_play(vlot__scene *scene, const char *text, bool has_threads);
void vlot__scene_deinit(vlot__scene *scene);

/* Make a scene of commands and comments, for a machine (NULL: the key-value one): what is seen is
 * added. Returns why it cannot be done; NULL: it is. */
const char *vlot__scene_write(const vlot__text *commands, const vlot_plugin *plugin,
                              vlot__text *scene);

/* The next command from a place in a scene's text on; comments before it are added to `told`. line:
 * empty at the end.
 *
 * returns  the place behind it, and behind what was seen there
 */
size_t vlot__scene_next(const char *scene, size_t at, vlot__text *told, char *line,
                        size_t capacity);

/* A debugger that goes back starts the command again, with the lines that led to where it wants to
 * be in a file, which VLOT_STEP_REDO names: the place in the scene first. They are said again
 * before anybody is asked; what they say has been seen.
 *
 * returns  whether there is such a file
 */
bool vlot__scene_say_again(vlot__workspace *workspace);

/* Empty: a debugger's breakpoint. All of them are said. */
void vlot__scene_said_again(vlot__workspace *workspace);

#endif
