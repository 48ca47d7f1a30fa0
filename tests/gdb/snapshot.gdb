# A snapshot is taken, sent and installed, as it is seen from gdb.
python import os
vlot break snapshot
python gdb.execute("run play " + os.environ["SNAPSHOT_SCENE"])
finish
delete
vlot break install 3 if stage == 1
continue
delete
vlot break step 3
continue
delete
vlot node 1
vlot node 3
vlot net
vlot log 1
vlot log 3
vlot break install 3 if stage == 4
continue
vlot why 3
delete
vlot break step 3
continue
vlot log 3
kill
