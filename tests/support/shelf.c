#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

shelf *shelf_open(shelf_edition edition) {
  shelf *all = calloc(1, sizeof *all);
  if (!all) abort();
  all->edition = edition;
  for (uint32_t id = 0; id <= SHELF_DISKS; id++) all->disks[id].shelf = all;
  return all;
}

static void drop(shelf_disk *disk) { vlot_batch_release(disk->slices[--disk->count].batch); }

void shelf_blank(shelf *all, uint32_t id) {
  shelf_disk *disk = &all->disks[id];
  while (disk->count > 0) drop(disk);
  disk->hard = (vlot_hard_state){0};
  disk->label = (vlot_disk_label){0};
}

void shelf_close(shelf *all) {
  for (uint32_t id = 0; id <= SHELF_DISKS; id++) shelf_blank(all, id);
  free(all);
}

uint64_t shelf_disk_id(const shelf *all, uint32_t id) {
  const shelf_disk *disk = &all->disks[id];
  return all->edition == SHELF_SECOND ? disk->label.disk_id : disk->hard.disk_id;
}

bool shelf_is_made(const shelf *all, uint32_t id) {
  const shelf_disk *disk = &all->disks[id];
  return all->edition == SHELF_SECOND ? disk->label.is_made != 0 : disk->hard.term > 0;
}

/* --- the storage --- */

static vlot_result load(void *context, vlot_stored *stored) {
  shelf_disk *disk = context;
  if (disk->shelf->breaks_at != 0 && disk == &disk->shelf->disks[disk->shelf->breaks_at])
    return VLOT_IO;
  *stored = (vlot_stored){
      .hard = disk->hard, .slices = disk->slices, .slice_count = disk->count, .label = disk->label};
  return VLOT_OK;
}

static bool has_crashed(shelf *all) {
  all->formats++;
  if (all->crash_in > 1)
    all->crash_in--;
  else if (all->crash_in == 1)
    return true;
  return false;
}

static void truncate_from(shelf_disk *disk, uint64_t index) {
  while (index > 0 && disk->count > 0) {
    vlot_slice *last = &disk->slices[disk->count - 1];
    if (last->index + last->count <= index) return;
    if (last->index < index) {
      last->count = (uint32_t)(index - last->index);
      return;
    }
    drop(disk);
  }
}

static vlot_result submit(void *context, const vlot_write *write, const vlot_storage_done *done) {
  shelf_disk *disk = context;
  (void)done;
  if (has_crashed(disk->shelf) || disk->count + write->slice_count > SHELF_SLICES) return VLOT_IO;
  truncate_from(disk, write->truncate_from);
  if (write->has_hard) disk->hard = write->hard;
  for (uint32_t k = 0; k < write->slice_count; k++) {
    disk->slices[disk->count] = write->slices[k];
    vlot_batch_retain(disk->slices[disk->count++].batch);
  }
  return disk->shelf->is_pending ? VLOT_PENDING : VLOT_OK;
}

static void stop(void *context, bool is_power_cut) { (void)context, (void)is_power_cut; }

static void release(void *context) { ((shelf_disk *)context)->released++; }

static vlot_result format(void *context, const vlot_disk_label *label) {
  shelf_disk *disk = context;
  if (has_crashed(disk->shelf) || label->member_count > SHELF_DISKS) return VLOT_IO;
  disk->label = *label;
  memcpy(disk->members, label->members, label->member_count * sizeof *label->members);
  disk->label.members = disk->members;
  return VLOT_OK;
}

static const char *problem(void *context) { return ((shelf_disk *)context)->words; }

static vlot_result open_disk(void *context, uint32_t id, vlot_storage *storage) {
  shelf *all = context;
  if (id > SHELF_DISKS) return VLOT_NOT_FOUND;
  all->disks[id].opened++;
  *storage = (vlot_storage){
      .context = &all->disks[id], .load = load, .submit = submit, .stop = stop, .release = release};
  if (all->edition != SHELF_FIRST) storage->size = sizeof *storage;
  if (all->edition != SHELF_FIRST) storage->problem = problem;
  if (all->edition == SHELF_SECOND) storage->format = format;
  return VLOT_OK;
}

static void keep_line(void *context, const char *line) {
  shelf *all = context;
  size_t length = strlen(all->log);
  snprintf(all->log + length, sizeof all->log - length, "%s\n", line);
}

vlot_cluster_options shelf_options(shelf *all, vlot_driver driver, uint32_t nodes) {
  vlot_cluster_options options = fleet_options(driver, nodes);
  all->log[0] = '\0';
  options.open_storage = open_disk;
  options.storage_context = all;
  options.has_checker = 1;
  options.log = keep_line;
  options.log_context = all;
  return options;
}
