/* A host unloads a plug-in whose cluster was closed with VLOT_TIMEOUT. The stuck thread comes back
 * to the code of vlot, which must still be there.
 *
 * usage: plugin_host PLUGIN
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int is_stuck, may_go_on;

int main(int argc, char **argv) {
  int (*run)(atomic_int *, atomic_int *);
  if (argc != 2) return 2;
  void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!plugin) return fprintf(stderr, "%s\n", dlerror()), 2;
  *(void **)&run = dlsym(plugin, "plugin_run");
  if (!run) return 2;
  int line = run(&is_stuck, &may_go_on);
  if (line != 0) return fprintf(stderr, "line %d of the plug-in complains\n", line), 1;
  if (dlclose(plugin) != 0) return 2;
  if (!dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD))
    return fprintf(stderr, "unloaded, while a thread is inside\n"), 1;
  atomic_store(&may_go_on, 1); /* the process ends, whether it comes back first or not */
  puts("it stays loaded");
  return 0;
}
