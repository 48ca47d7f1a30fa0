/* A host unloads a plug-in whose cluster was closed with VLOT_TIMEOUT. The stuck thread comes back
 * to the code of vlot, which must still be there.
 *
 * usage: plugin_host PLUGIN
 */
#include <dlfcn.h>
#include <semaphore.h>
#include <stdio.h>

static sem_t is_there, may_go_on;

int main(int argc, char **argv) {
  int (*run)(sem_t *, sem_t *);
  if (argc != 2 || sem_init(&is_there, 0, 0) != 0 || sem_init(&may_go_on, 0, 0) != 0) return 2;
  void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!plugin) return fprintf(stderr, "%s\n", dlerror()), 2;
  *(void **)&run = dlsym(plugin, "plugin_run");
  if (!run) return 2;
  int line = run(&is_there, &may_go_on);
  if (line != 0) return fprintf(stderr, "line %d of the plug-in complains\n", line), 1;
  if (dlclose(plugin) != 0) return 2;
  if (!dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD))
    return fprintf(stderr, "unloaded, while a thread is inside\n"), 1;
  sem_post(&may_go_on);
  while (sem_wait(&is_there) != 0) continue; /* it is on its way back to the code of vlot */
  puts("it stays loaded");
  return 0;
}
