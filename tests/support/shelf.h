/* Disks that outlive the cluster: a storage of one's own, of either edition, that a test fills,
 * blanks and breaks. Public headers only, and no Criterion.
 */
#ifndef VLOT_TESTS_SHELF_H
#define VLOT_TESTS_SHELF_H

#include "vlot/vlot.h"

enum { SHELF_DISKS = 8, SHELF_SLICES = 4096 };

typedef enum shelf_edition {
  SHELF_FIRST,  /* size 0 */
  SHELF_SECOND, /* with labels */
  SHELF_PLAIN,  /* a size, and no format */
  SHELF_EDITIONS
} shelf_edition;

typedef struct shelf_disk {
  struct shelf *shelf;
  vlot_hard_state hard;
  vlot_disk_label label;
  vlot_member members[SHELF_DISKS];
  vlot_slice slices[SHELF_SLICES];
  size_t count;
  uint32_t opened, released;
  const char *words; /* what it says of a call that failed */
} shelf_disk;

typedef struct shelf {
  shelf_edition edition;
  shelf_disk disks[SHELF_DISKS + 1]; /* [id] */
  uint32_t crash_in;  /* so many calls of format and submit from now nothing is stored any more */
  uint32_t formats;   /* calls of format and submit so far */
  bool is_pending;    /* submit says PENDING, and what is pending is durable at stop */
  uint32_t breaks_at; /* 0, or the disk whose load fails */
  char log[4096];     /* what the cluster said */
} shelf;

shelf *shelf_open(shelf_edition edition);
void shelf_close(shelf *all);

/* Forget everything that a disk holds. */
void shelf_blank(shelf *all, uint32_t id);

/* Defaults of fleet_options(), on these disks, with the log kept. */
vlot_cluster_options shelf_options(shelf *all, vlot_driver driver, uint32_t nodes);

/* Disk id of a disk, as its edition keeps it; 0: it is blank. Is it made? */
uint64_t shelf_disk_id(const shelf *all, uint32_t id);
bool shelf_is_made(const shelf *all, uint32_t id);

#endif
