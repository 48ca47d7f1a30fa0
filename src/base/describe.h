/* Descriptions: where a debugger finds what it shows. Tables of rows, constant and without a
 * pointer, so that they can be read in a running process, in a core file and in a program that was
 * not started yet. tools/gdb/vlot_gdb/describe.py is their reader; the commands know the names that
 * stand here, and no field of a private struct.
 *
 * A row says under which name something is known ("raft.term": `term` of what is called a raft),
 * and where it is. The name stays when the field moves; when a field is renamed, retyped or gone,
 * its row does not compile, and is told where it is now.
 *
 * To add a field that a command shall show: a row in the table of a file that sees the struct, and
 * the name in Python: VLOT__NUMBER(raft.rounds, struct vlot_raft, clock.rounds) is `raft.rounds`
 * there. For another struct: VLOT__STRUCT first. For another table: its name in VLOT__DESCRIPTIONS
 * and in TABLES of describe.py, and, where it is a file of its own, in `described` of request.c.
 *
 * The version goes up when a name is gone or means something else, or when the rows are others: gdb
 * refuses a version that it does not know. Further names need no new version.
 *
 * This header needs no other one: src/lab describes itself with it too.
 */
#ifndef VLOT_BASE_DESCRIBE_H
#define VLOT_BASE_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

#define VLOT__DESCRIPTION_VERSION 2

/* What stands there, and what reading it gives. */
typedef enum vlot__described_kind {
  VLOT__IS_END = 0,
  VLOT__IS_VERSION,     /* the first row */
  VLOT__IS_STRUCT,      /* name: how `of`, of [size] bytes, is called here */
  VLOT__IS_CONSTANT,    /* value */
  VLOT__IS_NUMBER,      /* unsigned, bool or enum, [size] bytes; an address as a number */
  VLOT__IS_TEXT,        /* char[size], ended by a 0 */
  VLOT__IS_TEXT_AT,     /* a pointer to one, or NULL */
  VLOT__IS_BYTES,       /* [size] bytes as they are */
  VLOT__IS_PLACE,       /* an address: something begins there */
  VLOT__IS_EMBEDDED,    /* one `of` */
  VLOT__IS_POINTER,     /* to one `of`, or NULL */
  VLOT__IS_ARRAY,       /* [size / stride] */
  VLOT__IS_ARRAY_AT,    /* a pointer to [count] */
  VLOT__IS_POINTERS_AT, /* a pointer to [count] pointers to one `of`, or NULL */
  VLOT__IS_SEGMENTS_AT, /* a pointer to pointers to segments of [value]: element k stands in segment
                           k / value at k % value; [count] in all */
  VLOT__IS_RING,        /* [size / stride]; element k stands at k % their number */
  VLOT__IS_RING_AT,     /* a pointer to [count]; likewise */
} vlot__described_kind;

typedef struct vlot__described {
  char name[32];
  char of[32];    /* another described struct, or a public one: "struct vlot_event"; "": numbers */
  char count[32]; /* how many elements: a name of the same struct, or a path of names; "": unsaid */
  uint32_t kind;  /* vlot__described_kind */
  uint32_t offset;
  uint32_t size;   /* of the field */
  uint32_t stride; /* of an element */
  uint64_t value;
} vlot__described;

/* A text of the library's, so that a debugger says what the library says; of "": the end. */
typedef struct vlot__described_text {
  char of[8];      /* "why" … */
  uint32_t number; /* there */
  char text[116];
} vlot__described_text;

extern const vlot__described_text vlot_described_texts[] __attribute__((visibility("default")));

/* All tables. A debugger finds them by their symbols, vlot_described_…, which are exported. */
#define VLOT__DESCRIPTIONS(X) \
  X(raft)                     \
  X(actor)                    \
  X(cluster)                  \
  X(clock)                    \
  X(client)                   \
  X(snapshot)                 \
  X(lab)

#define VLOT_X(name) \
  extern const vlot__described vlot_described_##name[] __attribute__((visibility("default")));
VLOT__DESCRIPTIONS(VLOT_X)
#undef VLOT_X

/* const vlot__described vlot_described_raft[] VLOT__DESCRIBED = {VLOT__VERSION, …, VLOT__END}; */
#define VLOT__DESCRIBED __attribute__((used))
#define VLOT__VERSION                                                                 \
  {                                                                                   \
    .name = "description", .kind = VLOT__IS_VERSION, .size = sizeof(vlot__described), \
    .value = VLOT__DESCRIPTION_VERSION                                                \
  }
#define VLOT__END \
  { .kind = VLOT__IS_END }

/* --- rows: what it is called, the struct it is in, and its field there --- */

#define VLOT__FIELD(S, F) (((S *)0)->F)
/* 0 where an expression is of this type, T being a pointer, also to something constant; does not
 * compile where it is of another. */
#define VLOT__IS_A(T, expression) _Generic((expression), T : 0, const T : 0)
#define VLOT__IS_A_NUMBER(expression) \
  _Generic((expression) + 0, int : 0, unsigned : 0, unsigned long : 0, unsigned long long : 0)

#define VLOT__ROW(NAME, KIND, S, F, OF, COUNT, STRIDE, VALUE)                                  \
  {                                                                                            \
    .name = NAME, .of = OF, .count = COUNT, .kind = VLOT__IS_##KIND, .offset = offsetof(S, F), \
    .size = sizeof VLOT__FIELD(S, F), .stride = STRIDE, .value = VALUE                         \
  }

#define VLOT__STRUCT(NAME, S) \
  { .name = #NAME, .of = #S, .kind = VLOT__IS_STRUCT, .size = sizeof(S) }
#define VLOT__CONSTANT(NAME, VALUE) \
  { .name = #NAME, .kind = VLOT__IS_CONSTANT, .value = (VALUE) }
#define VLOT__NUMBER(NAME, S, F) \
  VLOT__ROW(#NAME, NUMBER, S, F, "", "", 0, VLOT__IS_A_NUMBER(VLOT__FIELD(S, F)))
#define VLOT__ADDRESS(NAME, S, F) \
  VLOT__ROW(#NAME, NUMBER, S, F, "", "", 0, _Generic(VLOT__FIELD(S, F) == (void *)0, int : 0))
#define VLOT__TEXT(NAME, S, F) \
  VLOT__ROW(#NAME, TEXT, S, F, "", "", 1, VLOT__IS_A(char *, &VLOT__FIELD(S, F)[0]))
#define VLOT__TEXT_AT(NAME, S, F) \
  VLOT__ROW(#NAME, TEXT_AT, S, F, "", "", 1, VLOT__IS_A(char *, VLOT__FIELD(S, F)))
#define VLOT__BYTES(NAME, S, F) VLOT__ROW(#NAME, BYTES, S, F, "", "", 1, 0)
#define VLOT__PLACE(NAME, S, F) \
  { .name = #NAME, .kind = VLOT__IS_PLACE, .offset = offsetof(S, F) }
#define VLOT__EMBEDDED(NAME, S, F, OF, T) \
  VLOT__ROW(#NAME, EMBEDDED, S, F, #OF, "", sizeof(T), VLOT__IS_A(T *, &VLOT__FIELD(S, F)))
#define VLOT__POINTER(NAME, S, F, OF, T) \
  VLOT__ROW(#NAME, POINTER, S, F, #OF, "", 0, VLOT__IS_A(T *, VLOT__FIELD(S, F)))
#define VLOT__ARRAY(NAME, S, F, OF, T) \
  VLOT__ROW(#NAME, ARRAY, S, F, #OF, "", sizeof(T), VLOT__IS_A(T *, &VLOT__FIELD(S, F)[0]))
#define VLOT__ARRAY_AT(NAME, S, F, OF, T, COUNT) \
  VLOT__ROW(#NAME, ARRAY_AT, S, F, #OF, #COUNT, sizeof(T), VLOT__IS_A(T *, VLOT__FIELD(S, F)))
#define VLOT__POINTERS_AT(NAME, S, F, OF, T, COUNT) \
  VLOT__ROW(#NAME, POINTERS_AT, S, F, #OF, #COUNT, sizeof(T *), VLOT__IS_A(T **, VLOT__FIELD(S, F)))
/* F is T (**)[…], or points to pointers to structs of which T[PER] is the first and only field. */
#define VLOT__SEGMENTS_AT(NAME, S, F, OF, T, COUNT, PER)      \
  VLOT__ROW(#NAME, SEGMENTS_AT, S, F, #OF, #COUNT, sizeof(T), \
            (PER) / (sizeof **VLOT__FIELD(S, F) == (PER) * sizeof(T)))
#define VLOT__RING(NAME, S, F, OF, T) \
  VLOT__ROW(#NAME, RING, S, F, #OF, "", sizeof(T), VLOT__IS_A(T *, &VLOT__FIELD(S, F)[0]))
#define VLOT__RING_AT(NAME, S, F, OF, T, COUNT) \
  VLOT__ROW(#NAME, RING_AT, S, F, #OF, #COUNT, sizeof(T), VLOT__IS_A(T *, VLOT__FIELD(S, F)))

#endif
